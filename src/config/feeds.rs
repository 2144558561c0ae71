//! The feeds of the section `dns`: files of answers, and sockets that resolvers
//! connect to.

use std::path::Path;

use super::read::{Named, or, read_path};
use super::settings::{DnstapFeed, DnstapSocket, FileFeed, Origin};
use crate::dns::Coverage;
use crate::dns::dnstap::{MessageType, MessageTypes};
use crate::signature::document::Node;
use crate::signature::fields::{Fields, Report};

/// Most feeds.
const MAX_FEEDS: usize = 1_000;
/// Most dnstap feeds. Each may serve many resolvers, and is a label of metrics.
const MAX_DNSTAP: usize = 16;
/// Longest path of a unix socket in bytes: `sun_path` less its closing zero.
const LONGEST_SOCKET_PATH: usize = 107;

/// The feeds of a configuration, by kind.
#[derive(Default)]
pub(super) struct Feeds {
    pub(super) files: Vec<FileFeed>,
    pub(super) dnstap: Vec<DnstapFeed>,
}

/// Reads the list of feeds.
pub(super) fn read_feeds(
    node: &Node,
    base: &Path,
    named: &mut Named,
    report: &mut Report,
) -> Option<Feeds> {
    let allowed = "a list of at most 1000 feeds such as {file: pdns.jsonl}";
    let items = node.items("feeds", allowed, report)?;
    if items.len() > MAX_FEEDS {
        report.error(node.line, format!("{} feeds", items.len()), allowed);
        return None;
    }
    let mut feeds = Feeds::default();
    let mut whole = true;
    for item in items {
        whole &= read_feed(item, base, named, &mut feeds, report).is_some();
    }
    if feeds.dnstap.len() > MAX_DNSTAP {
        let found = format!("{} dnstap feeds", feeds.dnstap.len());
        report.error(
            node.line,
            found,
            format!("at most {MAX_DNSTAP}; several resolvers may use one"),
        );
        return None;
    }
    whole.then_some(feeds)
}

fn read_feed(
    node: &Node,
    base: &Path,
    named: &mut Named,
    feeds: &mut Feeds,
    report: &mut Report,
) -> Option<()> {
    let keys = ["file", "dnstap", "coverage", "origin", "types"];
    let fields = Fields::read(node, "the feed", &keys, report)?;
    let coverage = or(&fields, "coverage", || None, |node| read_coverage(node, report).map(Some));
    let types = or(&fields, "types", MessageTypes::default, |node| read_types(node, report));
    if let Some(dnstap) = fields.optional("dnstap") {
        if fields.optional("file").is_some() {
            report.error(node.line, "a feed with both `file` and `dnstap`", "one of them");
            return None;
        }
        if let Some(origin) = fields.optional("origin") {
            report.error(
                origin.line,
                "a dnstap feed with `origin`",
                "`origin` of files only: who tells its answers live is one of your own resolvers",
            );
            return None;
        }
        let at = read_socket(dnstap, base, report)?;
        if feeds.dnstap.iter().any(|feed| feed.at == at) {
            report.error(dnstap.line, format!("dnstap `{at}` again"), "every socket once");
            return None;
        }
        // Who configures a resolver to tell its answers is its operator, and
        // it sees what all who use it ask for.
        let coverage = coverage?.unwrap_or(Coverage::Population);
        feeds.dnstap.push(DnstapFeed { at, coverage, types: types? });
        return Some(());
    }
    let allowed = "a path to a file of DNS answers, see docs/feeding-dns.md";
    let path = fields
        .required("file", allowed, report)
        .and_then(|node| read_path(node, "file", base, report));
    named.feeds.extend(path.clone().map(|path| (path, node.line)));
    let origin = or(&fields, "origin", Origin::default, |node| read_origin(node, report));
    let (path, coverage, origin) = (path?, coverage?, origin?);
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
    let coverage = coverage.unwrap_or(Coverage::Population);
    feeds.files.push(FileFeed { path, coverage, origin, types: types? });
    Some(())
}

fn read_origin(node: &Node, report: &mut Report) -> Option<Origin> {
    node.parsed("origin", "own, global", report, |text| match text {
        "own" => Some(Origin::Own),
        "global" => Some(Origin::Global),
        _ => None,
    })
}

fn read_coverage(node: &Node, report: &mut Report) -> Option<Coverage> {
    node.parsed("coverage", "population, partial", report, |text| match text {
        "population" => Some(Coverage::Population),
        "partial" => Some(Coverage::Partial),
        _ => None,
    })
}

fn read_types(node: &Node, report: &mut Report) -> Option<MessageTypes> {
    let known = MessageType::ALL.map(MessageType::as_str).join(", ");
    let allowed = format!("a list of {known}");
    let items = node.items("types", &allowed, report)?;
    if items.is_empty() {
        report.error(node.line, "`types` without any", allowed);
        return None;
    }
    let read: Vec<_> = items
        .iter()
        .map(|item| {
            item.parsed("type", &known, report, |text| {
                MessageType::ALL.into_iter().find(|kind| kind.as_str() == text)
            })
        })
        .collect();
    read.into_iter().collect()
}

/// A socket: `unix:PATH` or `tcp:ADDRESS:PORT`.
fn read_socket(node: &Node, base: &Path, report: &mut Report) -> Option<DnstapSocket> {
    let allowed = format!(
        "unix:PATH of at most {LONGEST_SOCKET_PATH} bytes, or tcp:ADDRESS:PORT such as tcp:127.0.0.1:6000"
    );
    node.parsed("dnstap", &allowed, report, |text| match text.split_once(':')? {
        ("unix", path) if !path.is_empty() && !path.contains('\0') => {
            let path = base.join(path);
            (path.as_os_str().len() <= LONGEST_SOCKET_PATH).then_some(DnstapSocket::Unix(path))
        }
        ("tcp", address) => address.parse().ok().map(DnstapSocket::Tcp),
        _ => None,
    })
}
