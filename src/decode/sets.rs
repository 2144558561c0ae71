//! Data sets of v9 and IPFIX: their records, or waiting for their template.

use std::sync::Arc;

use super::apart::Context;
use super::counts::Outcome;
use super::layout::LEAD;
use super::problem::ProblemKind;
use super::queue::Waiting;
use super::reader::{Reader, Tally};
use super::session::{Deferred, FlowSet, LeftApart, Place, Session};
use super::template::{Field, Kind, Next, Template};
use super::time::Clock;
use super::{Decoded, Format, MAX_FLOWS, Protocol};

/// What the sets of one message have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) protocol: Protocol,
    pub(crate) clock: Clock,
    /// Flow and options records so far.
    pub(crate) records: u32,
    /// It holds sets without template: its number of records is unknown.
    pub(crate) has_unknown: bool,
}

impl Message {
    pub(crate) fn new(protocol: Protocol, clock: Clock) -> Self {
        Self { protocol, clock, records: 0, has_unknown: false }
    }
}

impl Session<'_> {
    /// Takes a template from the wire and lets go of the sets that waited for
    /// it.
    pub(crate) fn template(
        &mut self,
        message: &Message,
        place: Place,
        id: u16,
        kind: Kind,
        fields: Vec<Field>,
    ) {
        let place = place.of_template(id);
        let template = match Template::new(id, kind, fields) {
            Ok(template) => Arc::new(template),
            Err(bad) => return self.reject(place, ProblemKind::BadTemplate(bad)),
        };
        self.out.counts.templates += 1;
        let port = self.datagram.source_port;
        let now = self.datagram.received;
        let inserted = self.exporter.templates.insert(
            message.protocol,
            port,
            Arc::clone(&template),
            now,
            self.fields_held,
        );
        self.out.counts.templates_redefined += u64::from(inserted.redefined);
        self.out.counts.templates_evicted += inserted.evicted;
        if inserted.refused {
            self.out.counts.templates_refused += 1;
            return self.reject(place, ProblemKind::NoRoomForTemplate);
        }
        if kind == Kind::Data && template.has_sampler_id() && !self.exporter.sampling.ids_in_flows {
            Arc::make_mut(&mut self.exporter.sampling).ids_in_flows = true;
        }
        self.release(message.protocol, id);
    }

    /// Lets go of the sets that wait for template `id`.
    fn release(&mut self, protocol: Protocol, id: u16) {
        let now = self.datagram.received;
        let templates = &mut self.exporter.templates;
        let mut found =
            |set: &Waiting| templates.find(protocol, set.port, id, body(set), now).is_some();
        self.queue.release(
            self.exporter.id,
            protocol,
            id,
            &mut found,
            &mut self.out.counts,
            &mut self.scratch.released,
        );
        let released = std::mem::take(&mut self.scratch.released);
        for set in released {
            let template = self.exporter.templates.find(protocol, set.port, id, body(&set), now);
            let Some(template) = template else { continue };
            let set = Box::new(set);
            match template.kind {
                Kind::Data => {
                    self.scratch.deferred.push(Deferred { template, set: FlowSet::Waited(set) });
                }
                Kind::Options => {
                    let rejected = self
                        .options(protocol, set.port, &template, &set.bytes, set.body, set.offset);
                    self.settle(set.datagram, rejected.0);
                }
            }
        }
    }

    /// A data set: its header at `offset`, its body in `begin..end`.
    pub(crate) fn data(
        &mut self,
        message: &mut Message,
        id: u16,
        offset: usize,
        (begin, end): (usize, usize),
    ) {
        let payload = self.datagram.payload;
        let Some(body) = payload.get(begin..end) else { return };
        let port = self.datagram.source_port;
        let now = self.datagram.received;
        let found = self.exporter.templates.find(message.protocol, port, id, body, now);
        let Some(template) = found else {
            message.has_unknown = true;
            return self.wait(message, id, offset, body);
        };
        match template.kind {
            Kind::Data => {
                let set = FlowSet::Here { offset, begin, end };
                self.scratch.deferred.push(Deferred { template, set });
            }
            Kind::Options => {
                let data = payload.get(..end).unwrap_or_default();
                let (outcome, records) =
                    self.options(message.protocol, port, &template, data, begin, offset);
                self.outcome = self.outcome.max(outcome);
                message.records = message.records.wrapping_add(records);
            }
        }
    }

    fn wait(&mut self, message: &Message, id: u16, offset: usize, body: &[u8]) {
        self.exporter.note_unknown_set(id);
        let mut bytes = vec![0; LEAD + body.len()];
        if let Some(place) = bytes.get_mut(LEAD..) {
            place.copy_from_slice(body);
        }
        let waiting = Waiting {
            exporter: self.id(),
            protocol: message.protocol,
            port: self.datagram.source_port,
            template: id,
            datagram: self.serial,
            received: self.datagram.received,
            clock: message.clock,
            offset,
            bytes: bytes.into_boxed_slice(),
            body: LEAD,
        };
        self.queue.push(waiting, &mut self.out.counts);
    }

    /// Decodes the flow sets noted so far, or leaves them to be read apart.
    pub(crate) fn flow_sets(&mut self, message: &mut Message) {
        let deferred = std::mem::take(&mut self.scratch.deferred);
        for Deferred { template, set } in &deferred {
            match set {
                FlowSet::Here { offset, begin, end } => {
                    let data = self.datagram.payload;
                    let port = self.datagram.source_port;
                    let records = if self.apart.is_some() && !template.varies {
                        self.leave(message, template, (*begin, *end))
                    } else {
                        let (outcome, records) = self.flows(
                            message.protocol,
                            port,
                            template,
                            &message.clock,
                            (data, *begin, *end),
                            *offset,
                        );
                        self.outcome = self.outcome.max(outcome);
                        records
                    };
                    message.records = message.records.wrapping_add(records);
                }
                FlowSet::Waited(set) => {
                    let outcome = self.flows(
                        message.protocol,
                        set.port,
                        template,
                        &set.clock,
                        (&set.bytes, set.body, set.bytes.len()),
                        set.offset,
                    );
                    self.settle(set.datagram, outcome.0);
                }
            }
        }
        self.scratch.deferred = deferred;
        self.scratch.deferred.clear();
    }

    /// Leaves a set of this datagram to be read apart; returns how many records
    /// it holds.
    fn leave(
        &mut self,
        message: &Message,
        template: &Arc<Template>,
        (begin, end): (usize, usize),
    ) -> u32 {
        let Some(LeftApart { apart, base }) = &mut self.apart else { return 0 };
        let context = Context {
            exporter: self.exporter.id,
            protocol: message.protocol,
            port: self.datagram.source_port,
            template,
            sampling: &self.exporter.sampling,
        };
        let clock = message.clock.with_start_of_exporter(self.exporter.system_init);
        let (records, odd_padding) = template.fixed_records(self.datagram.payload, begin, end);
        self.out.counts.odd_padding += u64::from(odd_padding);
        apart.push(context, clock, (*base + begin, records));
        u32::try_from(records).unwrap_or(u32::MAX)
    }

    /// A set that had waited has ended.
    fn settle(&mut self, datagram: u64, outcome: Outcome) {
        self.queue.settle(datagram, outcome, &mut self.out.counts);
    }

    /// Decodes the flow records in `data[begin..end]`. Returns how the set
    /// ended and how many records it held.
    fn flows(
        &mut self,
        protocol: Protocol,
        port: u16,
        template: &Template,
        clock: &Clock,
        (data, begin, end): (&[u8], usize, usize),
        offset: usize,
    ) -> (Outcome, u32) {
        let clock = clock.with_start_of_exporter(self.exporter.system_init);
        let mut tally = Tally::default();
        let sampling = &self.exporter.sampling;
        let Decoded { counts, flows, .. } = &mut *self.out;
        let read = Reader { sampling, tally: &mut tally, counts }.set(
            (protocol, port),
            template,
            &clock,
            (data, begin, end),
            flows,
        );
        self.exporter.add(&tally);
        let mut outcome = Outcome::Decoded;
        if read.refused > 0 {
            outcome = Outcome::Rejected;
            self.refuse(read.refused);
            let place = Place::set(offset).of_template(template.id);
            if let Some(truncated) = read.truncated {
                self.note(place.inside(truncated.offset), truncated.into());
            }
            if read.is_full {
                self.note(place, ProblemKind::TooManyRecords(MAX_FLOWS));
            }
        }
        (outcome, u32::try_from(read.received).unwrap_or(u32::MAX))
    }

    /// Reads the options records in `data[begin..]`. Returns how the set ended
    /// and how many records it held.
    fn options(
        &mut self,
        protocol: Protocol,
        port: u16,
        template: &Template,
        data: &[u8],
        begin: usize,
        offset: usize,
    ) -> (Outcome, u32) {
        let mut records = template.records(data, begin, data.len());
        let place = Place::set(offset).of_template(template.id);
        let mut outcome = Outcome::Decoded;
        let mut count = 0_u32;
        loop {
            match records.next() {
                Next::Record(window, layout) => {
                    count += 1;
                    if layout.system_init.is_present() {
                        self.exporter.system_init = layout.system_init.read(window);
                    }
                    if layout.sampling.is_present {
                        self.sampler(protocol, port, window, layout, place);
                    }
                }
                Next::End { odd_padding } => {
                    self.out.counts.odd_padding += u64::from(odd_padding);
                    break;
                }
                Next::Truncated(truncated) => {
                    outcome = Outcome::Rejected;
                    self.reject(place.inside(truncated.offset), truncated.into());
                }
            }
        }
        self.out.counts.option_records += u64::from(count);
        self.exporter.option_records += u64::from(count);
        (outcome, count)
    }
}

fn body(set: &Waiting) -> &[u8] {
    set.bytes.get(set.body..).unwrap_or_default()
}

impl From<Protocol> for Format {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Netflow9 => Self::Netflow9,
            Protocol::Ipfix => Self::Ipfix,
        }
    }
}
