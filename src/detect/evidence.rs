//! What was seen in one window: which line touched which group.
//!
//! A line's touches are a chain through one vector, so a line that is new
//! costs no allocation of its own and a line is evaluated by following its
//! chain. Lines stand in the order in which they came, beside a table of their
//! places, so that a window can be written in slices while it grows. Sums
//! saturate instead of wrapping; a saturated sum does not depend on the order of
//! its parts.

use std::hash::BuildHasher;

use hashbrown::hash_map::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::model::group::GroupId;
use crate::model::line::{LineId, RegionId};
use crate::model::sighting::Sighting;
use crate::model::time::Timestamp;

/// End of a chain.
const NONE: u32 = u32::MAX;

/// One line's touches of one group in the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    /// Place of the group in [`Evidence::groups`].
    group: u32,
    /// Next touch of the same line, or [`NONE`].
    next: u32,
    /// Sampled packets.
    pub packets: u32,
    /// Those of them whose sampling rate is known.
    pub known_packets: u32,
    /// First sighting, milliseconds after the window's start.
    pub first: u32,
    /// Last sighting, milliseconds after the window's start.
    pub last: u32,
    /// Sampled bytes.
    pub bytes: u64,
    /// Sum of packets times their sampling rate: packets in the network, as
    /// far as the rate is known.
    pub scaled_packets: u64,
}

#[derive(Clone, Copy, Debug)]
struct LineSlot {
    /// The line's number; as bytes it needs no room to be aligned.
    line: [u8; 16],
    head: u32,
    region: RegionId,
}

impl LineSlot {
    fn line(&self) -> LineId {
        LineId(u128::from_le_bytes(self.line))
    }
}

/// Why a sighting could not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The evidence of one window.
#[derive(Debug)]
pub(super) struct Evidence {
    start: Timestamp,
    lines: Vec<LineSlot>,
    /// Places in `lines`.
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
    touches: Vec<Touch>,
    groups: Vec<GroupId>,
    group_places: HashMap<GroupId, u32>,
}

impl Evidence {
    /// An empty window that starts at `start`.
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            start,
            lines: Vec::new(),
            places: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            touches: Vec::new(),
            groups: Vec::new(),
            group_places: HashMap::new(),
        }
    }

    /// How many touches are held.
    pub(super) fn len(&self) -> usize {
        self.touches.len()
    }

    /// Adds a sighting that lies in this window. A new touch is refused when
    /// `most` are held already.
    pub(super) fn add(&mut self, sighting: &Sighting, most: usize) -> Result<(), Full> {
        let group = self.group_place(sighting.group);
        let offset = saturated(sighting.at.since(self.start).as_millis());
        let rate = sighting.sampling.rate().map_or(0, |rate| u64::from(rate.get()));
        let packets = saturated(u128::from(sighting.packets));
        let seen = Touch {
            group,
            next: NONE,
            packets,
            known_packets: if rate > 0 { packets } else { 0 },
            first: offset,
            last: offset,
            bytes: sighting.bytes,
            scaled_packets: sighting.packets.saturating_mul(rate),
        };
        self.add_touch(sighting.line, sighting.region, seen, most)
    }

    /// Adds what was seen of a line and a group, on its own or in sum.
    fn add_touch(
        &mut self,
        line: LineId,
        region: RegionId,
        seen: Touch,
        most: usize,
    ) -> Result<(), Full> {
        let slot = self.find_slot(line);
        let place = match slot.and_then(|slot| self.find(slot, seen.group)) {
            Some(place) => place,
            None => self.begin((line, slot), region, seen.group, most)?,
        };
        if let Some(slot) = slot.and_then(|slot| self.lines.get_mut(slot)) {
            // A line lies in one region, save across a reload; the larger id
            // is as good as the other and does not depend on the order.
            slot.region = slot.region.max(region);
        }
        let touch = &mut self.touches[place];
        touch.packets = touch.packets.saturating_add(seen.packets);
        touch.known_packets = touch.known_packets.saturating_add(seen.known_packets);
        touch.bytes = touch.bytes.saturating_add(seen.bytes);
        touch.scaled_packets = touch.scaled_packets.saturating_add(seen.scaled_packets);
        touch.first = touch.first.min(seen.first);
        touch.last = touch.last.max(seen.last);
        Ok(())
    }

    /// Adds what a checkpoint says of a line and a group.
    pub(super) fn restore(
        &mut self,
        line: LineId,
        region: RegionId,
        (group, touch): (GroupId, Touch),
        most: usize,
    ) -> Result<(), Full> {
        let group = self.group_place(group);
        self.add_touch(line, region, Touch { group, ..touch }, most)
    }

    /// Every line with its region, in no particular order.
    pub(super) fn lines(&self) -> impl Iterator<Item = (LineId, RegionId)> + '_ {
        self.lines.iter().map(|slot| (slot.line(), slot.region))
    }

    /// How many lines are held.
    pub(super) fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The line that came as number `place`, with its region and its touches.
    pub(super) fn line_at(
        &self,
        place: usize,
    ) -> Option<(LineId, RegionId, impl Iterator<Item = (GroupId, &Touch)> + Clone + '_)> {
        let slot = self.lines.get(place)?;
        Some((slot.line(), slot.region, self.chain(slot.head)))
    }

    /// What a line touched, with the group of each touch.
    pub(super) fn touches(&self, line: LineId) -> impl Iterator<Item = (GroupId, &Touch)> + '_ {
        let slot = self.find_slot(line).and_then(|slot| self.lines.get(slot));
        self.chain(slot.map_or(NONE, |slot| slot.head))
    }

    fn chain(&self, head: u32) -> impl Iterator<Item = (GroupId, &Touch)> + Clone + '_ {
        let next = |touch: &&Touch| self.touches.get(touch.next as usize);
        std::iter::successors(self.touches.get(head as usize), next)
            .filter_map(|touch| Some((*self.groups.get(touch.group as usize)?, touch)))
    }

    /// The region of a line that was seen.
    pub(super) fn region(&self, line: LineId) -> Option<RegionId> {
        Some(self.lines.get(self.find_slot(line)?)?.region)
    }

    /// Event time of a touch's first sighting.
    pub(super) fn first(&self, touch: &Touch) -> Timestamp {
        self.start.shifted(i64::from(touch.first))
    }

    /// Event time of a touch's last sighting.
    pub(super) fn last(&self, touch: &Touch) -> Timestamp {
        self.start.shifted(i64::from(touch.last))
    }

    fn group_place(&mut self, group: GroupId) -> u32 {
        // The number of groups is bounded by the signatures: it fits.
        let next = saturated(self.groups.len() as u128);
        match self.group_places.entry(group) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.groups.push(group);
                *new.insert(next)
            }
        }
    }

    fn find_slot(&self, line: LineId) -> Option<usize> {
        let wanted = line.0.to_le_bytes();
        let is_it = |place: &u32| self.lines[*place as usize].line == wanted;
        let place = self.places.find(self.hasher.hash_one(wanted), is_it)?;
        Some(*place as usize)
    }

    /// The touch of a group in the chain of a line.
    fn find(&self, slot: usize, group: u32) -> Option<usize> {
        let mut place = self.lines.get(slot)?.head as usize;
        loop {
            let touch = self.touches.get(place)?;
            if touch.group == group {
                return Some(place);
            }
            place = touch.next as usize;
        }
    }

    fn begin(
        &mut self,
        (line, slot): (LineId, Option<usize>),
        region: RegionId,
        group: u32,
        most: usize,
    ) -> Result<usize, Full> {
        let place = self.touches.len();
        if place >= most.min(NONE as usize) {
            return Err(Full);
        }
        let head = saturated(place as u128);
        let next = match slot.and_then(|slot| self.lines.get_mut(slot)) {
            Some(known) => std::mem::replace(&mut known.head, head),
            None => {
                self.begin_line(LineSlot { line: line.0.to_le_bytes(), head, region });
                NONE
            }
        };
        self.touches.push(Touch {
            group,
            next,
            packets: 0,
            known_packets: 0,
            first: u32::MAX,
            last: 0,
            bytes: 0,
            scaled_packets: 0,
        });
        Ok(place)
    }

    fn begin_line(&mut self, slot: LineSlot) {
        // There are no more lines than touches: it fits.
        let place = saturated(self.lines.len() as u128);
        let hash = self.hasher.hash_one(slot.line);
        self.lines.push(slot);
        let Self { places, lines, hasher, .. } = self;
        places.insert_unique(hash, place, |place| hasher.hash_one(lines[*place as usize].line));
    }
}

impl Touch {
    /// What a checkpoint says; whose it is, is said beside it.
    pub(super) fn restored(
        (packets, known_packets): (u32, u32),
        (first, last): (u32, u32),
        bytes: u64,
        scaled_packets: u64,
    ) -> Self {
        Self { group: NONE, next: NONE, packets, known_packets, first, last, bytes, scaled_packets }
    }
}

fn saturated(value: u128) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
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

    #[test]
    fn touches_of_one_group_add_up_and_those_of_another_line_stay_apart() {
        let mut evidence = Evidence::new(Timestamp::from_secs(3_600));
        for sighting in [sighting(1, "a", 20), sighting(1, "b", 5), sighting(2, "a", 7)] {
            evidence.add(&sighting, 10).unwrap();
        }
        evidence.add(&sighting(1, "a", 10), 10).unwrap();
        let touches: Vec<_> = evidence.touches(LineId(1)).collect();
        assert_eq!(touches.len(), 2);
        let (_, a) =
            touches.iter().find(|(group, _)| *group == GroupId::new("class", "a")).unwrap();
        assert_eq!((a.packets, a.bytes, a.scaled_packets), (4, 200, 2_000));
        assert_eq!(evidence.first(a), Timestamp::from_secs(3_610));
        assert_eq!(evidence.last(a), Timestamp::from_secs(3_620));
        assert_eq!(evidence.touches(LineId(2)).count(), 1);
        assert_eq!(evidence.touches(LineId(3)).count(), 0);
    }

    #[test]
    fn a_full_window_refuses_new_touches_and_keeps_adding_to_old_ones() {
        let mut evidence = Evidence::new(Timestamp::from_secs(3_600));
        evidence.add(&sighting(1, "a", 1), 1).unwrap();
        assert_eq!(evidence.add(&sighting(2, "a", 1), 1), Err(Full));
        evidence.add(&sighting(1, "a", 2), 1).unwrap();
        assert_eq!(evidence.len(), 1);
        assert_eq!(evidence.lines().count(), 1);
    }
}
