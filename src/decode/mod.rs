//! Datagrams to flow records: NetFlow v5, v7, v9, IPFIX and sFlow v5, told
//! apart by content.
//!
//! A [`Decoder`] holds what must be remembered between datagrams, per exporter
//! address and domain: templates, samplers, sequence numbers, and the data sets
//! that wait for a template. Everything else is a function of one datagram.
//!
//! Problems and values come back together in [`Decoded`]: one bad record or
//! set never costs the good ones beside it. Everything that grows is bounded
//! by a constant, and each time a bound is met it is counted
//! ([`DecodeCounts`]).
//!
//! Reading order: `session` (one datagram), `netflow9` and `ipfix` (sets),
//! `template` and `layout` (how a record is read), `record`, `time`,
//! `sampling`; `netflow5`, `netflow7` and `sflow` with `packet` stand alone;
//! `queue`, `templates`, `sequence` and `exporter` are the memory.

mod advice;
mod apart;
pub mod checkpoint;
mod counts;
mod cursor;
mod described;
mod dump;
mod exporter;
mod fields;
mod format;
mod inspection;
mod ipfix;
mod layout;
mod mend;
mod netflow5;
mod netflow7;
mod netflow9;
mod packet;
mod problem;
mod queue;
mod rates;
mod reader;
mod record;
mod report;
mod sampling;
mod sequence;
mod session;
mod sets;
mod sflow;
mod summary;
mod template;
mod templates;
mod time;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ipnetwork::IpNetwork;

use crate::model::exporter::ExporterId;
use crate::model::flow::FlowRecord;
use crate::model::time::Timestamp;

pub use advice::{Advice, AdviceKind};
pub use apart::{Apart, Learnt};
pub use counts::{DecodeCounts, Queued};
pub use dump::DumpedRecord;
pub use format::{Format, export_time};
pub use inspection::{Inspection, InspectionReport};
pub use mend::{ALL as ROUTER_LINES, RouterLines};
pub use problem::{Problem, ProblemKind};
pub use record::Sides;
pub use report::{
    ExporterReport, FieldReport, RateReport, SamplerReport, SequenceReport, TemplateFields,
    TemplateReport, UnknownSet,
};
pub use sampling::RateField;
pub use summary::Summary;
pub use template::BadTemplate;

use counts::Outcome;
use cursor::{Cursor, Truncated};
use exporter::Exporters;
use queue::WaitingQueue;
use session::{LeftApart, Place, Scratch, Session, report};

/// Flow records of one call; only datagrams made to use up memory have more.
pub(crate) const MAX_FLOWS: usize = 1 << 18;
/// What `Decoded` keeps allocated from call to call, in flow records.
const KEPT_FLOWS: usize = 1 << 14;

/// One datagram as it came from a socket or a capture.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Source port; part of no identity, reported only.
    pub source_port: u16,
    /// When it was received, by our clock or the capture's.
    pub received: Timestamp,
    /// The UDP payload.
    pub payload: &'a [u8],
}

/// What decoding is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeSettings {
    /// The rate of exporters that do not tell one, by prefix; the longest
    /// prefix that holds the exporter counts.
    pub default_sampling: Vec<(IpNetwork, NonZeroU32)>,
    /// How far an exporter's clock may be off before its records are moved,
    /// and how far in the future a flow may end.
    pub max_skew: Duration,
}

impl Default for DecodeSettings {
    /// No configured rates; ten minutes.
    fn default() -> Self {
        Self { default_sampling: Vec::new(), max_skew: Duration::from_secs(600) }
    }
}

/// The two formats with templates; their template ids are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Protocol {
    Netflow9,
    Ipfix,
}

/// What came of one datagram. Reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// Who sent it; `None` when that cannot be known. Of several IPFIX messages
    /// in one datagram, the sender of the last.
    pub exporter: Option<ExporterId>,
    /// Its flow records, and those of earlier sets whose template it brought.
    pub flows: Vec<FlowRecord>,
    /// What was wrong with it; bounded.
    pub problems: Vec<Problem>,
    /// What it adds to the counters.
    pub counts: DecodeCounts,
}

impl Decoded {
    fn clear(&mut self) {
        self.exporter = None;
        self.flows.clear();
        // One hostile datagram must not hold its memory for ever.
        if self.flows.capacity() > KEPT_FLOWS {
            self.flows.shrink_to(KEPT_FLOWS);
        }
        self.problems.clear();
        self.counts = DecodeCounts::default();
    }
}

/// Decodes datagrams of any number of exporters, in arrival order.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    settings: DecodeSettings,
    exporters: Exporters,
    queue: WaitingQueue,
    scratch: Scratch,
    serial: u64,
    told: u64,
}

/// A datagram's header, which says whose it is.
enum Header {
    Netflow5(netflow5::Header),
    Netflow7(netflow5::Header),
    Netflow9(netflow9::Header),
    Sflow5(sflow::Header),
}

impl Decoder {
    /// A decoder that has heard of nobody yet.
    pub fn new(settings: DecodeSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Applies other settings; templates and samplers are kept.
    pub fn reconfigure(&mut self, settings: DecodeSettings) {
        self.exporters.reconfigure(&settings);
        self.settings = settings;
    }

    /// Decodes one datagram into `out`, whose buffers are reused.
    pub fn decode(&mut self, datagram: Datagram<'_>, out: &mut Decoded) {
        self.admit(datagram, out, None);
    }

    /// The same, but flow sets of fixed layout are noted in `apart`, to be read
    /// by whoever has time; `base` is where the datagram begins in the bytes
    /// that they will be read from.
    pub fn decode_apart(
        &mut self,
        datagram: Datagram<'_>,
        base: usize,
        apart: &mut Apart,
        out: &mut Decoded,
    ) {
        self.admit(datagram, out, Some(LeftApart { apart, base }));
    }

    /// Takes in what reading sets apart has told of exporters. One that was
    /// forgotten meanwhile stays forgotten.
    pub fn learn(&mut self, learnt: &Learnt) {
        for (id, tally) in &learnt.tallies {
            if let Some(exporter) = self.exporters.find_mut(*id) {
                exporter.add(tally);
            }
        }
    }

    fn admit(&mut self, datagram: Datagram<'_>, out: &mut Decoded, apart: Option<LeftApart<'_>>) {
        out.clear();
        out.counts.datagrams_received += 1;
        self.serial += 1;
        self.queue.expire(datagram.received, &mut out.counts);
        let outcome = match Format::of(datagram.payload) {
            Ok(Format::Ipfix) => self.messages(datagram, out, apart),
            Ok(format) => self.datagram(format, datagram, out, apart),
            Err(kind) => refuse(out, None, 0, kind),
        };
        self.queue.close(self.serial, outcome, &mut out.counts);
        let counts = &out.counts;
        self.told += counts.templates
            + counts.template_withdrawals
            + counts.option_records
            + counts.sets_queued
            + counts.sets_released
            + counts.sets_evicted
            + counts.sets_expired;
    }

    /// What is known of every exporter.
    pub fn exporters(&self) -> Vec<ExporterReport> {
        self.reports(usize::MAX)
    }

    /// The same, but of the templates of each exporter only those used last.
    pub fn exporters_in_brief(&self) -> Vec<ExporterReport> {
        self.reports(report::TEMPLATES_LISTED)
    }

    fn reports(&self, templates: usize) -> Vec<ExporterReport> {
        let report = |exporter| report::exporter(exporter, &self.queue, templates);
        self.exporters.sorted().into_iter().map(report).collect()
    }

    /// What waits for templates now.
    pub fn queued(&self) -> Queued {
        self.queue.queued()
    }

    /// A datagram with one header.
    fn datagram(
        &mut self,
        format: Format,
        datagram: Datagram<'_>,
        out: &mut Decoded,
        apart: Option<LeftApart<'_>>,
    ) -> Outcome {
        let mut cursor = Cursor::new(datagram.payload, 0);
        let source = datagram.source;
        let header = match format {
            Format::Netflow5 => netflow5::Header::read(&mut cursor).map(Header::Netflow5),
            Format::Netflow7 => netflow5::Header::read(&mut cursor).map(Header::Netflow7),
            Format::Netflow9 | Format::Ipfix => {
                netflow9::Header::read(&mut cursor).map(Header::Netflow9)
            }
            Format::Sflow5 => match sflow::Header::read(&mut cursor) {
                Ok(header) => Ok(Header::Sflow5(header)),
                Err(sflow::BadHeader::Truncated(truncated)) => Err(truncated),
                Err(sflow::BadHeader::AddressType { offset, kind }) => {
                    return refuse(out, Some(format), offset, ProblemKind::AddressType(kind));
                }
            },
        };
        let header = match header {
            Ok(header) => header,
            Err(truncated) => return refuse_header(out, format, truncated),
        };
        let id = match &header {
            Header::Netflow5(header) => header.exporter(source),
            Header::Netflow7(_) => netflow7::exporter(source),
            Header::Netflow9(header) => header.exporter(source),
            Header::Sflow5(header) => header.exporter(),
        };
        let mut session = self.session(format, id, datagram, out, apart);
        match &header {
            Header::Netflow5(header) => netflow5::decode(&mut session, header, cursor),
            Header::Netflow7(header) => netflow7::decode(&mut session, header, cursor),
            Header::Netflow9(header) => netflow9::decode(&mut session, header, cursor),
            Header::Sflow5(header) => sflow::decode(&mut session, header, cursor),
        }
        session.outcome
    }

    /// The IPFIX messages of a datagram; each names its own domain.
    fn messages(
        &mut self,
        datagram: Datagram<'_>,
        out: &mut Decoded,
        mut apart: Option<LeftApart<'_>>,
    ) -> Outcome {
        let mut cursor = Cursor::new(datagram.payload, 0);
        let mut outcome = Outcome::Decoded;
        while cursor.left() > 0 {
            let offset = cursor.offset();
            let rest = cursor.rest();
            if offset > 0 && rest.iter().all(|byte| *byte == 0) {
                break;
            }
            if offset > 0 && !rest.starts_with(&[0, 10]) {
                return refuse(
                    out,
                    Some(Format::Ipfix),
                    offset,
                    ProblemKind::TrailingBytes(rest.len()),
                );
            }
            let header = match ipfix::Header::read(&mut cursor) {
                Ok(header) => header,
                Err(truncated) => return refuse_header(out, Format::Ipfix, truncated),
            };
            let Some(body) = header.announced().checked_sub(ipfix::HEADER) else {
                let kind = ProblemKind::MessageLength(header.announced());
                return refuse(out, Some(Format::Ipfix), offset, kind);
            };
            let begin = cursor.offset();
            let Ok(body) = cursor.take(body.min(cursor.left())) else { break };
            // Offsets in the body count from the datagram's start, so it is
            // cut after the message and not before.
            let payload = datagram.payload.get(..begin + body.len()).unwrap_or_default();
            let message = Datagram { payload, ..datagram };
            let id = header.exporter(datagram.source);
            let mut session =
                self.session(Format::Ipfix, id, message, out, apart.as_mut().map(LeftApart::again));
            ipfix::decode(&mut session, &header, offset, Cursor::new(body, begin));
            outcome = outcome.max(session.outcome);
        }
        outcome
    }

    /// A session with the exporter's memory.
    fn session<'a>(
        &'a mut self,
        format: Format,
        id: ExporterId,
        datagram: Datagram<'a>,
        out: &'a mut Decoded,
        apart: Option<LeftApart<'a>>,
    ) -> Session<'a> {
        out.counts.templates_evicted += self.exporters.make_room();
        let (exporter, fields_held, evicted) = self.exporters.get(id, &self.settings);
        out.counts.exporters_evicted += evicted;
        out.counts.templates_expired += exporter.templates.expire(datagram.received, fields_held);
        out.exporter = Some(id);
        exporter.last_seen = datagram.received;
        if exporter.first_seen == Timestamp::EPOCH {
            exporter.first_seen = datagram.received;
        }
        if let Some(count) = exporter.datagrams.get_mut(format as usize) {
            *count += 1;
        }
        Session {
            datagram,
            serial: self.serial,
            format,
            settings: &self.settings,
            exporter,
            fields_held,
            queue: &mut self.queue,
            scratch: &mut self.scratch,
            out,
            outcome: Outcome::Decoded,
            apart,
        }
    }
}

/// Refuses a datagram of which nothing can be read.
fn refuse(out: &mut Decoded, format: Option<Format>, offset: usize, kind: ProblemKind) -> Outcome {
    out.counts.records_received += 1;
    out.counts.records_rejected += 1;
    report(out, format, Place::at(offset), kind);
    Outcome::Rejected
}

fn refuse_header(out: &mut Decoded, format: Format, truncated: Truncated) -> Outcome {
    refuse(out, Some(format), truncated.offset, truncated.into())
}
