//! The only chain of the stages: [`Front`] from datagram to sighting, [`Back`]
//! from sighting to detection.
//!
//! The live service, replay, simulation, benches and story tests all call
//! these two. Neither has a thread, a queue or a clock: whoever calls decides
//! how the work is spread. A front belongs to some exporters and owns their
//! templates; a back belongs to some lines and owns their evidence; what both
//! read is a [`View`], an immutable snapshot that is swapped whole.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use crate::attribute::Hitlist;
use crate::decode::{Apart, Datagram, DecodeCounts, Decoded, Decoder, Learnt, Problem, Sides};
use crate::detect::{Engine, EngineCounts, Settings};
use crate::model::detection::Detection;
use crate::model::flow::{Counters, FlowRecord};
use crate::model::line::{LineId, Regions};
use crate::model::rules::Rules;
use crate::model::sighting::Sighting;
use crate::model::time::Timestamp;
use crate::orient::{LineKeys, Orientation, Oriented, Prefixes, Reveal, orient};

/// Flows whose endpoints are looked up at once: so many that reads of memory for
/// them come together, so few that what is noted of them stays in a fast cache.
const AT_ONCE: usize = 512;

/// What the pipeline reads and never writes.
#[derive(Clone)]
pub struct View {
    /// Where subscriber lines are.
    pub prefixes: Arc<Prefixes>,
    /// What endpoints stand for.
    pub hitlist: Arc<Hitlist>,
    /// What it takes to claim a class.
    pub rules: Arc<Rules>,
    /// Names of regions.
    pub regions: Arc<Regions>,
}

/// What a front counted beside decoding, in flow records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct OrientCounts {
    /// Sent by a line.
    pub from_line: u64,
    /// Sent to a line.
    pub to_line: u64,
    /// Between two lines: no evidence.
    pub both_lines: u64,
    /// Of lines that are left alone.
    pub opted_out: u64,
    /// Without any line: transit.
    pub no_line: u64,
    /// Without addresses.
    pub no_address: u64,
    /// To or from an endpoint on the hitlist.
    pub attributed: u64,
}

impl std::ops::AddAssign for OrientCounts {
    fn add_assign(&mut self, other: Self) {
        self.from_line += other.from_line;
        self.to_line += other.to_line;
        self.both_lines += other.both_lines;
        self.opted_out += other.opted_out;
        self.no_line += other.no_line;
        self.no_address += other.no_address;
        self.attributed += other.attributed;
    }
}

/// What a front made of one or more datagrams. Each step appends; the caller
/// empties it when it has handed the contents on.
#[derive(Debug, Default)]
pub struct FrontOutput {
    /// Lines that touched groups.
    pub sightings: Vec<Sighting>,
    /// What went wrong, with its place.
    pub problems: Vec<Problem>,
    /// What was decoded.
    pub decoded: DecodeCounts,
    /// What was oriented and attributed.
    pub oriented: OrientCounts,
}

impl FrontOutput {
    /// Empties it and keeps its room.
    pub fn clear(&mut self) {
        self.sightings.clear();
        self.problems.clear();
        self.decoded = DecodeCounts::default();
        self.oriented = OrientCounts::default();
    }
}

/// Datagrams of some exporters to sightings.
pub struct Front {
    decoder: Decoder,
    decoded: Decoded,
    apart: Apart,
    learnt: Learnt,
    sides: Vec<Sides>,
    sought: Sought,
    keys: LineKeys,
    reveal: Option<Reveal>,
}

impl Front {
    /// A front with its own decoder.
    pub fn new(decoder: Decoder, keys: impl Into<LineKeys>) -> Self {
        Self {
            decoder,
            decoded: Decoded::default(),
            apart: Apart::default(),
            learnt: Learnt::default(),
            sides: Vec::new(),
            sought: Sought::default(),
            keys: keys.into(),
            reveal: None,
        }
    }

    /// The same front, remembering what the lines it sees are really called.
    #[must_use]
    pub fn revealing(mut self) -> Self {
        self.reveal = Some(Reveal::default());
        self
    }

    /// The line itself, if this front was told to remember and saw it.
    pub fn line_name(&self, line: LineId) -> Option<String> {
        self.reveal.as_ref()?.name(line)
    }

    /// Takes other keys for what comes from here on.
    pub fn rekey(&mut self, keys: LineKeys) {
        self.keys = keys;
    }

    /// The keys that lines get their pseudonyms by.
    pub fn keys(&self) -> &LineKeys {
        &self.keys
    }

    /// The decoder, to ask it about exporters.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The decoder, to change its settings.
    pub fn decoder_mut(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// Takes one datagram through decode, orient and attribute.
    pub fn step(&mut self, datagram: Datagram<'_>, view: &View, out: &mut FrontOutput) {
        let mut apart = std::mem::take(&mut self.apart);
        self.step_apart((datagram, 0), &mut apart, view, out);
        self.finish(&mut apart, datagram.payload, view, out);
        self.apart = apart;
    }

    /// The same, but flow sets of fixed layout are noted in `apart` for
    /// [`Self::read`] of any front; see [`Decoder::decode_apart`].
    pub fn step_apart(
        &mut self,
        (datagram, base): (Datagram<'_>, usize),
        apart: &mut Apart,
        view: &View,
        out: &mut FrontOutput,
    ) {
        self.decoder.decode_apart(datagram, base, apart, &mut self.decoded);
        out.decoded += self.decoded.counts;
        out.problems.append(&mut self.decoded.problems);
        let Self { decoded, sought, keys, reveal, .. } = self;
        let flows = &decoded.flows;
        let sides = flows.iter().map(|flow| (flow.source, flow.destination));
        sought.orient(sides, view, &mut out.oriented);
        sought.attribute(|place| flows.get(place).copied(), view, (keys, reveal), out);
    }

    /// Takes the flow sets that this front has noted in `apart` through the rest,
    /// and empties it.
    pub fn finish(&mut self, apart: &mut Apart, data: &[u8], view: &View, out: &mut FrontOutput) {
        let mut learnt = std::mem::take(&mut self.learnt);
        self.read((apart, 0..apart.len()), data, view, out, &mut learnt);
        self.decoder.learn(&learnt);
        learnt.clear();
        self.learnt = learnt;
        apart.clear();
    }

    /// Takes flow sets that this or another front noted through the rest of
    /// decode, orient and attribute. `learnt` goes back to the front that noted
    /// them.
    ///
    /// Of each record only the addresses are read, until it is known that its
    /// endpoint is on the hitlist: few are.
    pub fn read(
        &mut self,
        (apart, sets): (&Apart, Range<usize>),
        data: &[u8],
        view: &View,
        out: &mut FrontOutput,
        learnt: &mut Learnt,
    ) {
        for set in sets {
            apart.sides(set, data, &mut out.decoded, learnt, &mut self.sides);
            if self.sides.len() >= AT_ONCE {
                self.read_likely(apart, data, view, out);
            }
        }
        self.read_likely(apart, data, view, out);
    }

    /// Reads the rest of those flows of which only the sides were read and whose
    /// endpoint may be on the hitlist, and takes them through the rest.
    fn read_likely(&mut self, apart: &Apart, data: &[u8], view: &View, out: &mut FrontOutput) {
        let Self { sides, sought, keys, reveal, .. } = self;
        let addresses = sides.iter().map(|sides| (sides.source, sides.destination));
        sought.orient(addresses, view, &mut out.oriented);
        let flow = |place: usize| apart.flow(sides.get(place)?, data);
        sought.attribute(flow, view, (keys, reveal), out);
        sides.clear();
    }
}

/// Flows of lines whose endpoints are looked up, all at once.
#[derive(Default)]
struct Sought {
    /// By what the hitlist knows each endpoint.
    hashes: Vec<u64>,
    /// Which flow it is, and how it was oriented.
    lines: Vec<(usize, Oriented)>,
    /// Which of `lines` may have an endpoint on the hitlist.
    likely: Vec<usize>,
}

impl Sought {
    /// Orients and counts flows by source and destination, and keeps those that
    /// have a line.
    fn orient(
        &mut self,
        sides: impl Iterator<Item = (IpAddr, IpAddr)>,
        view: &View,
        counts: &mut OrientCounts,
    ) {
        self.hashes.clear();
        self.lines.clear();
        for (place, (source, destination)) in sides.enumerate() {
            match orient(&view.prefixes, source, destination) {
                Orientation::Line(oriented) => {
                    counts.from_line += u64::from(oriented.outbound);
                    counts.to_line += u64::from(!oriented.outbound);
                    let server = oriented.server(source, destination);
                    self.hashes.push(view.hitlist.hash(server));
                    self.lines.push((place, oriented));
                }
                Orientation::Both => counts.both_lines += 1,
                Orientation::OptedOut => counts.opted_out += 1,
                Orientation::Neither => counts.no_line += 1,
                Orientation::NoAddress => counts.no_address += 1,
            }
        }
    }

    /// Looks their endpoints up and makes sightings of what is found; `flow` gives
    /// the whole record.
    fn attribute(
        &mut self,
        flow: impl Fn(usize) -> Option<FlowRecord>,
        view: &View,
        (keys, reveal): (&LineKeys, &mut Option<Reveal>),
        out: &mut FrontOutput,
    ) {
        view.hitlist.sift(&self.hashes, &mut self.likely);
        for (place, oriented) in self.likely.iter().filter_map(|place| self.lines.get(*place)) {
            let Some(flow) = flow(*place) else { continue };
            let before = out.sightings.len();
            attribute(&flow, oriented, view, keys, &mut out.sightings);
            if let Some(sighting) = out.sightings.get(before) {
                out.oriented.attributed += 1;
                if let Some(reveal) = reveal {
                    reveal.remember(sighting.line, &oriented.line(&flow));
                }
            }
        }
    }
}

/// One sighting for each group that the flow's endpoint stands for.
///
/// The pseudonym is made only after a hit: about one record in a hundred.
fn attribute(
    flow: &FlowRecord,
    oriented: &Oriented,
    view: &View,
    keys: &LineKeys,
    sightings: &mut Vec<Sighting>,
) {
    let mut line = None;
    for group in view.hitlist.look_up(&oriented.endpoint(flow), flow.end) {
        let line = *line.get_or_insert_with(|| keys.at(flow.end).pseudonym(&oriented.line(flow)));
        let (packets, bytes) = match flow.counters {
            Counters::Delta => (flow.packets, flow.bytes),
            Counters::Total => (0, 0),
        };
        sightings.push(Sighting {
            line,
            region: oriented.region(),
            group,
            packets,
            bytes,
            sampling: flow.sampling,
            established: flow.is_established(),
            at: flow.end,
        });
    }
}

/// Sightings of some lines to detections.
pub struct Back {
    engine: Engine,
}

impl Back {
    /// A back with its own evidence and the rules it begins with.
    pub fn new(settings: Settings, rules: Arc<Rules>) -> Self {
        Self { engine: Engine::new(settings, rules) }
    }

    /// A back with evidence that was kept.
    pub fn with(engine: Engine) -> Self {
        Self { engine }
    }

    /// Takes in sightings, then says that it is `now`; returns the detections
    /// of the windows that closed.
    pub fn step(&mut self, sightings: &[Sighting], now: Timestamp) -> Vec<Detection> {
        let mut detections = Vec::new();
        self.take(sightings, now);
        while self.close(usize::MAX, &mut detections) {}
        detections
    }

    /// The first half of a step, for who cannot wait until millions of lines
    /// are judged: takes in sightings, then says that it is `now`.
    pub fn take(&mut self, sightings: &[Sighting], now: Timestamp) {
        for sighting in sightings {
            self.engine.observe(sighting);
        }
        self.engine.pass(now);
    }

    /// The second half, a slice of it: judges up to so many lines of windows
    /// that have ended and appends what is claimed. Says whether there is more
    /// to do.
    pub fn close(&mut self, lines: usize, into: &mut Vec<Detection>) -> bool {
        self.engine.close_some(lines, into)
    }

    /// Says that the input has ended: every window is to be closed.
    pub fn end(&mut self) {
        self.engine.end();
    }

    /// Says that the clock was wrong and was set back to `now`.
    pub fn set_back(&mut self, now: Timestamp) {
        self.engine.set_back(now);
    }

    /// Puts new rules in force from `from` on.
    pub fn adopt(&mut self, rules: Arc<Rules>, from: Timestamp) {
        self.engine.adopt(rules, from);
    }

    /// Closes every open window: the input has ended.
    pub fn finish(&mut self) -> Vec<Detection> {
        self.engine.finish()
    }

    /// What was counted since the last call.
    pub fn take_counts(&mut self) -> EngineCounts {
        self.engine.take_counts()
    }

    /// The evidence itself, to ask it about one line or its size.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}
