//! The section `lines`: which addresses belong to subscribers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ipnetwork::IpNetwork;

use super::opt_out::{OptOut, read_opt_out};
use super::read::{Named, or, read_path};
use super::settings::{LinePrefixConfig, Lines, default_length};
use super::values::{read_number, read_prefix};
use crate::signature::document::Node;
use crate::signature::fields::{Fields, Report, quote};

/// Most prefixes of lines.
const MAX_PREFIXES: usize = 100_000;
/// Most regions: an id has 16 bits and 0 is the nameless one.
const MAX_REGIONS: usize = 65_535;
/// Longest name of a region, in characters.
const MAX_REGION: usize = 64;

/// Reads the section.
pub(super) fn read_lines(
    node: &Node,
    base: &Path,
    default_key: PathBuf,
    named: &mut Named,
    report: &mut Report,
) -> Option<Lines> {
    let fields = Fields::read(node, "lines", &["prefixes", "key_file", "opt_out"], report)?;
    let allowed = "a list of mappings such as {net: 198.51.100.0/22, region: north}";
    let prefixes = fields
        .required("prefixes", allowed, report)
        .and_then(|node| read_prefixes(node, allowed, report));
    let key_line = fields.optional("key_file").map_or(node.line, |node| node.line);
    let key_file =
        or(&fields, "key_file", || default_key, |node| read_path(node, "key_file", base, report));
    named.key = key_file.clone().map(|path| (path, key_line));
    let opt_out =
        or(&fields, "opt_out", OptOut::default, |node| read_opt_out(node, base, named, report));
    Some(Lines { prefixes: prefixes?, key_file: key_file?, opt_out: opt_out? })
}

fn read_prefixes(node: &Node, allowed: &str, report: &mut Report) -> Option<Vec<LinePrefixConfig>> {
    let items = node.items("prefixes", allowed, report)?;
    if items.is_empty() || items.len() > MAX_PREFIXES {
        report.error(node.line, format!("{} prefixes", items.len()), "1 to 100000 prefixes");
        return None;
    }
    let mut first_lines = HashMap::new();
    let mut regions = HashMap::new();
    let read: Vec<_> = items
        .iter()
        .map(|item| {
            let prefix = read_entry(item, &mut first_lines, report)?;
            if let Some(region) = &prefix.region {
                regions.entry(region.clone()).or_insert(item.line);
            }
            Some(prefix)
        })
        .collect();
    if regions.len() > MAX_REGIONS {
        report.error(node.line, format!("{} regions", regions.len()), "at most 65535 regions");
        return None;
    }
    read.into_iter().collect()
}

fn read_entry(
    node: &Node,
    first_lines: &mut HashMap<IpNetwork, usize>,
    report: &mut Report,
) -> Option<LinePrefixConfig> {
    let fields = Fields::read(node, "the prefix", &["net", "length", "region"], report)?;
    let allowed = "a prefix such as 198.51.100.0/22 or 2001:db8::/32";
    let net = fields.required("net", allowed, report).and_then(|node| {
        let text = node.text("net", allowed, report)?;
        let net = read_prefix(text, node.line, "net", report)?;
        if let Some(first) = first_lines.insert(net, node.line) {
            report.error(
                node.line,
                format!("net `{net}` again, first in line {first}"),
                "every prefix once",
            );
        }
        Some(net)
    });
    let region = or(&fields, "region", || None, |node| read_region(node, report).map(Some));
    // A length can only be judged beside its net, but is read in any case.
    let length = or(
        &fields,
        "length",
        || None,
        |node| {
            let (least, most) = net.as_ref().map_or((0, 128), lengths);
            let length = read_number(node, "length", u64::from(least), u64::from(most), report)?;
            u8::try_from(length).ok().map(Some)
        },
    );
    let net = net?;
    // A prefix that stands here twice is reported and does no harm further on.
    Some(LinePrefixConfig {
        net,
        length: length?.unwrap_or_else(|| default_length(&net)),
        region: region?,
    })
}

/// Lengths a line can have: an IPv4 line is one address, an IPv6 line is at
/// least as long as its net.
fn lengths(net: &IpNetwork) -> (u8, u8) {
    if net.is_ipv4() { (32, 32) } else { (net.prefix(), 128) }
}

fn read_region(node: &Node, report: &mut Report) -> Option<String> {
    let allowed = "a name of at most 64 letters, digits, spaces, dots, hyphens and underscores";
    let text = node.text("region", allowed, report)?;
    let fits = text.chars().count() <= MAX_REGION
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_'));
    if !fits || text.trim().is_empty() {
        report.error(node.line, format!("region {}", quote(text)), allowed);
        return None;
    }
    Some(text.to_owned())
}
