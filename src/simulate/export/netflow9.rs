//! NetFlow v9 (RFC 3954): a 20-byte header, then sets of templates, options
//! templates and data. The sequence number counts datagrams.

use super::element::{Field, Template, write_number, write_record};
use super::{RouterClock, length16, patch16};
use crate::model::flow::FlowRecord;

/// What a v9 header says beside its clock.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Clock of the router.
    pub clock: RouterClock,
    /// Datagrams sent before this one.
    pub sequence: u32,
    /// The source id, called the observation domain elsewhere.
    pub source_id: u32,
}

/// Scope of an options record that speaks of the whole router (RFC 3954 §6.1).
pub const SCOPE_SYSTEM: u16 = 1;

/// A v9 datagram being written.
#[derive(Debug)]
pub struct Message<'a> {
    out: &'a mut Vec<u8>,
    begin: usize,
    clock: RouterClock,
    records: u16,
}

impl<'a> Message<'a> {
    /// Appends a header to `out`; sets follow.
    pub fn begin(out: &'a mut Vec<u8>, header: &Header) -> Self {
        let begin = out.len();
        let clock = header.clock;
        out.extend_from_slice(&9_u16.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&clock.uptime(clock.at).to_be_bytes());
        out.extend_from_slice(&clock.seconds().to_be_bytes());
        out.extend_from_slice(&header.sequence.to_be_bytes());
        out.extend_from_slice(&header.source_id.to_be_bytes());
        Self { out, begin, clock, records: 0 }
    }

    /// A set with one or more templates.
    pub fn templates(&mut self, templates: &[Template<'_>]) {
        let set = self.open(0);
        for template in templates {
            self.out.extend_from_slice(&template.id.to_be_bytes());
            self.out.extend_from_slice(&length16(template.fields.len()).to_be_bytes());
            self.specifiers(template.fields);
            self.records += 1;
        }
        self.close(set);
    }

    /// A set with one options template. `scope` has scope types where a
    /// template has element numbers.
    pub fn options_template(&mut self, id: u16, scope: &[Field], options: &[Field]) {
        let set = self.open(1);
        self.out.extend_from_slice(&id.to_be_bytes());
        self.out.extend_from_slice(&length16(scope.len() * 4).to_be_bytes());
        self.out.extend_from_slice(&length16(options.len() * 4).to_be_bytes());
        self.specifiers(scope);
        self.specifiers(options);
        self.records += 1;
        self.close(set);
    }

    /// A data set with one record of numbers, as options records are.
    pub fn options_record(&mut self, id: u16, values: &[(Field, u128)]) {
        let set = self.open(id);
        for (field, value) in values {
            write_number(self.out, *value, field.length);
        }
        self.records += 1;
        self.close(set);
    }

    /// A data set with a record for each flow; nothing for no flows.
    pub fn data<'f>(
        &mut self,
        template: &Template<'_>,
        flows: impl IntoIterator<Item = &'f FlowRecord>,
        sampler: u32,
    ) {
        let set = self.open(template.id);
        let mut any = false;
        for flow in flows {
            write_record(self.out, template.fields, flow, &self.clock, sampler);
            self.records += 1;
            any = true;
        }
        if any {
            self.close(set);
        } else {
            self.out.truncate(set);
        }
    }

    /// Writes the record count into the header.
    pub fn finish(self) {
        patch16(self.out, self.begin + 2, self.records);
    }

    fn specifiers(&mut self, fields: &[Field]) {
        for field in fields {
            self.out.extend_from_slice(&field.id.to_be_bytes());
            self.out.extend_from_slice(&field.length.to_be_bytes());
        }
    }

    fn open(&mut self, id: u16) -> usize {
        let set = self.out.len();
        self.out.extend_from_slice(&id.to_be_bytes());
        self.out.extend_from_slice(&[0, 0]);
        set
    }

    /// Pads the set to a multiple of four bytes and writes its length, which
    /// includes the padding (RFC 3954 §5.3).
    fn close(&mut self, set: usize) {
        while !(self.out.len() - set).is_multiple_of(4) {
            self.out.push(0);
        }
        let length = length16(self.out.len() - set);
        patch16(self.out, set + 2, length);
    }
}
