//! Datagrams in a capture file: Ethernet frames with IPv4 or IPv6 and UDP
//! around them, as a collector's own interface would have seen them.

use std::borrow::Cow;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use pcap_file::pcap::{PcapPacket, PcapWriter};
use pcap_file::{PcapError, PcapResult};

use super::Sent;
use crate::model::flow::UDP;

/// The collector's address in captures.
pub const COLLECTOR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 250);

/// Writes datagrams to a capture.
#[derive(Debug)]
pub struct Capture<W: Write> {
    writer: PcapWriter<W>,
    frame: Vec<u8>,
}

impl<W: Write> Capture<W> {
    /// Starts a capture with its file header.
    pub fn new(out: W) -> PcapResult<Self> {
        Ok(Self { writer: PcapWriter::new(out)?, frame: Vec::new() })
    }

    /// Writes one datagram.
    pub fn write(&mut self, sent: &Sent<'_>) -> Result<(), PcapError> {
        self.frame.clear();
        frame(sent, &mut self.frame);
        let length = u32::try_from(self.frame.len()).unwrap_or(u32::MAX);
        let packet = PcapPacket {
            timestamp: Duration::from_millis(sent.at.as_millis()),
            orig_len: length,
            data: Cow::Borrowed(&self.frame),
        };
        self.writer.write_packet(&packet).map(|_| ())
    }

    /// The writer underneath, to be flushed.
    pub fn into_inner(self) -> W {
        self.writer.into_writer()
    }
}

/// Appends the Ethernet frame of a datagram.
fn frame(sent: &Sent<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&[2, 0, 0, 0, 0, 250, 2, 0, 0, 0, 0, 1]);
    let udp_length = u16::try_from(sent.payload.len() + 8).unwrap_or(u16::MAX);
    let mut sum = Checksum::default();
    match sent.source {
        IpAddr::V4(source) => {
            out.extend_from_slice(&[0x08, 0x00]);
            let begin = out.len();
            out.extend_from_slice(&[0x45, 0]);
            out.extend_from_slice(&udp_length.saturating_add(20).to_be_bytes());
            out.extend_from_slice(&[0, 0, 0x40, 0, 64, UDP, 0, 0]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&COLLECTOR.octets());
            let mut header = Checksum::default();
            header.add(&out[begin..]);
            out[begin + 10..begin + 12].copy_from_slice(&header.finish().to_be_bytes());
            sum.add(&source.octets());
            sum.add(&COLLECTOR.octets());
        }
        IpAddr::V6(source) => {
            let collector = COLLECTOR.to_ipv6_mapped();
            out.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
            out.extend_from_slice(&udp_length.to_be_bytes());
            out.extend_from_slice(&[UDP, 64]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&collector.octets());
            sum.add(&source.octets());
            sum.add(&collector.octets());
        }
    }
    let udp = out.len();
    out.extend_from_slice(&sent.source_port.to_be_bytes());
    out.extend_from_slice(&sent.port.to_be_bytes());
    out.extend_from_slice(&udp_length.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(sent.payload);
    sum.add(&[0, UDP]);
    sum.add(&udp_length.to_be_bytes());
    sum.add(&out[udp..]);
    // Zero would mean that there is no checksum (RFC 768).
    let sum = match sum.finish() {
        0 => 0xffff,
        sum => sum,
    };
    out[udp + 6..udp + 8].copy_from_slice(&sum.to_be_bytes());
}

/// The internet checksum (RFC 1071).
#[derive(Default)]
struct Checksum(u64);

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        for two in bytes.chunks(2) {
            let low = two.get(1).copied().unwrap_or(0);
            self.0 += u64::from(u16::from_be_bytes([two[0], low]));
        }
    }

    fn finish(&self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    /// A receiver adds up everything including the checksum and gets ones.
    #[test]
    fn a_receiver_accepts_both_checksums() {
        let payload = [1, 2, 3, 4, 5];
        for source in ["192.0.2.1", "3fff::1"] {
            let sent = Sent {
                at: Timestamp::EPOCH,
                router: 0,
                source: source.parse().unwrap(),
                source_port: 50_000,
                port: 2055,
                payload: &payload,
            };
            let mut out = Vec::new();
            frame(&sent, &mut out);
            let (addresses, udp) = if sent.source.is_ipv4() {
                let mut header = Checksum::default();
                header.add(&out[14..34]);
                assert_eq!(header.finish(), 0);
                (26..34, 34)
            } else {
                (22..54, 54)
            };
            let mut sum = Checksum::default();
            sum.add(&out[addresses]);
            sum.add(&[0, UDP, 0, 13]);
            sum.add(&out[udp..]);
            assert_eq!(sum.finish(), 0, "{source}");
        }
    }
}
