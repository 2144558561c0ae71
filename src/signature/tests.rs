//! What a signature folder may say, what is said about one that is wrong, and
//! what is true of the shipped one.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::model::domain::NamePattern;
use crate::model::rules::{Level, Role};

/// A right file; the line numbers in this file count in it.
const KETTLE: &str = "\
class: kettle
name: Kettle
level: product
vendor: Acme
threshold: 0.40
groups:
  - names: [api.kettle.example, \"*.edge.kettle.example\"]
    role: primary
    ports: [443/tcp]
    packets_per_hour: {idle: 120, active: 400.5}
  - names: [cdn.kettle.example]
    role: support
sources: [somebody's capture]
checked: 2026-11-21
";

fn file(place: &str, text: &str) -> SourceFile {
    SourceFile { place: place.to_owned(), path: place.to_owned(), bytes: text.as_bytes().to_vec() }
}

/// The findings about a folder that holds `files`.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(place, text)| file(place, text)).collect();
    let examined = examine(&files, Some(Freshness::on(date(2026, 11, 22))));
    examined.findings.iter().map(ToString::to_string).collect()
}

/// The findings about the kettle with `old` replaced by `new`.
fn told_of(old: &str, new: &str) -> Vec<String> {
    assert!(KETTLE.contains(old), "{old}");
    told(&[("product/kettle.yaml", &KETTLE.replacen(old, new, 1))])
}

/// Another class after the model of the kettle.
fn like_kettle(class: &str, level: &str, parent: &str) -> String {
    let parent = if parent.is_empty() { String::new() } else { format!("parent: {parent}\n") };
    format!("{parent}{}", KETTLE.replace("kettle", class).replace("product", level))
}

#[test]
fn a_right_file_says_what_it_says() {
    let set = compile(&[file("product/kettle.yaml", KETTLE)]).unwrap();
    let class = set.class("kettle").unwrap();
    assert_eq!((&*class.name, &*class.vendor, class.level), ("Kettle", "Acme", Level::Product));
    assert_eq!(class.threshold.to_string(), "0.4");
    assert_eq!((class.in_use_packets, class.checked), (None, date(2026, 11, 21)));
    assert_eq!(class.groups.len(), 2);
    let group = &class.groups[0];
    assert_eq!(group.id, crate::model::group::GroupId::new("kettle", "api.kettle.example"));
    assert_eq!((group.role, group.ports[0].number), (Role::Primary, 443));
    assert_eq!(group.packets_per_hour.unwrap().active, 400.5);
    assert_eq!(group.names[1].to_string(), "*.edge.kettle.example");
    assert!(told(&[("product/kettle.yaml", KETTLE)]).is_empty());
}

#[test]
fn every_kind_of_mistake_has_its_line_and_says_what_is_allowed() {
    let table = [
        ("class: kettle", "class: pot", "1: class `pot`; allowed: `kettle`, as the file is called"),
        ("class: kettle\n", "", "1: no `class` in the signature; allowed: `kettle`"),
        ("name: Kettle", "name:", "2: `name` without a value; allowed: one line of at most 300"),
        ("name: Kettle", "name: [a]", "2: name that is a list"),
        (
            "level: product",
            "level: platform",
            "3: level `platform`; allowed: `product`, as the folder",
        ),
        (
            "vendor: Acme",
            "vender: Acme",
            "4: unknown key `vender` in the signature; allowed: class, name,",
        ),
        (
            "threshold: 0.40",
            "threshold: 1.01",
            "5: threshold `1.01`; allowed: a decimal above 0 and at most 1",
        ),
        ("threshold: 0.40", "threshold: 4e-1", "5: threshold `4e-1`"),
        ("threshold: 0.40", "threshold: 0", "5: threshold `0`"),
        (
            "threshold: 0.40",
            "in_use_packets: 0",
            "5: in_use_packets `0`; allowed: a whole number from 1",
        ),
        ("threshold: 0.40", "in_use_packets: +5", "5: in_use_packets `+5`"),
        ("threshold: 0.40", "parent: Kettles", "5: parent `Kettles`; allowed: lower-case letters"),
        (
            "threshold: 0.40",
            "parent: pot",
            "5: unknown parent `pot`; allowed: a class that has a file",
        ),
        (
            "threshold: 0.40",
            "parent: kettle",
            "5: circle of parents: kettle -> kettle; allowed: a tree",
        ),
        ("threshold: 0.40", "class: kettle", "5: key `class` again, first in line 1"),
        (
            "api.kettle.example,",
            "api..example,",
            "7: a label of `api..example` is 0 characters long",
        ),
        (
            "api.kettle.example,",
            "a*.example,",
            "7: `a*.example` has a `*` that is not a leading `*.`",
        ),
        ("api.kettle.example,", "192.0.2.7,", "7: address `192.0.2.7`; allowed: a name such as"),
        (
            "api.kettle.example,",
            "\"*.co.uk\",",
            "7: `*.co.uk`, a suffix under which anybody can register",
        ),
        ("api.kettle.example,", "s3.amazonaws.com,", "7: `s3.amazonaws.com`, a suffix under which"),
        ("api.kettle.example,", "{a: b},", "7: name that is a mapping"),
        (
            "cdn.kettle.example",
            "API.kettle.example.",
            "11: name `API.kettle.example.` again, first in line 7",
        ),
        ("[cdn.kettle.example]", "[]", "11: 0 names; allowed: a list of 1 to 1000 names"),
        ("role: primary", "role: main", "8: role `main`; allowed: primary, support"),
        ("    role: primary\n", "", "7: no `role` in the group; allowed: primary, support"),
        (
            "role: primary",
            "role: support",
            "7: no group with `role: primary`; allowed: a list of 1 to 1000",
        ),
        ("443/tcp", "443", "9: port `443`; allowed: a port such as 443/tcp or 123/udp"),
        ("443/tcp", "443/tcp, 443/tcp", "9: port `443/tcp` again; allowed: every port once"),
        ("[443/tcp]", "[]", "9: 0 ports; allowed: a list of 1 to 100 ports"),
        ("idle: 120", "idle: -1", "10: idle `-1`; allowed: packets an hour as a decimal from 0"),
        ("idle: 120", "idle: inf", "10: idle `inf`"),
        ("idle: 120, ", "", "10: no `idle` in packets_per_hour; allowed: a mapping such as"),
        (
            "role: support",
            "roles: support",
            "12: unknown key `roles` in the group; allowed: names, role, ports",
        ),
        ("[somebody's capture]", "[]", "13: no source; allowed: a list of at least one line"),
        ("[somebody's capture]", "[\"a\\nb\"]", "13: source `a\\nb`"),
        (
            "2026-11-21",
            "2026-11-31",
            "14: checked `2026-11-31`; allowed: a date such as 2026-11-21",
        ),
        ("2026-11-21", "21.11.2026", "14: checked `21.11.2026`"),
        ("2026-11-21", "2025-11-21", "14: warning: facts last checked on 2025-11-21, 366 days ago"),
        ("2026-11-21", "2026-11-23", "14: warning: facts checked on 2026-11-23, a day to come"),
        ("sources: [", "sources: {", "13: text that cannot be read as YAML"),
    ];
    for (old, new, start) in table {
        let found = told_of(old, new);
        let start = format!("product/kettle.yaml:{start}");
        assert!(found.iter().any(|line| line.starts_with(&start)), "{start}\n{found:#?}");
    }
}

#[test]
fn one_pass_over_a_folder_tells_everything() {
    let broken = KETTLE.replace("0.40", "2").replace("443/tcp", "443").replace("primary", "main");
    let found = told(&[
        ("product/kettle.yaml", &broken),
        ("product/Pot.yaml", KETTLE),
        ("product/deep/pot.yaml", KETTLE),
        ("gadget/pot.yaml", KETTLE),
        ("platform/pot.yaml", "- a\n"),
        ("defaults.yaml", "threshold: 7\nrole: primary\n"),
        (
            "owners.yaml",
            "Acme: [a.example.com]\nb: example.org\nc: []\nd: [example.net]\ne: [example.net]\n",
        ),
    ]);
    let starts = [
        "defaults.yaml:1: threshold `7`",
        "defaults.yaml:2: unknown key `role` in the defaults; allowed: threshold, in_use_packets",
        "gadget/pot.yaml:1: file `gadget/pot.yaml` of no known use",
        "owners.yaml:1: name `a.example.com`; allowed: a registrable name",
        "owners.yaml:1: owner `Acme`",
        "owners.yaml:2: owner `example.org`; allowed: a list of at least one registrable name",
        "owners.yaml:3: owner `c` without a name",
        "owners.yaml:5: name `example.net` again, first in line 4",
        "platform/pot.yaml:1: the signature that is a list; allowed: a mapping with class,",
        "product/Pot.yaml:1: class `kettle`; allowed: `Pot`",
        "product/Pot.yaml:1: file name `Pot`",
        "product/deep/pot.yaml:1: file `product/deep/pot.yaml` of no known use",
        "product/kettle.yaml:5: threshold `2`",
        "product/kettle.yaml:8: role `main`",
        "product/kettle.yaml:9: port `443`",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (line, start) in found.iter().zip(starts) {
        assert!(line.starts_with(start), "{start}\n{found:#?}");
    }
}

#[test]
fn an_empty_class_is_told_of_and_empty_tables_are_fine() {
    let told = told(&[
        ("product/kettle.yaml", KETTLE),
        ("product/toaster.yaml", "# to be written\n"),
        ("owners.yaml", ""),
        ("defaults.yaml", ""),
    ]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("product/toaster.yaml:1: "), "{told:?}");
}

#[test]
fn parents_are_checked_across_files() {
    let upper = like_kettle("appliance", "manufacturer", "");
    let child = like_kettle("kettle", "product", "appliance");
    let files = [file("product/kettle.yaml", &child), file("manufacturer/appliance.yaml", &upper)];
    let order: Vec<_> =
        compile(&files).unwrap().classes.iter().map(|class| class.class.clone()).collect();
    assert_eq!(order, ["appliance".into(), "kettle".into()] as [std::sync::Arc<str>; 2]);

    let coarse = like_kettle("appliance", "platform", "kettle");
    let found = told(&[("product/kettle.yaml", KETTLE), ("platform/appliance.yaml", &coarse)]);
    assert_eq!(
        found,
        [
            "platform/appliance.yaml:1: parent `kettle` of level product for a class of level platform; allowed: a parent of the same level or a coarser one"
        ]
    );

    let ring = |class: &str, parent: &str| like_kettle(class, "product", parent);
    let found = told(&[
        ("product/a.yaml", &ring("a", "b")),
        ("product/b.yaml", &ring("b", "c")),
        ("product/c.yaml", &ring("c", "b")),
    ]);
    assert_eq!(
        found,
        [
            "product/b.yaml:1: circle of parents: b -> c -> b; allowed: a tree at most 16 classes deep",
            "product/c.yaml:1: circle of parents: c -> b -> c; allowed: a tree at most 16 classes deep",
        ]
    );

    let long: Vec<_> = (0..20)
        .map(|n| {
            let parent = if n == 0 { String::new() } else { format!("c{}", n - 1) };
            (format!("product/c{n}.yaml"), like_kettle(&format!("c{n}"), "product", &parent))
        })
        .collect();
    let long: Vec<_> = long.iter().map(|(place, text)| (place.as_str(), text.as_str())).collect();
    let found = told(&long);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found[0].contains("deeper than 16 classes"), "{found:#?}");
}

#[test]
fn a_class_has_one_file() {
    let other = KETTLE.replace("product", "platform");
    let found = told(&[("product/kettle.yaml", KETTLE), ("platform/kettle.yaml", &other)]);
    assert!(
        found.iter().any(|line| line.starts_with(
            "product/kettle.yaml:1: class `kettle` again, first in the folder `platform`"
        )),
        "{found:#?}"
    );
}

#[test]
fn a_broken_parent_is_not_an_unknown_one() {
    let upper = like_kettle("appliance", "product", "").replace("0.40", "9");
    let child = like_kettle("kettle", "product", "appliance");
    let found = told(&[("product/kettle.yaml", &child), ("product/appliance.yaml", &upper)]);
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn names_that_do_not_tell_classes_apart_are_warned_of() {
    let pot = KETTLE.replace("kettle\n", "pot\n").replace("api.kettle", "a.b.edge.kettle");
    let found = told(&[("product/kettle.yaml", KETTLE), ("product/pot.yaml", &pot)]);
    assert!(
        found[0].starts_with(
            "product/kettle.yaml:7: warning: name `*.edge.kettle.example`, which the class `pot` has too"
        ),
        "{found:#?}"
    );
    assert!(found.iter().all(|line| line.contains("warning")), "{found:#?}");
    let child = format!("parent: kettle\n{pot}");
    let found = told(&[("product/kettle.yaml", KETTLE), ("product/pot.yaml", &child)]);
    assert!(found.len() == 1 && found[0].contains("no group of its own"), "{found:#?}");
    let inside = told_of("cdn.kettle.example", "x.edge.kettle.example");
    assert_eq!(
        inside,
        [
            "product/kettle.yaml:11: warning: name `x.edge.kettle.example`, which `*.edge.kettle.example` in another group covers; allowed: groups whose names do not cover one another"
        ]
    );
}

#[test]
fn defaults_hold_where_a_class_says_nothing() {
    let silent = KETTLE.replace("threshold: 0.40\n", "");
    let files = [
        file("product/kettle.yaml", &silent),
        file("defaults.yaml", "threshold: 0.7\nin_use_packets: 12\n"),
    ];
    let set = compile(&files).unwrap();
    assert_eq!(set.classes[0].threshold.to_string(), "0.7");
    assert_eq!(set.classes[0].in_use_packets, Some(12));
}

#[test]
fn a_folder_is_read_like_the_shipped_one() {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/signatures"));
    assert_eq!(load(dir).unwrap(), shipped().unwrap(), "the program holds an old folder");
}

#[test]
fn a_folder_with_nothing_for_us_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let only = |findings: Vec<Finding>| findings[0].found.clone();
    assert_eq!(only(load(dir.path()).unwrap_err()), "no signature file");
    std::fs::create_dir(dir.path().join("product")).unwrap();
    std::fs::write(dir.path().join("product/kettle.yml"), KETTLE).unwrap();
    std::fs::write(dir.path().join("product/.kettle.yaml"), "left by an editor").unwrap();
    assert_eq!(only(load(dir.path()).unwrap_err()), "a file that ends in .yml");
    assert_eq!(load(Path::new("/nonexistent")).unwrap_err().len(), 1);
}

#[test]
fn the_shipped_folder_is_sound() {
    let examined = check_shipped(Some(Freshness::on(date(2026, 11, 21))));
    assert_eq!(examined.findings, [], "warnings are mended before shipping");
    let set = examined.set.unwrap();
    for level in Level::ALL {
        let classes = set.classes.iter().filter(|class| class.level == level).count();
        assert!(classes >= 5, "{level}: {classes}");
    }
    let parent = |class: &str| set.class(class).unwrap().parent.clone().unwrap();
    assert_eq!(&*parent("amazon-fire-tv"), "amazon-product");
    assert_eq!(&*parent("amazon-product"), "alexa-enabled");
    assert_eq!(&*parent("samsung-tv"), "samsung-iot");
    assert_eq!(set.class("alexa-enabled").unwrap().in_use_packets, Some(10));
    let names: Vec<_> =
        set.classes.iter().flat_map(|class| &class.groups).flat_map(|group| &group.names).collect();
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "a name stands in one group only");
}

proptest! {
    #[test]
    fn a_pattern_that_is_printed_reads_back(text in "(\\*\\.)?[a-zA-Z0-9_-]{1,20}(\\.[a-zA-Z0-9_-]{1,20}){0,5}\\.?") {
        let pattern: NamePattern = text.parse().unwrap();
        prop_assert_eq!(pattern.to_string().parse::<NamePattern>().unwrap(), pattern);
    }

    /// The body of a fuzz target, run on every test: whatever happens to a
    /// file, it is read or told about with places that exist in it.
    #[test]
    fn a_damaged_file_is_never_fatal(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..5), 1..12),
        pick in any::<prop::sample::Index>(),
    ) {
        const SCARS: [&[u8]; 12] = [
            b": ", b"\n- ", b"[", b"{", b"&a ", b"*a", b"!!x ", b"\"", b"|\n", b"? ", b"---\n", b"\xff",
        ];
        let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/signatures/product"));
        let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let path = pick.get(&paths);
        let mut bytes = std::fs::read(path).unwrap();
        for (at, byte, how) in cuts {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, byte),
                3 if at < bytes.len() => { bytes.remove(at); }
                _ => { bytes.splice(at..at, SCARS[usize::from(byte) % SCARS.len()].iter().copied()); }
            }
        }
        let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
        let place = format!("product/{}", path.file_name().unwrap().to_string_lossy());
        let file = SourceFile { path: place.clone(), place, bytes };
        for finding in examine(&[file], None).findings {
            prop_assert!((1..=lines + 1).contains(&finding.line), "{finding} of {lines}");
            prop_assert!(!finding.found.contains('\n') && !finding.found.is_empty());
        }
    }
}
