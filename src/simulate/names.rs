//! What the synthetic world's resolvers answered: names, where they lead and
//! from when to when, written as passive DNS.
//!
//! The format is COF, one JSON object a line (draft-dulaunoy-dnsop-passive-
//! dns-cof): `rrname`, `rrtype`, `rdata`, `time_first`, `time_last`, `count`,
//! times in seconds. One row stands for one day, as a provider's daily
//! database has it.

use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::model::domain::DomainName;
use crate::model::time::Timestamp;

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameData {
    /// An A or AAAA record.
    Address(IpAddr),
    /// A CNAME record.
    Alias(DomainName),
}

/// A name led somewhere for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRecord {
    /// The name asked for.
    pub name: DomainName,
    /// What it led to.
    pub data: NameData,
    /// First instant at which it did.
    pub from: Timestamp,
    /// First instant at which it did no longer.
    pub until: Timestamp,
    /// How often it was asked for in a full day.
    pub per_day: u32,
}

/// One row: a record on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameDay<'a> {
    /// The record.
    pub record: &'a NameRecord,
    /// First time it was answered on the day.
    pub first: Timestamp,
    /// Last time it was answered on the day.
    pub last: Timestamp,
    /// How often.
    pub count: u64,
}

impl NameRecord {
    /// The record cut into UTC days.
    pub fn days(&self) -> impl Iterator<Item = NameDay<'_>> {
        let mut from = self.from;
        std::iter::from_fn(move || {
            if from >= self.until {
                return None;
            }
            let first = from;
            let until = self.until.min(from.day().end());
            from = until;
            let share = until.since(first).as_secs();
            let count = (u64::from(self.per_day) * share / 86_400).max(1);
            let last = until.minus(Duration::from_secs(1)).max(first);
            Some(NameDay { record: self, first, last, count })
        })
    }
}

#[derive(Serialize)]
struct Cof<'a> {
    rrname: String,
    rrtype: &'a str,
    rdata: String,
    time_first: u64,
    time_last: u64,
    count: u64,
}

/// Writes every row of `records` as COF JSON lines and returns how many there
/// were.
pub fn write_cof(records: &[NameRecord], out: &mut impl Write) -> io::Result<u64> {
    let mut rows = 0;
    for day in records.iter().flat_map(NameRecord::days) {
        let (rrtype, rdata) = match &day.record.data {
            NameData::Address(address @ IpAddr::V4(_)) => ("A", address.to_string()),
            NameData::Address(address @ IpAddr::V6(_)) => ("AAAA", address.to_string()),
            NameData::Alias(name) => ("CNAME", format!("{name}.")),
        };
        let row = Cof {
            rrname: format!("{}.", day.record.name),
            rrtype,
            rdata,
            time_first: day.first.as_secs(),
            time_last: day.last.as_secs(),
            count: day.count,
        };
        serde_json::to_writer(&mut *out, &row)?;
        out.write_all(b"\n")?;
        rows += 1;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_over_midnight_is_two_rows() {
        let record = NameRecord {
            name: "a.example.com".parse().unwrap(),
            data: NameData::Address("198.19.0.1".parse().unwrap()),
            from: "2026-01-05T12:00:00Z".parse().unwrap(),
            until: "2026-01-06T06:00:00Z".parse().unwrap(),
            per_day: 100,
        };
        let mut out = Vec::new();
        assert_eq!(write_cof(&[record], &mut out).unwrap(), 2);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"rrname":"a.example.com.","rrtype":"A","rdata":"198.19.0.1","time_first":1767614400,"time_last":1767657599,"count":50}"#,
                "\n",
                r#"{"rrname":"a.example.com.","rrtype":"A","rdata":"198.19.0.1","time_first":1767657600,"time_last":1767679199,"count":25}"#,
                "\n"
            )
        );
    }
}
