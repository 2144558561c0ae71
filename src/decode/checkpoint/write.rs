//! Writing, a few exporters or some sets that wait at a time.

use std::net::IpAddr;
use std::ops::Range;

use super::{
    BY_ID, BY_SCOPE, END, ENTERPRISE, EXPORTER, EXPORTER_V6, FIELDS, IDS_IN_FLOWS, KINDS,
    PROTOCOLS, SCOPE, SEALED, waiting,
};
use crate::bytes::{Progress, put_number};
use crate::decode::exporter::Exporter;
use crate::decode::sampling::{SamplerKey, Samplers};
use crate::decode::template::Template;
use crate::decode::{Decoder, Protocol};
use crate::model::exporter::ExporterId;

/// What is still to be written.
#[derive(Clone, Debug)]
pub struct Writing {
    /// Exporters; the next one stands last.
    left: Vec<ExporterId>,
    /// The places of the sets that wait.
    waiting: Range<u64>,
    written: u64,
}

impl Writing {
    /// How many records were written.
    pub fn written(&self) -> u64 {
        self.written
    }
}

impl Decoder {
    /// Grows whenever an exporter tells something that a checkpoint holds.
    pub fn told(&self) -> u64 {
        self.told
    }

    /// Begins to write what is remembered now. Exporters that come later are
    /// left to the next time.
    pub fn begin_checkpoint(&self) -> Writing {
        let mut left: Vec<_> =
            self.exporters.sorted().into_iter().map(|exporter| exporter.id).collect();
        left.reverse();
        Writing { left, waiting: 0..self.queue.end(), written: 0 }
    }

    /// Appends whole records until `into` holds about `enough` bytes. `seal` is
    /// given what goes with a seal, and the bytes to be sealed; what it gives no
    /// seal for is left out.
    pub fn write_checkpoint(
        &self,
        writing: &mut Writing,
        into: &mut Vec<u8>,
        enough: usize,
        mut seal: impl FnMut(&[u8], Vec<u8>) -> Option<Vec<u8>>,
    ) -> Progress {
        while into.len() < enough {
            let Some(id) = writing.left.pop() else {
                let chunk = waiting::gather(&self.queue, writing.waiting.clone());
                writing.waiting.start = chunk.next;
                if chunk.sets == 0 {
                    return Progress::Done;
                }
                let context = waiting::context(chunk.sets, chunk.datagrams);
                if let Some(sealed) = seal(&context, chunk.bytes) {
                    into.push(SEALED);
                    put_number(into, chunk.sets);
                    put_number(into, chunk.datagrams);
                    put_number(into, sealed.len() as u64);
                    into.extend_from_slice(&sealed);
                    writing.written += 1;
                }
                continue;
            };
            if let Some(exporter) = self.exporters.find(id)
                && (!exporter.templates.is_empty() || !exporter.sampling.samplers.is_empty())
            {
                put_exporter(into, exporter);
                writing.written += 1;
            }
        }
        Progress::More
    }
}

/// Appends what stands after the last record of all decoders.
pub fn put_end(into: &mut Vec<u8>, records: u64) {
    into.push(END);
    put_number(into, records);
}

/// The number of something with so few kinds that it fits a byte.
pub(super) fn code<T: PartialEq>(of: &T, all: &[T]) -> u8 {
    let place = all.iter().position(|known| known == of).unwrap_or(0);
    u8::try_from(place).unwrap_or(0)
}

fn put_exporter(into: &mut Vec<u8>, exporter: &Exporter) {
    match exporter.id.address {
        IpAddr::V4(v4) => {
            into.push(EXPORTER);
            into.extend(v4.octets());
        }
        IpAddr::V6(v6) => {
            into.push(EXPORTER_V6);
            into.extend(v6.octets());
        }
    }
    put_number(into, exporter.id.domain.into());
    put_number(into, exporter.last_seen.as_millis());
    put_number(into, exporter.system_init);
    into.push(if exporter.sampling.ids_in_flows { IDS_IN_FLOWS } else { 0 });
    put_samplers(into, &exporter.sampling.samplers);
    put_number(into, exporter.sampling.by_port.len() as u64);
    for (protocol, port, samplers) in &exporter.sampling.by_port {
        into.push(code(protocol, &PROTOCOLS));
        put_number(into, (*port).into());
        put_samplers(into, samplers);
    }
    let templates = exporter.templates.saved();
    put_number(into, templates.len() as u64);
    for (protocol, port, template, sent, used) in templates {
        put_template(into, protocol, port, template);
        put_number(into, sent.as_millis());
        put_number(into, used.as_millis());
    }
}

fn put_samplers(into: &mut Vec<u8>, samplers: &Samplers) {
    let all = samplers.sorted();
    put_number(into, all.len() as u64);
    for (key, sampler) in all {
        let (kind, id) = match key {
            SamplerKey::Id(id) => (BY_ID, id),
            SamplerKey::Scope(scope) => (BY_SCOPE, scope),
        };
        into.push(kind);
        put_number(into, id);
        put_number(into, sampler.rate.get().into());
        into.push(code(&sampler.field, &FIELDS));
    }
}

fn put_template(into: &mut Vec<u8>, protocol: Protocol, port: u16, template: &Template) {
    into.push(code(&protocol, &PROTOCOLS));
    put_number(into, port.into());
    put_number(into, template.id.into());
    into.push(code(&template.kind, &KINDS));
    put_number(into, template.fields.len() as u64);
    for field in &template.fields {
        put_number(into, field.id.into());
        put_number(into, field.length.into());
        let scope = if field.is_scope { SCOPE } else { 0 };
        if field.enterprise == 0 {
            into.push(scope);
        } else {
            into.push(scope | ENTERPRISE);
            put_number(into, field.enterprise.into());
        }
    }
}
