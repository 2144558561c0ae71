//! `hayrake demo`: a simulated ISP, a service as `run` starts it, and loopback
//! UDP between the two.

mod provider;
mod rest;
mod setup;
mod show;
mod visit;

use std::io::{self, IsTerminal as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Outcome;
use crate::model::time::{Timestamp, Window};
use crate::service::clock::{Clock, Stopwatch};
use crate::simulate::Isp;
use crate::simulate::feed::Feed;
use provider::{START, settings};
use rest::Rest;
use setup::{Folder, Senders, board, configure, lock, start};
use show::{Shown, Traffic};
use visit::Visit;

/// Simulated seconds in a real one: an hour window closes every ten seconds.
const FACTOR: NonZeroU32 = NonZeroU32::new(360).unwrap();
/// How much earlier than the traffic the clock starts, simulated: the service
/// has a second and a half to come up.
const HEAD_START: Duration = Duration::from_secs(540);
/// How long after a window's lateness its detections are surely there,
/// simulated.
const SETTLE: Duration = Duration::from_secs(60);
/// Real seconds that it runs when nobody watches, and when somebody does: time
/// to look around, and a week of simulated days in the console.
const SECONDS: [u32; 2] = [60, 1_800];
/// Most datagrams sent in a row, and lines drawn in a row.
const BURST: usize = 64;
/// How long to wait when nothing is due.
const REST: Duration = Duration::from_millis(2);

/// Run a simulated ISP through the whole service and print classes beside the truth.
///
/// Six simulated routers send IPFIX, NetFlow v9, v5 and sFlow over loopback UDP
/// to the service that `run` starts, on a clock that runs 360 times as fast.
/// Open the console it prints in a browser to look around. Nothing is needed
/// and nothing is left behind. Ctrl-C ends it early.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake demo
  hayrake demo --seconds 600
  hayrake demo --lines 2000 --seed 7 --json")]
pub(super) struct Demo {
    /// Subscriber lines.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    lines: u32,
    /// How long to run, real seconds; ten of them are a simulated hour
    /// [default: 1800 on a terminal, so that there is time to look around, else
    /// 60].
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: Option<u32>,
    /// Where to serve the console, the API and the metrics [default:
    /// 127.0.0.1:8080, or a free port when that is taken].
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Everything that is drawn follows from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Print JSON, an object with the rows of the table each hour, the last one
    /// with the totals of datagrams.
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let up = Stopwatch::start();
        let set = crate::signature::shipped().map_err(super::findings)?;
        let isp = Isp::new(&set, settings(self.lines, self.seed, self.seconds(), FACTOR)?)?;
        let folder = Folder::make()?;
        let http = self.http.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 8080).into());
        let mut config = configure(&isp, folder.path(), http)?;
        let visit = Visit::prepare(&isp, folder.path(), &mut config)?;
        let lateness = config.lateness;
        let board = Arc::new(Mutex::new(board(&isp, &config)?));
        let routers = isp.routers().len();
        let mut feed = Feed::new(isp);

        let clock = Clock::sped_up(START.minus(HEAD_START), FACTOR);
        let service = start(config, clock, &board, self.http.is_none())?;
        let senders = Senders::new(routers, service.udp_addresses())?;
        let mut shown = Shown::new(&service, self.json, up, visit);
        let mut rest = Rest::new()?;
        let mut traffic = Traffic::default();
        // NetFlow v9 rounds its clock down to seconds, so a few flows seem to
        // be of the hour before the first.
        let mut closed = START;
        let running = Stopwatch::start();
        while running.elapsed() < Duration::from_secs(self.seconds().into()) {
            let now = clock.now();
            let mut burst = 0;
            while burst < BURST
                && let Some(due) = feed.due(now)
            {
                senders.send(&due)?;
                traffic.behind = traffic.behind.max(now.since(due.at));
                burst += 1;
            }
            traffic.sent += burst as u64;
            let closing = Window::Hour.start(now.minus(lateness + SETTLE));
            if closing > closed {
                closed = closing;
                let mut board = lock(&board);
                if board.close(closed) {
                    shown.hour(&board);
                }
            }
            let idle = burst < BURST && !feed.prepare(BURST);
            // Also when it has fallen behind: Ctrl-C ends it whatever there is to do.
            if rest.interrupted(if idle { REST } else { Duration::ZERO }) {
                break;
            }
        }
        service.shutdown()?;
        let mut board = lock(&board);
        board.close(Timestamp::MAX);
        shown.end(&board, &traffic);
        Ok(Outcome::Fine)
    }

    fn seconds(&self) -> u32 {
        self.seconds.unwrap_or(SECONDS[usize::from(io::stdout().is_terminal())])
    }
}
