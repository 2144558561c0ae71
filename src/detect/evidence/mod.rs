//! What was seen in one window: which line touched which group.
//!
//! A window is cut into shards by the beginning of a line's pseudonym, which is
//! a keyed hash and so spreads evenly. Each grows, is judged and is given back
//! on its own, so nothing that a window does stops its owner for longer than a
//! thousandth of the window takes. A touch has 32 bytes, a line 20 and at most 7
//! in its table, so an entry is meant to take under 64 even where every line
//! touches one group; `cargo bench --bench turnover` prints what it takes.

mod chunks;
mod shard;
mod touch;

use std::hash::BuildHasher;

use hashbrown::hash_map::Entry;
use hashbrown::{DefaultHashBuilder, HashMap};

use crate::model::group::GroupId;
use crate::model::line::{LineId, RegionId};
use crate::model::sighting::Sighting;
use crate::model::time::Timestamp;
use shard::Shard;
pub(super) use touch::Touch;

/// Leading bits of a pseudonym that choose the shard.
const SHARD_BITS: u32 = 10;
/// Shards of a window. Each holds 65,535 touches, all of them 67 million.
const SHARDS: usize = 1 << SHARD_BITS;

/// Why a sighting could not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The evidence of one window.
#[derive(Debug)]
pub(super) struct Evidence {
    start: Timestamp,
    shards: Vec<Shard>,
    lines: usize,
    touches: usize,
    hasher: DefaultHashBuilder,
    groups: Vec<GroupId>,
    group_places: HashMap<GroupId, u16>,
}

/// How far somebody has come who goes through all lines, shard by shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    shard: usize,
    slot: u16,
}

impl Cursor {
    /// Before all lines of the shard that `line` belongs to.
    pub(super) fn at_shard_of(line: LineId) -> Self {
        Self { shard: shard_of(line), slot: 0 }
    }
}

/// A line and what it touched.
pub(super) struct Line<'e> {
    pub(super) line: LineId,
    pub(super) region: RegionId,
    shard: &'e Shard,
    head: u16,
}

impl<'e> Line<'e> {
    /// Its touches, each with the place of its group in [`Evidence::groups`].
    pub(super) fn touches(&self) -> impl Iterator<Item = (usize, &'e Touch)> + Clone {
        self.shard.chain(self.head).map(|touch| (usize::from(touch.group), touch))
    }
}

fn shard_of(line: LineId) -> usize {
    usize::try_from(line.0 >> (u128::BITS - SHARD_BITS)).unwrap_or(0)
}

impl Evidence {
    /// An empty window that starts at `start`.
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            start,
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            lines: 0,
            touches: 0,
            hasher: DefaultHashBuilder::default(),
            groups: Vec::new(),
            group_places: HashMap::new(),
        }
    }

    /// How many touches are held.
    pub(super) fn len(&self) -> usize {
        self.touches
    }

    /// Adds a sighting that lies in this window. A new touch is refused when
    /// `most` are held already.
    pub(super) fn add(&mut self, sighting: &Sighting, most: usize) -> Result<(), Full> {
        let group = self.group_place(sighting.group)?;
        let offset = u32::try_from(sighting.at.since(self.start).as_millis()).unwrap_or(0);
        let seen = Touch::seen(sighting, group, offset);
        self.add_touch(sighting.line, sighting.region, &seen, most)
    }

    /// Adds what a checkpoint says of a line and a group.
    pub(super) fn restore(
        &mut self,
        line: LineId,
        region: RegionId,
        (group, mut touch): (GroupId, Touch),
        most: usize,
    ) -> Result<(), Full> {
        touch.group = self.group_place(group)?;
        self.add_touch(line, region, &touch, most)
    }

    /// Adds what was seen of a line and a group, on its own or in sum.
    fn add_touch(
        &mut self,
        line: LineId,
        region: RegionId,
        seen: &Touch,
        most: usize,
    ) -> Result<(), Full> {
        let Self { shards, hasher, .. } = self;
        let hash = |line: [u8; 16]| hasher.hash_one(line);
        let shard = &mut shards[shard_of(line)];
        let slot = shard.find(hash(line.0.to_le_bytes()), line);
        if slot.is_some_and(|slot| shard.add(slot, region, seen)) {
            return Ok(());
        }
        if self.touches >= most || shard.is_full() {
            return Err(Full);
        }
        self.lines += usize::from(shard.begin(slot, (line, region), seen, hash));
        self.touches += 1;
        Ok(())
    }

    /// The groups that were touched, in the order in which they came.
    pub(super) fn groups(&self) -> &[GroupId] {
        &self.groups
    }

    /// A line that was seen.
    pub(super) fn line(&self, line: LineId) -> Option<Line<'_>> {
        let shard = &self.shards[shard_of(line)];
        let slot = shard.find(self.hasher.hash_one(line.0.to_le_bytes()), line)?;
        line_at(shard, slot)
    }

    /// The line at the cursor, which goes on by one. Lines that come meanwhile
    /// stand behind those of their shard.
    pub(super) fn next_line(&self, cursor: &mut Cursor) -> Option<Line<'_>> {
        loop {
            let shard = self.shards.get(cursor.shard)?;
            if let Some(line) = line_at(shard, cursor.slot) {
                cursor.slot += 1;
                return Some(line);
            }
            *cursor = Cursor { shard: cursor.shard + 1, slot: 0 };
        }
    }

    /// The lines of the next shard, from which the cursor goes on; in the order
    /// of their numbers. The shards are in that order, too.
    pub(super) fn next_shard(&self, cursor: &mut Cursor, into: &mut Vec<(LineId, Cursor)>) -> bool {
        let (shard, mut at) = (cursor.shard, Cursor { slot: 0, ..*cursor });
        if shard >= self.shards.len() {
            return false;
        }
        into.clear();
        while let Some(line) = line_at(&self.shards[shard], at.slot) {
            into.push((line.line, at));
            at.slot += 1;
        }
        into.sort_unstable_by_key(|(line, _)| *line);
        *cursor = Cursor { shard: shard + 1, slot: 0 };
        true
    }

    /// The line at a place that [`Self::next_shard`] gave.
    pub(super) fn line_at(&self, cursor: Cursor) -> Option<Line<'_>> {
        line_at(self.shards.get(cursor.shard)?, cursor.slot)
    }

    /// Marks what `line` touched as in use, for groups that are.
    pub(super) fn mark_in_use(&mut self, line: LineId, is_in_use: impl Fn(GroupId) -> bool) {
        let Self { shards, hasher, groups, .. } = self;
        let shard = &mut shards[shard_of(line)];
        if let Some(slot) = shard.find(hasher.hash_one(line.0.to_le_bytes()), line) {
            shard.mark_in_use(slot, |group| {
                groups.get(usize::from(group)).is_some_and(|group| is_in_use(*group))
            });
        }
    }

    /// Gives back the memory of so many shards; says whether there are more.
    pub(super) fn give_back(&mut self, shards: usize) -> bool {
        self.shards.truncate(self.shards.len().saturating_sub(shards));
        !self.shards.is_empty()
    }

    /// Event time of so many milliseconds after the start.
    pub(super) fn at(&self, offset: u32) -> Timestamp {
        self.start.shifted(i64::from(offset))
    }

    fn group_place(&mut self, group: GroupId) -> Result<u16, Full> {
        let next = u16::try_from(self.groups.len());
        match self.group_places.entry(group) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(new) => {
                // Signatures bound the number of groups far below that.
                let next = next.map_err(|_| Full)?;
                self.groups.push(group);
                Ok(*new.insert(next))
            }
        }
    }
}

fn line_at(shard: &Shard, slot: u16) -> Option<Line<'_>> {
    let (line, region, head) = shard.line(slot)?;
    Some(Line { line, region, shard, head })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sampling::{Sampling, SamplingSource};

    fn sighting(line: u128, group: &str, at: u64) -> Sighting {
        Sighting {
            line: LineId(line),
            region: RegionId(0),
            group: GroupId::new("class", group),
            packets: 2,
            bytes: 100,
            sampling: Sampling::new(500, SamplingSource::Options),
            established: false,
            at: Timestamp::from_secs(3_600 + at),
        }
    }

    fn touches(evidence: &Evidence, line: u128) -> usize {
        evidence.line(LineId(line)).map_or(0, |line| line.touches().count())
    }

    #[test]
    fn touches_of_one_group_add_up_and_those_of_another_line_stay_apart() {
        let mut evidence = Evidence::new(Timestamp::from_secs(3_600));
        for sighting in [sighting(1, "a", 20), sighting(1, "b", 5), sighting(2, "a", 7)] {
            evidence.add(&sighting, 10).unwrap();
        }
        evidence.add(&sighting(1, "a", 10), 10).unwrap();
        let line = evidence.line(LineId(1)).unwrap();
        assert_eq!(line.touches().count(), 2);
        let is_a = |group: &usize| evidence.groups()[*group] == GroupId::new("class", "a");
        let (_, a) = line.touches().find(|(group, _)| is_a(group)).unwrap();
        assert_eq!((a.packets, a.bytes(), a.scaled_packets()), (4, 200, 2_000));
        assert_eq!(evidence.at(a.first), Timestamp::from_secs(3_610));
        assert_eq!(evidence.at(a.last()), Timestamp::from_secs(3_620));
        assert_eq!((touches(&evidence, 2), touches(&evidence, 3)), (1, 0));
    }

    #[test]
    fn a_full_window_refuses_new_touches_and_keeps_adding_to_old_ones() {
        let mut evidence = Evidence::new(Timestamp::from_secs(3_600));
        evidence.add(&sighting(1, "a", 1), 1).unwrap();
        assert_eq!(evidence.add(&sighting(2, "a", 1), 1), Err(Full));
        evidence.add(&sighting(1, "a", 2), 1).unwrap();
        assert_eq!((evidence.len(), evidence.lines), (1, 1));
    }

    #[test]
    fn a_full_shard_refuses_and_its_neighbour_does_not() {
        let mut evidence = Evidence::new(Timestamp::from_secs(3_600));
        let refused = (0..70_000)
            .filter(|line| evidence.add(&sighting(*line, "a", 1), usize::MAX).is_err())
            .count();
        assert_eq!((refused, evidence.len()), (70_000 - 65_535, 65_535));
        assert!(evidence.add(&sighting(0, "a", 2), usize::MAX).is_ok(), "an old touch");
        assert!(evidence.add(&sighting(1 << 127, "a", 1), usize::MAX).is_ok());
        assert_eq!(touches(&evidence, 65_534), 1);
    }

    #[test]
    fn lines_come_in_order_shard_by_shard() {
        let mut evidence = Evidence::new(Timestamp::from_secs(3_600));
        let numbers = [5 << 120, 3, 1 << 127, 7, 2, 1 << 119, u128::MAX];
        for line in numbers {
            evidence.add(&sighting(line, "a", 1), 100).unwrap();
        }
        let (mut cursor, mut shard, mut all) = (Cursor::default(), Vec::new(), Vec::new());
        while evidence.next_shard(&mut cursor, &mut shard) {
            let line = |at| evidence.line_at(at).unwrap().line.0;
            all.extend(shard.iter().map(|(_, at)| line(*at)));
        }
        let mut sorted = numbers;
        sorted.sort_unstable();
        assert_eq!(all, sorted);
        let mut cursor = Cursor::default();
        let all = std::iter::from_fn(|| evidence.next_line(&mut cursor).map(|line| line.line.0));
        assert_eq!(all.collect::<std::collections::BTreeSet<_>>(), sorted.into());
    }
}
