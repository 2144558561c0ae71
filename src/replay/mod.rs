//! The chain driven by captures, in one thread, with time from the packets.
//!
//! Every UTC day gets its own [`View`], as in the live service: verdicts of a
//! day use data up to that day only. Windows close as the packets' time passes
//! their end, and those still open at the end of the input are closed then.

pub mod explain;

use std::fmt;

use crate::decode::{Datagram, DecodeCounts, Problem, Queued};
use crate::detect::{EngineCounts, Settings};
use crate::model::detection::Detection;
use crate::model::sighting::Sighting;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::{Back, Front, FrontOutput, OrientCounts, View};
use crate::receive::pcap::Captured;

/// Lines judged before what is claimed on them is told.
const LINES: usize = 4_096;

/// Something that happened during a replay, in the order in which it did.
pub enum Event<'e> {
    /// A window closed with this claim; the view names the regions, and the
    /// line itself is there if the front was told to remember lines.
    Detection(&'e Detection, &'e View, Option<String>),
    /// A line touched a group.
    Sighting(&'e Sighting, &'e View),
    /// A datagram, set or record had something wrong.
    Problem(&'e Problem),
}

/// What a replay came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Time of the first datagram.
    pub first: Option<Timestamp>,
    /// Time of the last datagram.
    pub last: Option<Timestamp>,
    /// What was decoded.
    pub decoded: DecodeCounts,
    /// What still waits for a template.
    pub queued: Queued,
    /// What was oriented and attributed.
    pub oriented: OrientCounts,
    /// What was detected.
    pub detected: EngineCounts,
}

/// Replays datagrams, which come in the order of their time.
///
/// `view_of` makes the view of a day, once for each day in which there are
/// datagrams; `on` is told what happens and may stop the replay.
pub fn replay<'a, E>(
    datagrams: impl Iterator<Item = Captured<'a>>,
    front: &mut Front,
    settings: Settings,
    mut view_of: impl FnMut(Day) -> View,
    mut on: impl FnMut(Event<'_>) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut summary = Summary::default();
    let mut out = FrontOutput::default();
    let mut current: Option<(Day, View, Back)> = None;
    for captured in datagrams {
        let now = captured.received;
        summary.first = summary.first.or(Some(now));
        summary.last = summary.last.max(Some(now));
        let (day, view, back) = match current.take() {
            Some((day, view, back)) if now.day() <= day => (day, view, back),
            // A new day: its own view, whose rules hold from midnight on.
            Some((_, _, mut back)) => {
                let view = view_of(now.day());
                back.adopt(view.rules.clone(), now.day().start());
                (now.day(), view, back)
            }
            None => {
                let view = view_of(now.day());
                let back = Back::new(settings, view.rules.clone());
                (now.day(), view, back)
            }
        };
        let (_, view, back) = current.insert((day, view, back));
        out.clear();
        front.step(datagram(&captured), view, &mut out);
        summary.decoded += out.decoded;
        summary.oriented += out.oriented;
        for problem in &out.problems {
            on(Event::Problem(problem))?;
        }
        for sighting in &out.sightings {
            on(Event::Sighting(sighting, view))?;
        }
        back.take(&out.sightings, now);
        close(back, view, front, &mut on)?;
    }
    summary.queued = front.decoder().queued();
    if let Some((_, view, mut back)) = current {
        back.end();
        close(&mut back, &view, front, &mut on)?;
        summary.detected = back.take_counts();
    }
    Ok(summary)
}

/// Closes what is to be closed, and tells of it before more is claimed: a day of
/// an ISP has millions of detections.
fn close<E>(
    back: &mut Back,
    view: &View,
    front: &Front,
    on: &mut impl FnMut(Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut detections = Vec::new();
    loop {
        let more = back.close(LINES, &mut detections);
        for detection in detections.drain(..) {
            on(Event::Detection(&detection, view, front.line_name(detection.line)))?;
        }
        if !more {
            return Ok(());
        }
    }
}

fn datagram<'c>(captured: &'c Captured<'_>) -> Datagram<'c> {
    Datagram {
        source: captured.source,
        source_port: captured.source_port,
        received: captured.received,
        payload: &captured.payload,
    }
}

impl fmt::Display for Summary {
    /// The summary for people, several lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decoded, oriented, detected, .. } = self;
        if let (Some(first), Some(last)) = (self.first, self.last) {
            writeln!(f, "time: {first} to {last}")?;
        }
        writeln!(
            f,
            "datagrams: {} received = {} decoded + {} unknown template + {} rejected + {} queued",
            decoded.datagrams_received,
            decoded.datagrams_decoded,
            decoded.datagrams_unknown_template,
            decoded.datagrams_rejected,
            self.queued.datagrams
        )?;
        writeln!(
            f,
            "records: {} flow, {} option; {} sets without template, {} rejected, {} sets queued",
            decoded.records_decoded,
            decoded.option_records,
            decoded.records_unknown_template,
            decoded.records_rejected,
            self.queued.records
        )?;
        writeln!(
            f,
            "sides: {} from lines, {} to lines, {} between lines, {} opted out, {} without a line, {} without addresses",
            oriented.from_line,
            oriented.to_line,
            oriented.both_lines,
            oriented.opted_out,
            oriented.no_line,
            oriented.no_address
        )?;
        writeln!(
            f,
            "sampling: {} of {} flow records of unknown rate",
            decoded.unknown_sampling, decoded.records_decoded
        )?;
        writeln!(
            f,
            "evidence: {} flows on the hitlist; late: {} for their hour, {} for their day; {} refused, {} dropped",
            oriented.attributed,
            detected.late_hour,
            detected.late_day,
            detected.refused,
            detected.dropped_touches
        )?;
        writeln!(f, "detections: {} in {} windows", detected.detections, detected.closed_windows)
    }
}
