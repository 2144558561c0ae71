//! Dedicated or shared: the paper's two worked examples (§4.2.1) and what
//! people do with names.

use super::*;
use crate::signature::Owners;

#[test]
fn a_name_on_a_cloud_machine_of_its_own_is_dedicated() {
    let machine = "ec2-198-51-100-1.compute-1.amazonaws.com";
    let world = World::default()
        .often("dev-a.example.com", machine)
        .often(machine, "198.51.100.1")
        .class("maker", &[&["dev-a.example.com 443/tcp"]]);
    let built = world.built();
    assert_eq!(verdict(&built, 0, 0), "dedicated");
    assert_eq!(built.rules.classes()[0].monitored(), 1);
    let dev_a = group("maker", "dev-a.example.com");
    assert_eq!(hits(&built.hitlist, "198.51.100.1", 443, afternoon()), [dev_a]);
    assert_eq!(hits(&built.hitlist, "198.51.100.1", 80, afternoon()), []);
}

#[test]
fn a_name_on_a_delivery_network_is_shared() {
    let world = World::default()
        .often("dev-b.example.com", "e1.edge.example.net")
        .often("e1.edge.example.net", "198.51.100.1")
        .often("www.shop.example", "e2.edge2.example")
        .often("e2.edge2.example", "198.51.100.1")
        .class("maker", &[&["dev-b.example.com"]]);
    let built = world.built();
    assert_eq!(verdict(&built, 0, 0), "shared");
    assert_eq!(built.rules.classes()[0].monitored(), 0);
    assert!(built.hitlist.is_empty());
    let why = built.report.classes[0].groups[0].why_not.as_deref().unwrap();
    assert!(why.contains("198.51.100.1 also serves www.shop.example of shop.example"), "{why}");
    assert!(why.contains("through e2.edge2.example"), "{why}");
}

#[test]
fn a_load_balancer_of_several_owners_is_shared() {
    let world = World::default()
        .often("api.example.com", "198.51.100.1")
        .often("api.example.com", "198.51.100.2")
        .often("www.shop.example", "198.51.100.2")
        .class("maker", &[&["api.example.com"]]);
    let built = world.built();
    assert_eq!(verdict(&built, 0, 0), "shared", "one shared address makes the name shared");
    assert!(built.hitlist.is_empty(), "the exclusive address is no endpoint either");
}

#[test]
fn customers_of_one_platform_are_different_owners() {
    let world = World::default()
        .often("api.example.com", "d1.cloudfront.net")
        .often("d1.cloudfront.net", "198.51.100.1")
        .often("d2.cloudfront.net", "198.51.100.1")
        .class("maker", &[&["api.example.com"]]);
    assert_eq!(verdict(&world.built(), 0, 0), "shared", "the private suffixes count");
}

#[test]
fn several_names_of_one_maker_are_one_owner() {
    let world = World::default()
        .often("api.example.com", "198.51.100.1")
        .often("api.example-devices.net", "198.51.100.1")
        .class("maker", &[&["api.example.com"]]);
    assert_eq!(verdict(&world.built(), 0, 0), "shared");
    let owner = |name: &str| (name.to_owned(), "example".into());
    let mut world = world;
    world.signatures.owners = Owners::new([owner("example.com"), owner("example-devices.net")]);
    assert_eq!(verdict(&world.built(), 0, 0), "dedicated");
}

#[test]
fn only_the_exact_target_is_absorbed_never_its_domain() {
    let world = World::default()
        .often("api.example.com", "lb.hoster.example")
        .often("lb.hoster.example", "198.51.100.1")
        .often("panel.hoster.example", "198.51.100.1")
        .class("maker", &[&["api.example.com"]]);
    assert_eq!(verdict(&world.built(), 0, 0), "shared");
}

#[test]
fn a_loop_of_aliases_is_its_own_root_and_ends() {
    let world = World::default()
        .often("a.example.com", "b.example.com")
        .often("b.example.com", "a.example.com")
        .often("b.example.com", "198.51.100.1")
        .class("maker", &[&["a.example.com"]]);
    assert_eq!(verdict(&world.built(), 0, 0), "dedicated");
}

#[test]
fn one_stray_name_does_not_blind_a_class_but_a_steady_one_does() {
    let seen = |days: (i64, i64), count: u64| {
        World::default()
            .often("api.example.com", "198.51.100.1")
            .seen("stray.example.net", "198.51.100.1", days, count)
            .class("maker", &[&["api.example.com"]])
    };
    assert_eq!(verdict(&seen((0, 0), 9).built(), 0, 0), "dedicated");
    assert_eq!(verdict(&seen((0, 0), 10).built(), 0, 0), "shared");
    assert_eq!(verdict(&seen((-1, 0), 2).built(), 0, 0), "shared");
    let mut strict = seen((0, 0), 1);
    strict.settings.min_days = 1;
    assert_eq!(verdict(&strict.built(), 0, 0), "shared", "as strict as the paper");
}

#[test]
fn a_stray_alias_to_a_makers_machine_does_not_blind_it() {
    let seen = |count: u64| {
        World::default()
            .often("api.example.com", "vm.cloud.example")
            .often("vm.cloud.example", "198.51.100.1")
            .seen("stray.example.net", "vm.cloud.example", (0, 0), count)
            .class("maker", &[&["api.example.com"]])
    };
    assert_eq!(verdict(&seen(1).built(), 0, 0), "dedicated");
    assert_eq!(verdict(&seen(10).built(), 0, 0), "shared");
}

#[test]
fn a_stray_alias_does_not_hide_a_steady_neighbour() {
    let world = World::default()
        .often("api.example.com", "198.51.100.1")
        .often("www.shop.example", "198.51.100.1")
        .seen("stray.example.net", "www.shop.example", (0, 0), 1)
        .class("maker", &[&["api.example.com"]]);
    assert_eq!(verdict(&world.built(), 0, 0), "shared", "the shop is no mere target");
}

#[test]
fn rotating_addresses_behind_a_shared_target_are_shared_however_seldom_each_was_seen() {
    let mut world = World::default()
        .often("api.example.com", "edge.cdn.example")
        .often("www.shop.example", "edge.cdn.example")
        .class("maker", &[&["api.example.com"]]);
    for last in 1..20 {
        world = world.seen("edge.cdn.example", &format!("198.51.100.{last}"), (0, 0), 1);
    }
    assert_eq!(verdict(&world.built(), 0, 0), "shared");
}

#[test]
fn partial_sources_add_addresses_and_show_sharing_but_prove_nothing() {
    let partial = World::default()
        .partial("api.example.com", "198.51.100.1")
        .class("maker", &[&["api.example.com"]]);
    let built = partial.built();
    assert_eq!(verdict(&built, 0, 0), "undecided");
    assert_eq!(built.rules.classes()[0].monitored(), 0);
    assert!(built.hitlist.is_empty());

    let mut trusted = partial;
    trusted.settings.trust_partial = true;
    assert_eq!(verdict(&trusted.built(), 0, 0), "dedicated");
    trusted.settings.trust_partial = false;

    let both = trusted.often("api.example.com", "198.51.100.2");
    let built = both.built();
    assert_eq!(verdict(&built, 0, 0), "dedicated");
    assert_eq!(built.hitlist.len(), 2, "the partial source added an address");

    let crowded = both.partial("www.shop.example", "198.51.100.1");
    assert_eq!(verdict(&crowded.built(), 0, 0), "shared");
}

#[test]
fn an_address_given_for_everything_is_no_address_of_the_name() {
    let mut world = World::default()
        .often("api.example.com", "198.51.100.1")
        .seen("api.example.com", "203.0.113.9", (0, 0), 1)
        .often("parked.example.net", "203.0.113.9")
        .class("maker", &[&["api.example.com"], &["parked.example.net"]]);
    for n in 0..100 {
        world = world.often(&format!("www.site{n}.example"), "203.0.113.9");
    }
    let built = world.built();
    assert_eq!(verdict(&built, 0, 0), "dedicated");
    assert_eq!(built.hitlist.len(), 1);
    assert_eq!(hits(&built.hitlist, "203.0.113.9", 443, afternoon()), []);
    assert_eq!(verdict(&built, 0, 1), "shared", "who has nothing else is where everybody is");
    let why = built.report.classes[0].groups[1].why_not.as_deref().unwrap();
    assert!(why.contains("resolvers gave 203.0.113.9 for 102 owners"), "{why}");
}

#[test]
fn a_name_is_the_same_however_it_is_written() {
    let world = World::default()
        .often("API.Example.COM.", "Edge.Bücher.Example.")
        .often("edge.xn--bcher-kva.example", "198.51.100.1")
        .class("maker", &[&["api.example.com"]]);
    assert_eq!(verdict(&world.built(), 0, 0), "dedicated");
}

#[test]
fn a_name_known_only_as_somebody_elses_target_stands_for_them() {
    let world = World::default()
        .often("api.brand.example", "tenant1.example.com")
        .often("tenant1.example.com", "198.51.100.1")
        .class("maker", &[&["*.example.com"]]);
    assert_eq!(verdict(&world.built(), 0, 0), "dedicated", "one owner, though another one");
    let two = world.often("api.other.example", "tenant1.example.com");
    assert_eq!(verdict(&two.built(), 0, 0), "shared");
}

#[test]
fn a_name_without_an_address_is_unresolvable() {
    let world = World::default()
        .often("api.example.com", "nowhere.example.com")
        .class("maker", &[&["api.example.com"], &["never.example.com"], &["*.none.example"]]);
    let built = world.built();
    assert_eq!([0, 1, 2].map(|group| verdict(&built, 0, group)), ["unresolvable"; 3]);
    assert_eq!(built.report.classes[0].groups[2].empty_wildcards, ["*.none.example"]);
    assert_eq!(built.report.groups.unresolvable, 3);
    assert_eq!(built.report.classes[0].required, None, "not detectable now");
}

#[test]
fn ipv6_is_judged_like_ipv4() {
    let world = World::default()
        .often("api.example.com", "2001:db8::1")
        .often("six.example.com", "2001:db8::2")
        .often("www.shop.example", "2001:db8::2")
        .class("maker", &[&["api.example.com"], &["six.example.com"]]);
    let built = world.built();
    assert_eq!([verdict(&built, 0, 0), verdict(&built, 0, 1)], ["dedicated", "shared"]);
    assert_eq!(hits(&built.hitlist, "2001:db8::1", 443, afternoon()).len(), 1);
    assert_eq!(hits(&built.hitlist, "2001:db8::2", 443, afternoon()).len(), 0);
}

#[test]
fn an_address_of_a_service_shared_by_design_is_shared_whoever_was_seen() {
    let mut world = World::default()
        .class("acme", &[&["a.example.com"], &["b.example.com"]])
        .often("a.example.com", "198.51.100.1")
        .often("b.example.com", "203.0.113.1");
    let list = r#"{"prefixes":[{"ip_prefix":"198.51.100.0/24","service":"CLOUDFRONT"},
        {"ip_prefix":"203.0.113.0/24","service":"EC2"}],"ipv6_prefixes":[]}"#;
    world.ranges.read(list.as_bytes(), None, "").unwrap();
    let built = world.built();
    assert_eq!(verdict(&built, 0, 0), "shared");
    assert_eq!(verdict(&built, 0, 1), "dedicated", "a virtual machine is its tenant's");
    let why = built.report.classes[0].groups[0].why_not.clone().unwrap();
    let said = "198.51.100.1 lies in AWS CLOUDFRONT (198.51.100.0/24)";
    assert!(why.contains(said), "{why}");
    let explained = |subject: &str| {
        world.with(TODAY, |input| explain(input, &subject.parse().unwrap()).to_string())
    };
    assert!(explained("198.51.100.1").contains(said));
    let named = explained("b.example.com");
    assert!(named.contains("lies in AWS EC2 (203.0.113.0/24)"), "{named}");
}

/// What a scan saw: each address showed a certificate for these names.
fn scans(world: &World, shown: &[(&str, &str)]) -> Scans {
    let mut scans = Scans::of_interest_to(&world.signatures);
    for (address, name) in shown {
        let noon = format!("{TODAY}T12:00:00Z");
        let service = serde_json::json!({"service_name": "HTTP", "observed_at": noon,
            "http": {"response": {"body_hash": "sha1:aa"}},
            "tls": {"certificates": {"leaf_fp_sha_256": name, "leaf_data": {"names": [name]}}}});
        let host = serde_json::json!({"ip": address, "services": [service]}).to_string();
        scans.read(host.as_bytes(), Timestamp::EPOCH, Timestamp::MAX).unwrap();
    }
    scans
}

#[test]
fn a_certificate_decides_where_answers_say_too_little() {
    let mut world = World::default()
        .class(
            "acme",
            &[
                &["a.example.com 443/tcp"],
                &["b.example.com"],
                &["c.example.com"],
                &["d.example.com 8883/tcp"],
                &["e.example.com"],
            ],
        )
        .partial("a.example.com", "198.51.100.1")
        .often("c.example.com", "198.51.100.5")
        .often("shop.example.net", "198.51.100.5")
        .partial("d.example.com", "198.51.100.6")
        .often("shop.example.net", "198.51.100.7");
    assert_eq!(verdict(&world.built(), 0, 0), "undecided");
    world.scans = Some(scans(
        &world,
        &[
            ("198.51.100.1", "a.example.com"),
            ("198.51.100.2", "a.example.com"),
            ("198.51.100.3", "b.example.com"),
            ("198.51.100.5", "c.example.com"),
            ("198.51.100.6", "d.example.com"),
            ("198.51.100.7", "e.example.com"),
        ],
    ));
    let built = world.built();
    let verdicts: Vec<&str> = (0..5).map(|group| verdict(&built, 0, group)).collect();
    assert_eq!(verdicts[..2], ["dedicated", "dedicated"], "few answers, and none at all");
    assert_eq!(verdicts[2], "shared", "what answers have seen stands");
    assert_eq!(verdicts[3], "undecided", "its ports are not HTTPS");
    assert_eq!(verdicts[4], "shared", "somebody else is on the certified address");
    let a = group("acme", "a.example.com");
    assert_eq!(hits(&built.hitlist, "198.51.100.2", 443, afternoon()), [a]);
    assert_eq!(hits(&built.hitlist, "198.51.100.1", 443, afternoon()), [a]);
    let explained =
        world.with(TODAY, |input| explain(input, &"a.example.com".parse().unwrap()).to_string());
    let said = "dedicated to example.com by certificate: 2 addresses show the certificate";
    assert!(explained.contains(said), "{explained}");
}
