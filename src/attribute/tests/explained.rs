//! What `explain` tells an operator.

use super::*;
use crate::infrastructure::Verdict;

fn explained(world: &World, subject: &str) -> Explanation {
    world.with(TODAY, |input| explain(input, &subject.parse().unwrap()))
}

fn world() -> World {
    World::default()
        .often("a.example.com", "vm.cloud.example")
        .often("vm.cloud.example", "198.51.100.1")
        .seen("stray.example.net", "198.51.100.1", (0, 0), 3)
        .often("b.example.com", "198.51.100.2")
        .often("www.shop.example", "198.51.100.2")
        .partial("c.example.com", "198.51.100.3")
        .class("maker", &[&["a.example.com 443/tcp"], &["b.example.com"], &["*.example.com"]])
}

#[test]
fn a_dedicated_name_is_explained_with_its_chain_source_and_strays() {
    let told = explained(&world(), "A.example.com.");
    assert!(told.verdict.is_dedicated());
    let text = told.to_string();
    for part in [
        "a.example.com, as known on 2026-11-21: dedicated to example.com",
        "stands for a.example.com of maker (monitored)",
        "198.51.100.1 exclusive, through vm.cloud.example, seen 2026-11-21T12:00:00Z",
        "by resolvers (population)",
        "taken for the name 2026-11-21T12:00:00Z to 2026-11-22T12:00:00Z",
        "seen too seldom to count: 198.51.100.1 also serves stray.example.net of example.net",
        "3 times on at least 1 day",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn json_has_the_verdict_as_a_word() {
    let word =
        |subject| serde_json::to_value(explained(&world(), subject)).unwrap()["verdict"].clone();
    assert_eq!(word("a.example.com"), "dedicated");
    assert_eq!(word("b.example.com"), "shared");
    assert_eq!(word("c.example.com"), "undecided");
    assert_eq!(word("never.example.com"), "unresolvable");
    assert_eq!(word("198.51.100.1"), "dedicated");
    assert_eq!(word("198.51.100.2"), "shared");
    assert_eq!(word("198.51.100.3"), "undecided");
    assert_eq!(word("198.51.100.4"), "unresolvable");
    let json = serde_json::to_value(explained(&world(), "b.example.com")).unwrap();
    assert_eq!(json["because"][0]["root"], "www.shop.example");
    assert_eq!(json["addresses"][0]["exclusive"], false);
}

#[test]
fn an_address_is_explained_with_its_names_owners_and_groups() {
    let told = explained(&world(), "198.51.100.1");
    let text = told.to_string();
    assert_eq!(told.groups.len(), 1);
    assert_eq!(told.groups[0].group, "a.example.com");
    for part in [
        "dedicated to example.com",
        "stands for a.example.com of maker (monitored) on 443/tcp",
        "vm.cloud.example for a.example.com of example.com",
        "stray.example.net of example.net",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let mut world = world();
    world.lines = Some("198.51.100.1".parse().unwrap());
    let told = explained(&world, "::ffff:198.51.100.1");
    assert_eq!((told.among_lines, told.groups.len()), (Some(true), 0));
}

#[test]
fn a_group_behind_a_wildcard_is_found_and_nonsense_is_refused() {
    let told = explained(&world(), "c.example.com");
    assert_eq!(told.groups[0].group, "*.example.com");
    assert!(!told.groups[0].counted);
    assert!(matches!(told.verdict, Verdict::Undecided { addresses: 1 }));
    let text = told.to_string();
    assert!(text.contains("198.51.100.3 nobody else seen, seen"), "{text}");
    assert!(!text.contains("taken for the name"), "it is no endpoint: {text}");
    let error = "not a name".parse::<Subject>().unwrap_err();
    assert!(error.contains("allowed: a name or an address"), "{error}");
}
