//! One template, compiled once: its fields, its length and its layout.

use super::cursor::{Cursor, Truncated};
use super::fields::{self, Meaning};
use super::layout::{LEAD, Layout, Placed};

/// The length that marks a variable-length field (RFC 7011 §7; some v9
/// exporters use it too).
pub(crate) const VARIABLE: u16 = 65_535;
/// Fields of one template; real ones have fewer than a hundred.
pub(crate) const MAX_FIELDS: usize = 1_024;
/// At the end of a set, zeros shorter than this are padding even where a
/// record would fit: no flow record is as short, and set padding of up to
/// seven bytes is in the field (docs/exporters.md 22).
const LONGEST_PADDING: usize = 7;

/// What records of a template are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Flow records.
    Data,
    /// Options records, about the exporter itself.
    Options,
}

/// One field of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Number in the registry, or in the enterprise's own.
    pub(crate) id: u16,
    /// Enterprise number; zero for the registry's fields.
    pub(crate) enterprise: u32,
    /// Length in bytes, or [`VARIABLE`].
    pub(crate) length: u16,
    /// Whether it belongs to an options template's scope.
    pub(crate) is_scope: bool,
    /// What it means, if we read it.
    pub(crate) meaning: Option<Meaning>,
}

impl Field {
    /// A field of the wire format.
    pub(crate) fn new(id: u16, enterprise: u32, length: u16, is_scope: bool) -> Self {
        let meaning = if enterprise == 0 { fields::meaning(id) } else { None };
        Self { id, enterprise, length, is_scope, meaning }
    }

    /// A v9 scope field, whose numbers are a registry of their own (RFC 3954
    /// §6.1): 1 is the system, not a byte count.
    pub(crate) fn v9_scope(id: u16, length: u16) -> Self {
        Self { id, enterprise: 0, length, is_scope: true, meaning: None }
    }
}

/// A template, ready to read records with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) id: u16,
    pub(crate) kind: Kind,
    pub(crate) fields: Box<[Field]>,
    /// Length of a record, or the least length when fields vary.
    pub(crate) length: usize,
    pub(crate) varies: bool,
    /// Where the fields stand when they do not vary.
    layout: Layout,
}

/// Why a template is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// A record of it would have no bytes.
    #[error("its records have no bytes")]
    Empty,
    /// More fields than are taken.
    #[error("it has {0} fields, allowed: 1 to {MAX_FIELDS}")]
    TooManyFields(usize),
    /// Its records are longer than any datagram.
    #[error("its records are {0} bytes long, allowed: 1 to 65535")]
    TooLong(usize),
}

impl Template {
    /// Compiles a template.
    pub(crate) fn new(id: u16, kind: Kind, fields: Vec<Field>) -> Result<Self, BadTemplate> {
        if fields.len() > MAX_FIELDS {
            return Err(BadTemplate::TooManyFields(fields.len()));
        }
        let varies = fields.iter().any(|field| field.length == VARIABLE);
        // A variable field takes at least its length byte.
        let length = fields.iter().map(|field| field.least()).sum();
        if length == 0 {
            return Err(BadTemplate::Empty);
        }
        if length > usize::from(u16::MAX) {
            return Err(BadTemplate::TooLong(length));
        }
        let layout = if varies { Layout::default() } else { Layout::new(Fixed::of(&fields)) };
        Ok(Self { id, kind, fields: fields.into_boxed_slice(), length, varies, layout })
    }

    /// Whether a record carries the id of a sampler.
    pub(crate) fn has_sampler_id(&self) -> bool {
        self.fields.iter().any(|field| field.meaning == Some(Meaning::SamplerId))
    }

    /// Whether `body` can be records of this template and padding.
    pub(crate) fn fits(&self, body: &[u8]) -> bool {
        let left = if self.varies { 0 } else { body.len() % self.length };
        left <= LONGEST_PADDING && body.len() >= self.length
    }

    /// Where the fields stand when they do not vary.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The record at `at`, of fixed length, from [`LEAD`] bytes before it on.
    #[inline]
    pub(crate) fn window<'d>(&self, data: &'d [u8], at: usize) -> &'d [u8] {
        data.get(at.saturating_sub(LEAD)..at + self.length).unwrap_or_default()
    }

    /// How many records [`Self::records`] gives, where their length is fixed, and
    /// whether the padding after them is not all zeros.
    pub(crate) fn fixed_records(&self, data: &[u8], begin: usize, end: usize) -> (usize, bool) {
        let body = data.get(begin..end.min(data.len())).unwrap_or_default();
        let mut records = body.len() / self.length.max(1);
        // Zeros at the end are padding, even where a record would fit.
        while let Some(at) = records.checked_sub(1).map(|before| before * self.length)
            && body.len() - at <= LONGEST_PADDING
            && body.get(at..).unwrap_or_default().iter().all(|byte| *byte == 0)
        {
            records -= 1;
        }
        let padding = body.get(records * self.length..).unwrap_or_default();
        (records, padding.iter().any(|byte| *byte != 0))
    }

    /// The records in the set body `data[at..end]`; see [`Records`].
    pub(crate) fn records<'t, 'd>(
        &'t self,
        data: &'d [u8],
        at: usize,
        end: usize,
    ) -> Records<'t, 'd> {
        Records { template: self, data, at, end: end.min(data.len()), scratch: Layout::default() }
    }
}

impl Field {
    /// The length in bytes; `None` when it varies.
    pub(crate) fn fixed_length(&self) -> Option<u16> {
        (self.length != VARIABLE).then_some(self.length)
    }

    fn least(&self) -> usize {
        if self.length == VARIABLE { 1 } else { usize::from(self.length) }
    }
}

/// Places fields of fixed length one after the other.
struct Fixed<'a> {
    fields: std::slice::Iter<'a, Field>,
    offset: usize,
}

impl<'a> Fixed<'a> {
    fn of(fields: &'a [Field]) -> Self {
        Self { fields: fields.iter(), offset: 0 }
    }
}

impl Iterator for Fixed<'_> {
    type Item = Placed;

    fn next(&mut self) -> Option<Placed> {
        let field = self.fields.next()?;
        let length = field.least();
        let offset = self.offset;
        self.offset += length;
        Some(Placed { meaning: field.meaning, is_scope: field.is_scope, offset, length })
    }
}

/// Places the fields of one record of varying length by its length bytes.
struct Varying<'a, 'b> {
    fields: std::slice::Iter<'a, Field>,
    cursor: &'b mut Cursor<'a>,
    begin: usize,
    truncated: &'b mut Option<Truncated>,
}

impl Varying<'_, '_> {
    fn place(&mut self, field: &Field) -> Result<Placed, Truncated> {
        let length = match field.length {
            VARIABLE => match self.cursor.u8()? {
                255 => usize::from(self.cursor.u16()?),
                short => usize::from(short),
            },
            fixed => usize::from(fixed),
        };
        let offset = self.cursor.offset() - self.begin;
        self.cursor.take(length)?;
        Ok(Placed { meaning: field.meaning, is_scope: field.is_scope, offset, length })
    }
}

impl Iterator for Varying<'_, '_> {
    type Item = Placed;

    fn next(&mut self) -> Option<Placed> {
        let field = self.fields.next()?;
        match self.place(field) {
            Ok(placed) => Some(placed),
            Err(truncated) => {
                *self.truncated = Some(truncated);
                None
            }
        }
    }
}

/// The records of one set, one by one.
///
/// Not an iterator, because the layout it lends belongs to it: for records of
/// varying length it is made anew for each.
pub(crate) struct Records<'t, 'd> {
    template: &'t Template,
    data: &'d [u8],
    at: usize,
    end: usize,
    scratch: Layout,
}

/// What [`Records::next`] found.
pub(crate) enum Next<'l, 'd> {
    /// A record: its window (from [`LEAD`] bytes before it) and its layout.
    Record(&'d [u8], &'l Layout),
    /// No record any more; `true` when the padding is not all zeros.
    End { odd_padding: bool },
    /// A record that runs over the end of its set.
    Truncated(Truncated),
}

impl<'d> Records<'_, 'd> {
    /// The next record.
    #[inline]
    pub(crate) fn next(&mut self) -> Next<'_, 'd> {
        let left = self.end.saturating_sub(self.at);
        if left < self.template.length || (left <= LONGEST_PADDING && self.rest_is_zero()) {
            return Next::End { odd_padding: !self.rest_is_zero() };
        }
        if self.template.varies {
            return self.next_varying();
        }
        let begin = self.at;
        self.at += self.template.length;
        match self.data.get(begin.saturating_sub(LEAD)..self.at) {
            Some(window) => Next::Record(window, &self.template.layout),
            None => Next::End { odd_padding: false },
        }
    }

    fn next_varying(&mut self) -> Next<'_, 'd> {
        let begin = self.at;
        let mut truncated = None;
        let mut cursor = Cursor::new(self.data.get(begin..self.end).unwrap_or_default(), begin);
        self.scratch = Layout::new(Varying {
            fields: self.template.fields.iter(),
            cursor: &mut cursor,
            begin,
            truncated: &mut truncated,
        });
        let after = cursor.offset();
        if let Some(truncated) = truncated {
            // Without its length the next record cannot be found.
            self.at = self.end;
            return Next::Truncated(truncated);
        }
        self.at = after;
        match self.data.get(begin.saturating_sub(LEAD)..after) {
            Some(window) => Next::Record(window, &self.scratch),
            None => Next::End { odd_padding: false },
        }
    }

    fn rest_is_zero(&self) -> bool {
        self.data.get(self.at..self.end).unwrap_or_default().iter().all(|byte| *byte == 0)
    }
}
