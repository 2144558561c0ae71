//! What the demonstration stands on: a folder for its files, its service, and
//! the sockets of its routers.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;

use crate::config::{Config, DetectionSink, load};
use crate::model::line::Regions;
use crate::orient::reveal::line_named;
use crate::service::clock::Clock;
use crate::service::key::line_key;
use crate::service::{OpenWindows, Options, Service, StartError, prefixes};
use crate::simulate::board::Board;
use crate::simulate::feed::Due;
use crate::simulate::names::write_cof;
use crate::simulate::truth::TruthEntry;
use crate::simulate::{Isp, configuration};

/// A folder that is removed with everything in it when it is let go of.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one where temporary files are kept.
    pub(super) fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("hayrake-demo-{}", std::process::id()));
        fs::create_dir(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing can be done about a folder that does not go.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes the ISP's files into `folder` and loads its configuration as `run`
/// would, then takes free ports and leaves out the file of detections.
pub(super) fn configure(isp: &Isp, folder: &Path, http: SocketAddr) -> anyhow::Result<Config> {
    let mut names = BufWriter::new(File::create(folder.join("dns.jsonl"))?);
    write_cof(isp.names(), &mut names)?;
    names.flush()?;
    let file = folder.join("hayrake.yaml");
    fs::write(&file, configuration(isp, None))?;
    let mut config = load(&file).map_err(crate::cli::findings)?;
    for listener in &mut config.listen {
        listener.set_port(0);
    }
    config.http = http;
    config.detections = DetectionSink::File("/dev/null".into());
    Ok(config)
}

/// The board for the lines of `isp`, under the pseudonyms that a service with
/// this configuration gives them.
pub(super) fn board(isp: &Isp, config: &Config) -> anyhow::Result<Board> {
    let key = line_key(&config.lines.key_file)?;
    let prefixes = prefixes(&config.lines, &mut Regions::default());
    let named = |entry: TruthEntry<'_>| {
        let line = line_named(&entry.line_text(), &key, &prefixes)?;
        Some((line, Arc::clone(entry.class)))
    };
    let pairs: Vec<_> = isp.truth().filter_map(named).collect();
    Ok(Board::new(isp.classes(), pairs.iter().map(|(line, class)| (*line, &**class))))
}

/// The board, also after a thread that held it has panicked: its claims are
/// whole, at worst one batch is missing.
pub(super) fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the service with `board` as its observer. When `any_port` is allowed
/// and the HTTP address is taken, it serves on a free port.
pub(super) fn start(
    mut config: Config,
    clock: Clock,
    board: &Arc<Mutex<Board>>,
    any_port: bool,
) -> anyhow::Result<Service> {
    let board = Arc::clone(board);
    let options = Options {
        clock,
        config_path: None,
        observer: Some(Arc::new(move |detections| lock(&board).claim(detections))),
        windows: OpenWindows::Close,
    };
    match Service::start(config.clone(), options.clone()) {
        Err(StartError::Http { address, cause }) if any_port => {
            eprintln!("cannot serve on {address} ({cause}), taking a free port");
            config.http.set_port(0);
            Ok(Service::start(config, options)?)
        }
        started => Ok(started?),
    }
}

/// The sockets that the simulated routers send from.
pub(super) struct Senders {
    sockets: Vec<UdpSocket>,
    collector: Vec<SocketAddr>,
}

impl Senders {
    /// A socket for each of `routers`, towards the `collector`'s listeners.
    /// Each router has a loopback address of its own where the system has more
    /// than one.
    pub(super) fn new(routers: usize, collector: &[SocketAddr]) -> io::Result<Self> {
        let bind = |place: usize| {
            let last = u8::try_from(place + 2).unwrap_or(u8::MAX);
            UdpSocket::bind((Ipv4Addr::new(127, 0, 0, last), 0))
                .or_else(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))
        };
        let sockets = (0..routers).map(bind).collect::<io::Result<_>>()?;
        Ok(Self { sockets, collector: collector.to_vec() })
    }

    /// Sends one datagram to the listener that stands for its port.
    pub(super) fn send(&self, due: &Due<'_>) -> io::Result<()> {
        // The configuration lists the NetFlow, IPFIX and sFlow ports in order.
        let listener = match due.port {
            2055 => 0,
            4739 => 1,
            _ => 2,
        };
        let (Some(socket), Some(to)) = (self.sockets.get(due.router), self.collector.get(listener))
        else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        socket.send_to(due.payload, to).map(|_| ())
    }
}
