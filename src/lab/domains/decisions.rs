//! What people decided about domains, in a file that the next run honours.
//!
//! ```yaml
//! decisions:
//!   - maker: Edimax                  # or device; without either, everyone's
//!     domain: www.myedimax.com       # or "*.example.com"
//!     role: primary                  # primary | support | generic
//!     reason: the plugs register there, browsers have no reason to
//! ```
//!
//! An entry without a role is still to be decided: so the template that the
//! lab writes can be filled in line by line. The most exact entry counts:
//! device before maker before neither, a whole name before a wildcard.

use super::{Judged, Role};
use crate::model::domain::{DomainName, NamePattern};
use crate::signature::Finding;
use crate::signature::document::{Node, parse};
use crate::signature::fields::{Fields, Report};

/// Most entries of a file.
const MOST_ENTRIES: usize = 100_000;
const KEYS: [&str; 5] = ["device", "maker", "domain", "role", "reason"];
const ROLE: &str = "primary, support or generic";

/// What people decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions(Vec<Decision>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Decision {
    device: Option<String>,
    maker: Option<String>,
    domain: NamePattern,
    role: Role,
    reason: String,
}

impl Decisions {
    /// Reads the file called `file`; all that is wrong with it is told at once.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Vec<Finding>> {
        let mut report = Report::new(file);
        let read = parse(bytes, &mut report).and_then(|root| entries(&root, &mut report));
        match read {
            Some(list) if !report.has_errors() => Ok(Self(list)),
            _ => Err(report.into_findings()),
        }
    }

    /// What was decided for `domain` of a device, and why.
    pub(super) fn of(
        &self,
        device: &str,
        maker: &str,
        domain: &DomainName,
    ) -> Option<(Role, &str)> {
        let fits = |own: &Option<String>, text: &str| own.as_ref().is_none_or(|own| own == text);
        let fitting = self.0.iter().filter(|decision| {
            fits(&decision.device, device)
                && fits(&decision.maker, maker)
                && decision.domain.matches(domain)
        });
        let exactness = |decision: &&Decision| {
            let exact = matches!(decision.domain, NamePattern::Exact(_));
            (decision.device.is_some(), decision.maker.is_some(), exact)
        };
        fitting.max_by_key(exactness).map(|decision| (decision.role, decision.reason.as_str()))
    }
}

fn entries(root: &Node, report: &mut Report) -> Option<Vec<Decision>> {
    let list = "a list of decisions";
    let fields = Fields::read(root, "the decisions", &["decisions"], report)?;
    let Some(node) = fields.optional("decisions") else { return Some(Vec::new()) };
    let items = node.items("`decisions`", list, report)?;
    if items.len() > MOST_ENTRIES {
        report.error(node.line, format!("{} decisions", items.len()), "at most 100000");
        return None;
    }
    Some(items.iter().filter_map(|item| entry(item, report)).collect())
}

fn entry(node: &Node, report: &mut Report) -> Option<Decision> {
    let fields = Fields::read(node, "the decision", &KEYS, report)?;
    let words = "a few words on one line";
    let text = |key: &str, report: &mut Report| {
        let node = fields.optional(key)?;
        node.text(&format!("`{key}`"), words, report).map(str::to_owned)
    };
    let (device, maker) = (text("device", report), text("maker", report));
    let name = "a name such as api.example.com or \"*.example.com\"";
    let domain = fields.required("domain", name, report);
    let domain =
        domain.and_then(|node| node.parsed("`domain`", name, report, |text| text.parse().ok()));
    let role = fields.optional("role")?;
    let role = role.parsed("`role`", ROLE, report, |text| match text {
        "primary" => Some(Role::Primary),
        "support" => Some(Role::Support),
        "generic" => Some(Role::Generic),
        _ => None,
    });
    let reason = fields.required("reason", words, report);
    let reason = reason.and_then(|node| node.text("`reason`", words, report));
    Some(Decision { device, maker, domain: domain?, role: role?, reason: reason?.to_owned() })
}

/// A file of decisions in which what `judged` leaves undecided waits for its
/// role and reason, a maker's name once.
pub fn template(judged: &Judged) -> String {
    let mut entries: Vec<(&str, &str, String)> = Vec::new();
    for device in &judged.devices {
        for domain in device.domains.iter().filter(|domain| domain.role == Role::Undecided) {
            let known =
                |entry: &(&str, &str, String)| entry.0 == device.maker && entry.1 == domain.domain;
            if !entries.iter().any(known) {
                let because: Vec<String> = domain.because.iter().map(ToString::to_string).collect();
                entries.push((&device.maker, &domain.domain, because.join("; ")));
            }
        }
    }
    entries.sort_unstable();
    let mut text = format!("# Fill in `role` ({ROLE}) and `reason`.\ndecisions:\n");
    for (maker, domain, because) in entries {
        let maker = serde_json::Value::from(maker);
        text.push_str(&format!(
            "  # {because}\n  - maker: {maker}\n    domain: {domain}\n    role:\n    reason:\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_decision_counts_and_gaps_do_not() {
        let text = "decisions:\n  - {domain: \"*.example.com\", role: generic, reason: everyone's}\n  - {maker: X, domain: \"*.example.com\", role: support, reason: theirs}\n  - {maker: X, domain: api.example.com, role: primary, reason: own}\n  - {device: d, domain: api.example.com, role: generic, reason: odd}\n  - {maker: X, domain: b.example.com, role: , reason: }\n";
        let decisions = Decisions::read("d.yaml", text.as_bytes()).unwrap();
        let of = |device: &str, maker: &str, domain: &str| {
            decisions
                .of(device, maker, &domain.parse().unwrap())
                .map(|(role, why)| (role, why.to_owned()))
        };
        assert_eq!(of("a", "Y", "api.example.com"), Some((Role::Generic, "everyone's".into())));
        assert_eq!(of("a", "X", "api.example.com"), Some((Role::Primary, "own".into())));
        assert_eq!(of("a", "X", "b.example.com"), Some((Role::Support, "theirs".into())));
        assert_eq!(of("d", "X", "api.example.com"), Some((Role::Generic, "odd".into())));
        assert_eq!(of("a", "X", "example.com"), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let text = "decisions:\n  - {domain: a.*.com, role: primary, reason: x}\n  - domain: a.com\n    role: secondary\n  - {role: primary, reason: x, colour: red}\n";
        let found = Decisions::read("d.yaml", text.as_bytes()).unwrap_err();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        for (found, expected) in found.iter().zip([
            "d.yaml:2: `domain` `a.*.com`",
            "d.yaml:3: no `reason`",
            "d.yaml:4: `role` `secondary`",
            "d.yaml:5: unknown key `colour`",
            "d.yaml:5: no `domain`",
        ]) {
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(found.len(), 5, "{found:#?}");
    }
}
