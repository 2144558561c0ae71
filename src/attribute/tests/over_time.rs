//! Time: holds, days that know nothing of later days, addresses that change
//! hands, and endpoints that come and go within a day.

use super::*;

fn hours(hours: i64) -> Timestamp {
    TODAY.start().shifted(hours * 3_600_000)
}

#[test]
fn an_endpoint_holds_for_a_day_and_in_a_cloud_for_an_hour() {
    let mut world = World::default()
        .often("a.example.com", "198.51.100.1")
        .class("maker", &[&["a.example.com"]]);
    let holds = |world: &World, at| hits(&world.built().hitlist, "198.51.100.1", 443, at).len();
    assert_eq!(holds(&world, hours(12)), 1);
    assert_eq!(holds(&world, hours(12).shifted(-60_000)), 1, "clocks differ by some seconds");
    assert_eq!(holds(&world, hours(12).shifted(-60_001)), 0, "not before it was seen");
    assert_eq!(holds(&world, hours(36)), 1);
    assert_eq!(holds(&world, hours(36).shifted(1)), 0);
    world.ranges.read(&b"0.0.0.0/0\n::/0"[..], None, "cloud").unwrap();
    assert_eq!(holds(&world, hours(13)), 1);
    assert_eq!(holds(&world, hours(13).shifted(1)), 0);
}

#[test]
fn a_day_knows_nothing_of_later_days() {
    let world = World::default()
        .often("a.example.com", "198.51.100.1")
        .seen("a.example.com", "198.51.100.2", (1, 1), 50)
        .seen("a.example.com", "198.51.100.3", (0, 9), 50)
        .seen("www.shop.example", "198.51.100.1", (1, 1), 50)
        .seen("a.example.com", "198.51.100.1", (1, 1), 50)
        .class("maker", &[&["a.example.com"]]);
    let today = world.built();
    assert_eq!(verdict(&today, 0, 0), "dedicated");
    assert_eq!(hits(&today.hitlist, "198.51.100.2", 443, hours(36)), []);
    let far = hits(&today.hitlist, "198.51.100.3", 443, hours(48).shifted(-1)).len();
    assert_eq!(far, 1, "known to the end of the day, and the hold");
    assert_eq!(hits(&today.hitlist, "198.51.100.3", 443, hours(48)), []);
    assert_eq!(verdict(&world.built_on(TODAY.next()), 0, 0), "shared");
    assert_eq!(verdict(&world.built_on(Day(TODAY.0 - 1)), 0, 0), "unresolvable");
}

#[test]
fn what_no_longer_holds_is_not_monitored() {
    let world = World::default()
        .seen("a.example.com", "198.51.100.1", (-9, -5), 50)
        .class("maker", &[&["a.example.com"]]);
    let built = world.built();
    assert_eq!(verdict(&built, 0, 0), "dedicated");
    let why = built.report.classes[0].groups[0].why_not.as_deref().unwrap();
    assert!(why.contains("no endpoint of it is valid on 2026-11-21, the last until"), "{why}");
    assert!(why.contains("until 2026-11-17T12:00:00Z"), "{why}");
    let told = world.with(TODAY, |input| explain(input, &"a.example.com".parse().unwrap()));
    assert!(told.to_string().contains("none of its addresses is valid on the day"), "{told}");
    assert_eq!(built.rules.classes()[0].monitored(), 0);
}

#[test]
fn an_address_that_passes_to_another_tenant_ends_when_that_one_comes() {
    let world = World::default()
        .seen("a.example.com", "198.51.100.1", (-2, -1), 50)
        .seen("a.example.com", "198.51.100.2", (0, 0), 50)
        .seen("www.shop.example", "198.51.100.1", (0, 0), 50)
        .class("maker", &[&["a.example.com"]]);
    let built = world.built();
    assert_eq!(verdict(&built, 0, 0), "dedicated", "each day is judged by itself");
    let holds = |at: Timestamp| hits(&built.hitlist, "198.51.100.1", 443, at).len();
    assert_eq!(holds(hours(-12)), 1);
    assert_eq!(holds(hours(12).shifted(-1)), 1, "the hold, until the shop came");
    assert_eq!(holds(hours(12)), 0);
    assert_eq!(hits(&built.hitlist, "198.51.100.2", 443, hours(13)).len(), 1);
}

#[test]
fn an_address_used_in_turns_is_shared() {
    let world = World::default()
        .seen("a.example.com", "198.51.100.1", (-2, -2), 50)
        .seen("www.shop.example", "198.51.100.1", (-1, -1), 50)
        .seen("a.example.com", "198.51.100.1", (0, 0), 50)
        .class("maker", &[&["a.example.com"]]);
    assert_eq!(verdict(&world.built(), 0, 0), "shared");
}

#[test]
fn who_left_a_target_before_the_maker_came_is_no_neighbour() {
    let world = World::default()
        .seen("old.shop.example", "vm.cloud.example", (-30, -20), 50)
        .seen("vm.cloud.example", "198.51.100.1", (-30, 0), 50)
        .seen("a.example.com", "vm.cloud.example", (-5, 0), 50)
        .class("maker", &[&["a.example.com"]]);
    let built = world.built();
    assert_eq!(verdict(&built, 0, 0), "dedicated");
    assert_eq!(hits(&built.hitlist, "198.51.100.1", 443, hours(-240)), []);
    assert_eq!(hits(&built.hitlist, "198.51.100.1", 443, hours(-24)).len(), 1);
}

#[test]
fn groups_that_had_an_address_one_after_the_other_do_not_merge() {
    let world = World::default()
        .seen("a.example.com", "198.51.100.1", (-9, -2), 50)
        .seen("a.example.com", "198.51.100.3", (-9, -3), 50)
        .often("a.example.com", "198.51.100.2")
        .often("b.example.com", "198.51.100.1")
        .class("maker", &[&["a.example.com"], &["b.example.com"]]);
    let built = world.built();
    assert_eq!(built.rules.classes()[0].monitored(), 2);
    let found = |at| hits(&built.hitlist, "198.51.100.1", 443, at);
    assert_eq!(found(hours(-13)), [group("maker", "a.example.com")]);
    assert_eq!(found(hours(13)), [group("maker", "b.example.com")]);
    assert_eq!(built.hitlist.len(), 2, "what ended long ago is left out");
}

#[test]
fn within_a_day_endpoints_come_and_go_while_the_rules_stand_still() {
    let morning = World::default()
        .often("a.example.com", "198.51.100.1")
        .seen("a.example.com", "198.51.100.2", (-3, 0), 50)
        .often("b.example.com", "198.51.100.3")
        .class("maker", &[&["a.example.com"], &["b.example.com"]]);
    let frozen = morning.built();
    assert_eq!(frozen.rules.classes()[0].monitored(), 2);

    let noon = morning
        .often("www.shop.example", "198.51.100.1")
        .often("a.example.com", "198.51.100.4")
        .often("b.example.com", "198.51.100.4");
    assert_eq!(verdict(&noon.built(), 0, 0), "shared", "tomorrow's rules will be without it");
    let fresh = noon.with(TODAY, |input| refresh(input, &frozen.rules));
    let found = |address| hits(&fresh, address, 443, afternoon());
    let (a, b) = (group("maker", "a.example.com"), group("maker", "b.example.com"));
    assert_eq!(found("198.51.100.1"), [], "gone at once");
    assert_eq!(found("198.51.100.2"), [a], "what did not turn shared stays");
    assert_eq!(found("198.51.100.3"), [b]);
    assert_eq!(found("198.51.100.4"), [a], "new, and evidence for one of the two only");
}

#[test]
fn a_name_that_was_shared_before_today_gets_no_endpoints_by_a_refresh() {
    let world = World::default()
        .seen("a.example.com", "198.51.100.1", (-3, 0), 50)
        .seen("www.shop.example", "198.51.100.1", (-3, 0), 50)
        .often("a.example.com", "198.51.100.2")
        .often("b.example.com", "198.51.100.3")
        .class("maker", &[&["b.example.com", "a.example.com"]]);
    let frozen = world.built();
    assert_eq!(frozen.hitlist.len(), 1);
    let fresh = world.with(TODAY, |input| refresh(input, &frozen.rules));
    assert_eq!(
        fresh.addresses().collect::<Vec<_>>(),
        frozen.hitlist.addresses().collect::<Vec<_>>()
    );
}

#[test]
fn merged_groups_stay_merged_until_the_day_ends() {
    let morning = World::default()
        .often("a.example.com", "198.51.100.1")
        .often("b.example.com", "198.51.100.1")
        .class("maker", &[&["a.example.com 443/tcp"], &["b.example.com 8883/tcp"]]);
    let frozen = morning.built();
    let noon = morning.often("b.example.com", "198.51.100.2");
    let fresh = noon.with(TODAY, |input| refresh(input, &frozen.rules));
    let a = group("maker", "a.example.com");
    assert_eq!(hits(&fresh, "198.51.100.2", 443, afternoon()), [a]);
    assert_eq!(hits(&fresh, "198.51.100.2", 8883, afternoon()), [a]);
}
