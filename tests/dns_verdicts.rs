//! How many names of real passive DNS are dedicated, shared and undecided, as
//! if signatures named them all. It asserts nothing but prints every verdict
//! with its reason, to be looked at by hand:
//!
//! ```sh
//! cargo test --test dns_verdicts -- --ignored --nocapture
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and figures are printed"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use hayrake::dns::{Coverage, Knowledge, Reading, read_into};
use hayrake::infrastructure::{Judge, Ranges, Signals, VerdictSettings};
use hayrake::model::time::{Day, Timestamp};
use hayrake::signature::shipped;

/// What a source without times is dated: 2019-03-01.
const DATED: Timestamp = Timestamp::from_secs(1_551_398_400);

fn shared(file: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")).join(file)
}

/// The published ranges of clouds and delivery networks.
fn ranges() -> Ranges {
    let mut ranges = Ranges::default();
    for entry in fs::read_dir(shared("cloud-ranges")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_name().unwrap().to_string_lossy().into_owned();
        let stem = stem.split(['-', '.']).next().unwrap_or_default();
        if !stem.starts_with("MANIFEST") {
            ranges.read(File::open(&path).unwrap(), None, stem).unwrap();
        }
    }
    ranges
}

#[test]
#[ignore = "prints figures of data that is not in the package"]
fn figures() {
    let signatures = shipped().unwrap();
    let owners = &signatures.owners;
    let groups = signatures.classes.iter().flat_map(|class| &class.groups);
    let patterns: Vec<_> = groups.flat_map(|group| &group.names).collect();
    let ranges = ranges();
    let usual = VerdictSettings::default();
    let list = VerdictSettings { trust_partial: true, min_count: 1, ..usual.clone() };
    let (sentinel, hosts) = ("iot_sentinel_2016.cof.jsonl", "intl-iot_tshark_all.hosts.tsv.gz");
    let (all, some) = (Coverage::Population, Coverage::Partial);
    for (file, coverage, settings, ranges, told) in [
        (sentinel, all, &usual, None, "usual"),
        (sentinel, all, &usual, Some(&ranges), "usual, ranges"),
        (sentinel, some, &usual, Some(&ranges), "usual, ranges, partial"),
        // A host list is partial whatever is said of it, and counts nothing.
        (hosts, all, &usual, None, "usual"),
        (hosts, all, &usual, Some(&ranges), "usual, ranges"),
        (hosts, all, &list, None, "trusted, all believed"),
        (hosts, all, &list, Some(&ranges), "trusted, all believed, ranges"),
    ] {
        let path = shared("pdns").join(file);
        if !path.exists() {
            println!("skipped: {file} of the shared data is not here");
            continue;
        }
        let reading = Reading { dated: DATED, ..Reading::new(coverage, Timestamp::MAX) };
        let mut dns = Knowledge::new();
        read_into(&mut dns, file, File::open(&path).unwrap(), &reading).unwrap();
        let signals = Signals { ranges, ..Signals::default() };
        let mut judge = Judge::new(&dns, owners, settings, Day(20_000), signals);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut signed: BTreeMap<&str, usize> = BTreeMap::new();
        let mut names: Vec<_> = dns.names().collect();
        names.sort_unstable_by_key(|(_, name)| (*name).clone());
        for (id, name) in names {
            let judged = judge.name(id);
            *counts.entry(judged.verdict.as_str()).or_default() += 1;
            if patterns.iter().any(|pattern| pattern.matches(name)) {
                *signed.entry(judged.verdict.as_str()).or_default() += 1;
            }
            let strays = judged.addresses.iter().map(|address| address.strays.len()).sum::<usize>();
            println!(
                "{file}, {told}\t{name}\t{}\t{} addresses\t{strays} strays\t{}",
                judged.owner,
                judged.addresses.len(),
                judged.verdict
            );
        }
        println!("FIGURES\t{file}\t{told}\t{counts:?}, of signatures {signed:?}");
    }
}
