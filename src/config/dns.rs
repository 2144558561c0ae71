//! The section `dns`: where answers about names come from.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::feeds::{Feeds, read_feeds};
use super::read::{Named, or, read_path};
use super::settings::{Dns, Foreign, RangeFile, Resolve};
use super::values::{
    print_duration, read_duration, read_number, read_server, read_size, read_switch,
};
use crate::dns::Coverage;
use crate::signature::document::{Node, Value};
use crate::signature::fields::{Fields, Report};

/// Most resolvers.
const MAX_SERVERS: usize = 64;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Most lists of address ranges.
const MAX_RANGES: usize = 100;
/// Most files of scan data.
const MAX_SCANS: usize = 100;
/// Longest name of a provider.
const MAX_PROVIDER: usize = 40;

/// The longest hold of an endpoint.
const LONGEST_HOLD: Duration = Duration::from_secs(30 * 86_400);
/// Least and most bytes of the table of answers. With less, what readers and
/// the answers that have just come need would be more than the table.
const MEMORY: (u64, u64) = (64_000_000, 1_000_000_000_000);

/// Fewest and most owners of an address that is taken for a rewriting resolver,
/// a parking page or a sinkhole. A maker's own front serves a few.
const CROWD: (u64, u64) = (10, 1_000_000);

const KEYS: [&str; 11] = [
    "feeds",
    "resolve",
    "trust_partial",
    "foreign",
    "crowd_owners",
    "hold",
    "cloud_hold",
    "ranges",
    "scans",
    "keep",
    "memory",
];

/// Reads the section.
pub(super) fn read_dns(
    node: &Node,
    base: &Path,
    named: &mut Named,
    report: &mut Report,
) -> Option<Dns> {
    let fields = Fields::read(node, "dns", &KEYS, report)?;
    let defaults = Dns::default();
    let feeds = or(&fields, "feeds", Feeds::default, |node| read_feeds(node, base, named, report));
    let resolve = or(&fields, "resolve", || None, |node| read_resolve(node, report).map(Some));
    let trust_partial = or(
        &fields,
        "trust_partial",
        || defaults.trust_partial,
        |node| read_switch(node, "trust_partial", report),
    );
    let foreign = or(&fields, "foreign", || defaults.foreign, |node| read_foreign(node, report));
    let crowd_owners = or(
        &fields,
        "crowd_owners",
        || defaults.crowd_owners,
        |node| read_number(node, "crowd_owners", CROWD.0, CROWD.1, report),
    );
    let hold = or(
        &fields,
        "hold",
        || defaults.hold,
        |node| read_duration(node, "hold", MINUTE, LONGEST_HOLD, report),
    );
    let cloud_hold = or(
        &fields,
        "cloud_hold",
        || defaults.cloud_hold,
        |node| read_duration(node, "cloud_hold", MINUTE, LONGEST_HOLD, report),
    );
    let keep = or(
        &fields,
        "keep",
        || defaults.keep,
        |node| read_duration(node, "keep", DAY, 3_650 * DAY, report),
    );
    let memory = or(
        &fields,
        "memory",
        || defaults.memory,
        |node| read_size(node, "memory", MEMORY.0, MEMORY.1, report),
    );
    let ranges = or(&fields, "ranges", Vec::new, |node| read_ranges(node, base, named, report));
    let scans = or(&fields, "scans", Vec::new, |node| read_scans(node, base, named, report));
    let feeds = feeds?;
    let dns = Dns {
        feeds: feeds.files,
        dnstap: feeds.dnstap,
        resolve: resolve?,
        trust_partial: trust_partial?,
        foreign: foreign?,
        crowd_owners: crowd_owners?,
        hold: hold?,
        cloud_hold: cloud_hold?,
        ranges: ranges?,
        scans: scans?,
        keep: keep?,
        memory: memory?,
    };
    let longest = dns.hold.max(dns.cloud_hold);
    if dns.keep < longest {
        report.error(
            node.line,
            format!("keep `{}`", print_duration(dns.keep)),
            format!(
                "at least {}, for which endpoints hold after their last answer",
                print_duration(longest)
            ),
        );
        return None;
    }
    let coverages = dns.feeds.iter().map(|feed| feed.coverage);
    let mut coverages = coverages.chain(dns.dnstap.iter().map(|feed| feed.coverage)).peekable();
    if coverages.peek().is_none() && dns.resolve.is_none() {
        warn_of_no_source(node.line, report);
    } else if !dns.trust_partial && !coverages.any(|coverage| coverage == Coverage::Population) {
        report.warning(
            node.line,
            "only partial sources of DNS answers",
            "a feed with `coverage: population`, or `trust_partial: true` in a lab, else nothing can be detected",
        );
    }
    Some(dns)
}

/// Without answers there is no hitlist; a configuration may still be meant so,
/// to look at exporters only.
pub(super) fn warn_of_no_source(line: usize, report: &mut Report) {
    report.warning(
        line,
        "no source of DNS answers",
        "`dns.feeds` or `dns.resolve`, else nothing can be detected",
    );
}

fn read_resolve(node: &Node, report: &mut Report) -> Option<Resolve> {
    let fields = Fields::read(node, "resolve", &["every", "servers"], report)?;
    let every = fields
        .required("every", "a duration such as 1h", report)
        .and_then(|node| read_duration(node, "every", MINUTE, DAY, report));
    let servers = or(&fields, "servers", Vec::new, |node| {
        let allowed = "a list of at most 64 addresses of resolvers; leave it out for the system's";
        let items = node.items("servers", allowed, report)?;
        if items.len() > MAX_SERVERS {
            report.error(node.line, format!("{} servers", items.len()), allowed);
            return None;
        }
        let read: Vec<_> = items.iter().map(|item| read_server(item, report)).collect();
        read.into_iter().collect()
    });
    Some(Resolve { every: every?, servers: servers? })
}

fn read_foreign(node: &Node, report: &mut Report) -> Option<Foreign> {
    let fields = Fields::read(node, "foreign", &["min_days", "min_count"], report)?;
    let defaults = Dns::default().foreign;
    let min_days = or(
        &fields,
        "min_days",
        || u64::from(defaults.min_days),
        |node| read_number(node, "min_days", 1, 365, report),
    );
    let min_count = or(
        &fields,
        "min_count",
        || defaults.min_count,
        |node| read_number(node, "min_count", 1, 1_000_000_000, report),
    );
    Some(Foreign { min_days: u32::try_from(min_days?).ok()?, min_count: min_count? })
}

fn read_scans(
    node: &Node,
    base: &Path,
    named: &mut Named,
    report: &mut Report,
) -> Option<Vec<PathBuf>> {
    let allowed = "a list of at most 100 files such as {file: zgrab2.jsonl}";
    let items = node.items("scans", allowed, report)?;
    if items.len() > MAX_SCANS {
        report.error(node.line, format!("{} scans", items.len()), allowed);
        return None;
    }
    let read: Vec<_> = items
        .iter()
        .map(|item| {
            let fields = Fields::read(item, "the scan", &["file"], report)?;
            let allowed = "a path to zgrab2 or Censys JSON lines";
            let node = fields.required("file", allowed, report)?;
            let path = read_path(node, "file", base, report)?;
            named.scans.push((path.clone(), node.line));
            Some(path)
        })
        .collect();
    read.into_iter().collect()
}

fn read_ranges(
    node: &Node,
    base: &Path,
    named: &mut Named,
    report: &mut Report,
) -> Option<Vec<RangeFile>> {
    let allowed = "a list of at most 100 files such as aws-ip-ranges.json";
    let items = node.items("ranges", allowed, report)?;
    if items.len() > MAX_RANGES {
        report.error(node.line, format!("{} lists of ranges", items.len()), allowed);
        return None;
    }
    let read: Vec<_> = items.iter().map(|item| read_range(item, base, named, report)).collect();
    read.into_iter().collect()
}

/// A file's path, or a mapping with it and the provider's name.
fn read_range(
    node: &Node,
    base: &Path,
    named: &mut Named,
    report: &mut Report,
) -> Option<RangeFile> {
    let (path, provider) = match &node.value {
        Value::Mapping(_) => {
            let fields = Fields::read(node, "the list", &["file", "provider"], report)?;
            let allowed = "a path to a list of ranges";
            let path = fields
                .required("file", allowed, report)
                .and_then(|node| read_path(node, "file", base, report));
            let provider = or(
                &fields,
                "provider",
                || None,
                |node| {
                    let allowed = "a short name such as akamai";
                    let fits =
                        |text: &str| (1..=MAX_PROVIDER).contains(&text.len()) && text.is_ascii();
                    node.parsed("provider", allowed, report, |text| {
                        fits(text).then(|| Some(text.to_owned()))
                    })
                },
            );
            (path?, provider?)
        }
        _ => (read_path(node, "file", base, report)?, None),
    };
    named.ranges.push((path.clone(), node.line));
    Some(RangeFile { path, provider })
}
