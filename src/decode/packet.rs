//! The five-tuple of a sampled packet header.
//!
//! Ethernet with VLAN tags (802.1Q, 802.1ad, QinQ's older 0x9100), MPLS labels
//! and PPPoE sessions, then IPv4 (RFC 791) or IPv6 (RFC 8200) with extension
//! headers, then the ports and flags of the transport. Samplers cut headers
//! off (128 bytes are usual): what is there is read, the rest stays zero.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cursor::{Cursor, Truncated};

/// VLAN tags, MPLS labels and IPv6 extension headers stepped over.
const MOST_NESTED: usize = 8;

/// What a packet's headers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) tcp_flags: u16,
    /// Length of the IP packet in bytes; zero when its header does not say.
    pub(crate) bytes: u64,
}

/// What the bytes begin with (sFlow v5 `header_protocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Ethernet,
    Ipv4,
    Ipv6,
    Mpls,
}

/// The headers of a packet; `None` when it is no IP packet or is cut off
/// inside the IP header.
pub(crate) fn parse(link: Link, bytes: &[u8]) -> Option<Packet> {
    let mut cursor = Cursor::new(bytes, 0);
    match link {
        Link::Ethernet => ethernet(&mut cursor),
        Link::Ipv4 => ipv4(&mut cursor),
        Link::Ipv6 => ipv6(&mut cursor),
        Link::Mpls => mpls(&mut cursor),
    }
    .ok()
    .flatten()
}

fn ethernet(cursor: &mut Cursor<'_>) -> Result<Option<Packet>, Truncated> {
    cursor.take(12)?;
    let mut kind = cursor.u16()?;
    for _ in 0..MOST_NESTED {
        match kind {
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                cursor.u16()?;
                kind = cursor.u16()?;
            }
            // A PPPoE session: version, code, session, length, PPP protocol.
            0x8864 => {
                cursor.take(6)?;
                kind = match cursor.u16()? {
                    0x0021 => 0x0800,
                    0x0057 => 0x86dd,
                    _ => return Ok(None),
                };
            }
            0x0800 => return ipv4(cursor),
            0x86dd => return ipv6(cursor),
            0x8847 | 0x8848 => return mpls(cursor),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// Labels until the bottom of the stack; the version nibble says what follows
/// (RFC 4928).
fn mpls(cursor: &mut Cursor<'_>) -> Result<Option<Packet>, Truncated> {
    for _ in 0..MOST_NESTED {
        if cursor.u32()? & 0x100 != 0 {
            return match cursor.rest().first().map(|byte| byte >> 4) {
                Some(4) => ipv4(cursor),
                Some(6) => ipv6(cursor),
                _ => Ok(None),
            };
        }
    }
    Ok(None)
}

fn ipv4(cursor: &mut Cursor<'_>) -> Result<Option<Packet>, Truncated> {
    let header = cursor.array::<20>()?;
    let [first, _, l1, l2, _, _, f1, f2, _, protocol, _, _, rest @ ..] = header;
    let [s1, s2, s3, s4, d1, d2, d3, d4] = rest;
    let length = usize::from(first & 0xf) * 4;
    if first >> 4 != 4 || length < 20 {
        return Ok(None);
    }
    let mut packet = Packet {
        source: IpAddr::V4(Ipv4Addr::new(s1, s2, s3, s4)),
        destination: IpAddr::V4(Ipv4Addr::new(d1, d2, d3, d4)),
        protocol,
        source_port: 0,
        destination_port: 0,
        tcp_flags: 0,
        bytes: u64::from(u16::from_be_bytes([l1, l2])),
    };
    let is_first_fragment = u16::from_be_bytes([f1, f2]) & 0x1fff == 0;
    if is_first_fragment && cursor.take(length - 20).is_ok() {
        transport(cursor, &mut packet);
    }
    Ok(Some(packet))
}

fn ipv6(cursor: &mut Cursor<'_>) -> Result<Option<Packet>, Truncated> {
    let first = cursor.u32()?;
    if first >> 28 != 6 {
        return Ok(None);
    }
    let payload = cursor.u16()?;
    let [next, _hops] = cursor.array()?;
    let source = Ipv6Addr::from(cursor.array::<16>()?);
    let destination = Ipv6Addr::from(cursor.array::<16>()?);
    let mut packet = Packet {
        source: IpAddr::V6(source),
        destination: IpAddr::V6(destination),
        protocol: next,
        source_port: 0,
        destination_port: 0,
        tcp_flags: 0,
        bytes: 40 + u64::from(payload),
    };
    // A cut chain of extension headers leaves the addresses good.
    if let Ok(true) = extensions(cursor, &mut packet.protocol) {
        transport(cursor, &mut packet);
    }
    Ok(Some(packet))
}

/// Steps over extension headers to the transport; `false` when there is none
/// to read, as in a later fragment.
fn extensions(cursor: &mut Cursor<'_>, protocol: &mut u8) -> Result<bool, Truncated> {
    for _ in 0..MOST_NESTED {
        match *protocol {
            // Hop-by-hop, routing, destination options, mobility, HIP, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => {
                let [next, length] = cursor.array()?;
                cursor.take(6 + usize::from(length) * 8)?;
                *protocol = next;
            }
            44 => {
                let [next, _, offset1, offset2, ..] = cursor.array::<8>()?;
                *protocol = next;
                if u16::from_be_bytes([offset1, offset2]) >> 3 != 0 {
                    return Ok(false);
                }
            }
            // Authentication header: its length counts four-byte words less 2.
            51 => {
                let [next, length] = cursor.array()?;
                cursor.take((usize::from(length) + 2) * 4 - 2)?;
                *protocol = next;
            }
            _ => return Ok(true),
        }
    }
    Ok(false)
}

/// Ports of TCP, UDP, DCCP, SCTP and UDP-Lite, and TCP's flags.
fn transport(cursor: &mut Cursor<'_>, packet: &mut Packet) {
    if !matches!(packet.protocol, 6 | 17 | 33 | 132 | 136) {
        return;
    }
    let (Ok(source), Ok(destination)) = (cursor.u16(), cursor.u16()) else { return };
    packet.source_port = source;
    packet.destination_port = destination;
    if packet.protocol == 6
        && cursor.take(8).is_ok()
        && let Ok(flags) = cursor.u16()
    {
        packet.tcp_flags = flags & 0x01ff;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp4() -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 0, 0];
        bytes.extend([198, 51, 100, 1, 192, 0, 2, 9]);
        bytes.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0, 0]);
        bytes
    }

    fn tcp6(extensions: &[u8], next: u8) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 20, next, 64];
        bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        bytes.extend(extensions);
        bytes.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0, 0]);
        bytes
    }

    fn frame(tags: &[u8], packet: &[u8]) -> Vec<u8> {
        [&[2; 12], tags, packet].concat()
    }

    #[test]
    fn tags_labels_and_sessions_lead_to_the_same_packet() {
        let expected = parse(Link::Ipv4, &tcp4()).unwrap();
        assert_eq!((expected.source_port, expected.destination_port), (40_000, 443));
        assert_eq!((expected.tcp_flags, expected.bytes), (0x18, 60));
        for tags in [
            vec![8, 0],
            vec![0x81, 0, 0, 7, 8, 0],
            vec![0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 8, 0],
            vec![0x91, 0, 0, 7, 0x81, 0, 0, 8, 8, 0],
            vec![0x88, 0x47, 0, 0, 0x10, 64, 0, 0, 0x21, 64],
            vec![0x88, 0x64, 0x11, 0, 0, 1, 0, 62, 0, 0x21],
        ] {
            assert_eq!(parse(Link::Ethernet, &frame(&tags, &tcp4())), Some(expected), "{tags:x?}");
        }
    }

    #[test]
    fn extension_headers_are_stepped_over() {
        let plain = parse(Link::Ipv6, &tcp6(&[], 6)).unwrap();
        assert_eq!((plain.destination_port, plain.bytes), (443, 60));
        let hop_by_hop = [43, 0, 0, 0, 0, 0, 0, 0];
        let routing = [44, 0, 0, 0, 0, 0, 0, 0];
        let first_fragment = [6, 0, 0, 1, 0, 0, 0, 1];
        let chain = [hop_by_hop, routing, first_fragment].concat();
        let reached = parse(Link::Ethernet, &frame(&[0x86, 0xdd], &tcp6(&chain, 0))).unwrap();
        assert_eq!((reached.protocol, reached.destination_port), (6, 443));
    }

    #[test]
    fn a_later_fragment_has_no_ports() {
        let mut four = tcp4();
        four[7] = 1;
        assert_eq!(parse(Link::Ipv4, &four).unwrap().destination_port, 0);
        let later = [6, 0, 0, 8, 0, 0, 0, 1];
        let six = parse(Link::Ipv6, &tcp6(&later, 44)).unwrap();
        assert_eq!((six.protocol, six.destination_port), (6, 0));
    }

    #[test]
    fn a_header_that_is_cut_keeps_what_is_there() {
        let cut = parse(Link::Ipv4, &tcp4()[..22]).unwrap();
        assert_eq!((cut.protocol, cut.destination_port), (6, 0));
        assert_eq!(parse(Link::Ipv4, &tcp4()[..19]), None);
        assert_eq!(parse(Link::Ethernet, &frame(&[8, 6], &tcp4())), None, "ARP");
    }
}
