//! Groups: wildcards, merging, roles, ports, and addresses among the lines.

use proptest::prelude::*;

use super::*;

#[test]
fn a_wildcard_stands_for_what_was_answered_below_it_and_not_for_its_suffix() {
    let world = World::default()
        .often("example.com", "198.51.100.1")
        .often("a.example.com", "198.51.100.2")
        .often("b.c.example.com", "198.51.100.3")
        .often("badexample.com", "198.51.100.4")
        .class("maker", &[&["*.example.com"]]);
    let built = world.built();
    let names: Vec<&str> =
        built.report.classes[0].groups[0].names.iter().map(|name| name.name.as_str()).collect();
    assert_eq!(names, ["a.example.com", "b.c.example.com"]);
    let found = |address: &str| hits(&built.hitlist, address, 443, afternoon()).len();
    assert_eq!([1, 2, 3, 4].map(|last| found(&format!("198.51.100.{last}"))), [0, 1, 1, 0]);
}

#[test]
fn a_group_counts_if_one_of_its_names_is_dedicated() {
    let world = World::default()
        .often("eu.example.com", "198.51.100.1")
        .often("us.example.com", "198.51.100.2")
        .often("www.shop.example", "198.51.100.2")
        .class("maker", &[&["us.example.com", "eu.example.com"]]);
    let built = world.built();
    assert_eq!(built.rules.classes()[0].monitored(), 1);
    assert_eq!(hits(&built.hitlist, "198.51.100.1", 443, afternoon()).len(), 1);
    assert_eq!(hits(&built.hitlist, "198.51.100.2", 443, afternoon()), []);
}

#[test]
fn the_closest_pattern_takes_a_name_so_wildcards_do_not_swallow_their_neighbours() {
    let world = World::default()
        .often("api.example.com", "198.51.100.1")
        .often("x.edge.example.com", "198.51.100.2")
        .often("y.example.com", "198.51.100.3")
        .class("maker", &[&["*.example.com"], &["*.edge.example.com"], &["api.example.com"]]);
    let built = world.built();
    assert_eq!(built.rules.classes()[0].monitored(), 3);
    let found = |address| hits(&built.hitlist, address, 443, afternoon());
    assert_eq!(found("198.51.100.1"), [group("maker", "api.example.com")]);
    assert_eq!(found("198.51.100.2"), [group("maker", "*.edge.example.com")]);
    assert_eq!(found("198.51.100.3"), [group("maker", "*.example.com")]);
}

#[test]
fn groups_on_one_address_are_one_group() {
    let world = World::default()
        .often("a.example.com", "198.51.100.1")
        .often("b.example.com", "198.51.100.1")
        .often("b.example.com", "198.51.100.2")
        .often("c.example.com", "198.51.100.2")
        .often("d.example.com", "198.51.100.4")
        .class(
            "maker",
            &[
                &["~a.example.com 443/tcp"],
                &["d.example.com 80/tcp"],
                &["c.example.com 443/tcp"],
                &["~b.example.com 8883/tcp"],
            ],
        );
    let built = world.built();
    let rule = &built.rules.classes()[0];
    assert_eq!(rule.monitored(), 2);
    assert_eq!(&*rule.groups[0].name, "a.example.com", "the first in the file");
    assert_eq!(rule.groups[0].role, Role::Primary, "because one of them is");
    assert_eq!(rule.groups[0].packets_per_hour, Some(PacketRate { idle: 30.0, active: 60.0 }));
    let a = group("maker", "a.example.com");
    let find = |address, port| hits(&built.hitlist, address, port, afternoon());
    assert_eq!(find("198.51.100.1", 8883), [a], "ports unite");
    assert_eq!(find("198.51.100.2", 443), [a]);
    assert_eq!(find("198.51.100.2", 80), []);
    let merged = built.rules.place(group("maker", "b.example.com"));
    assert_eq!(merged, built.rules.place(a), "evidence of a merged group is kept");
    let reports = &built.report.classes[0].groups;
    assert_eq!(reports[3].merged_into.as_deref(), Some("a.example.com"));
    assert!(reports[0].merged_into.is_none());
}

#[test]
fn a_merged_group_counts_on_any_port_if_one_of_its_members_does() {
    let world = World::default()
        .often("a.example.com", "198.51.100.1")
        .often("b.example.com", "198.51.100.1")
        .class("maker", &[&["a.example.com 443/tcp"], &["b.example.com"]]);
    assert_eq!(hits(&world.built().hitlist, "198.51.100.1", 9999, afternoon()).len(), 1);
}

#[test]
fn one_address_serves_groups_of_several_classes() {
    let mut world = World::default()
        .often("a.example.com", "198.51.100.1")
        .class("maker", &[&["a.example.com"]])
        .class("product", &[&["a.example.com"]]);
    world.signatures.classes[1].parent = Some("maker".into());
    let built = world.built();
    let mut found = hits(&built.hitlist, "198.51.100.1", 443, afternoon());
    let mut expected = ["maker", "product"].map(|class| group(class, "a.example.com"));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(built.rules.classes()[1].parent, Some(0));
    assert_eq!(built.rules.classes()[1].monitored(), 1, "N counts a class's own groups");
}

#[test]
fn addresses_among_the_lines_are_never_endpoints() {
    let mut world = World::default()
        .often("a.example.com", "198.51.100.1")
        .often("a.example.com", "198.51.100.2")
        .often("b.example.com", "198.51.100.1")
        .class("maker", &[&["a.example.com"], &["b.example.com"]]);
    world.lines = Some("198.51.100.1".parse().unwrap());
    let built = world.built();
    assert_eq!(built.hitlist.len(), 1);
    assert_eq!(hits(&built.hitlist, "198.51.100.1", 443, afternoon()), []);
    assert_eq!(built.rules.classes()[0].monitored(), 1, "what has no endpoint is not monitored");
    let why = built.report.classes[0].groups[1].why_not.as_deref();
    assert_eq!(why, Some("all its addresses lie among the lines"));
}

#[test]
fn the_report_is_complete_as_json_and_as_text() {
    let world = World::default()
        .often("a.example.com", "198.51.100.1")
        .often("b.example.com", "198.51.100.2")
        .often("www.shop.example", "198.51.100.2")
        .class("maker", &[&["a.example.com"], &["b.example.com"]]);
    let report = world.built().report;
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["day"], "2026-11-21");
    assert_eq!(json["classes"][0]["monitored"], 1);
    assert_eq!(json["classes"][0]["groups"][0]["names"][0]["verdict"], "dedicated");
    assert_eq!(json["classes"][0]["groups"][1]["names"][0]["because"][0]["owner"], "shop.example");
    let text = report.to_string();
    assert!(text.contains("maker: 1 of 2 groups, 1 required"), "{text}");
    assert!(text.contains("1 dedicated, 1 shared"), "{text}");
}

proptest! {
    /// Names of two owners and two clouds, aliases among them in any tangle.
    #[test]
    fn the_order_of_answers_changes_nothing(
        links in proptest::collection::vec((0..6_usize, 0..10_usize, -2..3_i64, 1..20_u64), 1..40),
        order in any::<u64>(),
    ) {
        let names = ["a.example.com", "b.example.com", "c.shop.example", "d.shop.example",
            "e.cloud.example", "f.cloud.example"];
        let addresses = ["198.51.100.1", "198.51.100.2", "198.51.100.3", "2001:db8::1"];
        let mut world = World::default()
            .class("maker", &[&["a.example.com"], &["b.example.com"], &["*.cloud.example"]]);
        for (name, to, day, count) in links {
            let to = names.get(to).unwrap_or_else(|| &addresses[to - names.len()]);
            if *to != names[name] {
                world = world.seen(names[name], to, (day, day), count);
            }
        }
        let one = world.built();
        let length = world.answers.len() as u64;
        world.answers.sort_by_key(|(answer, _)| {
            (answer.count.wrapping_mul(order) ^ answer.first.as_secs()) % length.max(1)
        });
        world.answers.reverse();
        let two = world.built();
        prop_assert_eq!(&one.rules, &two.rules);
        let entries = |built: &Built| {
            let mut all: Vec<_> = built
                .hitlist
                .addresses()
                .flat_map(|address| built.hitlist.entries_of(address))
                .collect();
            all.sort_by_key(|entry| (entry.address, entry.from, entry.group));
            all
        };
        prop_assert_eq!(entries(&one), entries(&two));
        let told = |built: &Built| serde_json::to_string(&built.report).unwrap();
        prop_assert_eq!(told(&one), told(&two));
    }

    /// Whatever the tangle: while an endpoint of a maker's name is valid,
    /// nobody else was seen on its address under a name of their own.
    #[test]
    fn nobody_else_is_on_an_endpoint_while_it_is_valid(
        links in proptest::collection::vec((0..6_usize, 2..10_usize, -3..4_i64, 0..3_i64), 1..30),
    ) {
        let names = ["a.example.com", "b.example.com", "c.shop.example", "d.market.example",
            "e.cloud.example", "f.cloud.example"];
        let addresses = ["198.51.100.1", "198.51.100.2", "198.51.100.3", "2001:db8::1"];
        let mut world =
            World::default().class("maker", &[&["a.example.com"], &["b.example.com"]]);
        for (name, to, day, length) in links {
            let to = names.get(to).unwrap_or_else(|| &addresses[to - names.len()]);
            if *to != names[name] {
                world = world.seen(names[name], to, (day, day + length), 10);
            }
        }
        let built = world.built();
        let is_target = |name: &str| world.answers.iter().any(|(answer, _)| {
            matches!(&answer.data, AnswerData::Alias(target) if target.as_str() == name)
        });
        for address in built.hitlist.addresses() {
            for entry in built.hitlist.entries_of(address) {
                let foreign = world.answers.iter().find(|(answer, _)| {
                    let last = answer.last.min(TODAY.end().shifted(-1));
                    answer.data == AnswerData::Address(address)
                        && !answer.name.as_str().ends_with("example.com")
                        && !is_target(answer.name.as_str())
                        && answer.first < TODAY.end()
                        && answer.first <= entry.until
                        && last >= entry.from
                });
                prop_assert!(foreign.is_none(), "{:?} on {:?}", foreign, entry);
            }
        }
    }
}
