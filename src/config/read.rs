//! From the text of a configuration to a [`Config`], with everything that is
//! wrong in it.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::dns::{read_dns, warn_of_no_source};
use super::history::{History, read_history};
use super::http::{Http, Tls, read_http};
use super::lines::read_lines;
use super::settings::{
    Config, DEFAULT_CHECKPOINT, DEFAULT_K, DEFAULT_LATENESS, DEFAULT_MAX_SKEW, DEFAULT_STATE,
    DetectionSink, Dns, Exporters, SignatureSource, Vantage, Workers, default_listen,
};
use super::values::{read_duration, read_listener, read_number, read_prefix, read_switch};
use crate::signature::document::{Node, Value, parse};
use crate::signature::fields::{Fields, Report};

/// Most sockets to listen on.
const MAX_LISTEN: usize = 64;
/// Most prefixes of exporters.
pub(super) const MAX_EXPORTERS: usize = 10_000;
/// Most threads of a kind.
const MAX_WORKERS: u64 = 1_024;
/// Longest path, in characters.
const MAX_PATH: usize = 4_096;

const KEYS: [&str; 16] = [
    "listen",
    "udp_gro",
    "exporters",
    "vantage",
    "lines",
    "dns",
    "signatures",
    "state",
    "checkpoint",
    "history",
    "http",
    "lateness",
    "max_skew",
    "k",
    "detections",
    "workers",
];

/// What a configuration names outside itself, each with the line that does.
/// It is filled as far as the file can be understood, so that a mistake in one
/// section hides nothing in another.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) feeds: Vec<(PathBuf, usize)>,
    pub(super) ranges: Vec<(PathBuf, usize)>,
    pub(super) scans: Vec<(PathBuf, usize)>,
    pub(super) token: Option<(PathBuf, usize)>,
    pub(super) tls: Option<(Tls, usize)>,
    pub(super) opt_out: Option<(PathBuf, usize)>,
    pub(super) key: Option<(PathBuf, usize)>,
    pub(super) signatures: Option<(SignatureSource, usize)>,
}

/// Reads a configuration whose relative paths are relative to `base`. `None`
/// when something in it is an error.
pub(super) fn read(
    bytes: &[u8],
    base: &Path,
    named: &mut Named,
    report: &mut Report,
) -> Option<Config> {
    let root = parse(bytes, report)?;
    let fields = Fields::read(&root, "the configuration", &KEYS, report)?;
    // Every section is read before the first `?`, so that all is reported.
    let listen = or(&fields, "listen", default_listen, |node| read_listen(node, report));
    let udp_gro = or(&fields, "udp_gro", || false, |node| read_switch(node, "udp_gro", report));
    let exporters =
        or(&fields, "exporters", Exporters::default, |node| read_exporters(node, report));
    let vantage = or(&fields, "vantage", Vantage::default, |node| read_vantage(node, report));
    let state = or(
        &fields,
        "state",
        || DEFAULT_STATE.into(),
        |node| read_path(node, "state", base, report),
    );
    let checkpoint = or(
        &fields,
        "checkpoint",
        || DEFAULT_CHECKPOINT,
        |node| {
            let fields = Fields::read(node, "checkpoint", &["every"], report)?;
            let (least, most) = (Duration::from_secs(1), Duration::from_secs(3_600));
            or(
                &fields,
                "every",
                || DEFAULT_CHECKPOINT,
                |node| read_duration(node, "every", least, most, report),
            )
        },
    );
    let history = or(&fields, "history", History::default, |node| read_history(node, report));
    let key_file = state.clone().unwrap_or_default().join("line.key");
    let lines = fields
        .required("lines", "a mapping with prefixes, key_file, opt_out", report)
        .and_then(|node| read_lines(node, base, key_file, named, report));
    if fields.optional("dns").is_none() {
        warn_of_no_source(root.line, report);
    }
    let dns = or(&fields, "dns", Dns::default, |node| read_dns(node, base, named, report));
    let signatures = or(
        &fields,
        "signatures",
        || SignatureSource::Shipped,
        |node| read_path(node, "signatures", base, report).map(SignatureSource::Dir),
    );
    let http = or(&fields, "http", Http::default, |node| read_http(node, base, named, report));
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
    let lateness = or(
        &fields,
        "lateness",
        || DEFAULT_LATENESS,
        |node| read_duration(node, "lateness", Duration::ZERO, hour, report),
    );
    let max_skew = or(
        &fields,
        "max_skew",
        || DEFAULT_MAX_SKEW,
        |node| read_duration(node, "max_skew", minute, 24 * hour, report),
    );
    let k = or(&fields, "k", || DEFAULT_K, |node| read_number(node, "k", 1, 1_000_000, report));
    let detections = or(
        &fields,
        "detections",
        || DetectionSink::Stdout,
        |node| {
            let path = read_path(node, "detections", base, report)?;
            let stdout = matches!(&node.value, Value::Scalar { text, .. } if text == "stdout");
            Some(if stdout { DetectionSink::Stdout } else { DetectionSink::File(path) })
        },
    );
    let workers = or(&fields, "workers", Workers::default, |node| read_workers(node, report));
    named.signatures = signatures
        .clone()
        .map(|source| (source, fields.optional("signatures").map_or(root.line, |node| node.line)));
    let Http { listen: http, token_file, tls } = http?;
    let config = Config {
        listen: listen?,
        udp_gro: udp_gro?,
        exporters: exporters?,
        vantage: vantage?,
        lines: lines?,
        dns: dns?,
        signatures: signatures?,
        state: state?,
        checkpoint: checkpoint?,
        history: history?,
        http,
        token_file,
        tls,
        lateness: lateness?,
        max_skew: max_skew?,
        k: k?,
        detections: detections?,
        workers: workers?,
    };
    // Unknown keys and the like leave every value readable.
    (!report.has_errors()).then_some(config)
}

/// The value of `key`, or the default when the key is absent.
pub(super) fn or<T>(
    fields: &Fields<'_>,
    key: &str,
    default: impl FnOnce() -> T,
    read: impl FnOnce(&Node) -> Option<T>,
) -> Option<T> {
    match fields.optional(key) {
        Some(node) => read(node),
        None => Some(default()),
    }
}

/// A path, relative to the folder of the configuration.
pub(super) fn read_path(
    node: &Node,
    what: &str,
    base: &Path,
    report: &mut Report,
) -> Option<PathBuf> {
    let allowed = "a path, relative to the folder of this file or absolute";
    node.parsed(what, allowed, report, |text| {
        let fits =
            !text.is_empty() && text.len() <= MAX_PATH && !text.chars().any(char::is_control);
        fits.then(|| base.join(text))
    })
}

fn read_listen(node: &Node, report: &mut Report) -> Option<Vec<SocketAddr>> {
    let allowed = "a list of 1 to 64 addresses with ports, such as [\"0.0.0.0:2055\"]";
    let items = node.items("listen", allowed, report)?;
    if items.is_empty() || items.len() > MAX_LISTEN {
        report.error(node.line, format!("{} addresses to listen on", items.len()), allowed);
        return None;
    }
    let mut listen = Vec::new();
    let mut complete = true;
    for item in items {
        match read_listener(item, "listen", report) {
            Some(address) if listen.contains(&address) => {
                report.error(item.line, format!("listen `{address}` again"), "every address once");
                complete = false;
            }
            Some(address) => listen.push(address),
            None => complete = false,
        }
    }
    complete.then_some(listen)
}

fn read_exporters(node: &Node, report: &mut Report) -> Option<Exporters> {
    let fields = Fields::read(node, "exporters", &["allow", "default_sampling"], report)?;
    let allow = or(&fields, "allow", Vec::new, |node| {
        let items = node.items("allow", "a list of at most 10000 prefixes", report)?;
        if items.len() > MAX_EXPORTERS {
            report.error(node.line, format!("{} prefixes", items.len()), "at most 10000");
            return None;
        }
        let mut allow = Vec::new();
        let mut complete = true;
        for item in items {
            let net = item
                .text("prefix", "a prefix such as 192.0.2.0/24", report)
                .and_then(|text| read_prefix(text, item.line, "prefix", report));
            match net {
                Some(net) if allow.contains(&net) => {
                    report.error(item.line, format!("prefix `{net}` again"), "every prefix once");
                    complete = false;
                }
                Some(net) => allow.push(net),
                None => complete = false,
            }
        }
        complete.then_some(allow)
    });
    let default_sampling =
        or(&fields, "default_sampling", Vec::new, |node| read_sampling(node, report));
    Some(Exporters { allow: allow?, default_sampling: default_sampling? })
}

fn read_sampling(
    node: &Node,
    report: &mut Report,
) -> Option<Vec<(ipnetwork::IpNetwork, NonZeroU32)>> {
    let allowed = "a mapping of prefixes to rates, such as {\"192.0.2.0/24\": 1000}";
    let entries = node.entries("default_sampling", allowed, report)?;
    if entries.len() > MAX_EXPORTERS {
        report.error(node.line, format!("{} prefixes", entries.len()), "at most 10000");
        return None;
    }
    let mut rates = Vec::new();
    let mut complete = true;
    for entry in entries {
        let net = read_prefix(&entry.key, entry.line, "prefix", report);
        let rate = read_number(&entry.node, "sampling rate", 1, u64::from(u32::MAX), report)
            .and_then(|rate| NonZeroU32::new(u32::try_from(rate).ok()?));
        match net.zip(rate) {
            // Two ways to write one prefix are two keys of the mapping.
            Some((net, _)) if rates.iter().any(|(known, _)| *known == net) => {
                report.error(entry.line, format!("prefix `{net}` again"), "every prefix once");
                complete = false;
            }
            Some(pair) => rates.push(pair),
            None => complete = false,
        }
    }
    complete.then_some(rates)
}

fn read_vantage(node: &Node, report: &mut Report) -> Option<Vantage> {
    let text = node.text("vantage", "isp", report)?;
    match text {
        "isp" => Some(Vantage::Isp),
        "ixp" => {
            report.error(
                node.line,
                "vantage `ixp`, which this version does not support yet",
                "isp",
            );
            None
        }
        _ => {
            node.refuse("vantage", "isp", report);
            None
        }
    }
}

fn read_workers(node: &Node, report: &mut Report) -> Option<Workers> {
    let fields = Fields::read(node, "workers", &["receive", "front", "back"], report)?;
    let mut count = |key: &str| {
        or(
            &fields,
            key,
            || None,
            |node| {
                let number = read_number(node, key, 1, MAX_WORKERS, report)?;
                Some(NonZeroUsize::new(usize::try_from(number).ok()?))
            },
        )
    };
    let (receive, front, back) = (count("receive"), count("front"), count("back"));
    Some(Workers { receive: receive?, front: front?, back: back? })
}
