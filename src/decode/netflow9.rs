//! NetFlow v9 (RFC 3954).
//!
//! The header's Count is ignored: it should count records, some exporters
//! count sets and some say 1 (docs/exporters.md 21). The datagram is read to its
//! end.

use crate::model::exporter::ExporterId;
use crate::model::time::Timestamp;

use super::Protocol;
use super::cursor::{Cursor, Truncated};
use super::problem::ProblemKind;
use super::session::{Place, Session};
use super::sets::Message;
use super::template::{Field, Kind};

/// Length of a set's header (RFC 3954 §5.2).
pub(crate) const SET_HEADER: usize = 4;

/// The packet header (RFC 3954 §5.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    uptime: u32,
    pub(crate) seconds: u32,
    sequence: u32,
    source_id: u32,
}

impl Header {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Truncated> {
        let _version = cursor.u16()?;
        let _count = cursor.u16()?;
        Ok(Self {
            uptime: cursor.u32()?,
            seconds: cursor.u32()?,
            sequence: cursor.u32()?,
            source_id: cursor.u32()?,
        })
    }

    pub(crate) fn exporter(&self, session: std::net::IpAddr) -> ExporterId {
        ExporterId::new(session, self.source_id)
    }
}

/// Decodes a datagram after its header.
pub(crate) fn decode(session: &mut Session<'_>, header: &Header, mut cursor: Cursor<'_>) {
    let export = Timestamp::from_secs(u64::from(header.seconds));
    let clock = session.clock(export, Some(header.uptime));
    let mut message = Message::new(Protocol::Netflow9, clock);
    walk(session, &mut message, &mut cursor, |session, message, id, place, body| match id {
        0 => templates(session, message, place, body),
        1 => options_templates(session, message, place, body),
        reserved => session.reject(place, ProblemKind::ReservedSet(reserved)),
    });
    session.flow_sets(&mut message);
    session.number(header.sequence, Some(1));
}

/// Walks sets; those below 256 go to `special`.
pub(crate) fn walk(
    session: &mut Session<'_>,
    message: &mut Message,
    cursor: &mut Cursor<'_>,
    mut special: impl FnMut(&mut Session<'_>, &mut Message, u16, Place, Cursor<'_>),
) {
    while cursor.left() >= SET_HEADER {
        let offset = cursor.offset();
        let rest = cursor.rest();
        let (Ok(id), Ok(length)) = (cursor.u16(), cursor.u16()) else { break };
        let length = usize::from(length);
        let place = Place::set(offset);
        if length < SET_HEADER {
            // Some exporters fill datagrams up with zeros (Palo Alto).
            if rest.iter().any(|byte| *byte != 0) {
                session.reject(place, ProblemKind::SetLength(length));
            }
            return;
        }
        let mut length = length - SET_HEADER;
        if length > cursor.left() {
            let kind = ProblemKind::SetCut {
                announced: length + SET_HEADER,
                present: cursor.left() + SET_HEADER,
            };
            session.reject(if id < 256 { place } else { place.of_template(id) }, kind);
            // The whole records of a cut set are still good.
            length = cursor.left();
        }
        let begin = cursor.offset();
        let Ok(body) = cursor.take(length) else { break };
        if id < 256 {
            special(session, message, id, place, Cursor::new(body, begin));
        } else {
            session.data(message, id, offset, (begin, begin + length));
        }
    }
    if cursor.rest().iter().any(|byte| *byte != 0) {
        let kind = ProblemKind::TrailingBytes(cursor.left());
        session.reject(Place::at(cursor.offset()), kind);
    }
}

/// A set of templates (RFC 3954 §5.2).
fn templates(session: &mut Session<'_>, message: &mut Message, set: Place, mut body: Cursor<'_>) {
    while body.left() >= 4 && !is_padding(&body) {
        let place = set.inside(body.offset());
        let (Ok(id), Ok(count)) = (body.u16(), body.u16()) else { return };
        let fields = (0..count).map(|_| Ok(Field::new(body.u16()?, 0, body.u16()?, false)));
        match fields.collect::<Result<Vec<_>, Truncated>>() {
            Err(truncated) => {
                session.reject(place.of_template(id), truncated.into());
                return;
            }
            Ok(_) if id < 256 => session.reject(place, ProblemKind::TemplateId(id)),
            Ok(fields) => session.template(message, place, id, Kind::Data, fields),
        }
    }
}

/// A set of options templates (RFC 3954 §6.1); scope and option lengths are in
/// bytes, not in fields.
fn options_templates(
    session: &mut Session<'_>,
    message: &mut Message,
    set: Place,
    mut body: Cursor<'_>,
) {
    while body.left() >= 6 && !is_padding(&body) {
        let place = set.inside(body.offset());
        let (Ok(id), Ok(scope), Ok(options)) = (body.u16(), body.u16(), body.u16()) else { return };
        let scopes = (0..scope / 4).map(|_| Ok((true, body.u16()?, body.u16()?)));
        let fields = scopes.collect::<Result<Vec<_>, Truncated>>().and_then(|mut fields| {
            for _ in 0..options / 4 {
                fields.push((false, body.u16()?, body.u16()?));
            }
            Ok(fields)
        });
        match fields {
            Err(truncated) => {
                session.reject(place.of_template(id), truncated.into());
                return;
            }
            Ok(_) if id < 256 => session.reject(place, ProblemKind::TemplateId(id)),
            Ok(fields) => {
                let fields = fields.into_iter().map(|(is_scope, id, length)| {
                    if is_scope {
                        Field::v9_scope(id, length)
                    } else {
                        Field::new(id, 0, length, false)
                    }
                });
                session.template(message, place, id, Kind::Options, fields.collect());
            }
        }
    }
}

/// Whether nothing but zeros is left of a set of templates.
pub(crate) fn is_padding(body: &Cursor<'_>) -> bool {
    body.rest().iter().all(|byte| *byte == 0)
}
