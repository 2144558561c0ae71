//! The formats that are read, and how they are told apart.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use super::cursor::Cursor;
use super::problem::ProblemKind;
use super::{ipfix, netflow5, netflow9};
use crate::model::time::Timestamp;

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
pub enum Format {
    /// NetFlow v5.
    #[serde(rename = "NetFlow v5")]
    Netflow5,
    /// NetFlow v7.
    #[serde(rename = "NetFlow v7")]
    Netflow7,
    /// NetFlow v9.
    #[serde(rename = "NetFlow v9")]
    Netflow9,
    /// IPFIX.
    #[serde(rename = "IPFIX")]
    Ipfix,
    /// sFlow v5.
    #[serde(rename = "sFlow v5")]
    Sflow5,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] =
        [Self::Netflow5, Self::Netflow7, Self::Netflow9, Self::Ipfix, Self::Sflow5];

    /// The format of a payload, by its first bytes: a two-byte version in
    /// NetFlow and IPFIX, four bytes in sFlow.
    pub(super) fn of(payload: &[u8]) -> Result<Self, ProblemKind> {
        let [first, second, rest @ ..] = payload else {
            return Err(match payload {
                [] => ProblemKind::EmptyDatagram,
                _ => ProblemKind::Truncated { wanted: 2, left: payload.len() },
            });
        };
        match (u16::from_be_bytes([*first, *second]), rest) {
            (5, _) => Ok(Self::Netflow5),
            (7, _) => Ok(Self::Netflow7),
            (9, _) => Ok(Self::Netflow9),
            (10, _) => Ok(Self::Ipfix),
            (0, [0, 5, ..]) => Ok(Self::Sflow5),
            (0, [third, fourth, ..]) => {
                Err(ProblemKind::UnknownVersion(u32::from(u16::from_be_bytes([*third, *fourth]))))
            }
            (version, _) => Err(ProblemKind::UnknownVersion(u32::from(version))),
        }
    }

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Netflow5 => "NetFlow v5",
            Self::Netflow7 => "NetFlow v7",
            Self::Netflow9 => "NetFlow v9",
            Self::Ipfix => "IPFIX",
            Self::Sflow5 => "sFlow v5",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The export time in a payload's header, for captures that keep payloads but
/// not when they came. sFlow tells no time.
pub fn export_time(payload: &[u8]) -> Option<Timestamp> {
    let mut cursor = Cursor::new(payload, 0);
    let seconds = match Format::of(payload).ok()? {
        Format::Netflow5 | Format::Netflow7 => netflow5::Header::read(&mut cursor).ok()?.seconds,
        Format::Netflow9 => netflow9::Header::read(&mut cursor).ok()?.seconds,
        Format::Ipfix => ipfix::Header::read(&mut cursor).ok()?.seconds,
        Format::Sflow5 => return None,
    };
    Some(Timestamp::from_secs(u64::from(seconds)))
}
