//! Writing, slice by slice. Lines and touches are only ever appended to a
//! shard of a window, so that the place reached stays what it is while
//! sightings come in; what they add to lines already written comes with the
//! next checkpoint. Lines that were judged before it was begun are left out; a
//! window of which the last line is judged meanwhile takes its place with it,
//! and the checkpoint begins again.

use hashbrown::HashMap;

use super::{END, WINDOW, WINDOWS};
use crate::bytes::{Progress, put_number};
use crate::detect::engine::{Engine, Key, window_start};
use crate::detect::evidence::{Cursor, Evidence};
use crate::model::group::GroupId;
use crate::model::line::LineId;

/// A window, and whether it is open: one that is being closed may be opened
/// again by a clock that is set back.
type Place = (Key, bool);

/// How far writing has come.
#[derive(Clone, Debug)]
pub struct Writing {
    /// Windows closed when it began.
    closed: u64,
    /// The last line judged then, of windows that were being closed.
    judged: Vec<(Key, LineId)>,
    /// The window under way and how far it is written, if it is begun.
    at: Option<(Place, Option<Cursor>)>,
    written: u64,
}

impl Writing {
    /// How many lines were written, those of different windows apart.
    pub fn written(&self) -> u64 {
        self.written
    }
}

impl Engine {
    /// Begins to write the windows that are not closed.
    pub fn begin_checkpoint(&self) -> Writing {
        let judged = self.closing.iter().filter_map(|closing| Some((closing.key, closing.last?)));
        Writing { closed: self.closed, judged: judged.collect(), at: None, written: 0 }
    }

    /// Appends the next slice: about `enough` bytes.
    pub fn write_checkpoint(
        &self,
        writing: &mut Writing,
        into: &mut Vec<u8>,
        enough: usize,
    ) -> Progress {
        if writing.closed != self.closed {
            return Progress::Disturbed;
        }
        while into.len() < enough {
            let from = writing.at.map(|(place, _)| place);
            let Some((place, evidence)) = self.first_window(|place| Some(place) >= from) else {
                return Progress::Done;
            };
            let is_it = |(of, _): &&(Key, LineId)| (*of, false) == place;
            let judged = writing.judged.iter().find(is_it).map(|(_, line)| *line);
            let begin = || judged.map_or_else(Cursor::default, Cursor::at_shard_of);
            let reached = writing.at.filter(|(of, _)| *of == place).and_then(|(_, cursor)| cursor);
            let mut cursor = reached.unwrap_or_else(begin);
            let room = enough - into.len();
            let lines = put_window(into, place.0, evidence, (&mut cursor, judged), room);
            writing.written += lines;
            writing.at = Some((place, Some(cursor)));
            if lines == 0 {
                let next = self.first_window(|next| next > place);
                let Some((next, _)) = next else { return Progress::Done };
                writing.at = Some((next, None));
            }
        }
        Progress::More
    }

    /// The first of the windows that fit.
    fn first_window(&self, fits: impl Fn(Place) -> bool) -> Option<(Place, &Evidence)> {
        self.windows()
            .map(|(key, evidence, closing)| ((key, closing.is_none()), evidence))
            .filter(|(place, _)| fits(*place))
            .min_by_key(|(place, _)| *place)
    }
}

/// Appends what stands after the last slice of all engines.
pub fn put_end(into: &mut Vec<u8>, lines: u64) {
    into.push(END);
    put_number(into, lines);
}

/// Appends lines from the cursor on that come after those judged, for about
/// `room` bytes; returns how many.
fn put_window(
    into: &mut Vec<u8>,
    (end, window): Key,
    evidence: &Evidence,
    (cursor, judged): (&mut Cursor, Option<LineId>),
    room: usize,
) -> u64 {
    let mut lines = 0;
    let mut groups = Given::default();
    let mut body = Vec::with_capacity(room.min(1 << 20) + 1_024);
    while body.len() < room
        && let Some(line) = evidence.next_line(cursor)
    {
        if judged.is_some_and(|judged| line.line <= judged) {
            continue;
        }
        body.extend(line.line.0.to_le_bytes());
        put_number(&mut body, line.region.0.into());
        put_number(&mut body, line.touches().count() as u64);
        for (group, touch) in line.touches() {
            let group = evidence.groups().get(group).copied();
            put_number(&mut body, groups.place(group.unwrap_or(GroupId::from_u64(0))));
            put_number(&mut body, touch.packets.into());
            put_number(&mut body, touch.known_packets.into());
            put_number(&mut body, touch.first.into());
            let later = u64::from(touch.last().saturating_sub(touch.first));
            put_number(&mut body, 2 * later + u64::from(touch.in_use()));
            put_number(&mut body, touch.bytes());
            put_number(&mut body, touch.scaled_packets());
        }
        lines += 1;
    }
    if lines == 0 {
        return 0;
    }
    into.push(WINDOW);
    into.push(u8::from(window == WINDOWS[1]));
    put_number(into, window_start(end, window).as_millis());
    put_number(into, groups.order.len() as u64);
    for group in &groups.order {
        into.extend(group.as_u64().to_le_bytes());
    }
    put_number(into, lines);
    into.append(&mut body);
    lines
}

/// What was given a place in a slice.
#[derive(Default)]
struct Given {
    places: HashMap<GroupId, u64>,
    order: Vec<GroupId>,
}

impl Given {
    fn place(&mut self, group: GroupId) -> u64 {
        let next = self.order.len() as u64;
        *self.places.entry(group).or_insert_with(|| {
            self.order.push(group);
            next
        })
    }
}
