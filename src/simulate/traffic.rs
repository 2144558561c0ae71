//! One line's traffic in one hour, as its router saw it: sampled packets,
//! gathered into flows.
//!
//! Packets are sampled one in R by thinning: of a stream with a mean of m
//! packets an hour a Poisson number of mean m/R is seen, at times spread over
//! the hour. A router's flow cache then gathers packets of one five-tuple
//! until they pause for [`INACTIVE`] or the flow is [`ACTIVE`] old; sFlow has
//! no cache and reports each packet for itself.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::time::Duration;

use super::addresses::Plan;
use super::backends::Backends;
use super::draw::{Draw, Purpose};
use super::population::{Device, Line};
use super::rates::{in_use, other_traffic};
use super::truth::TruthRow;
use crate::model::flow::{FlowDirection, FlowRecord, TCP, tcp_flags};
use crate::model::sampling::{Sampling, SamplingSource};
use crate::model::time::Timestamp;

/// A flow ends when no packet of it came for this long.
pub const INACTIVE: Duration = Duration::from_secs(15);
/// A flow is reported when it is this old, even if it goes on.
pub const ACTIVE: Duration = Duration::from_secs(60);
/// Conversations that a line's people have in an hour.
const CONVERSATIONS: u32 = 60;
/// Share of packets that go from the line to the server.
const UP: f64 = 0.45;
/// Milliseconds in which the packets of a slight contact come.
const BURST: u32 = 30_000;
/// Packets of an app or a browser that touches a device's server.
const VISIT_PACKETS: f64 = 40.0;
/// Milliseconds in an hour.
const HOUR: u32 = 3_600_000;

/// A flow that waits in a router's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cached {
    /// When the router lets it go.
    pub(super) due: Timestamp,
    /// Which router.
    pub(super) router: usize,
    pub(super) flow: FlowRecord,
}

/// What makes one line's hour.
pub(super) struct Hour<'a> {
    pub(super) seed: u64,
    pub(super) backends: &'a Backends,
    pub(super) plan: &'a Plan,
    pub(super) sampling: NonZeroU32,
    /// Mean packets an hour of a line's other traffic.
    pub(super) other: f64,
    /// First instant of the hour, and its number from the start.
    pub(super) start: Timestamp,
    pub(super) number: u32,
    /// Hour of the day.
    pub(super) of_day: usize,
    /// When devices are used.
    pub(super) usage: Usage,
    /// Chance that a line's people touch a server of some class in the hour.
    pub(super) visits: f64,
}

/// When somebody uses devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// As people do, more in the evening than at night.
    #[default]
    Daily,
    /// Every device in every hour, as automated experiments do.
    Always,
    /// Never.
    Never,
}

/// Two ends that talk.
struct Conversation {
    router: usize,
    has_cache: bool,
    line: IpAddr,
    line_port: u16,
    server: IpAddr,
    server_port: u16,
    protocol: u8,
}

impl Hour<'_> {
    /// Draws the hour of line number `number`: flows go to `out`, what was
    /// sampled of its devices into its `truth` rows.
    pub(super) fn line(
        &self,
        number: u32,
        line: &Line,
        has_cache: bool,
        truth: &mut [TruthRow],
        out: &mut Vec<Cached>,
    ) {
        let mut draw =
            Draw::new(self.seed, Purpose::Traffic, u64::from(number), u64::from(self.number));
        self.other_traffic(&mut draw, number, line, has_cache, out);
        // Nothing is drawn for worlds without visits: they stay as they are.
        if self.visits > 0.0 && draw.chance(self.visits) {
            self.visit(&mut draw, number, line, has_cache, out);
        }
        for device in &line.devices {
            self.device(&mut draw, number, line, device, has_cache, truth, out);
        }
    }

    fn other_traffic(
        &self,
        draw: &mut Draw,
        number: u32,
        line: &Line,
        has_cache: bool,
        out: &mut Vec<Cached>,
    ) {
        let packets = self.other * line.heaviness * other_traffic(self.of_day);
        let sampled = draw.poisson(packets / f64::from(self.sampling.get()));
        let mut parts: Vec<u32> = (0..sampled).map(|_| draw.below(CONVERSATIONS)).collect();
        parts.sort_unstable();
        for part in parts.chunk_by(|a, b| a == b) {
            let Some(other) = self.backends.other(draw, self.start) else { continue };
            let talk = Conversation {
                router: line.router,
                has_cache,
                // People's computers are not where the devices are.
                line: self.plan.host(number, 1 << 40 | u64::from(draw.below(4))),
                line_port: client_port(draw),
                server: other.address(self.plan.is_v6(number)),
                server_port: other.port.number,
                protocol: other.port.protocol,
            };
            let up = part.iter().filter(|_| draw.chance(UP)).count();
            self.direction(draw, &talk, true, 0..HOUR, up, out, &mut |_| {});
            self.direction(draw, &talk, false, 0..HOUR, part.len() - up, out, &mut |_| {});
        }
    }

    /// Somebody touches a server of any class, whatever devices the line has.
    fn visit(
        &self,
        draw: &mut Draw,
        number: u32,
        line: &Line,
        has_cache: bool,
        out: &mut Vec<Cached>,
    ) {
        let Some(group) = draw.pick(&self.backends.groups) else { return };
        let places: Vec<_> =
            group.names.iter().flatten().filter(|place| place.serves(self.start)).collect();
        let Some(place) = draw.pick(&places) else { return };
        let v6 = self.plan.is_v6(number);
        let talk = Conversation {
            router: line.router,
            has_cache,
            line: self.plan.host(number, 1 << 40 | u64::from(draw.below(4))),
            line_port: client_port(draw),
            server: if v6 { place.v6.into() } else { place.v4.into() },
            server_port: group.port.number,
            protocol: group.port.protocol,
        };
        let mean = VISIT_PACKETS / f64::from(self.sampling.get());
        let from = draw.below(HOUR - BURST);
        for (up, share) in [(true, UP), (false, 1.0 - UP)] {
            let packets = draw.poisson(mean * share) as usize;
            self.direction(draw, &talk, up, from..from + BURST, packets, out, &mut |_| {});
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one device of one line in one hour")]
    fn device(
        &self,
        draw: &mut Draw,
        number: u32,
        line: &Line,
        device: &Device,
        has_cache: bool,
        truth: &mut [TruthRow],
        out: &mut Vec<Cached>,
    ) {
        let used = match self.usage {
            Usage::Daily => draw.chance(in_use(self.of_day)),
            Usage::Always => true,
            Usage::Never => false,
        };
        for contact in &device.contacts {
            let Some(exchange) = contact.habit.exchange(draw, used) else { continue };
            let mean = exchange.packets / f64::from(self.sampling.get());
            let up = draw.poisson(mean * UP) as usize;
            let down = draw.poisson(mean * (1.0 - UP)) as usize;
            if up + down == 0 {
                continue;
            }
            let group = &self.backends.groups[contact.group];
            // An address that changes hands within the hour is used no more.
            let end = self.start.plus(Duration::from_millis(u64::from(HOUR)));
            let places: Vec<_> =
                group.names[contact.name].iter().filter(|place| place.serves(end)).collect();
            let Some(place) = draw.pick(&places) else { continue };
            let v6 = self.plan.is_v6(number);
            let talk = Conversation {
                router: line.router,
                has_cache,
                line: self.plan.host(number, device.host),
                line_port: client_port(draw),
                server: if v6 { place.v6.into() } else { place.v4.into() },
                server_port: group.port.number,
                protocol: group.port.protocol,
            };
            let mut mark = |at| {
                if let Some(row) = truth.iter_mut().find(|row| row.class == group.class) {
                    row.sampled(self.number, at);
                }
            };
            let times = if exchange.at_once {
                let from = draw.below(HOUR - BURST);
                from..from + BURST
            } else {
                0..HOUR
            };
            self.direction(draw, &talk, true, times.clone(), up, out, &mut mark);
            self.direction(draw, &talk, false, times, down, out, &mut mark);
        }
    }

    /// Draws `packets` sampled packets of one direction at some of `times`,
    /// milliseconds of the hour, and caches them.
    #[expect(clippy::too_many_arguments, reason = "one direction of one conversation")]
    fn direction(
        &self,
        draw: &mut Draw,
        talk: &Conversation,
        up: bool,
        times: Range<u32>,
        packets: usize,
        out: &mut Vec<Cached>,
        mark: &mut dyn FnMut(Timestamp),
    ) {
        if packets == 0 {
            return;
        }
        let mut times: Vec<u32> =
            (0..packets).map(|_| times.start + draw.below(times.end - times.start)).collect();
        times.sort_unstable();
        let mut open: Option<Cached> = None;
        for time in times {
            let at = self.start.plus(Duration::from_millis(u64::from(time)));
            mark(at);
            let packet = self.packet(draw, talk, up, at);
            open = match open {
                Some(mut cached) if talk.has_cache && continues(&cached.flow, at) => {
                    cached.flow.packets += 1;
                    cached.flow.bytes += packet.bytes;
                    cached.flow.tcp_flags |= packet.tcp_flags;
                    cached.flow.end = at;
                    cached.due = due(&cached.flow);
                    Some(cached)
                }
                done => {
                    out.extend(done);
                    let due = if talk.has_cache { due(&packet) } else { at };
                    Some(Cached { due, router: talk.router, flow: packet })
                }
            };
        }
        out.extend(open);
    }

    /// A flow of one packet.
    fn packet(&self, draw: &mut Draw, talk: &Conversation, up: bool, at: Timestamp) -> FlowRecord {
        // Small control packets, and full ones mostly towards the line.
        let bytes = if draw.chance(if up { 0.2 } else { 0.6 }) {
            draw.between(600, 1_480)
        } else {
            draw.between(64, 200)
        };
        let tcp_flags = if talk.protocol != TCP {
            0
        } else if draw.chance(0.03) {
            if up { tcp_flags::SYN } else { tcp_flags::SYN | tcp_flags::ACK }
        } else if bytes > 200 {
            tcp_flags::ACK | tcp_flags::PSH
        } else {
            tcp_flags::ACK
        };
        let (source, destination) =
            if up { (talk.line, talk.server) } else { (talk.server, talk.line) };
        let (source_port, destination_port) = if up {
            (talk.line_port, talk.server_port)
        } else {
            (talk.server_port, talk.line_port)
        };
        FlowRecord {
            source,
            destination,
            source_port,
            destination_port,
            protocol: talk.protocol,
            tcp_flags,
            packets: 1,
            bytes: u64::from(bytes),
            start: at,
            end: at,
            sampling: Sampling::Known { rate: self.sampling, source: SamplingSource::Record },
            direction: FlowDirection::Ingress,
            ..FlowRecord::EMPTY
        }
    }
}

fn continues(flow: &FlowRecord, at: Timestamp) -> bool {
    at.since(flow.end) < INACTIVE && at.since(flow.start) < ACTIVE
}

/// When the cache lets the flow go, should no packet come any more.
fn due(flow: &FlowRecord) -> Timestamp {
    flow.end.plus(INACTIVE).min(flow.start.plus(ACTIVE)).max(flow.end)
}

fn client_port(draw: &mut Draw) -> u16 {
    u16::try_from(draw.between(32_768, 60_999)).unwrap_or(32_768)
}
