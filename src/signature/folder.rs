//! Where signatures come from: a folder on disk, or the shipped one that is
//! part of the program.

use std::fs;
use std::io::Read;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::compile::{Examined, MAX_CLASSES, SourceFile, examine};
use super::definition::SignatureSet;
use super::document::MAX_BYTES;
use super::fields::Report;
use super::finding::Finding;
use super::review::Freshness;

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/signatures");

/// Reads a signature folder, or says everything that is wrong with it.
pub fn load(dir: &Path) -> Result<SignatureSet, Vec<Finding>> {
    check_dir(dir, None).into_result()
}

/// Reads a signature folder and says all there is to say about it.
pub fn check_dir(dir: &Path, freshness: Option<Freshness>) -> Examined {
    let mut files = Vec::new();
    let mut findings = Vec::new();
    gather(dir, "", &mut files, &mut findings);
    if findings.is_empty() && files.is_empty() {
        findings.push(problem(dir, "no signature file", "at least one <level>/<class>.yaml"));
    }
    let mut examined = examine(&files, freshness);
    if !findings.is_empty() {
        examined.set = None;
        examined.findings.extend(findings);
        examined.findings.sort();
    }
    examined
}

/// The signatures that are part of the program.
pub fn shipped() -> Result<SignatureSet, Vec<Finding>> {
    check_shipped(None).into_result()
}

/// The signatures that are part of the program, and what is to be said about
/// them.
pub fn check_shipped(freshness: Option<Freshness>) -> Examined {
    let mut files = Vec::new();
    embedded(&SHIPPED, &mut files);
    examine(&files, freshness)
}

fn embedded(dir: &Dir<'_>, files: &mut Vec<SourceFile>) {
    for file in dir.files() {
        let place = file.path().display().to_string();
        if place.ends_with(".yaml") {
            let path = format!("signatures/{place}");
            files.push(SourceFile { place, path, bytes: file.contents().to_vec() });
        }
    }
    for inner in dir.dirs() {
        embedded(inner, files);
    }
}

/// Gathers the YAML files of `dir` and of the folders in it. Hidden files are
/// passed over, since editors leave such; `.yml` is not, because a class that
/// is silently not read is worse than a finding.
fn gather(dir: &Path, prefix: &str, files: &mut Vec<SourceFile>, findings: &mut Vec<Finding>) {
    let entries = match fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => {
            findings.push(problem(dir, error.to_string(), "a folder that can be read"));
            return;
        }
    };
    let mut paths: Vec<_> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(name) = name.filter(|name| !name.starts_with('.')) else { continue };
        let place = format!("{prefix}{name}");
        if path.is_dir() {
            // Classes lie one folder deep. Files one deeper are gathered to be
            // refused; the bound keeps a link to a folder above from looping.
            if prefix.matches('/').count() < 2 {
                gather(&path, &format!("{place}/"), files, findings);
            }
        } else if name.ends_with(".yml") {
            findings.push(problem(&path, "a file that ends in .yml", "files that end in .yaml"));
        } else if name.ends_with(".yaml") {
            if files.len() > MAX_CLASSES {
                findings.push(problem(&path, "one file too many", "at most 10000 files"));
                return;
            }
            match read(&path) {
                Ok(bytes) => {
                    files.push(SourceFile { place, path: path.display().to_string(), bytes });
                }
                Err(error) => {
                    findings.push(problem(&path, error.to_string(), "a file that can be read"));
                }
            }
        }
    }
}

/// One byte more than is allowed is enough to see that a file is too long.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn problem(path: &Path, found: impl Into<String>, allowed: &str) -> Finding {
    let mut report = Report::new(&path.display().to_string());
    report.error(1, found, allowed);
    report.into_findings().remove(0)
}
