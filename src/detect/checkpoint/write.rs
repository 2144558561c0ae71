//! Writing, slice by slice. Lines and touches are only ever appended to a
//! window, so that the place reached stays what it is while sightings come in;
//! what they add to lines already written comes with the next checkpoint. A
//! window that is closed meanwhile takes its place with it, and the checkpoint
//! begins again.

use std::ops::Bound;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::{END, IN_USE, LONGEST_CLASS, WINDOW, WINDOWS};
use crate::bytes::{Progress, put_number, put_text};
use crate::detect::engine::{Engine, window_start};
use crate::detect::evidence::Evidence;
use crate::model::group::GroupId;
use crate::model::line::LineId;
use crate::model::time::{Timestamp, Window};

/// How far writing has come.
#[derive(Clone, Debug)]
pub struct Writing {
    /// Windows closed when it began.
    closed: u64,
    stage: Stage,
    written: u64,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// In this window, or behind it, so many lines were written.
    Windows(Option<(Timestamp, Window)>, usize),
    /// On this day, or behind it, so many marks were written.
    InUse(Option<Timestamp>, usize),
}

impl Writing {
    /// How many lines were written, those of different windows apart.
    pub fn written(&self) -> u64 {
        self.written
    }
}

impl Engine {
    /// Begins to write the windows that are open.
    pub fn begin_checkpoint(&self) -> Writing {
        Writing { closed: self.closed, stage: Stage::Windows(None, 0), written: 0 }
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
            writing.stage = match writing.stage {
                Stage::Windows(key, done) => {
                    let from = key.map_or(Bound::Unbounded, Bound::Included);
                    let Some((found, evidence)) = self.open.range((from, Bound::Unbounded)).next()
                    else {
                        writing.stage = Stage::InUse(None, 0);
                        continue;
                    };
                    let done = if key == Some(*found) { done } else { 0 };
                    let room = enough - into.len();
                    let reached = put_window(into, *found, evidence, done, room);
                    writing.written += (reached - done) as u64;
                    match self.open.range((Bound::Excluded(*found), Bound::Unbounded)).next() {
                        _ if reached < evidence.line_count() => {
                            Stage::Windows(Some(*found), reached)
                        }
                        Some((next, _)) => Stage::Windows(Some(*next), 0),
                        None => Stage::InUse(None, 0),
                    }
                }
                Stage::InUse(day, done) => {
                    let from = day.map_or(Bound::Unbounded, Bound::Included);
                    let Some((found, marks)) = self.in_use.range((from, Bound::Unbounded)).next()
                    else {
                        return Progress::Done;
                    };
                    let done = if day == Some(*found) { done } else { 0 };
                    let room = enough - into.len();
                    let reached = put_in_use(into, *found, marks, done, room);
                    writing.written += (reached - done) as u64;
                    match self.in_use.range((Bound::Excluded(*found), Bound::Unbounded)).next() {
                        _ if reached < marks.len() => Stage::InUse(Some(*found), reached),
                        Some((next, _)) => Stage::InUse(Some(*next), 0),
                        None => return Progress::Done,
                    }
                }
            };
        }
        Progress::More
    }
}

/// Appends what stands after the last slice of all engines.
pub fn put_end(into: &mut Vec<u8>, lines: u64) {
    into.push(END);
    put_number(into, lines);
}

/// Appends lines from `done` on, for about `room` bytes; returns how far it
/// came.
fn put_window(
    into: &mut Vec<u8>,
    (end, window): (Timestamp, Window),
    evidence: &Evidence,
    done: usize,
    room: usize,
) -> usize {
    let mut reached = done;
    let mut groups = Given::default();
    let mut body = Vec::with_capacity(room.min(1 << 20) + 1_024);
    while body.len() < room
        && let Some((line, region, touches)) = evidence.line_at(reached)
    {
        body.extend(line.0.to_le_bytes());
        put_number(&mut body, region.0.into());
        put_number(&mut body, touches.clone().count() as u64);
        for (group, touch) in touches {
            put_number(&mut body, groups.place(group));
            put_number(&mut body, touch.packets.into());
            put_number(&mut body, touch.known_packets.into());
            put_number(&mut body, touch.first.into());
            put_number(&mut body, u64::from(touch.last.saturating_sub(touch.first)));
            put_number(&mut body, touch.bytes);
            put_number(&mut body, touch.scaled_packets);
        }
        reached += 1;
    }
    if reached == done {
        return reached;
    }
    into.push(WINDOW);
    into.push(u8::from(window == WINDOWS[1]));
    put_number(into, window_start(end, window).as_millis());
    put_number(into, groups.order.len() as u64);
    for group in &groups.order {
        into.extend(group.as_u64().to_le_bytes());
    }
    put_number(into, (reached - done) as u64);
    into.append(&mut body);
    reached
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

/// Appends marks from `done` on. The set changes only when a window is closed,
/// so its order stays until then.
fn put_in_use(
    into: &mut Vec<u8>,
    day: Timestamp,
    marks: &HashSet<(LineId, Arc<str>)>,
    done: usize,
    room: usize,
) -> usize {
    let mut classes: Vec<&Arc<str>> = Vec::new();
    let (mut places, mut body) = (HashMap::new(), Vec::new());
    let (mut reached, mut lines) = (done, 0);
    for (line, class) in marks.iter().skip(done) {
        if body.len() >= room {
            break;
        }
        reached += 1;
        if class.len() > LONGEST_CLASS {
            continue;
        }
        let place = *places.entry(class).or_insert_with(|| {
            classes.push(class);
            classes.len() as u64 - 1
        });
        body.extend(line.0.to_le_bytes());
        put_number(&mut body, place);
        lines += 1;
    }
    into.push(IN_USE);
    put_number(into, day.as_millis());
    put_number(into, classes.len() as u64);
    classes.iter().for_each(|class| put_text(into, class));
    put_number(into, lines);
    into.append(&mut body);
    reached
}
