//! NetFlow v7, of Catalyst 5000 switches: v5's header without engine and
//! sampling, and records that are four bytes longer.

use std::net::IpAddr;

use crate::model::exporter::ExporterId;

use super::cursor::Cursor;
use super::netflow5::{self, Header};
use super::session::Session;

/// Length of a record.
const RECORD: usize = 52;

/// The exporter of a v7 datagram, which knows no domain.
pub(crate) fn exporter(address: IpAddr) -> ExporterId {
    ExporterId::new(address, 0)
}

/// Decodes a datagram after its header.
pub(crate) fn decode(session: &mut Session<'_>, header: &Header, cursor: Cursor<'_>) {
    let rated = session.exporter.sampling.configured;
    netflow5::records::<RECORD>(session, header, rated, cursor);
}
