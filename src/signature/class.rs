//! One signature file: from its tree to a [`ClassDefinition`], with everything
//! that is wrong inside the file. What takes several files to see (parents,
//! identities) is in [`super::compile()`].

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use super::definition::{ClassDefinition, GroupDefinition};
use super::document::{Node, parse};
use super::fields::{Fields, Report, quote};
use super::tables::Defaults;
use super::tenants::has_suffixes_below;
use crate::model::domain::NamePattern;
use crate::model::endpoint::Port;
use crate::model::group::GroupId;
use crate::model::rules::{Level, PacketRate, Role, Threshold};
use crate::model::suffix;

/// Longest class name and longest line of text, in characters.
const MAX_TEXT: usize = 300;
/// Longest class name, in characters.
pub(super) const MAX_CLASS: usize = 64;
/// Most groups in a class.
const MAX_GROUPS: usize = 1_000;
/// Most names in a group.
const MAX_NAMES: usize = 1_000;
/// Most ports of a group.
const MAX_PORTS: usize = 100;
/// Most packets an hour that a device can be said to exchange.
const MAX_PACKETS: f64 = 1e9;

const KEYS: [&str; 10] = [
    "class",
    "name",
    "level",
    "vendor",
    "parent",
    "threshold",
    "in_use_packets",
    "groups",
    "sources",
    "checked",
];
const GROUP_KEYS: [&str; 4] = ["names", "role", "ports", "packets_per_hour"];

const CLASS_NAME: &str = "lower-case letters, digits and single hyphens, at most 64";
const TEXT: &str = "one line of at most 300 characters";
const THRESHOLD: &str = "a decimal above 0 and at most 1 with up to six places, such as 0.4";
const IN_USE: &str = "a whole number from 1 to 4294967295";
const NAMES: &str = "a list of 1 to 1000 names such as api.example.com or \"*.example.com\"";

/// What one file says, with the lines that later checks point at.
pub(super) struct Draft {
    /// The class, as the file is called.
    pub(super) class: Arc<str>,
    pub(super) level: Level,
    /// The parent and the line that names it.
    pub(super) parent: Option<(Arc<str>, usize)>,
    /// The checked class; `None` when something in the file is wrong.
    pub(super) definition: Option<ClassDefinition>,
    /// The line of each group of the definition.
    pub(super) group_lines: Vec<usize>,
    /// The line of each name of each group.
    pub(super) name_lines: Vec<Vec<usize>>,
    /// The line of `checked`.
    pub(super) checked_line: usize,
}

/// Reads the file of `class` in the folder of `level`.
pub(super) fn read(
    bytes: &[u8],
    class: &str,
    level: Level,
    defaults: &Defaults,
    report: &mut Report,
) -> Draft {
    let mut draft = Draft {
        class: class.into(),
        level,
        parent: None,
        definition: None,
        group_lines: Vec::new(),
        name_lines: Vec::new(),
        checked_line: 1,
    };
    if !is_class_name(class) {
        report.error(1, format!("file name {}", quote(class)), CLASS_NAME);
    }
    let Some(root) = parse(bytes, report) else { return draft };
    let Some(fields) = Fields::read(&root, "the signature", &KEYS, report) else { return draft };
    draft.definition = definition(&fields, &mut draft, defaults, report);
    draft
}

/// Whether `text` can name a class and a file.
pub(super) fn is_class_name(text: &str) -> bool {
    text.len() <= MAX_CLASS
        && text.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// Every key is read before the first `?`, so that all problems are reported.
fn definition(
    fields: &Fields<'_>,
    draft: &mut Draft,
    defaults: &Defaults,
    report: &mut Report,
) -> Option<ClassDefinition> {
    let own_name = format!("`{}`, as the file is called", draft.class);
    let class = fields.required("class", &own_name, report).and_then(|node| {
        node.parsed("class", &own_name, report, |text| (text == &*draft.class).then_some(()))
    });
    let own_level = format!("`{}`, as the folder is called", draft.level);
    let level = fields.required("level", &own_level, report).and_then(|node| {
        node.parsed("level", &own_level, report, |text| {
            (text == draft.level.as_str()).then_some(())
        })
    });
    let name =
        fields.required("name", TEXT, report).and_then(|node| line_of_text(node, "name", report));
    let vendor = fields
        .required("vendor", TEXT, report)
        .and_then(|node| line_of_text(node, "vendor", report));
    let parent = fields.optional("parent").map(|node| {
        let parent = node.parsed("parent", CLASS_NAME, report, |text| {
            is_class_name(text).then(|| Arc::from(text))
        });
        draft.parent = parent.map(|parent| (parent, node.line));
        draft.parent.as_ref().map(|(parent, _)| parent.clone())
    });
    let threshold =
        optional(fields, "threshold", defaults.threshold, |node| read_threshold(node, report));
    let in_use = optional(fields, "in_use_packets", defaults.in_use_packets, |node| {
        read_in_use(node, report).map(Some)
    });
    let groups = read_groups(fields, draft, report);
    let sources = read_sources(fields, report);
    let day = "a date such as 2026-11-21";
    let checked = fields.required("checked", day, report).and_then(|node| {
        draft.checked_line = node.line;
        node.parsed("checked", day, report, read_date)
    });
    class?;
    level?;
    Some(ClassDefinition {
        class: draft.class.clone(),
        name: name?,
        level: draft.level,
        vendor: vendor?,
        parent: match parent {
            None => None,
            Some(parent) => Some(parent?),
        },
        threshold: threshold?,
        in_use_packets: in_use?,
        groups: groups?,
        sources: sources?,
        checked: checked?,
    })
}

/// The value of `key`, or `default` when the key is absent.
fn optional<T>(
    fields: &Fields<'_>,
    key: &str,
    default: T,
    read: impl FnOnce(&Node) -> Option<T>,
) -> Option<T> {
    fields.optional(key).map_or(Some(default), read)
}

/// A share D, exactly as written.
pub(super) fn read_threshold(node: &Node, report: &mut Report) -> Option<Threshold> {
    node.parsed("threshold", THRESHOLD, report, |text| text.parse().ok())
}

/// A number of sampled packets an hour.
pub(super) fn read_in_use(node: &Node, report: &mut Report) -> Option<u32> {
    node.parsed("in_use_packets", IN_USE, report, |text| {
        digits(text).filter(|packets| *packets > 0)
    })
}

/// A number written with digits only; `parse` alone takes a sign.
fn digits<T: FromStr>(text: &str) -> Option<T> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn line_of_text(node: &Node, what: &str, report: &mut Report) -> Option<Arc<str>> {
    node.parsed(what, TEXT, report, |text| {
        let fits = text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control);
        (fits && !text.trim().is_empty()).then(|| Arc::from(text.trim()))
    })
}

/// Only the ten characters of a date: the library would take a time with it.
fn read_date(text: &str) -> Option<jiff::civil::Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

fn read_sources(fields: &Fields<'_>, report: &mut Report) -> Option<Vec<String>> {
    let allowed = "a list of at least one line saying where the facts come from";
    let node = fields.required("sources", allowed, report)?;
    let items = node.items("sources", allowed, report)?;
    if items.is_empty() {
        report.error(node.line, "no source", allowed);
        return None;
    }
    let lines: Vec<_> = items.iter().map(|item| line_of_text(item, "source", report)).collect();
    lines.into_iter().map(|line| line.map(|line| line.to_string())).collect()
}

fn read_groups(
    fields: &Fields<'_>,
    draft: &mut Draft,
    report: &mut Report,
) -> Option<Vec<GroupDefinition>> {
    let allowed = "a list of 1 to 1000 groups, at least one of them with `role: primary`";
    let node = fields.required("groups", allowed, report)?;
    let items = node.items("groups", allowed, report)?;
    if items.is_empty() || items.len() > MAX_GROUPS {
        report.error(node.line, format!("{} groups", items.len()), allowed);
        return None;
    }
    // Where each name was first seen: a name in two groups would count twice.
    let mut seen = HashMap::new();
    let groups: Vec<_> =
        items.iter().map(|item| read_group(item, &draft.class, &mut seen, report)).collect();
    let (groups, name_lines): (Vec<_>, _) = groups.into_iter().collect::<Option<_>>()?;
    if !groups.iter().any(|group: &GroupDefinition| group.role == Role::Primary) {
        report.error(node.line, "no group with `role: primary`", allowed);
        return None;
    }
    draft.group_lines = items.iter().map(|item| item.line).collect();
    draft.name_lines = name_lines;
    Some(groups)
}

fn read_group(
    node: &Node,
    class: &str,
    seen: &mut HashMap<NamePattern, usize>,
    report: &mut Report,
) -> Option<(GroupDefinition, Vec<usize>)> {
    let fields = Fields::read(node, "the group", &GROUP_KEYS, report)?;
    let names = fields.required("names", NAMES, report).and_then(|node| {
        read_list(node, "names", NAMES, MAX_NAMES, report, |item, report| {
            Some((read_name(item, seen, report)?, item.line))
        })
    });
    let role = "primary, support";
    let role = fields.required("role", role, report).and_then(|node| {
        node.parsed("role", role, report, |text| match text {
            "primary" => Some(Role::Primary),
            "support" => Some(Role::Support),
            _ => None,
        })
    });
    let ports = optional(&fields, "ports", Vec::new(), |node| read_ports(node, report));
    let packets_per_hour =
        optional(&fields, "packets_per_hour", None, |node| read_rate(node, report).map(Some));
    let (names, lines): (Vec<NamePattern>, _) = names?.into_iter().unzip();
    let first = names.first()?.to_string();
    let group = GroupDefinition {
        id: GroupId::new(class, &first),
        names,
        role: role?,
        ports: ports?,
        packets_per_hour: packets_per_hour?,
    };
    Some((group, lines))
}

/// A list of 1 to `most` items, every one of which is read before any is used.
fn read_list<T>(
    node: &Node,
    what: &str,
    allowed: &str,
    most: usize,
    report: &mut Report,
    mut read: impl FnMut(&Node, &mut Report) -> Option<T>,
) -> Option<Vec<T>> {
    let items = node.items(what, allowed, report)?;
    if items.is_empty() || items.len() > most {
        report.error(node.line, format!("{} {what}", items.len()), allowed);
        return None;
    }
    let read: Vec<_> = items.iter().map(|item| read(item, report)).collect();
    read.into_iter().collect()
}

fn read_name(
    node: &Node,
    seen: &mut HashMap<NamePattern, usize>,
    report: &mut Report,
) -> Option<NamePattern> {
    let one = "a name such as api.example.com or \"*.example.com\"";
    let text = node.text("name", one, report)?;
    let pattern: NamePattern = match text.parse() {
        Ok(pattern) => pattern,
        Err(problem) => {
            report.error(node.line, problem, one);
            return None;
        }
    };
    let (NamePattern::Exact(name) | NamePattern::Below(name)) = &pattern;
    if name.as_str().parse::<std::net::Ipv4Addr>().is_ok() {
        report.error(node.line, format!("address {}", quote(text)), one);
        return None;
    }
    // Under a public suffix (also a private one such as a cloud's) anybody
    // can register, so such a name says nothing about a maker.
    let owned = "a name that one owner has registered";
    if suffix::registrable(name.as_str()).is_none() {
        let found = format!("{}, a suffix under which anybody can register", quote(text));
        report.error(node.line, found, owned);
        return None;
    }
    if matches!(pattern, NamePattern::Below(_)) && has_suffixes_below(name) {
        let found = format!("{}, above suffixes under which anybody can register", quote(text));
        report.error(node.line, found, owned);
        return None;
    }
    if let Some(first) = seen.insert(pattern.clone(), node.line) {
        report.error(
            node.line,
            format!("name {} again, first in line {first}", quote(text)),
            "every name once in a class",
        );
        return None;
    }
    Some(pattern)
}

fn read_ports(node: &Node, report: &mut Report) -> Option<Vec<Port>> {
    let all = "a list of 1 to 100 ports such as 443/tcp or 123/udp; leave it out for any port";
    let one = "a port such as 443/tcp or 123/udp";
    let mut seen = Vec::new();
    read_list(node, "ports", all, MAX_PORTS, report, |item, report| {
        let port: Port = item.parsed("port", one, report, |text| text.parse().ok())?;
        if seen.contains(&port) {
            report.error(item.line, format!("port `{port}` again"), "every port once in a group");
            return None;
        }
        seen.push(port);
        Some(port)
    })
}

fn read_rate(node: &Node, report: &mut Report) -> Option<PacketRate> {
    let both = "a mapping such as {idle: 120, active: 400}";
    let fields = Fields::read(node, "packets_per_hour", &["idle", "active"], report)?;
    let mut rate = |key: &str| {
        let allowed = "packets an hour as a decimal from 0 to 1000000000";
        let node = fields.required(key, both, report)?;
        node.parsed(key, allowed, report, |text| {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            text.parse().ok().filter(|packets| plain && (0.0..=MAX_PACKETS).contains(packets))
        })
    };
    let (idle, active) = (rate("idle"), rate("active"));
    Some(PacketRate { idle: idle?, active: active? })
}
