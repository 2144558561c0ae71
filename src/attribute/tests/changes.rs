//! What is said of two builds that follow one another.

use super::*;

fn change(before: &Built, after: &Built) -> BuildChange {
    diff((&before.report, &before.hitlist), (&after.report, &after.hitlist))
}

fn words(change: &BuildChange) -> Vec<String> {
    change.classes.iter().map(ToString::to_string).collect()
}

fn world() -> World {
    World::default()
        .class("acme", &[&["a.example.com"], &["b.example.com"], &["c.example.com"]])
        .class("kettle", &[&["k.example.org"]])
        .seen("a.example.com", "198.51.100.1", (-1, 0), 50)
        .seen("b.example.com", "198.51.100.2", (-1, 0), 50)
        .seen("k.example.org", "198.51.100.9", (-1, 0), 50)
}

#[test]
fn nothing_is_said_when_nothing_changed() {
    let world = world();
    let same = change(&world.built_on(Day(TODAY.0 - 1)), &world.built());
    assert_eq!(same, BuildChange { endpoints_added: 0, endpoints_removed: 0, classes: vec![] });
}

#[test]
fn a_class_that_loses_its_last_group_is_lost_and_the_reason_said() {
    let world = world()
        .often("www.example.net", "198.51.100.9")
        .often("c.example.com", "198.51.100.3")
        .often("b.example.com", "198.51.100.4");
    let found = change(&world.built_on(Day(TODAY.0 - 1)), &world.built());
    assert_eq!((found.endpoints_added, found.endpoints_removed), (2, 1));
    assert_eq!(found.lost().map(|lost| &*lost.class).collect::<Vec<_>>(), ["kettle"]);
    let words = words(&found);
    assert_eq!(words[0], "acme: 3 groups monitored instead of 2; gained c.example.com");
    let start = "kettle: can no longer be detected, it had 1 groups; lost k.example.org (shared: 198.51.100.9 also serves www.example.net";
    assert!(words[1].starts_with(start), "{words:?}");
}

#[test]
fn groups_that_meet_or_part_are_said() {
    let apart = world();
    let together = world().seen("b.example.com", "198.51.100.1", (0, 0), 50);
    let met = words(&change(&apart.built(), &together.built()));
    assert_eq!(
        met,
        ["acme: 1 groups monitored instead of 2; b.example.com is one with a.example.com"]
    );
    let parted = words(&change(&together.built(), &apart.built()));
    assert_eq!(
        parted,
        ["acme: 2 groups monitored instead of 1; standing alone again: b.example.com"]
    );
}

#[test]
fn classes_and_groups_that_come_and_go_with_the_signatures_are_no_loss() {
    let one = world();
    let mut two = world().class("pot", &[&["p.example.org"]]);
    two.signatures.classes.remove(1);
    two.signatures.classes[0].groups.remove(1);
    let found = change(&one.built(), &two.built());
    assert_eq!(found.lost().count(), 0);
    assert_eq!(
        words(&found),
        [
            "acme: 1 groups monitored instead of 2; lost b.example.com (no longer in the signature)",
            "pot: new, 0 groups monitored",
            "kettle: no longer defined",
        ]
    );
}
