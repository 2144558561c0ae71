//! The ISP as a whole: its routers, its clock and the datagrams they send.
//!
//! Time goes in hours. Each hour is drawn line by line, sorted by when the
//! flow caches let go, and handed out as datagrams in the order of time; what
//! is due after the hour waits for the next. So memory holds the lines and one
//! hour of flows, however many hours there are.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::SimulateError;
use super::addresses::{IspPrefix, MOST_LINES, Plan, REGIONS};
use super::backends::Backends;
use super::export::{Format, Router, netflow5};
use super::names::NameRecord;
use super::population::{Line, Market};
use super::traffic::{Cached, Hour, Usage};
use super::truth::{TrueClass, TruthEntry, TruthRow, line_text, rows};
use crate::model::flow::FlowRecord;
use crate::model::time::Timestamp;
use crate::signature::SignatureSet;

/// Mean packets an hour of a line's other traffic, before sampling. Real lines
/// have a hundred times that; since other traffic is no evidence, more of it
/// would make captures larger and tests no harder.
pub const OTHER_PACKETS: f64 = 3_000.0;
/// A router waits at most this long for a datagram to fill.
const FILL: Duration = Duration::from_secs(1);
/// Milliseconds after which a 32-bit uptime wraps.
const WRAP: u64 = 1 << 32;

/// The routers and the share of lines behind each. All are exporters of one
/// ISP; the formats differ as they do where hardware of several ages stands.
const ROUTERS: [(Format, f64); 6] = [
    (Format::IpfixInterval, 0.25),
    (Format::Netflow9Sampler, 0.25),
    (Format::Netflow5, 0.15),
    (Format::Sflow, 0.10),
    (Format::IpfixRandom, 0.15),
    (Format::Netflow9System, 0.10),
];

/// What to simulate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Subscriber lines.
    pub lines: u32,
    /// Hours of traffic.
    pub hours: u32,
    /// One packet in this many is sampled.
    pub sampling: NonZeroU32,
    /// Everything follows from it.
    pub seed: u64,
    /// When the traffic begins.
    pub start: Timestamp,
    /// Mean packets an hour of a line's other traffic, before sampling.
    pub other_packets: f64,
}

/// A datagram on its way to the collector.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// When it was sent.
    pub at: Timestamp,
    /// Which router sent it, counted from zero.
    pub router: usize,
    /// The router's address.
    pub source: IpAddr,
    /// The port that the router sends from.
    pub source_port: u16,
    /// The collector's port that it sends to.
    pub port: u16,
    /// The datagram.
    pub payload: &'a [u8],
}

/// Flows that wait for a datagram to fill.
#[derive(Clone, Debug)]
struct Outbox {
    router: Router,
    waiting: Vec<FlowRecord>,
    /// When the datagram leaves even if it is not full.
    leaves: Timestamp,
}

/// A synthetic ISP.
#[derive(Clone, Debug)]
pub struct Isp {
    settings: Settings,
    usage: Usage,
    visits: f64,
    plan: Plan,
    backends: Backends,
    classes: Vec<TrueClass>,
    lines: Vec<Line>,
    truth: Vec<TruthRow>,
    outboxes: Vec<Outbox>,
    cached: Vec<Cached>,
    hour: u32,
    /// Lines of the coming hour that are drawn, and their rows of the truth.
    drawn: usize,
    drawn_rows: usize,
    payload: Vec<u8>,
}

impl Isp {
    /// An ISP whose people own devices of the classes in `set`.
    pub fn new(set: &SignatureSet, settings: Settings) -> Result<Self, SimulateError> {
        if settings.lines == 0 || settings.lines > MOST_LINES {
            return Err(SimulateError::Lines { found: settings.lines, allowed: MOST_LINES });
        }
        let plan = Plan::new(settings.lines);
        let end = settings.start.plus(hours(settings.hours));
        let backends = Backends::new(set, settings.seed, settings.start, end)?;
        let routers = routers(settings.sampling);
        let market = Market::new(set, &backends, &routers, settings.seed);
        let lines: Vec<Line> =
            (0..settings.lines).map(|line| market.line(line, plan.is_v6(line))).collect();
        Ok(Self::with(set, settings, Usage::Daily, backends, lines))
    }

    /// An ISP with one line for each of `devices`, the classes of the devices on
    /// it by their place in `set`, and servers as given.
    pub(super) fn with_devices(
        set: &SignatureSet,
        settings: Settings,
        usage: Usage,
        backends: Backends,
        devices: &[Vec<usize>],
    ) -> Self {
        let plan = Plan::new(settings.lines);
        let routers = routers(settings.sampling);
        let market = Market::new(set, &backends, &routers, settings.seed);
        let lines: Vec<Line> = (0..)
            .zip(devices)
            .map(|(line, classes)| market.line_of(line, plan.is_v6(line), classes))
            .collect();
        Self::with(set, settings, usage, backends, lines)
    }

    fn with(
        set: &SignatureSet,
        settings: Settings,
        usage: Usage,
        backends: Backends,
        lines: Vec<Line>,
    ) -> Self {
        let outboxes = (0_u8..)
            .zip(&routers(settings.sampling))
            .map(|(place, (format, _))| Outbox {
                router: Router::new(
                    *format,
                    router_address(place),
                    u32::from(place) + 1,
                    settings.sampling,
                    boot(settings.start, place),
                ),
                waiting: Vec::new(),
                leaves: Timestamp::MAX,
            })
            .collect();
        let classes = set
            .classes
            .iter()
            .map(|definition| TrueClass {
                class: Arc::clone(&definition.class),
                level: definition.level,
            })
            .collect();
        Self {
            settings,
            usage,
            visits: 0.0,
            plan: Plan::new(settings.lines),
            classes,
            truth: rows(set, &lines),
            backends,
            lines,
            outboxes,
            cached: Vec::new(),
            hour: 0,
            drawn: 0,
            drawn_rows: 0,
            payload: Vec::new(),
        }
    }

    /// The same ISP, the people of whose lines touch a server of some class with
    /// this chance in an hour, whatever devices they have.
    #[must_use]
    pub fn with_visits(self, visits: f64) -> Self {
        Self { visits, ..self }
    }

    /// What it was made from.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// The prefixes that hold its lines.
    pub fn prefixes(&self) -> Vec<IspPrefix> {
        self.plan.prefixes()
    }

    /// What its resolvers answered, from three days before the start.
    pub fn names(&self) -> &[NameRecord] {
        &self.backends.records
    }

    /// The addresses of its routers with their formats.
    pub fn routers(&self) -> Vec<(IpAddr, Format)> {
        (0_u8..)
            .zip(&self.outboxes)
            .map(|(place, outbox)| (router_address(place), outbox.router.format()))
            .collect()
    }

    /// The classes that its devices can have, as in the signature set.
    pub fn classes(&self) -> &[TrueClass] {
        &self.classes
    }

    /// The lines that have a class, with what was sampled so far.
    pub fn truth(&self) -> impl Iterator<Item = TruthEntry<'_>> {
        self.truth.iter().filter_map(|row| {
            let TrueClass { class, level } = self.classes.get(row.class)?;
            let region = REGIONS.get(Plan::region(row.line)).copied()?;
            Some(TruthEntry {
                line: self.plan.network(row.line),
                region,
                class,
                level: *level,
                row,
            })
        })
    }

    /// Every line as `replay --reveal` prints it, by number.
    pub fn line_texts(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.settings.lines).map(|line| line_text(self.plan.network(line)))
    }

    /// Lines without any device.
    pub fn lines_without_devices(&self) -> usize {
        self.lines.iter().filter(|line| line.devices.is_empty()).count()
    }

    /// Hours that are done.
    pub fn hours_done(&self) -> u32 {
        self.hour
    }

    /// Simulates the next hour and gives its datagrams to `sink` in the order
    /// of time. After the last hour the caches are emptied too. Returns false
    /// when there is no hour left.
    pub fn next_hour<E>(
        &mut self,
        mut sink: impl FnMut(Sent<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        if self.hour == self.settings.hours {
            return Ok(false);
        }
        self.prepare(usize::MAX);
        (self.drawn, self.drawn_rows) = (0, 0);
        self.hour += 1;
        let last = self.hour == self.settings.hours;
        let end = self.settings.start.plus(hours(self.hour));
        self.cached.sort_by_key(|cached| cached.due);
        let ready =
            if last { self.cached.len() } else { self.cached.partition_point(|c| c.due < end) };
        let cached = std::mem::take(&mut self.cached);
        for Cached { due, router, flow } in &cached[..ready] {
            self.send_older(*due, &mut sink)?;
            let Some(outbox) = self.outboxes.get_mut(*router) else { continue };
            if outbox.waiting.is_empty() {
                outbox.leaves = due.plus(FILL);
            }
            outbox.waiting.push(*flow);
            if outbox.waiting.len() >= outbox.router.format().flows_a_datagram() {
                outbox.leaves = *due;
                self.send(*router, &mut sink)?;
            }
        }
        // Kept for its allocation too: the next hour has as many flows.
        self.cached = cached;
        self.cached.drain(..ready);
        self.send_older(if last { Timestamp::MAX } else { end }, &mut sink)?;
        Ok(true)
    }

    /// Draws up to `lines` more lines of the coming hour, for callers who have
    /// other things to do meanwhile; [`Self::next_hour`] draws what is left.
    /// Returns false when there is nothing left to draw.
    pub fn prepare(&mut self, lines: usize) -> bool {
        if self.hour == self.settings.hours {
            return false;
        }
        let start = self.settings.start.plus(hours(self.hour));
        let hour = Hour {
            seed: self.settings.seed,
            backends: &self.backends,
            plan: &self.plan,
            sampling: self.settings.sampling,
            other: self.settings.other_packets,
            start,
            number: self.hour,
            of_day: usize::try_from(start.as_secs() / 3_600 % 24).unwrap_or(0),
            usage: self.usage,
            visits: self.visits,
        };
        let coming = self.lines.iter().enumerate().skip(self.drawn).take(lines);
        for (place, line) in coming {
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            // Rows stand in the order of lines, so one pass deals them out.
            let rest = &mut self.truth[self.drawn_rows..];
            let own = rest.iter().take_while(|row| row.line == number).count();
            let has_cache = self
                .outboxes
                .get(line.router)
                .is_some_and(|outbox| outbox.router.format().has_flow_cache());
            hour.line(number, line, has_cache, &mut rest[..own], &mut self.cached);
            self.drawn += 1;
            self.drawn_rows += own;
        }
        self.drawn < self.lines.len()
    }

    /// Sends what has waited long enough at `now`, the earliest first.
    fn send_older<E>(
        &mut self,
        now: Timestamp,
        sink: &mut impl FnMut(Sent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let oldest = self
                .outboxes
                .iter()
                .enumerate()
                .filter(|(_, outbox)| !outbox.waiting.is_empty() && outbox.leaves <= now)
                .min_by_key(|(_, outbox)| outbox.leaves);
            let Some((router, _)) = oldest else { return Ok(()) };
            self.send(router, sink)?;
        }
    }

    fn send<E>(
        &mut self,
        router: usize,
        sink: &mut impl FnMut(Sent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(outbox) = self.outboxes.get_mut(router) else { return Ok(()) };
        self.payload.clear();
        outbox.router.export(outbox.leaves, &outbox.waiting, &mut self.payload);
        outbox.waiting.clear();
        let place = u8::try_from(router).unwrap_or(u8::MAX);
        sink(Sent {
            at: outbox.leaves,
            router,
            source: router_address(place),
            source_port: 50_000 + u16::from(place),
            port: match outbox.router.format() {
                Format::Netflow5 | Format::Netflow9Sampler | Format::Netflow9System => 2055,
                Format::IpfixInterval | Format::IpfixRandom => 4739,
                Format::Sflow => 6343,
            },
            payload: &self.payload,
        })
    }
}

/// The routers that can tell the sampling rate: v5 has 14 bits for it.
fn routers(sampling: NonZeroU32) -> Vec<(Format, f64)> {
    ROUTERS
        .into_iter()
        .filter(|(format, _)| {
            *format != Format::Netflow5 || sampling.get() <= netflow5::MOST_SAMPLING
        })
        .collect()
}

fn router_address(place: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, place + 1).into()
}

/// When a router booted. The third one's uptime wraps two hours after the
/// start, as happens to every router once in 49.7 days.
fn boot(start: Timestamp, place: u8) -> Timestamp {
    let up = if place == 2 { WRAP - 7_200_000 } else { 86_400_000 * (u64::from(place) + 3) };
    start.minus(Duration::from_millis(up))
}

fn hours(number: u32) -> Duration {
    Duration::from_secs(u64::from(number) * 3_600)
}
