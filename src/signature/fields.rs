//! Reading checked values out of a [`Node`] tree: what is wrong goes to a
//! [`Report`] and the reading goes on, so one pass tells everything.

use std::sync::Arc;

use super::document::{Node, Value};
use super::finding::{Finding, Severity};

/// Longest piece of a file that is repeated in a finding, in characters.
const MAX_QUOTED: usize = 80;

/// The findings of one file.
#[derive(Debug)]
pub(crate) struct Report {
    file: Arc<str>,
    findings: Vec<Finding>,
}

impl Report {
    /// An empty report on `file`, named as a user would open it.
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.into(), findings: Vec::new() }
    }

    /// Notes what keeps the file from being used.
    pub(crate) fn error(
        &mut self,
        line: usize,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        self.add(Severity::Error, line, found.into(), allowed.into());
    }

    /// Notes what somebody should look at.
    pub(crate) fn warning(
        &mut self,
        line: usize,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        self.add(Severity::Warning, line, found.into(), allowed.into());
    }

    fn add(&mut self, severity: Severity, line: usize, found: String, allowed: String) {
        self.findings.push(Finding { file: self.file.clone(), line, severity, found, allowed });
    }

    /// Whether anything keeps the file from being used.
    pub(crate) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// All findings, by line.
    pub(crate) fn into_findings(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|finding| finding.line);
        self.findings
    }
}

/// Text of a file in backticks: on one line, and not longer than is useful.
pub(crate) fn quote(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_QUOTED).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_QUOTED).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// The keys of one mapping.
pub(crate) struct Fields<'n> {
    line: usize,
    what: &'n str,
    node: &'n Node,
}

impl<'n> Fields<'n> {
    /// Takes `node` as a mapping called `what` in findings, whose keys are
    /// among `allowed`.
    pub(crate) fn read(
        node: &'n Node,
        what: &'n str,
        allowed: &[&str],
        report: &mut Report,
    ) -> Option<Self> {
        let entries =
            node.entries(what, &format!("a mapping with {}", allowed.join(", ")), report)?;
        for entry in entries {
            if !allowed.contains(&entry.key.as_str()) {
                report.error(
                    entry.line,
                    format!("unknown key {} in {what}", quote(&entry.key)),
                    allowed.join(", "),
                );
            }
        }
        Some(Self { line: node.line, what, node })
    }

    /// The value of `key`, if it is there. A key without a value counts as
    /// absent when it is optional.
    pub(crate) fn optional(&self, key: &str) -> Option<&'n Node> {
        self.find(key).filter(|node| !node.is_absent())
    }

    /// The value of `key`; its absence is reported.
    pub(crate) fn required(
        &self,
        key: &str,
        allowed: &str,
        report: &mut Report,
    ) -> Option<&'n Node> {
        match self.find(key) {
            Some(node) if node.is_absent() => {
                report.error(node.line, format!("`{key}` without a value"), allowed);
                None
            }
            Some(node) => Some(node),
            None => {
                report.error(self.line, format!("no `{key}` in {}", self.what), allowed);
                None
            }
        }
    }

    fn find(&self, key: &str) -> Option<&'n Node> {
        match &self.node.value {
            Value::Mapping(entries) => {
                entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
            }
            _ => None,
        }
    }
}

impl Node {
    /// The entries of a mapping; anything else is reported.
    pub(crate) fn entries(
        &self,
        what: &str,
        allowed: &str,
        report: &mut Report,
    ) -> Option<&[super::document::Entry]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => {
                self.refuse(what, allowed, report);
                None
            }
        }
    }

    /// The items of a list; anything else is reported.
    pub(crate) fn items(&self, what: &str, allowed: &str, report: &mut Report) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => {
                self.refuse(what, allowed, report);
                None
            }
        }
    }

    /// The text of a scalar; anything else is reported.
    pub(crate) fn text(&self, what: &str, allowed: &str, report: &mut Report) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_absent() => Some(text),
            _ => {
                self.refuse(what, allowed, report);
                None
            }
        }
    }

    /// The scalar as `read` understands it; anything else is reported.
    pub(crate) fn parsed<T>(
        &self,
        what: &str,
        allowed: &str,
        report: &mut Report,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = read(self.text(what, allowed, report)?);
        if value.is_none() {
            self.refuse(what, allowed, report);
        }
        value
    }

    /// Reports that this is not what is allowed here.
    pub(crate) fn refuse(&self, what: &str, allowed: &str, report: &mut Report) {
        if !matches!(self.value, Value::Refused) {
            report.error(self.line, format!("{what} {}", self.describe()), allowed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::parse;
    use super::*;

    #[test]
    fn one_pass_tells_everything() {
        let mut report = Report::new("f");
        let node = parse(b"a: [1]\nc: 2\nd:\ne: *x\n", &mut report).unwrap();
        let fields = Fields::read(&node, "the file", &["a", "b", "d", "e"], &mut report).unwrap();
        let number = |text: &str| text.parse::<u32>().ok();
        for key in ["a", "b", "d", "e"] {
            if let Some(node) = fields.required(key, "a number", &mut report) {
                assert_eq!(node.parsed(&format!("`{key}`"), "a number", &mut report, number), None);
            }
        }
        let found: Vec<_> = report.into_findings().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "f:1: `a` that is a list; allowed: a number",
                "f:1: no `b` in the file; allowed: a number",
                "f:2: unknown key `c` in the file; allowed: a, b, d, e",
                "f:3: `d` without a value; allowed: a number",
                "f:4: an alias (*); allowed: every value written out where it belongs",
            ]
        );
    }

    #[test]
    fn what_is_repeated_stays_on_one_line_and_short() {
        assert_eq!(quote("a\nb"), "`a\\nb`");
        assert_eq!(quote(&"x".repeat(100)).chars().count(), MAX_QUOTED + 3);
    }
}
