//! The vantage of an ISP: the side inside the operator's own prefixes is the
//! line, the other is the endpoint.
//!
//! A flow between two lines says nothing about a backend, and one without any
//! line is transit; both are counted by the caller and end here.

use std::net::IpAddr;

use super::prefixes::{LinePrefix, Prefixes};
use super::pseudonym::LineAddress;
use crate::model::endpoint::Endpoint;
use crate::model::flow::FlowRecord;
use crate::model::line::RegionId;

/// A flow with its two sides told apart.
#[derive(Clone, Copy)]
pub struct Oriented {
    /// The subscriber's side.
    pub line: LineAddress,
    /// Region of the line.
    pub region: RegionId,
    /// The other side.
    pub endpoint: Endpoint,
    /// Whether the line sent this flow (the other direction otherwise).
    pub outbound: bool,
}

/// What the prefixes say about a flow.
#[derive(Clone, Copy)]
pub enum Orientation {
    /// One side is a line.
    Line(Oriented),
    /// Both sides are lines.
    Both,
    /// The line is one that is left alone.
    OptedOut,
    /// Neither side is a line.
    Neither,
    /// The record carries no addresses.
    NoAddress,
}

/// Says which side of `flow` is a line.
pub fn orient(prefixes: &Prefixes, flow: &FlowRecord) -> Orientation {
    if flow.source.is_unspecified() || flow.destination.is_unspecified() {
        return Orientation::NoAddress;
    }
    match (prefixes.find(flow.source), prefixes.find(flow.destination)) {
        (Some(_), None) if prefixes.is_opted_out(flow.source) => Orientation::OptedOut,
        (None, Some(_)) if prefixes.is_opted_out(flow.destination) => Orientation::OptedOut,
        (Some(prefix), None) => Orientation::Line(Oriented {
            outbound: true,
            ..sides(flow.source, prefix, flow.destination, flow.destination_port, flow)
        }),
        (None, Some(prefix)) => Orientation::Line(Oriented {
            outbound: false,
            ..sides(flow.destination, prefix, flow.source, flow.source_port, flow)
        }),
        (Some(_), Some(_)) => Orientation::Both,
        (None, None) => Orientation::Neither,
    }
}

fn sides(
    subscriber: IpAddr,
    prefix: LinePrefix,
    server: IpAddr,
    port: u16,
    flow: &FlowRecord,
) -> Oriented {
    Oriented {
        line: LineAddress::new(subscriber, prefix.length),
        region: prefix.region,
        endpoint: Endpoint { address: server, port, protocol: flow.protocol },
        outbound: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::flow::TCP;
    use crate::orient::LineKey;

    fn prefixes() -> Prefixes {
        let mut prefixes = Prefixes::default();
        let prefix = LinePrefix { length: 32, region: RegionId(3) };
        prefixes.insert("198.51.100.0/24".parse().unwrap(), prefix);
        prefixes
    }

    fn flow(
        source: &str,
        source_port: u16,
        destination: &str,
        destination_port: u16,
    ) -> FlowRecord {
        FlowRecord {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            source_port,
            destination_port,
            protocol: TCP,
            ..FlowRecord::EMPTY
        }
    }

    #[test]
    fn both_directions_of_a_connection_have_the_same_line_and_endpoint() {
        let key = LineKey::new([1; 16]);
        let there = orient(&prefixes(), &flow("198.51.100.7", 40_000, "203.0.113.5", 443));
        let back = orient(&prefixes(), &flow("203.0.113.5", 443, "198.51.100.7", 40_000));
        let (Orientation::Line(there), Orientation::Line(back)) = (there, back) else {
            panic!("one side is a line");
        };
        assert_eq!(key.pseudonym(&there.line), key.pseudonym(&back.line));
        assert_eq!(there.endpoint, back.endpoint);
        assert_eq!(there.endpoint.port, 443);
        assert_eq!(there.region, RegionId(3));
        assert!(there.outbound && !back.outbound);
    }

    #[test]
    fn transit_and_line_to_line_traffic_are_told_apart() {
        let transit = orient(&prefixes(), &flow("192.0.2.1", 1, "203.0.113.5", 2));
        let inside = orient(&prefixes(), &flow("198.51.100.1", 1, "198.51.100.2", 2));
        let empty = orient(&prefixes(), &FlowRecord::EMPTY);
        assert!(matches!(transit, Orientation::Neither));
        assert!(matches!(inside, Orientation::Both));
        assert!(matches!(empty, Orientation::NoAddress));
    }
}
