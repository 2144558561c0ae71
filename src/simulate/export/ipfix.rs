//! IPFIX (RFC 7011): a 16-byte header, then sets of templates, options
//! templates and data. The sequence number counts data records, those of
//! options included.

use super::element::{Field, Template, write_number, write_record};
use super::{RouterClock, length16, patch16};
use crate::model::flow::FlowRecord;

/// What an IPFIX header says beside its clock.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Clock of the router.
    pub clock: RouterClock,
    /// Data records sent before this message, modulo 2^32.
    pub sequence: u32,
    /// The observation domain.
    pub domain: u32,
}

/// An IPFIX message being written.
#[derive(Debug)]
pub struct Message<'a> {
    out: &'a mut Vec<u8>,
    begin: usize,
    clock: RouterClock,
    records: u32,
}

impl<'a> Message<'a> {
    /// Appends a header to `out`; sets follow.
    pub fn begin(out: &'a mut Vec<u8>, header: &Header) -> Self {
        let begin = out.len();
        out.extend_from_slice(&10_u16.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&header.clock.seconds().to_be_bytes());
        out.extend_from_slice(&header.sequence.to_be_bytes());
        out.extend_from_slice(&header.domain.to_be_bytes());
        Self { out, begin, clock: header.clock, records: 0 }
    }

    /// A set with one or more templates.
    pub fn templates(&mut self, templates: &[Template<'_>]) {
        let set = self.open(2);
        for template in templates {
            self.out.extend_from_slice(&template.id.to_be_bytes());
            self.out.extend_from_slice(&length16(template.fields.len()).to_be_bytes());
            self.specifiers(template.fields);
        }
        self.close(set);
    }

    /// A set with one options template, the scope fields first.
    pub fn options_template(&mut self, id: u16, scope: &[Field], options: &[Field]) {
        let set = self.open(3);
        self.out.extend_from_slice(&id.to_be_bytes());
        self.out.extend_from_slice(&length16(scope.len() + options.len()).to_be_bytes());
        self.out.extend_from_slice(&length16(scope.len()).to_be_bytes());
        self.specifiers(scope);
        self.specifiers(options);
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
        let before = self.records;
        for flow in flows {
            write_record(self.out, template.fields, flow, &self.clock, sampler);
            self.records += 1;
        }
        if self.records == before {
            self.out.truncate(set);
        } else {
            self.close(set);
        }
    }

    /// Writes the message length and returns how many data records it holds,
    /// by which the next message's sequence number moves on.
    pub fn finish(self) -> u32 {
        let length = length16(self.out.len() - self.begin);
        patch16(self.out, self.begin + 2, length);
        self.records
    }

    fn specifiers(&mut self, fields: &[Field]) {
        for field in fields {
            match field.enterprise {
                None => self.out.extend_from_slice(&field.id.to_be_bytes()),
                Some(_) => self.out.extend_from_slice(&(field.id | 0x8000).to_be_bytes()),
            }
            self.out.extend_from_slice(&field.length.to_be_bytes());
            if let Some(enterprise) = field.enterprise {
                self.out.extend_from_slice(&enterprise.to_be_bytes());
            }
        }
    }

    fn open(&mut self, id: u16) -> usize {
        let set = self.out.len();
        self.out.extend_from_slice(&id.to_be_bytes());
        self.out.extend_from_slice(&[0, 0]);
        set
    }

    /// Writes the set's length. IPFIX may pad and need not: we do not, so that
    /// both ways are on the wire.
    fn close(&mut self, set: usize) {
        let length = length16(self.out.len() - set);
        patch16(self.out, set + 2, length);
    }
}
