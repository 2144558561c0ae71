//! Reading a configuration file, and checking what it names outside itself.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::opt_out::OptOut;
use super::read::{Named, read};
use super::settings::Config;
use crate::dns::read::{ALLOWED, unpacked};
use crate::dns::{Coverage, ReadError, Reading, read as read_answers};
use crate::infrastructure::certificates::{ALLOWED as SCANS_ALLOWED, LONGEST_LINE};
use crate::infrastructure::{Ranges, Scans};
use crate::model::time::Timestamp;
use jiff::civil::Date;

use crate::signature::document::MAX_BYTES;
use crate::signature::fields::Report;
use crate::signature::{Finding, Freshness, Severity};

/// How much of a feed `check` reads, in bytes.
const PEEK: u64 = 1 << 18;
/// How much of a file of scan data, unpacked: its longest line.
const PEEK_SCAN: u64 = LONGEST_LINE;

/// Loads a configuration, or says everything that is wrong with it. What it
/// names outside itself is read by those who need it.
pub fn load(path: &Path) -> Result<Config, Vec<Finding>> {
    let mut report = Report::new(&path.display().to_string());
    let config = open(path, &mut Named::default(), &mut report);
    errors_or(config, report)
}

/// Reads a configuration from its bytes, those of the file called `name`; what it
/// names is meant to be below `base`.
pub fn parse(name: &str, base: &Path, bytes: &[u8]) -> Result<Config, Vec<Finding>> {
    let mut report = Report::new(name);
    let config = read(bytes, base, &mut Named::default(), &mut report);
    errors_or(config, report)
}

fn errors_or(config: Option<Config>, report: Report) -> Result<Config, Vec<Finding>> {
    let error = |finding: &Finding| finding.severity == Severity::Error;
    config.ok_or_else(|| report.into_findings().into_iter().filter(error).collect())
}

/// A configuration and all that is to be said about it.
#[derive(Debug)]
pub struct Checked {
    /// The configuration, unless it has an error itself.
    pub config: Option<Config>,
    /// Errors and warnings, also of the files that it names.
    pub findings: Vec<Finding>,
}

/// Checks a configuration and opens everything that it names.
pub fn check(path: &Path, today: Date) -> Checked {
    let mut report = Report::new(&path.display().to_string());
    let mut named = Named::default();
    let config = open(path, &mut named, &mut report);
    for (feed, line) in &named.feeds {
        must_answer(feed, *line, &mut report);
    }
    for (list, line) in &named.ranges {
        must_list(list, *line, &mut report);
    }
    for (scan, line) in &named.scans {
        must_scan(scan, *line, &mut report);
    }
    if let Some((token, line)) = &named.token
        && must_open(token, *line, &mut report).is_some()
    {
        check_token(token, *line, &mut report);
    }
    if let Some((tls, line)) = &named.tls
        && let Err(problem) = tls.load()
    {
        report.error(*line, problem, "files of TLS that can be used");
    }
    if let Some((key, line)) = &named.key {
        check_key(key, *line, &mut report);
    }
    let mut others = Vec::new();
    if let Some((file, _)) = &named.opt_out {
        let listed = OptOut { file: Some(file.clone()), ..OptOut::default() };
        others.extend(listed.load().err().unwrap_or_default());
    }
    if let Some((signatures, line)) = &named.signatures {
        let examined = signatures.check(Freshness::on(today));
        if examined.set.is_none() {
            report.error(
                *line,
                "signatures that cannot be used",
                "a folder in which `hayrake signature check` finds no error",
            );
        }
        others.extend(examined.findings);
    }
    let mut findings = report.into_findings();
    findings.extend(others);
    Checked { config, findings }
}

fn open(path: &Path, named: &mut Named, report: &mut Report) -> Option<Config> {
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    if let Err(error) =
        fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    {
        report.error(1, error.to_string(), "a configuration file that can be read");
        return None;
    }
    let base = path.parent().map(Path::to_path_buf).unwrap_or_default();
    read(&bytes, &base, named, report)
}

fn must_open(path: &Path, line: usize, report: &mut Report) -> Option<fs::File> {
    let opened = fs::metadata(path).and_then(|found| {
        if found.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { fs::File::open(path) }
    });
    opened
        .inspect_err(|error| {
            report.error(line, format!("{}: {error}", path.display()), "a file that can be read");
        })
        .ok()
}

/// Reads the beginning of a feed: enough to see that it is no DNS answers at
/// all, without reading gigabytes. A file that is still empty is fine, since
/// it is read again when it changes.
fn must_answer(path: &Path, line: usize, report: &mut Report) {
    let Some(file) = must_open(path, line, report) else { return };
    let reading = Reading::new(Coverage::Partial, Timestamp::MAX);
    let empty = file.metadata().is_ok_and(|found| found.len() == 0);
    let problem = match read_answers(file.take(PEEK), &reading, &mut |_| {}) {
        Err(ReadError::UnknownFormat) if empty => return,
        Err(ReadError::UnknownFormat) => "no DNS answer at its beginning".to_owned(),
        Err(ReadError::Packed(how)) => format!("packed with {how}"),
        Err(error) => error.to_string(),
        Ok(_) => return,
    };
    report.error(line, format!("{}: {problem}", path.display()), ALLOWED);
}

/// Reads a list of address ranges whole, as it is taken whole or not at all.
fn must_list(path: &Path, line: usize, report: &mut Report) {
    let Some(file) = must_open(path, line, report) else { return };
    if let Err(problem) = Ranges::default().read(file, None, "") {
        report.error(
            line,
            format!("{}: {problem}", path.display()),
            "a list of ranges as its provider publishes it",
        );
    }
}

/// Reads the beginning of a file of scan data: enough to see that no line of it
/// is any. An empty file is fine, as with a feed.
fn must_scan(path: &Path, line: usize, report: &mut Report) {
    let Some(file) = must_open(path, line, report) else { return };
    let head = unpacked(file).map(|(_, input)| input.take(PEEK_SCAN));
    let scan = |head| Scans::default().read(head, Timestamp::EPOCH, Timestamp::MAX);
    let problem = match head.and_then(scan) {
        Ok(found) if found.lines == 0 || found.damaged < found.lines => return,
        Ok(found) => found.problems.first().map_or_else(
            || "no scan data at its beginning".to_owned(),
            |first| {
                format!("no scan data at its beginning; its line {}: {}", first.line, first.what)
            },
        ),
        Err(error) => error.to_string(),
    };
    report.error(line, format!("{}: {problem}", path.display()), SCANS_ALLOWED);
}

/// Who reads the token may ask about single lines.
fn check_token(path: &Path, line: usize, report: &mut Report) {
    if let Some(mode) = mode(path).filter(|mode| mode & 0o007 != 0) {
        report.warning(
            line,
            format!("token file {} with mode {mode:04o}", path.display()),
            "mode 0600 or 0640: who reads the token can ask about single lines",
        );
    }
}

fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).ok().map(|found| found.permissions().mode() & 0o777)
}

/// A key that is missing is made by `run`; one that others can read lets them
/// turn pseudonyms back into addresses.
fn check_key(path: &Path, line: usize, report: &mut Report) {
    if let Some(mode) = mode(path).filter(|mode| mode & 0o077 != 0) {
        report.warning(
            line,
            format!("key file {} with mode {mode:04o}", path.display()),
            "mode 0600: who reads the key can turn pseudonyms back into addresses",
        );
    }
}
