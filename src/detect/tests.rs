//! What the engine claims, window by window.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Engine, EngineCounts, Settings};
use crate::model::detection::Detection;
use crate::model::group::GroupId;
use crate::model::line::{LineId, RegionId};
use crate::model::rules::{ClassRule, GroupRule, Level, Role, Rules};
use crate::model::sampling::{Sampling, SamplingSource};
use crate::model::sighting::Sighting;
use crate::model::time::{Timestamp, Window};

/// 2026-11-21T10:00:00Z.
const TEN: u64 = 1_795_255_200;

fn at(secs_after_ten: u64) -> Timestamp {
    Timestamp::from_secs(TEN + secs_after_ten)
}

/// A class whose first group is primary and whose others are support.
fn class(name: &str, parent: Option<usize>, groups: usize, threshold: &str) -> ClassRule {
    ClassRule {
        class: name.into(),
        name: name.into(),
        level: Level::Product,
        parent,
        threshold: threshold.parse().unwrap(),
        in_use_packets: Some(10),
        groups: (0..groups)
            .map(|i| GroupRule {
                id: GroupId::new(name, &format!("g{i}")),
                name: format!("g{i}").into(),
                role: if i == 0 { Role::Primary } else { Role::Support },
                packets_per_hour: None,
            })
            .collect(),
    }
}

fn rules(classes: Vec<ClassRule>) -> Arc<Rules> {
    Arc::new(Rules::new(classes, &[]))
}

fn sighting(line: u128, class: &str, group: usize, at: Timestamp) -> Sighting {
    Sighting {
        line: LineId(line),
        region: RegionId(1),
        group: GroupId::new(class, &format!("g{group}")),
        packets: 1,
        bytes: 60,
        sampling: Sampling::new(550, SamplingSource::Options),
        established: false,
        at,
    }
}

fn engine(rules: Arc<Rules>) -> Engine {
    Engine::new(Settings::default(), rules)
}

fn hours(detections: &[Detection]) -> Vec<String> {
    detections
        .iter()
        .filter(|detection| detection.window == Window::Hour)
        .map(|detection| format!("{} {}", detection.line.0, detection.class))
        .collect()
}

#[test]
fn a_class_needs_its_share_of_groups_and_one_of_them_primary() {
    let mut engine = engine(rules(vec![class("a", None, 5, "0.4")]));
    for (line, group) in [(1, 0), (2, 1), (2, 2), (3, 0), (3, 4)] {
        engine.observe(&sighting(line, "a", group, at(1)));
    }
    let detections = engine.finish();
    assert_eq!(hours(&detections), ["3 a"], "line 1 has one of two, line 2 no primary group");
    let detection = &detections[0];
    assert_eq!((detection.required, detection.of, detection.packets), (2, 5, 2));
    assert_eq!(detection.groups, ["g0".into(), "g4".into()]);
}

#[test]
fn a_group_seen_many_times_counts_once() {
    let mut engine = engine(rules(vec![class("a", None, 5, "0.4")]));
    for second in 0..100 {
        engine.observe(&sighting(1, "a", 0, at(second)));
    }
    assert!(engine.finish().is_empty());
}

#[test]
fn a_child_is_claimed_only_where_its_parent_is() {
    let classes = vec![class("parent", None, 1, "0.4"), class("child", Some(0), 1, "0.4")];
    let mut engine = engine(rules(classes));
    engine.observe(&sighting(1, "child", 0, at(1)));
    engine.observe(&sighting(2, "child", 0, at(1)));
    engine.observe(&sighting(2, "parent", 0, at(3_599)));
    engine.observe(&sighting(3, "child", 0, at(1)));
    engine.observe(&sighting(3, "parent", 0, at(3_600)));
    let detections = engine.finish();
    assert_eq!(
        hours(&detections),
        ["2 parent", "2 child", "3 parent"],
        "line 3 shows its parent only in the next hour"
    );
    let day: Vec<_> = detections
        .iter()
        .filter(|d| d.window == Window::Day && &*d.class == "child")
        .map(|d| d.line.0)
        .collect();
    assert_eq!(day, [2, 3], "in the day window both are there");
}

#[test]
fn windows_have_no_memory_of_one_another() {
    let mut engine = engine(rules(vec![class("a", None, 2, "1")]));
    engine.observe(&sighting(1, "a", 0, at(10)));
    engine.observe(&sighting(1, "a", 1, at(3_610)));
    let detections = engine.finish();
    assert!(hours(&detections).is_empty());
    assert_eq!(detections.len(), 1);
    assert_eq!(detections[0].window, Window::Day);
    assert_eq!((detections[0].first, detections[0].last), (at(10), at(3_610)));
}

#[test]
fn a_window_closes_when_the_lateness_bound_has_passed_and_counts_what_comes_later() {
    let mut engine = engine(rules(vec![class("a", None, 1, "0.4")]));
    engine.observe(&sighting(1, "a", 0, at(10)));
    assert!(engine.advance(at(3_600 + 299)).is_empty());
    engine.observe(&sighting(2, "a", 0, at(20)));
    assert_eq!(hours(&engine.advance(at(3_600 + 300))), ["1 a", "2 a"]);
    engine.observe(&sighting(3, "a", 0, at(30)));
    let counts = engine.take_counts();
    assert_eq!((counts.late_hour, counts.late_day), (1, 0));
    assert_eq!((counts.hour_sightings, counts.day_sightings), (2, 3));
    let day: Vec<_> = engine.finish().iter().map(|detection| detection.line.0).collect();
    assert_eq!(day, [1, 2, 3], "late for its hour is not late for its day");
}

#[test]
fn time_does_not_go_back() {
    let mut engine = engine(rules(vec![class("a", None, 1, "0.4")]));
    engine.advance(at(7_200));
    engine.advance(at(0));
    engine.observe(&sighting(1, "a", 0, at(0)));
    assert_eq!(engine.take_counts().late_hour, 1);
}

#[test]
fn in_use_is_a_rate_per_hour_and_marks_the_day() {
    let mut engine = engine(rules(vec![class("a", None, 1, "0.4")]));
    for second in 0..10 {
        engine.observe(&sighting(1, "a", 0, at(second)));
        engine.observe(&sighting(2, "a", 0, at(second * 1_200)));
    }
    let in_use: Vec<_> = engine
        .finish()
        .into_iter()
        .filter(|detection| detection.in_use)
        .map(|detection| (detection.line.0, detection.window))
        .collect();
    assert_eq!(in_use, [(1, Window::Hour), (1, Window::Day)], "line 2 spread ten over hours");
}

#[test]
fn a_window_is_closed_with_the_rules_in_force_at_its_end() {
    let lax = rules(vec![class("a", None, 2, "0.4")]);
    let strict = rules(vec![class("a", None, 2, "1")]);
    let seen = sighting(1, "a", 0, at(10));

    let mut inside = engine(lax.clone());
    inside.observe(&seen);
    inside.adopt(strict.clone(), at(3_599));
    assert!(hours(&inside.advance(at(4_000))).is_empty(), "adopted inside the window");

    let mut after = engine(lax);
    after.observe(&seen);
    after.adopt(strict, at(3_600));
    assert_eq!(hours(&after.advance(at(4_000))), ["1 a"], "adopted as the window ended");
}

#[test]
fn evidence_of_a_group_that_vanished_is_dropped_and_counted() {
    let mut engine = engine(rules(vec![class("a", None, 2, "0.4")]));
    engine.observe(&sighting(1, "a", 1, at(10)));
    engine.observe(&sighting(1, "a", 0, at(10)));
    engine.adopt(rules(vec![class("a", None, 1, "0.4")]), at(20));
    let detections = engine.finish();
    assert_eq!(detections[0].groups, ["g0".into()]);
    assert_eq!(detections[0].of, 1);
    assert_eq!(engine.take_counts().dropped_touches, 2, "one touch in each window");
}

#[test]
fn merged_groups_count_once() {
    let mut merged = class("a", None, 3, "0.7");
    merged.groups.remove(1);
    let merging = [(GroupId::new("a", "g1"), GroupId::new("a", "g0"))];
    let mut engine = engine(Arc::new(Rules::new(vec![merged], &merging)));
    engine.observe(&sighting(1, "a", 1, at(1)));
    engine.observe(&sighting(1, "a", 0, at(1)));
    let detections = engine.finish();
    assert_eq!(detections[0].groups, ["g0".into()]);
    assert_eq!((detections[0].required, detections[0].of), (1, 2));
}

#[test]
fn a_class_without_monitored_groups_is_never_claimed() {
    let mut engine = engine(rules(vec![class("a", None, 0, "0.4")]));
    engine.observe(&sighting(1, "a", 0, at(1)));
    assert!(engine.finish().is_empty());
}

#[test]
fn the_number_of_open_windows_is_bounded() {
    let mut engine = engine(rules(vec![class("a", None, 1, "0.4")]));
    for hour in 0..1_000 {
        engine.observe(&sighting(1, "a", 0, at(hour * 3_600)));
    }
    let EngineCounts { hour_sightings, refused, .. } = engine.take_counts();
    assert_eq!((hour_sightings, refused), (48, 952));
}

#[test]
fn an_open_window_can_be_asked_about_one_line() {
    let mut engine = engine(rules(vec![class("a", None, 2, "0.4")]));
    engine.observe(&sighting(1, "a", 0, at(1)));
    let so_far: Vec<_> = engine.line(LineId(1)).iter().map(|d| d.window).collect();
    assert_eq!(so_far, [Window::Hour, Window::Day]);
    assert!(engine.line(LineId(2)).is_empty());
    assert_eq!(engine.evidence(LineId(1))[0].touched.len(), 1);
}

#[test]
fn a_window_that_is_being_closed_takes_nothing_more_and_is_counted_when_it_is_closed() {
    let mut engine = engine(rules(vec![class("a", None, 1, "0.4")]));
    for line in 0..10_u128 {
        engine.observe(&sighting(line << 124, "a", 0, at(10)));
    }
    engine.pass(at(4_000));
    let mut detections = Vec::new();
    assert!(engine.close_some(4, &mut detections));
    engine.observe(&sighting(9 << 124, "a", 0, at(20)));
    engine.observe(&sighting(11 << 124, "a", 0, at(20)));
    let counts = engine.take_counts();
    assert_eq!((counts.late_hour, counts.closed_windows, counts.detections), (2, 0, 4));
    // What is judged is told no more, what is not yet is.
    let windows = |line: u128| engine.line(LineId(line << 124)).len();
    assert_eq!((windows(3), windows(4)), (1, 2));
    assert_eq!(engine.evidence(LineId(3 << 124)).len(), 1);
    engine.adopt(rules(Vec::new()), at(3_000));
    while engine.close_some(4, &mut detections) {}
    let lines: Vec<_> = detections.iter().map(|detection| detection.line.0 >> 124).collect();
    assert_eq!(lines, (0..10).collect::<Vec<_>>(), "by the rules of then, each once");
    assert!(detections.iter().all(|detection| detection.packets == 1));
    assert_eq!(engine.take_counts().closed_windows, 1);
    assert!(!engine.is_closing());
}

fn any_sighting() -> impl Strategy<Value = Sighting> {
    (0..6_u128, 0..2_usize, 0..5_usize, 0..7_500_u64, 1..40_u64, prop::bool::ANY).prop_map(
        |(line, class, group, second, packets, known)| Sighting {
            packets,
            sampling: if known {
                Sampling::new(100, SamplingSource::Record)
            } else {
                Sampling::Unknown
            },
            ..sighting(line, ["parent", "child"][class], group, at(second))
        },
    )
}

proptest! {
    /// Closing in slices, with sightings of later windows in between, claims
    /// what closing at once does.
    #[test]
    fn slices_change_nothing(
        sightings in prop::collection::vec(any_sighting(), 0..60),
        lines in 1..9_usize,
    ) {
        let rules = rules(vec![class("parent", None, 3, "0.4"), class("child", Some(0), 5, "0.6")]);
        let later: Vec<_> = sightings
            .iter()
            .map(|sighting| Sighting { at: sighting.at.plus(Duration::from_secs(14 * 3_600)), ..*sighting })
            .collect();
        let (mut at_once, mut sliced) = (engine(rules.clone()), engine(rules));
        sightings.iter().for_each(|sighting| { at_once.observe(sighting); sliced.observe(sighting); });
        // The next day has begun when this one is closed.
        let now = at(14 * 3_600 + 300);
        let mut expected = at_once.advance(now);
        later.iter().for_each(|sighting| at_once.observe(sighting));
        expected.extend(at_once.finish());
        let mut got = Vec::new();
        let mut later = later.iter();
        sliced.pass(now);
        while sliced.close_some(lines, &mut got) {
            later.next().into_iter().for_each(|sighting| sliced.observe(sighting));
        }
        later.for_each(|sighting| sliced.observe(sighting));
        sliced.end();
        while sliced.close_some(lines, &mut got) {}
        prop_assert_eq!(got, expected);
        prop_assert_eq!(sliced.take_counts(), at_once.take_counts());
    }

    /// The order of sightings inside the windows changes nothing at all.
    #[test]
    fn order_does_not_matter(
        (forwards, shuffled) in prop::collection::vec(any_sighting(), 0..60)
            .prop_flat_map(|sightings| (Just(sightings.clone()), Just(sightings).prop_shuffle()))
    ) {
        let rules = rules(vec![class("parent", None, 3, "0.4"), class("child", Some(0), 5, "0.6")]);
        let run = |sightings: &[Sighting]| {
            let mut engine = engine(rules.clone());
            for sighting in sightings {
                engine.observe(sighting);
            }
            engine.finish()
        };
        prop_assert_eq!(run(&forwards), run(&shuffled));
    }

    /// A flow that a second exporter reports too changes which classes are
    /// claimed on no line.
    #[test]
    fn a_second_exporter_changes_no_claim(
        sightings in prop::collection::vec(any_sighting(), 0..40)
    ) {
        let rules = rules(vec![class("parent", None, 3, "0.4"), class("child", Some(0), 5, "0.6")]);
        let claims = |times: usize| {
            let mut engine = Engine::new(Settings { lateness: Duration::ZERO, ..Settings::default() }, rules.clone());
            for sighting in sightings.iter().cycle().take(sightings.len() * times) {
                engine.observe(sighting);
            }
            let detections = engine.finish();
            detections.into_iter().map(|d| (d.window, d.start, d.line, d.class, d.groups)).collect::<Vec<_>>()
        };
        prop_assert_eq!(claims(1), claims(2));
    }
}
