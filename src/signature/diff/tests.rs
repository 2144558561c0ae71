//! Folders that differ, and what is told of it.

use super::super::compile::{SourceFile, compile};
use super::*;

const KETTLE: &str = "\
class: kettle
name: Kettle
level: product
vendor: Acme
groups:
  - {names: [a.example.com, b.example.com], role: primary, ports: [443/tcp]}
  - {names: [c.example.com], role: support}
sources: [x]
checked: 2026-11-21
";

fn set(kettle: &str, owners: &str) -> SignatureSet {
    let file = |place: &str, text: &str| SourceFile {
        place: place.to_owned(),
        path: place.to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    compile(&[file("product/kettle.yaml", kettle), file("owners.yaml", owners)]).unwrap()
}

fn changes(edits: &[(&str, &str)]) -> Vec<String> {
    let edited = edits.iter().fold(KETTLE.to_owned(), |text, (old, new)| text.replace(old, new));
    diff(&set(KETTLE, ""), &set(&edited, "acme: [example.com]"))
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_changes_for_detection_is_told() {
    let told = changes(&[
        ("vendor: Acme", "vendor: Acme\nthreshold: 1\nin_use_packets: 5"),
        ("[a.example.com, b.example.com]", "[b.example.com, d.example.com]"),
        ("443/tcp", "8443/tcp"),
        ("[c.example.com], role: support", "[e.example.com], role: primary"),
    ]);
    assert_eq!(
        told,
        [
            "kettle: D 0.4 -> 1",
            "kettle: required at most 1 -> 2",
            "kettle: in use from packets none -> 5",
            "kettle: group `a.example.com` is now called `b.example.com`, so evidence gathered today under the old name is lost",
            "kettle: group `b.example.com` without `a.example.com`",
            "kettle: group `b.example.com` with `d.example.com`",
            "kettle: ports of group `a.example.com` 443/tcp -> 8443/tcp, so other traffic counts",
            "kettle: group `c.example.com` gone",
            "kettle: group `e.example.com` new (primary)",
            "example.com: owner example.com -> acme",
        ]
    );
}

/// The changes from one list of groups to another, each group the first
/// letters of its names, in capitals if it is primary, and `:` and ports.
fn regrouped(old: &[&str], new: &[&str]) -> Vec<String> {
    let groups = |groups: &[&str]| {
        let mut text = KETTLE.split("  - ").next().unwrap().to_owned();
        for group in groups {
            let (letters, ports) = group.split_once(':').unwrap_or((group, ""));
            let names: Vec<_> =
                letters.chars().map(|c| format!("{c}.example.com").to_lowercase()).collect();
            let upper = letters.chars().all(|c| c.is_ascii_uppercase());
            let role = if upper { "primary" } else { "support" };
            let ports =
                if ports.is_empty() { String::new() } else { format!(", ports: [{ports}]") };
            text += &format!("  - {{names: [{}], role: {role}{ports}}}\n", names.join(", "));
        }
        text + "sources: [x]\nchecked: 2026-11-21\n"
    };
    let told = diff(&set(&groups(old), ""), &set(&groups(new), ""));
    told.iter().map(|change| change.what.clone()).collect()
}

#[test]
fn groups_that_merge_and_split_are_told_as_such() {
    assert_eq!(
        regrouped(&["A", "B", "C"], &["AB", "C"]),
        ["N at most 3 -> 2", "groups `a.example.com`, `b.example.com` are one now and count once"]
    );
    assert_eq!(
        regrouped(&["AB", "C"], &["A", "B", "C"]),
        [
            "N at most 2 -> 3",
            "group `a.example.com` without `b.example.com`",
            "group `b.example.com` new (primary), split from `a.example.com`, so both count",
        ]
    );
    assert_eq!(regrouped(&["A", "B"], &["B", "A"]), [""; 0]);
}

#[test]
fn the_loss_of_primary_groups_is_told() {
    let none = "none of its primary groups is one any more, so what claimed it no longer does";
    assert_eq!(
        regrouped(&["A", "b"], &["a", "B"]),
        [
            "role of group `a.example.com` primary -> support",
            "role of group `b.example.com` support -> primary",
            none,
        ]
    );
    assert!(regrouped(&["A", "b"], &["b", "C"]).contains(&none.to_owned()));
    assert_eq!(
        regrouped(&["A", "B", "c"], &["A", "b", "c"]),
        [
            "role of group `b.example.com` primary -> support",
            "hangs on one primary group now, `a.example.com`",
        ]
    );
    assert_eq!(regrouped(&["A", "b"], &["A", "B"]).len(), 1);
}

#[test]
fn narrower_ports_are_told_from_wider_ones() {
    let ports = |old: &str, new: &str| regrouped(&[&format!("A{old}")], &[&format!("A{new}")]);
    assert_eq!(
        ports("", ":443/tcp"),
        ["ports of group `a.example.com` any -> 443/tcp, so less counts"]
    );
    assert!(ports(":443/tcp", "")[0].ends_with("443/tcp -> any, so more counts"));
    assert!(ports(":443/tcp, 80/tcp", ":80/tcp")[0].ends_with("so less counts"));
    assert!(ports(":80/tcp", ":80/tcp, 80/udp")[0].ends_with("so more counts"));
    assert!(ports(":80/tcp", ":80/udp")[0].ends_with("so other traffic counts"));
}

#[test]
fn a_class_with_another_name_is_not_a_new_one() {
    let file = |class: &str, text: String| SourceFile {
        place: format!("product/{class}.yaml"),
        path: class.to_owned(),
        bytes: text.into_bytes(),
    };
    let pot = KETTLE.replace("class: kettle", "class: pot\nthreshold: 1");
    let child = KETTLE
        .replace("class: kettle", "class: lid\nparent: pot")
        .replace("a.example", "l.example");
    let lid = child.replace("parent: pot\n", "");
    let old = compile(&[file("kettle", KETTLE.to_owned()), file("lid", lid)]).unwrap();
    let new = compile(&[file("pot", pot), file("lid", child)]).unwrap();
    let told: Vec<_> = diff(&old, &new).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "kettle: is now called `pot`, with the same groups; evidence gathered today under the old name is lost",
            "kettle: D 0.4 -> 1",
            "kettle: required at most 1 -> 2",
            "lid: parent none -> pot, so it is claimed only together with `pot`",
        ]
    );
    let back: Vec<_> = diff(&new, &old).iter().map(ToString::to_string).collect();
    assert!(back.contains(&"lid: parent pot -> none, so it is claimed by itself".to_owned()));
    let other = KETTLE.replace("class: kettle", "class: pot").replace("c.example", "x.example");
    let other = compile(&[file("pot", other)]).unwrap();
    let told: Vec<_> = diff(&set(KETTLE, ""), &other).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["kettle: gone, nothing is claimed any more", "pot: new product of 2 groups, 1 required"]
    );
}

#[test]
fn what_does_not_change_detection_is_not_told() {
    let told = changes(&[("Kettle", "The Kettle"), ("sources: [x]", "sources: [y]")]);
    assert_eq!(told, ["example.com: owner example.com -> acme"]);
    let (old, none) = (set(KETTLE, ""), SignatureSet::default());
    assert!(diff(&old, &old).is_empty());
    assert_eq!(diff(&old, &none)[0].to_string(), "kettle: gone, nothing is claimed any more");
    let told = diff(&none, &old)[0].to_string();
    assert_eq!(told, "kettle: new product of 2 groups, 1 required");
}
