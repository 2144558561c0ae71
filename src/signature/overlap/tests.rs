//! Folders in which classes tell the same, and their good neighbours.

use super::super::compile::{SourceFile, examine};

/// A class with `keys` and a primary group a line of `groups`: names, then
/// `on` and ports.
fn class(class: &str, keys: &str, groups: &[&str]) -> (String, String) {
    let mut text = format!("class: {class}\nname: X\nlevel: product\nvendor: X\n{keys}groups:\n");
    for group in groups {
        let (names, ports) = group.split_once(" on ").unwrap_or((group, ""));
        let names: Vec<_> = names.split(", ").map(|name| format!("\"{name}\"")).collect();
        let names = names.join(", ");
        let ports = if ports.is_empty() { String::new() } else { format!(", ports: [{ports}]") };
        text.push_str(&format!("  - {{names: [{names}], role: primary{ports}}}\n"));
    }
    text.push_str("sources: [x]\nchecked: 2026-11-21\n");
    (class.to_owned(), text)
}

fn told(classes: &[(String, String)]) -> Vec<String> {
    let file = |(class, text): &(String, String)| SourceFile {
        place: format!("product/{class}.yaml"),
        path: class.clone(),
        bytes: text.clone().into_bytes(),
    };
    let files: Vec<_> = classes.iter().map(file).collect();
    let examined = examine(&files, None);
    assert!(examined.set.is_some(), "{:?}", examined.findings);
    examined.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn classes_with_the_same_groups_cannot_be_told_apart() {
    let groups = ["a.x.com, b.x.com on 443/tcp, 80/tcp", "c.x.com"];
    let same = ["c.x.com", "b.x.com, a.x.com on 80/tcp, 443/tcp"];
    let found = told(&[class("kettle", "", &groups), class("pot", "threshold: 1\n", &same)]);
    assert!(found.contains(&"kettle:6: warning: the same groups as the class `pot`; allowed: groups that tell the classes apart, or one class for all".to_owned()), "{found:#?}");
    assert!(found.iter().any(|line| line.starts_with("pot:7: warning: the same groups as")));
    // A parent with the same groups says no more, and is told of once.
    let child = class("pot", "parent: kettle\n", &same);
    let found = told(&[class("kettle", "", &groups), child]);
    assert_eq!(found.len(), 2, "{found:#?}");
    // The same names on other ports are other groups.
    let other = class("pot", "", &["a.x.com, b.x.com on 8080/tcp", "d.x.com"]);
    assert_eq!(told(&[class("kettle", "", &groups), other]), [""; 0]);
}

#[test]
fn a_child_needs_a_group_of_its_own() {
    let parent = class("brand", "", &["a.x.com, b.x.com", "*.d.x.com"]);
    let child = |keys: &str, groups: &[&str]| {
        let child = class("kettle", &format!("parent: brand\n{keys}"), groups);
        told(&[parent.clone(), child])
    };
    let none = "kettle:5: warning: no group of its own: each has a name that a class above has too; allowed: a group of names that only this class has, or no class beside its parent";
    assert_eq!(child("", &["a.x.com"]), [none]);
    assert_eq!(child("", &["*.b.x.com, b.x.com"]), [none]);
    // Two of three groups come along with the parent, and one is enough.
    let found = child("", &["a.x.com", "*.d.x.com", "k.x.com"]);
    assert_eq!(
        found,
        [
            "kettle:5: warning: groups with names of a class above: 2 of 3, and 1 are enough for a claim; allowed: a higher threshold, or more groups of names that only this class has"
        ]
    );
    // With a threshold that takes its own group nothing is wrong, nor
    // with a part of what the parent has in a wildcard.
    assert_eq!(child("threshold: 1\n", &["a.x.com", "*.d.x.com", "k.x.com"]), [""; 0]);
    assert_eq!(child("", &["k.x.com", "l.d.x.com"]), [""; 0]);
    // Nor is the name of the parent evidence on another port.
    let parent = class("brand", "", &["a.x.com on 443/tcp"]);
    let other = class("kettle", "parent: brand\n", &["a.x.com on 8883/tcp"]);
    assert_eq!(told(&[parent, other]), [""; 0]);
}

#[test]
fn a_name_that_two_classes_have_is_told_of_in_both() {
    let found = told(&[
        class("kettle", "", &["a.x.com", "k.x.com"]),
        class("pot", "", &["p.x.com", "q.x.com, a.x.com"]),
    ]);
    assert_eq!(
        found,
        [
            "kettle:6: warning: name `a.x.com`, which the class `pot` has too; allowed: names that tell the class apart from others",
            "pot:7: warning: name `a.x.com`, which the class `kettle` has too; allowed: names that tell the class apart from others",
        ]
    );
    let found =
        told(&[class("kettle", "", &["*.x.com"]), class("pot", "", &["a.x.com", "p.y.com"])]);
    assert_eq!(
        found,
        [
            "pot:6: warning: name `a.x.com`, which `*.x.com` of the class `kettle` covers; allowed: names that tell the class apart from others"
        ]
    );
    let many: Vec<_> =
        (0..6).map(|n| class(&format!("c{n}"), "", &["a.x.com", &format!("{n}.y.com")])).collect();
    assert!(
        told(&many)[0].contains("which the classes `c1`, `c2`, `c3` and 2 more have too")
            || told(&many)[0].contains("and 2 more has too")
    );
    // Neighbours below one registrable name are fine, and so is a sibling.
    assert_eq!(
        told(&[class("kettle", "", &["*.k.x.com"]), class("pot", "", &["*.p.x.com", "k.x.com"])]),
        [""; 0]
    );
}

#[test]
fn a_wildcard_that_stands_for_a_whole_class_is_told_of() {
    let whole = class("pot", "", &["a.p.x.com", "b.p.x.com, *.c.p.x.com"]);
    let found = told(&[class("kettle", "", &["k.y.com", "k.z.com, *.p.x.com"]), whole.clone()]);
    assert!(found.contains(&"kettle:7: warning: name `*.p.x.com`, with which the class has every name of the class `pot`; allowed: a narrower name, or this class as the parent of the other".to_owned()), "{found:#?}");
    // Meant so above, not below, and a part is no whole.
    let above = class("kettle", "", &["k.y.com", "*.p.x.com"]);
    let below = class("pot", "parent: kettle\n", &["a.p.x.com", "b.p.x.com, *.c.p.x.com"]);
    assert_eq!(told(&[above, below]), [""; 0]);
    let below = class("kettle", "parent: pot\nthreshold: 1\n", &["k.y.com", "*.p.x.com"]);
    assert!(told(&[below, whole.clone()])[0].contains("every name of the class `pot`"));
    let part = class("kettle", "", &["*.c.p.x.com"]);
    assert!(!told(&[part, whole]).iter().any(|line| line.contains("every name")));
}
