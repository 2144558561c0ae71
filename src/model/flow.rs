//! One decoded flow record in one common shape, whatever the wire format.

use std::net::{IpAddr, Ipv4Addr};

use super::sampling::Sampling;
use super::time::Timestamp;

/// IANA protocol number of TCP.
pub const TCP: u8 = 6;
/// IANA protocol number of UDP.
pub const UDP: u8 = 17;

/// TCP control bits (RFC 9293 §3.1).
pub mod tcp_flags {
    /// No more data from the sender.
    pub const FIN: u16 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u16 = 0x02;
    /// Reset the connection.
    pub const RST: u16 = 0x04;
    /// Push.
    pub const PSH: u16 = 0x08;
    /// The acknowledgement field is significant.
    pub const ACK: u16 = 0x10;
}

/// At which side of the router the flow was seen (field 61).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FlowDirection {
    /// The exporter does not say.
    #[default]
    Unknown,
    /// Seen as it came in.
    Ingress,
    /// Seen as it went out.
    Egress,
}

/// What a record's packet and byte counters mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Counters {
    /// Since the flow's last report: may be summed.
    #[default]
    Delta,
    /// Since the flow began (fields 85/86): summing would count twice.
    Total,
}

/// One flow as the router exported it.
///
/// A field that the exporter did not send is zero, unspecified or `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// Source address; unspecified when the record carries none.
    pub source: IpAddr,
    /// Destination address; unspecified when the record carries none.
    pub destination: IpAddr,
    /// Source port; zero for protocols without ports and for fragments.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// The TCP control bits of all packets, or-ed.
    pub tcp_flags: u16,
    /// Packets as exported, that is after sampling.
    pub packets: u64,
    /// Bytes as exported, that is after sampling.
    pub bytes: u64,
    /// Whether the counters may be summed.
    pub counters: Counters,
    /// When the flow began, by our clock after skew correction.
    pub start: Timestamp,
    /// When the flow ended: its event time.
    pub end: Timestamp,
    /// What one exported packet stands for.
    pub sampling: Sampling,
    /// Side of the router at which it was seen.
    pub direction: FlowDirection,
}

impl FlowRecord {
    /// A record in which nothing is known yet.
    pub const EMPTY: Self = Self {
        source: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        destination: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        source_port: 0,
        destination_port: 0,
        protocol: 0,
        tcp_flags: 0,
        packets: 0,
        bytes: 0,
        counters: Counters::Delta,
        start: Timestamp::EPOCH,
        end: Timestamp::EPOCH,
        sampling: Sampling::Unknown,
        direction: FlowDirection::Unknown,
    };

    /// Whether the record shows an established TCP connection.
    ///
    /// The paper asks for a packet "without flags" (§6.3); in exported control
    /// bits that is a packet with ACK that neither opens nor resets. Flags of
    /// several packets are or-ed, so a SYN bit is allowed when data was pushed
    /// or when more packets were seen than the one that carried it.
    pub fn is_established(&self) -> bool {
        use tcp_flags::{ACK, PSH, RST, SYN};
        let flags = self.tcp_flags;
        self.protocol == TCP
            && flags & ACK != 0
            && (flags & (SYN | RST) == 0
                || flags & PSH != 0
                || (flags & RST == 0 && self.packets > 1))
    }
}

#[cfg(test)]
mod tests {
    use super::tcp_flags::{ACK, PSH, RST, SYN};
    use super::*;

    fn established(tcp_flags: u16, packets: u64) -> bool {
        FlowRecord { protocol: TCP, tcp_flags, packets, ..FlowRecord::EMPTY }.is_established()
    }

    #[test]
    fn a_lone_handshake_or_reset_packet_is_not_established() {
        assert!(!established(SYN, 1));
        assert!(!established(SYN | ACK, 1));
        assert!(!established(RST | ACK, 1));
        assert!(!established(0, 5), "a record without flags tells nothing");
    }

    #[test]
    fn a_data_or_acknowledgement_packet_is() {
        assert!(established(ACK, 1));
        assert!(established(ACK | PSH, 1));
        assert!(established(SYN | ACK | PSH, 3));
        assert!(established(SYN | ACK, 2));
    }
}
