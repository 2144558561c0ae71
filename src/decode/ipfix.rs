//! IPFIX (RFC 7011).
//!
//! A datagram should hold one message; where it holds several, all are read.

use std::net::IpAddr;

use crate::model::exporter::ExporterId;
use crate::model::time::Timestamp;

use super::Protocol;
use super::counts::Outcome;
use super::cursor::{Cursor, Truncated};
use super::netflow9::{is_padding, walk};
use super::problem::ProblemKind;
use super::session::{Place, Session};
use super::sets::Message;
use super::template::{Field, Kind};

/// Length of the message header (RFC 7011 §3.1).
pub(crate) const HEADER: usize = 16;
/// The bit in a field's number that says an enterprise number follows.
const ENTERPRISE: u16 = 0x8000;

/// The message header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    length: u16,
    pub(crate) seconds: u32,
    sequence: u32,
    domain: u32,
}

impl Header {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Truncated> {
        let _version = cursor.u16()?;
        Ok(Self {
            length: cursor.u16()?,
            seconds: cursor.u32()?,
            sequence: cursor.u32()?,
            domain: cursor.u32()?,
        })
    }

    pub(crate) fn exporter(&self, address: IpAddr) -> ExporterId {
        ExporterId::new(address, self.domain)
    }

    /// How many bytes the message says it has, header and all.
    pub(crate) fn announced(&self) -> usize {
        usize::from(self.length)
    }
}

/// Decodes one message; `body` holds what the datagram has of it after its
/// header, which stood at `offset`.
pub(crate) fn decode(
    session: &mut Session<'_>,
    header: &Header,
    offset: usize,
    mut body: Cursor<'_>,
) {
    let present = body.left() + HEADER;
    let clock = session.clock(Timestamp::from_secs(u64::from(header.seconds)), None);
    let mut message = Message::new(Protocol::Ipfix, clock);
    walk(session, &mut message, &mut body, |session, message, id, place, body| match id {
        2 => templates(session, message, place, body, Kind::Data),
        3 => templates(session, message, place, body, Kind::Options),
        reserved => session.reject(place, ProblemKind::ReservedSet(reserved)),
    });
    session.flow_sets(&mut message);
    // A message cut between two sets: nothing else would tell.
    if header.announced() > present && session.outcome < Outcome::Rejected {
        let kind = ProblemKind::MessageCut { announced: header.announced(), present };
        session.reject(Place::at(offset), kind);
    }
    session.number(header.sequence, (!message.has_unknown).then_some(message.records));
}

/// A set of templates or options templates (RFC 7011 §3.4).
fn templates(
    session: &mut Session<'_>,
    message: &mut Message,
    set: Place,
    mut body: Cursor<'_>,
    kind: Kind,
) {
    while body.left() >= 4 && !is_padding(&body) {
        let place = set.inside(body.offset());
        let (Ok(id), Ok(count)) = (body.u16(), body.u16()) else { return };
        if count == 0 {
            withdraw(session, place, id, kind);
            continue;
        }
        match fields(&mut body, count, kind) {
            Err(truncated) => {
                session.reject(place.of_template(id), truncated.into());
                return;
            }
            Ok(_) if id < 256 => session.reject(place, ProblemKind::TemplateId(id)),
            Ok(fields) => session.template(message, place, id, kind, fields),
        }
    }
}

fn fields(body: &mut Cursor<'_>, count: u16, kind: Kind) -> Result<Vec<Field>, Truncated> {
    let scopes = if kind == Kind::Options { body.u16()? } else { 0 };
    let mut fields = Vec::with_capacity(usize::from(count).min(body.left() / 4));
    for place in 0..count {
        let number = body.u16()?;
        let length = body.u16()?;
        let enterprise = if number & ENTERPRISE == 0 { 0 } else { body.u32()? };
        fields.push(Field::new(number & !ENTERPRISE, enterprise, length, place < scopes));
    }
    Ok(fields)
}

/// A template without fields withdraws the one it names; the ids of the set
/// kinds withdraw all of that kind (RFC 7011 §8.1).
fn withdraw(session: &mut Session<'_>, place: Place, id: u16, kind: Kind) {
    let everything = match kind {
        Kind::Data => 2,
        Kind::Options => 3,
    };
    if id < 256 && id != everything {
        return session.reject(place, ProblemKind::TemplateId(id));
    }
    let port = session.datagram.source_port;
    let withdrawn = session.exporter.templates.withdraw(
        Protocol::Ipfix,
        port,
        |template| template.id == id || (id == everything && template.kind == kind),
        session.fields_held,
    );
    session.out.counts.template_withdrawals += withdrawn;
}
