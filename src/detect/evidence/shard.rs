//! The lines of a window whose pseudonyms begin alike.
//!
//! A line's touches are a chain through one list, so a line that is new costs no
//! allocation of its own and is judged by following its chain. Lines stand in
//! the order in which they came, beside a table of their places. A shard counts
//! places in 16 bits; that is what makes an entry small.

use hashbrown::HashTable;

use super::chunks::Chunks;
use super::touch::{NONE, Touch};
use crate::model::line::{LineId, RegionId};

/// One line and the first of its touches.
#[derive(Clone, Copy, Debug)]
struct LineSlot {
    /// The line's number; as bytes it needs no room to be aligned.
    line: [u8; 16],
    head: u16,
    region: RegionId,
}

/// Some lines and what they touched.
#[derive(Debug, Default)]
pub(super) struct Shard {
    lines: Chunks<LineSlot>,
    /// Places in `lines`.
    places: HashTable<u16>,
    touches: Chunks<Touch>,
}

impl Shard {
    /// Where a line of this hash stands.
    pub(super) fn find(&self, hash: u64, line: LineId) -> Option<u16> {
        let wanted = line.0.to_le_bytes();
        let is_it = |place: &u16| self.lines.get(*place).is_some_and(|slot| slot.line == wanted);
        self.places.find(hash, is_it).copied()
    }

    /// Adds to what the line that stands there has of the group already; says
    /// whether it had any.
    pub(super) fn add(&mut self, slot: u16, region: RegionId, seen: &Touch) -> bool {
        let Some(known) = self.lines.get_mut(slot) else { return false };
        // A line lies in one region, save across a reload; the larger id
        // is as good as the other and does not depend on the order.
        known.region = known.region.max(region);
        let mut next = known.head;
        while let Some(touch) = self.touches.get_mut(next) {
            if touch.group == seen.group {
                touch.add(seen);
                return true;
            }
            next = touch.next;
        }
        false
    }

    /// Whether no touch has room any more: the last number ends chains.
    pub(super) fn is_full(&self) -> bool {
        self.touches.len() >= usize::from(NONE)
    }

    /// Takes in the first touch of a group by the line that stands at `slot`, or
    /// by one that is new; says whether it is. There must be room.
    pub(super) fn begin(
        &mut self,
        slot: Option<u16>,
        (line, region): (LineId, RegionId),
        seen: &Touch,
        hash: impl Fn([u8; 16]) -> u64,
    ) -> bool {
        let head = u16::try_from(self.touches.len()).unwrap_or(NONE);
        let known = slot.and_then(|slot| self.lines.get_mut(slot));
        let is_new = known.is_none();
        let next = known.map_or(NONE, |known| std::mem::replace(&mut known.head, head));
        let mut touch = *seen;
        touch.next = next;
        self.touches.push(touch);
        if is_new {
            // There are no more lines than touches: it fits.
            let place = u16::try_from(self.lines.len()).unwrap_or(NONE);
            let line = line.0.to_le_bytes();
            self.lines.push(LineSlot { line, head, region });
            let Self { places, lines, .. } = self;
            let of = |place: &u16| lines.get(*place).map_or(0, |slot| hash(slot.line));
            places.insert_unique(hash(line), place, of);
        }
        is_new
    }

    /// The line that stands there, its region and its first touch.
    pub(super) fn line(&self, slot: u16) -> Option<(LineId, RegionId, u16)> {
        let slot = self.lines.get(slot)?;
        Some((LineId(u128::from_le_bytes(slot.line)), slot.region, slot.head))
    }

    /// The chain that begins there.
    pub(super) fn chain(&self, head: u16) -> impl Iterator<Item = &Touch> + Clone {
        std::iter::successors(self.touches.get(head), |touch| self.touches.get(touch.next))
    }

    /// Marks the touches of the line that stands there as in use, if the place
    /// of their group is one that is.
    pub(super) fn mark_in_use(&mut self, slot: u16, is_in_use: impl Fn(u16) -> bool) {
        let mut next = self.lines.get(slot).map_or(NONE, |slot| slot.head);
        while let Some(touch) = self.touches.get_mut(next) {
            if is_in_use(touch.group) {
                touch.set_in_use();
            }
            next = touch.next;
        }
    }
}
