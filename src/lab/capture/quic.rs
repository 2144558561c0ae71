//! The server name in a QUIC connection: the ClientHello lies in CRYPTO frames
//! of Initial packets, whose keys everybody can make from the connection's
//! first destination id (RFC 9001 §5.2; version 2: RFC 9369 §3.3).
//!
//! The cryptography is ring's; this file knows the packet and frame layout
//! (RFC 9000 §17.2, §19) as far as Initial packets have it.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use super::hello::{Said, client_hello};
use super::stream::Beginning;
use crate::lab::traffic::Evidence;

/// Packets in a datagram that are looked at.
const MOST_PACKETS: usize = 8;
/// Longest connection id (RFC 9000 §17.2).
const LONGEST_ID: usize = 20;

/// What the versions differ in.
struct Version {
    number: u32,
    /// The two bits that say Initial.
    initial: u8,
    salt: [u8; 20],
    key: &'static str,
    iv: &'static str,
    protection: &'static str,
}

const VERSIONS: [Version; 2] = [
    Version {
        number: 1,
        initial: 0,
        salt: [
            0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
            0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
        ],
        key: "quic key",
        iv: "quic iv",
        protection: "quic hp",
    },
    Version {
        number: 0x6b33_43cf,
        initial: 1,
        salt: [
            0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
            0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
        ],
        key: "quicv2 key",
        iv: "quicv2 iv",
        protection: "quicv2 hp",
    },
];

/// What was read of a connection so far.
#[derive(Default)]
pub(super) struct Connection {
    /// Made of the first packet's destination id, which later ones of the
    /// client may no longer have.
    keys: Option<Keys>,
    hello: Beginning,
}

impl Connection {
    /// Takes a datagram of the client.
    pub(super) fn take(&mut self, datagram: &[u8]) -> Said {
        let mut rest = datagram;
        for _ in 0..MOST_PACKETS {
            let Some((packet, left)) = split(rest) else { break };
            rest = left;
            let Some(packet) = packet else { continue };
            let Some(frames) = self.open(&packet) else { return Said::Nothing };
            if !self.crypto(&frames) {
                return Said::Nothing;
            }
        }
        if self.keys.is_none() {
            return Said::Nothing;
        }
        match client_hello(self.hello.bytes()) {
            Said::Name(name, _) => Said::Name(name, Evidence::QuicSni),
            Said::TooLittle if self.hello.is_full() => Said::Nothing,
            said => said,
        }
    }

    /// A packet without its protection. After a Retry the client begins again
    /// with keys of the id it was given (RFC 9001 §5.2).
    fn open(&mut self, packet: &Initial<'_>) -> Option<Vec<u8>> {
        if let Some(frames) = self.keys.as_ref().and_then(|keys| keys.open(packet)) {
            return Some(frames);
        }
        let keys = Keys::new(packet.version, packet.id)?;
        let frames = keys.open(packet)?;
        self.keys = Some(keys);
        Some(frames)
    }

    /// Gathers the CRYPTO frames; whether all frames were understood.
    fn crypto(&mut self, frames: &[u8]) -> bool {
        let mut cursor = Cursor(frames);
        while let Some(kind) = cursor.integer() {
            let understood = match kind {
                // PADDING, PING.
                0 | 1 => Some(()),
                // ACK, with counts of congestion marks (RFC 9000 §19.3).
                2 | 3 => cursor.acknowledgement(kind == 3),
                6 => cursor.integer().and_then(|offset| {
                    let length = usize::try_from(cursor.integer()?).ok()?;
                    let piece = cursor.bytes(length)?;
                    self.hello.take(usize::try_from(offset).ok()?, piece);
                    Some(())
                }),
                // CONNECTION_CLOSE ends it; nothing else may stand here.
                _ => return kind == 0x1c,
            };
            if understood.is_none() {
                return false;
            }
        }
        true
    }
}

/// An Initial packet as it came.
struct Initial<'a> {
    version: &'static Version,
    id: &'a [u8],
    /// From its first byte to its end.
    whole: &'a [u8],
    /// Where its packet number stands.
    number: usize,
}

/// The first packet of a datagram, if it is an Initial one, and what follows.
fn split(datagram: &[u8]) -> Option<(Option<Initial<'_>>, &[u8])> {
    let mut cursor = Cursor(datagram);
    let first = *cursor.bytes(1)?.first()?;
    // A long header with the fixed bit.
    if first & 0xc0 != 0xc0 {
        return None;
    }
    let number = u32::from_be_bytes(*cursor.bytes(4)?.first_chunk()?);
    let version = VERSIONS.iter().find(|version| version.number == number)?;
    let id = cursor.identifier()?;
    cursor.identifier()?;
    let kind = (first >> 4 & 3).wrapping_sub(version.initial) & 3;
    if kind == 0 {
        let token = usize::try_from(cursor.integer()?).ok()?;
        cursor.bytes(token)?;
    } else if kind == 3 {
        // A Retry has neither number nor length, and comes from the server.
        return None;
    }
    let length = usize::try_from(cursor.integer()?).ok()?;
    let number = datagram.len() - cursor.0.len();
    let whole = datagram.get(..number.checked_add(length)?)?;
    let initial = Initial { version, id, whole, number };
    Some(((kind == 0).then_some(initial), datagram.get(whole.len()..)?))
}

/// The client's keys of an Initial packet.
struct Keys {
    payload: LessSafeKey,
    iv: [u8; 12],
    header: quic::HeaderProtectionKey,
}

/// A length of key material.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Keys {
    fn new(version: &Version, id: &[u8]) -> Option<Self> {
        let initial = Salt::new(HKDF_SHA256, &version.salt).extract(id);
        let mut secret = [0; 32];
        expand(&initial, "client in", &mut secret)?;
        let secret = Prk::new_less_safe(HKDF_SHA256, &secret);
        let (mut key, mut iv, mut protection) = ([0; 16], [0; 12], [0; 16]);
        expand(&secret, version.key, &mut key)?;
        expand(&secret, version.iv, &mut iv)?;
        expand(&secret, version.protection, &mut protection)?;
        Some(Self {
            payload: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
            iv,
            header: quic::HeaderProtectionKey::new(&quic::AES_128, &protection).ok()?,
        })
    }

    /// The frames of `packet`; `None` if it was not made with these keys.
    fn open(&self, packet: &Initial<'_>) -> Option<Vec<u8>> {
        // The sample is taken as if the number had four bytes (RFC 9001 §5.4.2).
        let sample = packet.whole.get(packet.number + 4..)?.get(..16)?;
        let [mask, masks @ ..] = self.header.new_mask(sample).ok()?;
        let mut whole = packet.whole.to_vec();
        let first = whole.first_mut()?;
        *first ^= mask & 0x0f;
        let length = usize::from(*first & 3) + 1;
        let number = whole.get_mut(packet.number..packet.number + length)?;
        let mut nonce = self.iv;
        for ((byte, mask), place) in number.iter_mut().zip(masks).zip(12 - length..) {
            *byte ^= mask;
            *nonce.get_mut(place)? ^= *byte;
        }
        let (header, payload) = whole.split_at_mut(packet.number + length);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let frames = self.payload.open_in_place(nonce, Aad::from(&*header), payload).ok()?;
        Some(frames.to_vec())
    }
}

/// HKDF-Expand-Label (RFC 8446 §7.1) without a context.
fn expand(secret: &Prk, label: &str, into: &mut [u8]) -> Option<()> {
    let length = u16::try_from(into.len()).ok()?.to_be_bytes();
    let label = ["tls13 ", label].concat();
    let label_length = [u8::try_from(label.len()).ok()?];
    let info = [&length[..], &label_length, label.as_bytes(), &[0]];
    secret.expand(&info, Length(into.len())).ok()?.fill(into).ok()
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A variable-length integer (RFC 9000 §16).
    fn integer(&mut self) -> Option<u64> {
        let [first, ..] = self.0 else { return None };
        let bytes = self.bytes(1 << (first >> 6))?;
        let (first, rest) = bytes.split_first()?;
        let start = u64::from(first & 0x3f);
        Some(rest.iter().fold(start, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn identifier(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(*self.bytes(1)?.first()?);
        (length <= LONGEST_ID).then(|| self.bytes(length))?
    }

    fn acknowledgement(&mut self, marks: bool) -> Option<()> {
        let (_largest, _delay) = (self.integer()?, self.integer()?);
        let ranges = self.integer()?;
        self.integer()?;
        for _ in 0..ranges {
            self.integer()?;
            self.integer()?;
        }
        for _ in 0..if marks { 3 } else { 0 } {
            self.integer()?;
        }
        Some(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::hello::tests::hello;
    use super::*;

    /// Of RFC 9001 §A and RFC 9369 §A.
    const ID: &str = "8394c8f03e515708";
    const CLIENT_HELLO: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868\
        04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578616d706c652e636f6dff0100\
        0100000a00080006001d0017001800100007000504616c706e00050005010000000000330026002400\
        1d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400\
        0d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffff\
        ffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digits).collect()
    }

    /// `frames`, padded to `size`, as the client protects them under `header`,
    /// which ends in a packet number of four bytes.
    fn seal(version: &Version, id: &[u8], header: &[u8], frames: &[u8], size: usize) -> Vec<u8> {
        let keys = Keys::new(version, id).unwrap();
        let mut payload = frames.to_vec();
        payload.resize(size, 0);
        let number = header.len() - 4;
        let mut nonce = keys.iv;
        for (place, byte) in (8..).zip(&header[number..]) {
            nonce[place] ^= byte;
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        keys.payload.seal_in_place_append_tag(nonce, Aad::from(header), &mut payload).unwrap();
        let mut packet = [header, &payload].concat();
        let mask = keys.header.new_mask(&payload[..16]).unwrap();
        packet[0] ^= mask[0] & 0x0f;
        for (byte, mask) in packet[number..header.len()].iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
        }
        packet
    }

    /// Datagrams with the ClientHello for `name` in `pieces` CRYPTO frames, last
    /// one first.
    pub(in super::super) fn datagrams(name: &str, pieces: usize) -> Vec<Vec<u8>> {
        let hello = hello(name);
        let size = hello.len().div_ceil(pieces);
        let id = [7; 8];
        let mut made = Vec::new();
        for (number, piece) in (0_u8..).zip(hello.chunks(size)) {
            let short = |length: usize| u16::try_from(0x4000 + length).unwrap().to_be_bytes();
            let offset = usize::from(number) * size;
            let frame = [&[1, 6][..], &short(offset), &short(piece.len()), piece].concat();
            let mut header = vec![0xc3, 0, 0, 0, 1, 8];
            header.extend(id);
            header.extend([0, 0]);
            header.extend(short(4 + 1_150 + 16));
            header.extend([0, 0, 0, number]);
            let mut datagram = seal(&VERSIONS[0], &id, &header, &frame, 1_150);
            datagram.extend([0; 20]);
            made.push(datagram);
        }
        made.reverse();
        made
    }

    fn said(name: &str) -> Said {
        Said::Name(name.parse().unwrap(), Evidence::QuicSni)
    }

    #[test]
    fn the_packets_of_the_standards_are_read() {
        let of = |version: usize, header: &str| {
            seal(&VERSIONS[version], &bytes(ID), &bytes(header), &bytes(CLIENT_HELLO), 1_162)
        };
        let first = of(0, "c300000001088394c8f03e5157080000449e00000002");
        let begins = "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11";
        assert!(first.starts_with(&bytes(begins)), "RFC 9001 §A.2");
        assert!(
            first.ends_with(&bytes("e221af44860018ab0856972e194cd934")) && first.len() == 1_200
        );
        let second = of(1, "d36b3343cf088394c8f03e5157080000449e00000002");
        let begins = "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485";
        assert!(second.starts_with(&bytes(begins)), "RFC 9369 §A.2");
        for packet in [first, second] {
            assert_eq!(Connection::default().take(&packet), said("example.com"));
        }
    }

    #[test]
    fn a_hello_may_be_spread_over_datagrams_in_any_order() {
        let mut connection = Connection::default();
        let datagrams = datagrams("cloud.example.com", 3);
        assert_eq!(connection.take(&datagrams[0]), Said::TooLittle);
        assert_eq!(connection.take(&datagrams[1]), Said::TooLittle);
        assert_eq!(connection.take(&datagrams[2]), said("cloud.example.com"));
    }

    #[test]
    fn what_is_no_initial_packet_says_nothing() {
        let good = datagrams("cloud.example.com", 1).remove(0);
        let mut altered = good.clone();
        altered[600] ^= 1;
        let mut unknown = good.clone();
        unknown[4] = 9;
        for bad in [&altered[..], &unknown, &good[..700], b"", b"\xc0", &[0x40; 60]] {
            assert_eq!(Connection::default().take(bad), Said::Nothing);
        }
        for end in 0..good.len() - 20 {
            assert_eq!(Connection::default().take(&good[..end]), Said::Nothing, "{end}");
        }
    }
}
