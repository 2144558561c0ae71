//! The section `dns`: where answers about names come from.

use std::path::Path;
use std::time::Duration;

use super::read::{Named, or, read_path};
use super::settings::{Dns, FileFeed, Foreign, Resolve};
use super::values::{read_duration, read_number, read_server, read_switch};
use crate::dns::Coverage;
use crate::signature::document::Node;
use crate::signature::fields::{Fields, Report};

/// Most feeds.
const MAX_FEEDS: usize = 1_000;
/// Most resolvers.
const MAX_SERVERS: usize = 64;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

const KEYS: [&str; 6] = ["feeds", "resolve", "trust_partial", "foreign", "hold", "cloud_hold"];

/// Reads the section.
pub(super) fn read_dns(
    node: &Node,
    base: &Path,
    named: &mut Named,
    report: &mut Report,
) -> Option<Dns> {
    let fields = Fields::read(node, "dns", &KEYS, report)?;
    let defaults = Dns::default();
    let feeds = or(&fields, "feeds", Vec::new, |node| read_feeds(node, base, named, report));
    let resolve = or(&fields, "resolve", || None, |node| read_resolve(node, report).map(Some));
    let trust_partial = or(
        &fields,
        "trust_partial",
        || defaults.trust_partial,
        |node| read_switch(node, "trust_partial", report),
    );
    let foreign = or(&fields, "foreign", || defaults.foreign, |node| read_foreign(node, report));
    let hold = or(
        &fields,
        "hold",
        || defaults.hold,
        |node| read_duration(node, "hold", MINUTE, 30 * DAY, report),
    );
    let cloud_hold = or(
        &fields,
        "cloud_hold",
        || defaults.cloud_hold,
        |node| read_duration(node, "cloud_hold", MINUTE, 30 * DAY, report),
    );
    let dns = Dns {
        feeds: feeds?,
        resolve: resolve?,
        trust_partial: trust_partial?,
        foreign: foreign?,
        hold: hold?,
        cloud_hold: cloud_hold?,
    };
    let sees_everybody = dns.feeds.iter().any(|feed| feed.coverage == Coverage::Population);
    if dns.feeds.is_empty() && dns.resolve.is_none() {
        report.warning(
            node.line,
            "no source of DNS answers",
            "`feeds` or `resolve`, else nothing can be detected",
        );
    } else if !sees_everybody && !dns.trust_partial {
        report.warning(
            node.line,
            "only partial sources of DNS answers",
            "a feed with `coverage: population`, or `trust_partial: true` in a lab, else nothing can be detected",
        );
    }
    Some(dns)
}

fn read_feeds(
    node: &Node,
    base: &Path,
    named: &mut Named,
    report: &mut Report,
) -> Option<Vec<FileFeed>> {
    let allowed = "a list of at most 1000 feeds such as {file: pdns.jsonl}";
    let items = node.items("feeds", allowed, report)?;
    if items.len() > MAX_FEEDS {
        report.error(node.line, format!("{} feeds", items.len()), allowed);
        return None;
    }
    let read: Vec<_> = items.iter().map(|item| read_feed(item, base, named, report)).collect();
    read.into_iter().collect()
}

fn read_feed(node: &Node, base: &Path, named: &mut Named, report: &mut Report) -> Option<FileFeed> {
    let fields = Fields::read(node, "the feed", &["file", "dnstap", "coverage"], report)?;
    if let Some(dnstap) = fields.optional("dnstap") {
        report.error(
            dnstap.line,
            format!("dnstap {}, a feed that this version does not read yet", dnstap.describe()),
            "{file: PATH}",
        );
        return None;
    }
    let allowed = "a path to COF or DNSDB JSON lines or to a capture";
    let path = fields
        .required("file", allowed, report)
        .and_then(|node| read_path(node, "file", base, report));
    named.feeds.extend(path.clone().map(|path| (path, node.line)));
    let coverage = or(
        &fields,
        "coverage",
        || None,
        |node| {
            node.parsed("coverage", "population, partial", report, |text| match text {
                "population" => Some(Coverage::Population),
                "partial" => Some(Coverage::Partial),
                _ => None,
            })
            .map(Some)
        },
    )?;
    let path = path?;
    let capture = path.extension().is_some_and(|end| {
        ["pcap", "pcapng", "cap"].iter().any(|known| end.eq_ignore_ascii_case(known))
    });
    if capture && coverage.is_none() {
        report.warning(
            node.line,
            "a capture without `coverage`, taken as population",
            "`coverage: partial` for answers to a few devices, `coverage: population` for a whole network's",
        );
    }
    Some(FileFeed { path, coverage: coverage.unwrap_or(Coverage::Population) })
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
