//! The section `lines.opt_out`: subscribers who are left alone.
//!
//! Who stands here has asked for privacy, so no message repeats an entry: it
//! says the file and the line, and whoever may read the file looks there.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use ipnetwork::IpNetwork;

use super::read::{Named, or, read_path};
use crate::signature::Finding;
use crate::signature::document::Node;
use crate::signature::fields::{Fields, Report};

/// Most prefixes in the configuration and in the file, each: more than a
/// million subscribers who opt out are no exception any more.
const MOST: usize = 1_000_000;
/// Largest file, in bytes: a million entries with a short comment each.
const MAX_BYTES: u64 = 64 << 20;
/// Entries of a file that are complained about one by one.
const MOST_SAID: usize = 20;

const ALLOWED: &str = "a prefix or an address, such as 198.51.100.7 or 2001:db8:0:100::/56";

/// Prefixes that are never made lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptOut {
    /// Those in the configuration.
    pub prefixes: Vec<IpNetwork>,
    /// A file with more, one a line.
    pub file: Option<PathBuf>,
}

impl OptOut {
    /// All prefixes, those of the file too, or everything that is wrong with it.
    pub fn load(&self) -> Result<Vec<IpNetwork>, Vec<Finding>> {
        let mut prefixes = self.prefixes.clone();
        if let Some(path) = &self.file {
            let mut report = Report::new(&path.display().to_string());
            read_file(path, &mut prefixes, &mut report);
            if report.has_errors() {
                return Err(report.into_findings());
            }
        }
        Ok(prefixes)
    }
}

/// The prefixes in the bytes of a file called `name`, or all that is wrong.
pub fn parse_opt_out(name: &str, bytes: &[u8]) -> Result<Vec<IpNetwork>, Vec<Finding>> {
    let (mut prefixes, mut report) = (Vec::new(), Report::new(name));
    read_lines(bytes, &mut prefixes, &mut report);
    if report.has_errors() { Err(report.into_findings()) } else { Ok(prefixes) }
}

/// Reads the section.
pub(super) fn read_opt_out(
    node: &Node,
    base: &Path,
    named: &mut Named,
    report: &mut Report,
) -> Option<OptOut> {
    let fields = Fields::read(node, "opt_out", &["prefixes", "file"], report)?;
    let prefixes = or(&fields, "prefixes", Vec::new, |node| {
        let items = node.items("prefixes", "a list of prefixes", report)?;
        if items.len() > MOST {
            report.error(node.line, format!("{} prefixes", items.len()), "at most 1000000");
            return None;
        }
        let read = items.iter().map(|item| {
            let prefix = item.text("prefix", ALLOWED, report).and_then(prefix_of);
            if prefix.is_none() {
                report.error(item.line, "an entry of opt_out that is no prefix", ALLOWED);
            }
            prefix
        });
        // Every entry is looked at before the first that is wrong ends it.
        read.collect::<Vec<_>>().into_iter().collect()
    });
    let file = or(
        &fields,
        "file",
        || None,
        |node| {
            let path = read_path(node, "file", base, report)?;
            named.opt_out = Some((path.clone(), node.line));
            Some(Some(path))
        },
    );
    Some(OptOut { prefixes: prefixes?, file: file? })
}

/// A prefix without bits beyond its length; an address is one of one address.
fn prefix_of(text: &str) -> Option<IpNetwork> {
    text.parse::<IpNetwork>().ok().filter(|net| net.ip() == net.network())
}

/// One prefix a line; `#` begins a comment.
fn read_file(path: &Path, prefixes: &mut Vec<IpNetwork>, report: &mut Report) {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return report.error(1, error.to_string(), "a file that can be read"),
    };
    read_lines(file, prefixes, report);
}

fn read_lines(input: impl Read, prefixes: &mut Vec<IpNetwork>, report: &mut Report) {
    let mut input = BufReader::new(input.take(MAX_BYTES + 1));
    let (mut bytes, mut wrong) = (0, 0);
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        match input.read_until(b'\n', &mut text) {
            Ok(0) => break,
            Ok(read) => bytes += read as u64,
            Err(error) => return report.error(line, error.to_string(), "a file that can be read"),
        }
        let entry = text.split(|byte| *byte == b'#').next().unwrap_or_default();
        let entry = std::str::from_utf8(entry).map(str::trim);
        if entry == Ok("") {
            continue;
        }
        match entry.ok().and_then(prefix_of) {
            Some(_) if prefixes.len() >= 2 * MOST => {
                return report.error(line, "more than a million prefixes", "at most 1000000");
            }
            Some(net) => prefixes.push(net),
            None if wrong < MOST_SAID => {
                wrong += 1;
                report.error(line, "an entry that is no prefix", ALLOWED);
            }
            None => return report.error(line, "more entries that are no prefix", ALLOWED),
        }
    }
    if bytes > MAX_BYTES {
        report.error(1, "a file of more than 64 MB", "at most a million prefixes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(content: &[u8]) -> Result<Vec<IpNetwork>, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("opt-out");
        std::fs::write(&path, content).unwrap();
        let opt_out =
            OptOut { prefixes: vec!["203.0.113.0/24".parse().unwrap()], file: Some(path) };
        let shown = |finding: &Finding| {
            let text = finding.to_string();
            text.rsplit_once("opt-out:").unwrap().1.to_owned()
        };
        opt_out.load().map_err(|wrong| wrong.iter().map(shown).collect())
    }

    #[test]
    fn the_file_adds_to_the_configuration() {
        let read = load(b"# by letter of 2026-11-02\n198.51.100.7 # two doors on\n\n2001:db8::/56")
            .unwrap();
        let shown: Vec<_> = read.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["203.0.113.0/24", "198.51.100.7/32", "2001:db8::/56"]);
    }

    #[test]
    fn what_is_wrong_is_said_by_its_line_and_never_repeated() {
        let wrong = load(b"198.51.100.7\n198.51.100.8/24\nMrs. Miller\n\xff\n").unwrap_err();
        let lines: Vec<_> =
            wrong.iter().map(|wrong| wrong.split(':').next().unwrap().to_owned()).collect();
        assert_eq!(lines, ["2", "3", "4"], "{wrong:?}");
        let all = wrong.join("\n");
        assert!(!all.contains("100.8") && !all.contains("Miller"), "{all}");
        let many = load("x\n".repeat(1_000).as_bytes()).unwrap_err();
        assert_eq!(many.len(), MOST_SAID + 1);
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let opt_out = OptOut { prefixes: Vec::new(), file: Some("/nowhere/opt-out".into()) };
        let wrong = opt_out.load().unwrap_err();
        assert!(wrong[0].to_string().starts_with("/nowhere/opt-out:1: "), "{wrong:?}");
    }
}
