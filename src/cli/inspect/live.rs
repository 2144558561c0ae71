//! `inspect --listen`: a screen that is drawn anew every second, or where
//! standard output is no terminal the same table now and then.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::decode::{Datagram, Inspection, Summary};
use crate::receive::udp::{BUFFER_ASKED, bind_all};
use crate::service::clock::{Clock, Stopwatch};

/// How often Ctrl-C is looked for; the socket's buffer bridges that easily.
const LOOK: Duration = Duration::from_millis(50);
/// How often a screen is drawn.
const DRAW: Duration = Duration::from_secs(1);
/// Moves to the upper left and clears the screen (ECMA-48).
const CLEAR: &str = "\x1b[H\x1b[2J";

/// When to end, and what to show meanwhile.
pub(super) struct Watching {
    pub(super) limit: Option<Duration>,
    /// Between two tables where standard output is no terminal.
    pub(super) every: Duration,
    /// Nothing before the report at the end.
    pub(super) quiet: bool,
}

/// Feeds what comes to `address` until Ctrl-C or the limit.
pub(super) fn listen(
    address: SocketAddr,
    watching: &Watching,
    inspection: &mut Inspection,
) -> anyhow::Result<()> {
    let mut listener = bind_all(&[address], 1, false)?.remove(0);
    let local = listener.local_address();
    eprintln!("listening on {local}; Ctrl-C ends and prints");
    let given = listener.buffer_given();
    if given < BUFFER_ASKED {
        eprintln!(
            "the kernel gave {given} bytes of buffer, {BUFFER_ASKED} were asked for: raise net.core.rmem_max"
        );
    }
    let screen = std::io::stdout().is_terminal();
    let every = if screen { DRAW } else { watching.every };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupted = pin!(tokio::signal::ctrl_c());
        let (began, mut looked, mut drawn) =
            (Stopwatch::start(), Stopwatch::start(), Stopwatch::start());
        let mut summary = Summary::default();
        loop {
            let batch = listener
                .receive(true, |source, source_port, payload| {
                    let received = Clock::Real.now();
                    inspection.take(Datagram { source, source_port, received, payload });
                })
                .context("receive")?;
            inspection.note_kernel_drops(batch.kernel_drops);
            if watching.limit.is_some_and(|limit| began.elapsed() >= limit) {
                return Ok(());
            }
            if looked.every(LOOK) {
                let wait = tokio::time::timeout(Duration::from_millis(1), &mut interrupted);
                if let Ok(signal) = wait.await {
                    return signal.context("wait for Ctrl-C");
                }
            }
            if !watching.quiet && drawn.every(every) {
                let table = summary.table(inspection.exporters(), Clock::Real.now());
                let counts = inspection.counts();
                let mut out = std::io::stdout().lock();
                let clear = if screen { CLEAR } else { "" };
                writeln!(
                    out,
                    "{clear}{local} after {} s: {} datagrams, {} dropped by the kernel, {} flow records, {} refused\n\n{table}",
                    began.elapsed().as_secs(),
                    counts.datagrams_received,
                    inspection.kernel_drops(),
                    counts.records_decoded,
                    counts.records_rejected,
                )?;
                out.flush()?;
            }
        }
    })
}

/// Seconds that can be waited.
pub(super) fn seconds(text: &str) -> anyhow::Result<u64> {
    let seconds = text.parse()?;
    ensure!((1..=86_400).contains(&seconds), "allowed: 1 to 86400");
    Ok(seconds)
}
