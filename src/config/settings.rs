//! What a checked configuration holds. Every value is usable as it stands:
//! defaults are filled in, paths are relative to nothing but the folder the
//! program was started in, addresses and prefixes are parsed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use ipnetwork::IpNetwork;
use serde::Serialize;

use super::history::History;
use super::http::Tls;
use super::opt_out::OptOut;
use crate::dns::Coverage;
use crate::dns::dnstap::MessageTypes;
use crate::signature::{
    Examined, Finding, Freshness, SignatureSet, check_dir, check_shipped, load, shipped,
};

/// The whole configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where flow datagrams come in; formats are told apart by content.
    pub listen: Vec<SocketAddr>,
    /// Whether the kernel may hand over runs of datagrams at once.
    pub udp_gro: bool,
    /// Who may send, and what is assumed of them.
    pub exporters: Exporters,
    /// Where in the network the exporters stand.
    pub vantage: Vantage,
    /// The subscriber lines.
    pub lines: Lines,
    /// Where answers about names come from.
    pub dns: Dns,
    /// Where signatures come from.
    pub signatures: SignatureSource,
    /// Folder for what survives a restart.
    pub state: PathBuf,
    /// How often it is written while the service runs.
    pub checkpoint: Duration,
    /// What is kept of windows past.
    pub history: History,
    /// Where the API and the metrics are served.
    pub http: SocketAddr,
    /// File with the bearer token for `/lines`; without one it is off.
    pub token_file: Option<PathBuf>,
    /// Files of TLS; without them the API is served in the clear.
    pub tls: Option<Tls>,
    /// How long after its end a window stays open for late records.
    pub lateness: Duration,
    /// How far an exporter's clock may be off before its times are shifted.
    pub max_skew: Duration,
    /// Counts of lines below this are withheld from the unauthenticated.
    pub k: u64,
    /// Where detections are written as JSON lines.
    pub detections: DetectionSink,
    /// How many threads do the work.
    pub workers: Workers,
}

impl Config {
    /// Whether client certificates open what is about single lines.
    pub fn opens_to_certificates(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())
    }
}

/// Who may send flows, and what is assumed of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exporters {
    /// Prefixes that may send; empty stands for everybody.
    pub allow: Vec<IpNetwork>,
    /// Sampling rate of exporters that do not tell one, by prefix.
    pub default_sampling: Vec<(IpNetwork, NonZeroU32)>,
}

/// Where in the network the exporters stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Vantage {
    /// At the border of the network that has the lines.
    #[default]
    Isp,
}

/// The subscriber lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// Address space of lines, never empty; the longest match counts.
    pub prefixes: Vec<LinePrefixConfig>,
    /// The key of the pseudonyms, made with mode 0600 when missing.
    pub key_file: PathBuf,
    /// Who is never made a line.
    pub opt_out: OptOut,
}

/// Address space of subscriber lines.
#[derive(Clone, Debug, PartialEq)]
pub struct LinePrefixConfig {
    /// The prefix, without host bits.
    pub net: IpNetwork,
    /// Prefix length of one line: 32 for IPv4.
    pub length: u8,
    /// Region of its lines.
    pub region: Option<String>,
}

/// Where answers about names come from, and what is concluded from them.
#[derive(Clone, Debug, PartialEq)]
pub struct Dns {
    /// Files of answers.
    pub feeds: Vec<FileFeed>,
    /// Resolvers that tell their answers live.
    pub dnstap: Vec<DnstapFeed>,
    /// Asking resolvers for the names of the signatures.
    pub resolve: Option<Resolve>,
    /// Whether a partial source alone can show that nobody else is on an
    /// address (tests, labs).
    pub trust_partial: bool,
    /// When a name of another owner counts.
    pub foreign: Foreign,
    /// An address given for so many owners in one day is no address of theirs.
    pub crowd_owners: u64,
    /// How long after it was last seen an endpoint stays valid.
    pub hold: Duration,
    /// The same in ranges of clouds, where addresses change hands.
    pub cloud_hold: Duration,
    /// How long ago an answer may have last been seen before it is forgotten.
    pub keep: Duration,
    /// About how many bytes the table of answers may take.
    pub memory: u64,
    /// Lists of the ranges of clouds and delivery networks.
    pub ranges: Vec<RangeFile>,
    /// Files of what Internet scans saw.
    pub scans: Vec<PathBuf>,
}

/// A list of address ranges as its provider publishes it.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeFile {
    /// The file.
    pub path: PathBuf,
    /// Whose it is, where the list does not say.
    pub provider: Option<String>,
}

/// A file of answers, in any format that [`crate::dns::read()`] tells.
#[derive(Clone, Debug, PartialEq)]
pub struct FileFeed {
    /// The file.
    pub path: PathBuf,
    /// What its source sees.
    pub coverage: Coverage,
    /// Whose resolvers were answered.
    pub origin: Origin,
    /// Which messages count, where the file is dnstap.
    pub types: MessageTypes,
}

impl FileFeed {
    /// A file taken as usual: its source sees a population.
    pub fn new(path: PathBuf) -> Self {
        let (coverage, types) = (Coverage::Population, MessageTypes::default());
        Self { path, coverage, origin: Origin::Own, types }
    }
}

/// Whose resolvers a source heard. Names are answered by where one asks from, so
/// what others were told may be an address that no line of ours ever gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The operator's own, or ones that are answered alike.
    #[default]
    Own,
    /// Resolvers anywhere.
    Global,
}

/// Where resolvers connect to tell their answers by dnstap.
#[derive(Clone, Debug, PartialEq)]
pub struct DnstapFeed {
    /// The socket that is listened on.
    pub at: DnstapSocket,
    /// What the resolvers see.
    pub coverage: Coverage,
    /// Which messages count.
    pub types: MessageTypes,
}

/// A socket for dnstap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DnstapSocket {
    /// A unix socket by its path.
    Unix(PathBuf),
    /// A TCP port.
    Tcp(SocketAddr),
}

impl fmt::Display for DnstapSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

/// Asking resolvers for the names of the signatures.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolve {
    /// Time from one round to the next.
    pub every: Duration,
    /// Resolvers to ask; empty stands for the system's.
    pub servers: Vec<SocketAddr>,
}

/// When a name of another owner on an address counts: on that many days, or
/// that often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Days on which it was seen.
    pub min_days: u32,
    /// Times it was seen.
    pub min_count: u64,
}

/// Where signatures come from.
#[derive(Clone, Debug, PartialEq)]
pub enum SignatureSource {
    /// The folder that is part of the program.
    Shipped,
    /// A folder on disk.
    Dir(PathBuf),
}

impl SignatureSource {
    /// Reads the signatures, or says everything that is wrong with them.
    pub fn load(&self) -> Result<SignatureSet, Vec<Finding>> {
        match self {
            Self::Shipped => shipped(),
            Self::Dir(dir) => load(dir),
        }
    }

    /// Reads the signatures and says all there is to say about them.
    pub fn check(&self, freshness: Freshness) -> Examined {
        match self {
            Self::Shipped => check_shipped(Some(freshness)),
            Self::Dir(dir) => check_dir(dir, Some(freshness)),
        }
    }
}

/// Where detections are written as JSON lines.
#[derive(Clone, Debug, PartialEq)]
pub enum DetectionSink {
    /// Standard output.
    Stdout,
    /// Appended to a file.
    File(PathBuf),
}

/// How many threads do the work; `None` leaves it to the number of cores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// Sockets, each with its thread, for each address to listen on.
    pub receive: Option<NonZeroUsize>,
    /// Threads that decode and look up.
    pub front: Option<NonZeroUsize>,
    /// Threads that gather evidence.
    pub back: Option<NonZeroUsize>,
}

/// Ports that flow exporters use by custom: NetFlow, IPFIX, sFlow.
const LISTEN_PORTS: [u16; 3] = [2055, 4739, 6343];

pub(super) fn default_listen() -> Vec<SocketAddr> {
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    LISTEN_PORTS.map(|port| SocketAddr::new(any, port)).to_vec()
}

pub(super) fn default_http() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080)
}

/// Prefix length of an IPv6 line where nothing else is said: what access
/// networks commonly delegate to a household (RIPE-690).
pub(super) const DEFAULT_V6_LENGTH: u8 = 56;
/// Withheld below this number of lines.
pub(super) const DEFAULT_K: u64 = 5;
pub(super) const DEFAULT_STATE: &str = "/var/lib/hayrake";
pub(super) const DEFAULT_CHECKPOINT: Duration = Duration::from_secs(30);
pub(super) const DEFAULT_LATENESS: Duration = Duration::from_secs(5 * 60);
pub(super) const DEFAULT_MAX_SKEW: Duration = Duration::from_secs(10 * 60);

impl Default for Dns {
    fn default() -> Self {
        Self {
            feeds: Vec::new(),
            dnstap: Vec::new(),
            resolve: None,
            trust_partial: false,
            foreign: Foreign { min_days: 2, min_count: 10 },
            crowd_owners: 100,
            hold: Duration::from_secs(24 * 3600),
            cloud_hold: Duration::from_secs(3600),
            ranges: Vec::new(),
            scans: Vec::new(),
            keep: Duration::from_secs(30 * 86_400),
            memory: 1_000_000_000,
        }
    }
}

/// The length of one line in `net` where nothing is said: a whole IPv4
/// address; for IPv6 the default, or the prefix itself when that is longer.
pub(super) fn default_length(net: &IpNetwork) -> u8 {
    match net {
        IpNetwork::V4(_) => 32,
        IpNetwork::V6(v6) => v6.prefix().max(DEFAULT_V6_LENGTH),
    }
}

/// Port of a resolver that is written without one.
pub(super) const DNS_PORT: u16 = 53;
