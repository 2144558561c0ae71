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
        "a.example.com: dedicated to example.com (as known on 2026-11-21)\n",
        "stands for a.example.com of maker (monitored)",
        "198.51.100.1 exclusive, through vm.cloud.example, seen 2026-11-21, taken for the name 2026-11-21T12:00Z to 2026-11-22T12:00Z",
        "seen too seldom to count: also serves stray.example.net of example.net",
        "1 address by resolvers (population)",
        "3 times on at least 1 day",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn an_address_known_from_elsewhere_is_set_aside_and_said_so() {
    let mut world = world().partial("a.example.com", "198.51.100.9");
    let says = |world: &World| explained(world, "a.example.com").to_string();
    assert!(says(&world).contains("198.51.100.9 exclusive"), "all sources add up");
    world.settings.afar = ["capture".to_owned()].into();
    let text = says(&world);
    assert!(text.contains("198.51.100.9 set aside, known from elsewhere only"), "{text}");
    assert!(text.contains("198.51.100.1 exclusive"), "{text}");
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
        "example.com: a.example.com through vm.cloud.example, seen 2026-11-21, 50 times",
        "example.net: stray.example.net, seen",
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

/// A name on a delivery network: 30 addresses, each with many others.
fn delivery_network() -> World {
    let mut world = World::default().class("maker", &[&["cdn.example.com"]]);
    for address in 1..=30 {
        let address = format!("198.51.100.{address}");
        world = world.often("cdn.example.com", &address).often("www.all.example", &address);
        for other in 0..12 {
            world = world.often(&format!("www.o{other}.example"), "198.51.100.7");
        }
    }
    world
}

#[test]
fn a_name_shared_with_many_is_told_at_a_glance_and_json_has_all() {
    let told = explained(&delivery_network(), "cdn.example.com");
    let text = told.to_string();
    assert_eq!(
        text.lines().next().unwrap(),
        "cdn.example.com: shared with all.example on 30 addresses, o0.example on 1 address, o1.example on 1 address and 10 more owners (as known on 2026-11-21)"
    );
    for part in [
        "  30 addresses: 30 shared\n",
        "  198.51.100.7 shared, seen 2026-11-21\n    also serves www.all.example of all.example (2026-11-21, 50 times",
        "    and 10 more\n",
        "  and 22 more addresses\n",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(text.lines().count() < 30 && text.lines().all(|line| line.len() < 200), "{text}");
    let all = format!("{told:#}");
    assert!(all.contains("198.51.100.30 shared") && all.contains("www.o9.example"), "{all}");
    let json = serde_json::to_value(&told).unwrap();
    assert_eq!(json["addresses"].as_array().unwrap().len(), 30);
    assert_eq!(json["addresses"][6]["shared_because"].as_array().unwrap().len(), 13);
    assert_eq!(json["with"]["owners"][0]["addresses"], 30);
    assert_eq!(json["with"]["more_owners"], 3);
    // The reason in the report is the same line, not a page.
    let why =
        delivery_network().with(TODAY, build).report.classes[0].groups[0].why_not.clone().unwrap();
    assert!(why.starts_with("shared with all.example on 30 addresses") && why.len() < 200, "{why}");
}

#[test]
fn an_address_of_many_says_how_many_owners_and_names_it_has() {
    let text = explained(&delivery_network(), "198.51.100.7").to_string();
    for part in [
        "198.51.100.7: shared by 14 owners under 14 names (as known on 2026-11-21)\n",
        "  o0.example: www.o0.example, seen 2026-11-21, ",
        "  and 6 more owners\n",
        "  14 names by resolvers (population)\n",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}
