//! The vantage of an ISP: the side inside the operator's own prefixes is the
//! line, the other is the endpoint.
//!
//! A flow between two lines says nothing about a backend, and one without any
//! line is transit; both are counted by the caller and end here.

use std::net::IpAddr;

use super::prefixes::{Known, LinePrefix, Prefixes};
use super::pseudonym::LineAddress;
use crate::model::endpoint::Endpoint;
use crate::model::flow::FlowRecord;
use crate::model::line::RegionId;

/// Which of a flow's two sides is the subscriber's.
#[derive(Clone, Copy)]
pub struct Oriented {
    prefix: LinePrefix,
    /// Whether the line sent this flow (the other direction otherwise).
    pub outbound: bool,
}

impl Oriented {
    /// The subscriber's side of `flow`, which this was said about.
    pub fn line(&self, flow: &FlowRecord) -> LineAddress {
        let address = if self.outbound { flow.source } else { flow.destination };
        LineAddress::new(address, self.prefix.length)
    }

    /// Region of the line.
    pub fn region(&self) -> RegionId {
        self.prefix.region
    }

    /// The address of the other side of a flow from `source` to `destination`.
    #[inline]
    pub fn server(&self, source: IpAddr, destination: IpAddr) -> IpAddr {
        if self.outbound { destination } else { source }
    }

    /// The other side of `flow`.
    #[inline]
    pub fn endpoint(&self, flow: &FlowRecord) -> Endpoint {
        let address = self.server(flow.source, flow.destination);
        let port = if self.outbound { flow.destination_port } else { flow.source_port };
        Endpoint { address, port, protocol: flow.protocol }
    }
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

/// Says which side of a flow from `source` to `destination` is a line.
#[inline(always)]
pub fn orient(prefixes: &Prefixes, source: IpAddr, destination: IpAddr) -> Orientation {
    if source.is_unspecified() || destination.is_unspecified() {
        return Orientation::NoAddress;
    }
    let line = |Known { prefix, opted_out }, outbound| match opted_out {
        true => Orientation::OptedOut,
        false => Orientation::Line(Oriented { prefix, outbound }),
    };
    match (prefixes.look_up(source), prefixes.look_up(destination)) {
        (Some(known), None) => line(known, true),
        (None, Some(known)) => line(known, false),
        (Some(_), Some(_)) => Orientation::Both,
        (None, None) => Orientation::Neither,
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

    fn oriented(flow: &FlowRecord) -> Orientation {
        orient(&prefixes(), flow.source, flow.destination)
    }

    #[test]
    fn both_directions_of_a_connection_have_the_same_line_and_endpoint() {
        let key = LineKey::new([1; 16]);
        let (out, back) = (
            flow("198.51.100.7", 40_000, "203.0.113.5", 443),
            flow("203.0.113.5", 443, "198.51.100.7", 40_000),
        );
        let (Orientation::Line(sent), Orientation::Line(received)) =
            (oriented(&out), oriented(&back))
        else {
            panic!("one side is a line");
        };
        assert_eq!(key.pseudonym(&sent.line(&out)), key.pseudonym(&received.line(&back)));
        assert_eq!(sent.endpoint(&out), received.endpoint(&back));
        assert_eq!(sent.endpoint(&out).port, 443);
        assert_eq!(sent.region(), RegionId(3));
        assert!(sent.outbound && !received.outbound);
    }

    #[test]
    fn transit_and_line_to_line_traffic_are_told_apart() {
        let transit = oriented(&flow("192.0.2.1", 1, "203.0.113.5", 2));
        let inside = oriented(&flow("198.51.100.1", 1, "198.51.100.2", 2));
        let empty = oriented(&FlowRecord::EMPTY);
        assert!(matches!(transit, Orientation::Neither));
        assert!(matches!(inside, Orientation::Both));
        assert!(matches!(empty, Orientation::NoAddress));
    }
}
