//! The effective configuration in the form of the file, defaults filled in.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::opt_out::OptOut;
use super::settings::{
    Config, DetectionSink, DnstapFeed, FileFeed, Origin, SignatureSource, Vantage,
};
use super::values::{print_duration, print_size};
use crate::dns::Coverage;
use crate::dns::dnstap::MessageTypes;

/// A configuration as its file has it, for YAML and JSON.
#[derive(Debug, Serialize)]
pub struct Printed<'c> {
    listen: Vec<String>,
    udp_gro: bool,
    exporters: PrintedExporters,
    vantage: Vantage,
    lines: PrintedLines<'c>,
    dns: PrintedDns<'c>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signatures: Option<&'c Path>,
    state: &'c Path,
    checkpoint: PrintedCheckpoint,
    history: PrintedHistory,
    http: PrintedHttp<'c>,
    lateness: String,
    max_skew: String,
    k: u64,
    detections: &'c Path,
    workers: PrintedWorkers,
}

#[derive(Debug, Serialize)]
struct PrintedExporters {
    allow: Vec<String>,
    default_sampling: BTreeMap<String, u32>,
}

#[derive(Debug, Serialize)]
struct PrintedLines<'c> {
    prefixes: Vec<PrintedPrefix<'c>>,
    key_file: &'c Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_out: Option<PrintedOptOut<'c>>,
}

#[derive(Debug, Serialize)]
struct PrintedOptOut<'c> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prefixes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'c Path>,
}

#[derive(Debug, Serialize)]
struct PrintedPrefix<'c> {
    net: String,
    length: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'c str>,
}

#[derive(Debug, Serialize)]
struct PrintedDns<'c> {
    feeds: Vec<PrintedFeed<'c>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolve: Option<PrintedResolve>,
    trust_partial: bool,
    foreign: PrintedForeign,
    crowd_owners: u64,
    hold: String,
    cloud_hold: String,
    keep: String,
    memory: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<PrintedRange<'c>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scans: Vec<PrintedScan<'c>>,
}

#[derive(Debug, Serialize)]
struct PrintedScan<'c> {
    file: &'c Path,
}

#[derive(Debug, Serialize)]
struct PrintedRange<'c> {
    file: &'c Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'c str>,
}

#[derive(Debug, Serialize)]
struct PrintedFeed<'c> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'c Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dnstap: Option<String>,
    coverage: Coverage,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    #[serde(skip_serializing_if = "is_default")]
    types: MessageTypes,
}

#[derive(Debug, Serialize)]
struct PrintedResolve {
    every: String,
    servers: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PrintedForeign {
    min_days: u32,
    min_count: u64,
}

#[derive(Debug, Serialize)]
struct PrintedCheckpoint {
    every: String,
}

#[derive(Debug, Serialize)]
struct PrintedHistory {
    enabled: bool,
    counts: String,
    lines: String,
}

#[derive(Debug, Serialize)]
struct PrintedHttp<'c> {
    listen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_file: Option<&'c Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<PrintedTls<'c>>,
}

#[derive(Debug, Serialize)]
struct PrintedTls<'c> {
    cert: &'c Path,
    key: &'c Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ca: Option<&'c Path>,
}

#[derive(Debug, Serialize)]
struct PrintedWorkers {
    #[serde(skip_serializing_if = "Option::is_none")]
    receive: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    front: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    back: Option<usize>,
}

impl<'c> From<&'c Config> for Printed<'c> {
    fn from(config: &'c Config) -> Self {
        let Config { exporters, lines, dns, .. } = config;
        Self {
            listen: config.listen.iter().map(ToString::to_string).collect(),
            udp_gro: config.udp_gro,
            exporters: PrintedExporters {
                allow: exporters.allow.iter().map(ToString::to_string).collect(),
                default_sampling: exporters
                    .default_sampling
                    .iter()
                    .map(|(net, rate)| (net.to_string(), rate.get()))
                    .collect(),
            },
            vantage: config.vantage,
            lines: PrintedLines {
                prefixes: lines
                    .prefixes
                    .iter()
                    .map(|prefix| PrintedPrefix {
                        net: prefix.net.to_string(),
                        length: prefix.length,
                        region: prefix.region.as_deref(),
                    })
                    .collect(),
                key_file: &lines.key_file,
                opt_out: (lines.opt_out != OptOut::default()).then(|| PrintedOptOut {
                    prefixes: lines.opt_out.prefixes.iter().map(ToString::to_string).collect(),
                    file: lines.opt_out.file.as_deref(),
                }),
            },
            dns: PrintedDns {
                feeds: dns
                    .feeds
                    .iter()
                    .map(PrintedFeed::from)
                    .chain(dns.dnstap.iter().map(PrintedFeed::from))
                    .collect(),
                resolve: dns.resolve.as_ref().map(|resolve| PrintedResolve {
                    every: print_duration(resolve.every),
                    servers: resolve.servers.iter().map(ToString::to_string).collect(),
                }),
                trust_partial: dns.trust_partial,
                foreign: PrintedForeign {
                    min_days: dns.foreign.min_days,
                    min_count: dns.foreign.min_count,
                },
                crowd_owners: dns.crowd_owners,
                hold: print_duration(dns.hold),
                cloud_hold: print_duration(dns.cloud_hold),
                keep: print_duration(dns.keep),
                memory: print_size(dns.memory),
                ranges: dns
                    .ranges
                    .iter()
                    .map(|list| PrintedRange {
                        file: &list.path,
                        provider: list.provider.as_deref(),
                    })
                    .collect(),
                scans: dns.scans.iter().map(|file| PrintedScan { file }).collect(),
            },
            signatures: match &config.signatures {
                SignatureSource::Shipped => None,
                SignatureSource::Dir(dir) => Some(dir),
            },
            state: &config.state,
            checkpoint: PrintedCheckpoint { every: print_duration(config.checkpoint) },
            history: PrintedHistory {
                enabled: config.history.enabled,
                counts: print_duration(config.history.counts),
                lines: print_duration(config.history.lines),
            },
            http: PrintedHttp {
                listen: config.http.to_string(),
                token_file: config.token_file.as_deref(),
                tls: config.tls.as_ref().map(|tls| PrintedTls {
                    cert: &tls.cert,
                    key: &tls.key,
                    client_ca: tls.client_ca.as_deref(),
                }),
            },
            lateness: print_duration(config.lateness),
            max_skew: print_duration(config.max_skew),
            k: config.k,
            detections: match &config.detections {
                DetectionSink::Stdout => Path::new("stdout"),
                DetectionSink::File(path) => path,
            },
            workers: PrintedWorkers {
                receive: config.workers.receive.map(std::num::NonZero::get),
                front: config.workers.front.map(std::num::NonZero::get),
                back: config.workers.back.map(std::num::NonZero::get),
            },
        }
    }
}

impl<'c> From<&'c FileFeed> for PrintedFeed<'c> {
    fn from(feed: &'c FileFeed) -> Self {
        let FileFeed { path, coverage, origin, types } = feed;
        let (coverage, origin) = (*coverage, Some(*origin));
        Self { file: Some(path), dnstap: None, coverage, origin, types: *types }
    }
}

impl From<&DnstapFeed> for PrintedFeed<'_> {
    fn from(feed: &DnstapFeed) -> Self {
        let DnstapFeed { at, coverage, types } = feed;
        let dnstap = Some(at.to_string());
        Self { file: None, dnstap, coverage: *coverage, origin: None, types: *types }
    }
}

fn is_default(types: &MessageTypes) -> bool {
    *types == MessageTypes::default()
}

impl Config {
    /// The configuration as YAML that reads back as the same configuration.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::SerializeError> {
        serde_saphyr::to_string(&Printed::from(self))
    }
}
