//! That evidence which was written and read back claims what it would have
//! claimed, and that nonsense is said.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::detect::{Engine, Settings};
use crate::model::detection::Detection;
use crate::model::group::GroupId;
use crate::model::line::{LineId, RegionId};
use crate::model::rules::{ClassRule, GroupRule, Level, Role, Rules};
use crate::model::sampling::{Sampling, SamplingSource};
use crate::model::sighting::Sighting;
use crate::model::time::Timestamp;

/// 2026-11-21T10:00:00Z.
const TEN: u64 = 1_795_255_200;

fn rules() -> Arc<Rules> {
    let class = |name: &str, groups: usize| ClassRule {
        class: name.into(),
        name: name.into(),
        level: Level::Product,
        parent: None,
        threshold: "0.4".parse().unwrap(),
        in_use_packets: Some(10),
        groups: (0..groups)
            .map(|i| GroupRule {
                id: GroupId::new(name, &format!("g{i}")),
                name: format!("g{i}").into(),
                role: Role::Primary,
                packets_per_hour: None,
            })
            .collect(),
    };
    Arc::new(Rules::new(vec![class("a", 3), class("b", 5)], &[]))
}

fn engines(number: usize) -> Vec<Engine> {
    (0..number).map(|_| Engine::new(Settings::default(), rules())).collect()
}

fn owner(line: LineId, of: usize) -> usize {
    usize::try_from(line.0 % of as u128).unwrap()
}

fn sighting(line: u128, class: &str, group: usize, second: u64) -> Sighting {
    Sighting {
        line: LineId(line),
        region: RegionId(2),
        group: GroupId::new(class, &format!("g{group}")),
        packets: 1 + second % 7,
        bytes: 60 * second,
        sampling: if second.is_multiple_of(3) {
            Sampling::Unknown
        } else {
            Sampling::new(550, SamplingSource::Options)
        },
        established: false,
        at: Timestamp::from_secs(TEN + second),
    }
}

fn written(engines: &[Engine], enough: usize) -> Vec<u8> {
    let (mut bytes, mut lines) = (Vec::new(), 0);
    for engine in engines {
        let mut writing = engine.begin_checkpoint();
        loop {
            let mut slice = Vec::new();
            let progress = engine.write_checkpoint(&mut writing, &mut slice, enough);
            bytes.append(&mut slice);
            if progress != Progress::More {
                assert_eq!(progress, Progress::Done);
                break;
            }
        }
        lines += writing.written();
    }
    put_end(&mut bytes, lines);
    bytes
}

fn restored(bytes: &[u8], number: usize) -> Result<(Vec<Engine>, Restored), String> {
    let mut engines = engines(number);
    let of = |line| owner(line, number);
    let restored = restore(bytes, &mut engines, of, RegionId).map_err(|error| error.to_string())?;
    Ok((engines, restored))
}

fn observe(engines: &mut [Engine], sightings: &[Sighting], now: Timestamp) -> Vec<Detection> {
    let number = engines.len();
    for sighting in sightings {
        engines[owner(sighting.line, number)].observe(sighting);
    }
    engines.iter_mut().flat_map(|engine| engine.advance(now)).collect()
}

fn finish(engines: &mut [Engine]) -> Vec<Detection> {
    engines.iter_mut().flat_map(Engine::finish).collect()
}

fn sorted(mut detections: Vec<Detection>) -> Vec<Detection> {
    detections.sort_by(|a, b| {
        (a.window, a.start, a.line, &a.class).cmp(&(b.window, b.start, b.line, &b.class))
    });
    detections
}

#[test]
fn both_halves_make_one_detection_and_a_closed_window_stays_closed() {
    let mut before = engines(2);
    let at = |second: u64| Timestamp::from_secs(TEN + second);
    // Line 1 shows one of two needed groups, line 2 is in use within the hour.
    let used: Vec<_> = (0..9).map(|n| sighting(2, "a", 0, 5 + n)).collect();
    observe(&mut before, &[sighting(1, "b", 0, 3_703)], at(0));
    observe(&mut before, &used, at(60));
    let closed = observe(&mut before, &[], at(3_600 + 300));
    assert_eq!(closed.len(), 1);
    assert!(closed[0].in_use);

    let (mut after, found) = restored(&written(&before, 64), 3).unwrap();
    assert_eq!((found.lines, found.touches, found.in_use, found.refused), (3, 3, 1, 0));
    observe(&mut after, &[sighting(1, "b", 1, 3_801)], at(3_950));
    let detections = sorted(finish(&mut after));
    let all: Vec<_> =
        detections.iter().map(|d| (d.window, d.line.0, &*d.class, d.in_use)).collect();
    assert_eq!(
        all,
        [(Window::Hour, 1, "b", false), (Window::Day, 1, "b", false), (Window::Day, 2, "a", true)]
    );
    assert_eq!(detections[0].groups.len(), 2, "one before and one after");
    assert_eq!(detections[0].region, RegionId(2));
}

#[test]
fn a_window_that_ends_meanwhile_is_closed_once() {
    let mut before = engines(1);
    let at = |second: u64| Timestamp::from_secs(TEN + second);
    observe(&mut before, &[sighting(1, "a", 0, 10)], at(20));
    let (mut after, _) = restored(&written(&before, 1 << 20), 1).unwrap();
    // It was down for a day and a half.
    let detections = observe(&mut after, &[], at(36 * 3_600));
    assert_eq!(detections.len(), 2);
    assert!(finish(&mut after).is_empty());
    let (mut again, found) = restored(&written(&after, 1 << 20), 1).unwrap();
    assert_eq!(found, Restored::default());
    assert!(finish(&mut again).is_empty());
}

#[test]
fn what_comes_meanwhile_waits_and_what_closes_meanwhile_is_noticed() {
    let mut engine = engines(1).remove(0);
    (0..50).for_each(|line| engine.observe(&sighting(line, "a", 0, 1)));
    let mut writing = engine.begin_checkpoint();
    let (mut bytes, mut lines) = (Vec::new(), 50);
    loop {
        let mut slice = Vec::new();
        let progress = engine.write_checkpoint(&mut writing, &mut slice, 100);
        bytes.append(&mut slice);
        if progress == Progress::Done {
            break;
        }
        // Known lines and new ones, into windows that are passed and to come.
        engine.observe(&sighting(lines % 50, "b", 0, 2));
        engine.observe(&sighting(lines, "a", 0, 2));
        lines += 1;
    }
    put_end(&mut bytes, writing.written());
    let (_, found) = restored(&bytes, 1).unwrap();
    assert!(found.lines >= 100 && found.lines <= 2 * u64::try_from(lines).unwrap(), "{found:?}");

    let mut writing = engine.begin_checkpoint();
    let mut slice = Vec::new();
    assert_eq!(engine.write_checkpoint(&mut writing, &mut slice, 100), Progress::More);
    engine.advance(Timestamp::from_secs(TEN + 4_000));
    assert_eq!(engine.write_checkpoint(&mut writing, &mut slice, 200), Progress::Disturbed);
}

#[test]
fn a_half_closed_window_is_written_from_there_on() {
    let spread = |n: u128| n << 121 | 5;
    let seen: Vec<_> = (0..100)
        .flat_map(|n| (0..9).map(move |second| sighting(spread(n), "a", 0, 5 + second)))
        .collect();
    let now = Timestamp::from_secs(TEN + 3_900);
    let mut straight = engines(1);
    let mut expected = observe(&mut straight, &seen, now);
    expected.extend(finish(&mut straight));

    let mut before = engines(1);
    observe(&mut before, &seen, Timestamp::EPOCH);
    before[0].pass(now);
    let mut got = Vec::new();
    assert!(before[0].close_some(41, &mut got));
    let emitted = got.len();
    assert_eq!(emitted, 41);
    // Closing goes on while it is written, as far as a kill would let it.
    let mut writing = before[0].begin_checkpoint();
    let mut bytes = Vec::new();
    loop {
        let mut slice = Vec::new();
        let progress = before[0].write_checkpoint(&mut writing, &mut slice, 200);
        bytes.append(&mut slice);
        if progress == Progress::Done {
            break;
        }
        assert_eq!(progress, Progress::More);
        before[0].close_some(1, &mut Vec::new());
    }
    put_end(&mut bytes, writing.written());
    let (mut after, found) = restored(&bytes, 2).unwrap();
    assert_eq!(found.lines, 59 + 100, "the rest of the hour, and the day");
    assert!(found.in_use >= 41, "a class in use stays so");
    got.extend(observe(&mut after, &[], now));
    got.extend(finish(&mut after));
    assert_eq!(sorted(got), sorted(expected));
}

#[test]
fn nonsense_is_said_with_its_place() {
    let error = |bytes: &[u8]| restored(bytes, 1).err().unwrap();
    assert_eq!(error(&[]), "byte 0: it ends in the middle of a record");
    assert_eq!(error(&[7]), "byte 1: a slice with the tag 0x07");
    assert_eq!(error(&[WINDOW, 2]), "byte 2: a window 2, allowed: 0, 1");
    assert_eq!(error(&[WINDOW, 0, 5]), "byte 3: no window of 1h starts there");
    assert_eq!(error(&[END, 3]), "byte 2: 0 lines were found, and 3 were written");
    // Whatever number of groups or lines it says, it has to hold them.
    let many = [0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(error(&[&[WINDOW, 0, 0], &many[..]].concat()).contains("it ends in the middle"));
    let mut engines = engines(1);
    observe(&mut engines, &[sighting(1, "a", 0, 10)], Timestamp::EPOCH);
    let good = written(&engines, 1 << 20);
    for end in 0..good.len() {
        assert!(restored(&good[..end], 1).is_err(), "cut off at {end}");
    }
}

#[test]
fn more_than_an_engine_holds_is_refused_and_counted() {
    let mut before = engines(1);
    let sightings: Vec<_> = (0..100).map(|line| sighting(line, "a", 0, 1)).collect();
    observe(&mut before, &sightings, Timestamp::EPOCH);
    let settings = Settings { most_touches: 10, ..Settings::default() };
    let mut small = [Engine::new(settings, rules())];
    let found = restore(&*written(&before, 1 << 20), &mut small, |_| 0, |_| RegionId(0)).unwrap();
    assert_eq!((found.touches, found.refused), (20, 180));
    assert_eq!(small[0].touches(), 20);
}

fn any_sighting() -> impl Strategy<Value = Sighting> {
    (0..20_u128, 0..2_usize, 0..5_usize, 0..90_000_u64)
        .prop_map(|(line, class, group, second)| sighting(line, ["a", "b"][class], group, second))
}

proptest! {
    /// Wherever evidence is written and read back, into however many slices and
    /// engines, it claims what it would have claimed.
    #[test]
    fn a_restart_changes_no_claim(
        first in prop::collection::vec(any_sighting(), 0..60),
        second in prop::collection::vec(any_sighting(), 0..60),
        (from, to) in (1..4_usize, 1..4_usize),
        enough in 1..2_000_usize,
        // Some hours are closed before it.
        hours in 0..4_u64,
    ) {
        let now = Timestamp::from_secs(TEN + hours * 3_600 + 300);
        let mut straight = engines(1);
        let mut expected = observe(&mut straight, &first, now);
        expected.extend(observe(&mut straight, &second, now));
        expected.extend(finish(&mut straight));

        let mut before = engines(from);
        let mut got = observe(&mut before, &first, now);
        let (mut after, found) = restored(&written(&before, enough), to).unwrap();
        prop_assert_eq!(found.refused, 0);
        prop_assert_eq!(
            after.iter().map(Engine::touches).sum::<usize>(),
            before.iter().map(Engine::touches).sum::<usize>()
        );
        // A service tells its engines the time before anything else.
        got.extend(observe(&mut after, &[], now));
        got.extend(observe(&mut after, &second, now));
        got.extend(finish(&mut after));
        prop_assert_eq!(sorted(got), sorted(expected));
    }
}
