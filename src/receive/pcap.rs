//! UDP datagrams in captures: pcap and pcapng, told apart by content.
//!
//! Link layers: Ethernet with VLAN tags, Linux "cooked" v1 and v2, BSD loopback
//! and raw IP. Fragments are not put together but counted; what is not UDP is
//! stepped over and counted. A damaged capture yields what stands before the
//! damage and then one [`CaptureProblem`] that names the packet and the byte
//! offset.

use std::borrow::Cow;
use std::net::IpAddr;

use pcap_file::pcap::PcapParser;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgParser};
use pcap_file::{DataLink, PcapError};

use crate::model::time::Timestamp;

/// VLAN tags stepped over.
const MOST_TAGS: usize = 4;
/// IPv6 extension headers stepped over.
const MOST_EXTENSIONS: usize = 8;

/// One UDP datagram of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Source port.
    pub source_port: u16,
    /// Destination address.
    pub destination: IpAddr,
    /// Destination port.
    pub destination_port: u16,
    /// When it was captured.
    pub received: Timestamp,
    /// The UDP payload, as far as it was captured.
    pub payload: Cow<'a, [u8]>,
}

/// Why a capture cannot be read, or not further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("packet {packet} at byte {offset}: {kind}")]
pub struct CaptureProblem {
    /// Number of the packet, from 1; zero for the file's own header.
    pub packet: u64,
    /// Byte offset in the file.
    pub offset: usize,
    /// What is wrong.
    pub kind: CaptureProblemKind,
}

/// What can be wrong with a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureProblemKind {
    /// The first bytes are of no capture format.
    #[error("not a capture, allowed: pcap and pcapng")]
    NotACapture,
    /// The file ends inside a packet.
    #[error("the file is cut off here")]
    CutOff,
    /// A field has a value that it cannot have.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// A link layer that is not read.
    #[error("link type {0} is not read, allowed: Ethernet, Linux cooked, BSD loopback and raw IP")]
    LinkType(u32),
}

/// What was stepped over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Fragments of IP packets, first ones too.
    pub fragments: u64,
    /// Packets that are not UDP.
    pub others: u64,
}

/// Whether `bytes` begin like a capture; a bare payload does not.
pub fn is_capture(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|magic| {
        matches!(
            u32::from_be_bytes(*magic),
            0xa1b2_c3d4 | 0xd4c3_b2a1 | 0xa1b2_3c4d | 0x4d3c_b2a1 | 0x0a0d_0d0a
        )
    })
}

/// The UDP datagrams in a capture, in file order.
pub fn datagrams(bytes: &[u8]) -> Datagrams<'_> {
    Datagrams { frames: frames(bytes), skipped: Skipped::default() }
}

/// The packets in a capture as they stand there, in file order.
pub fn frames(bytes: &[u8]) -> Frames<'_> {
    Frames { whole: bytes, rest: bytes, file: File::Unopened, packet: 0, offset: 0 }
}

/// Iterator over the UDP datagrams of a capture; see [`datagrams`].
pub struct Datagrams<'a> {
    frames: Frames<'a>,
    skipped: Skipped,
}

/// Iterator over the packets of a capture; see [`frames`].
pub struct Frames<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
    file: File,
    packet: u64,
    offset: usize,
}

enum File {
    Unopened,
    Pcap(PcapParser),
    PcapNg(Box<PcapNgParser>),
    Done,
}

/// A packet as it stands in a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<'a> {
    /// What the data begin with.
    pub link: DataLink,
    /// When it was captured.
    pub received: Timestamp,
    /// The packet from its link header on, as far as it was captured.
    pub data: Cow<'a, [u8]>,
}

/// What a packet is to us.
enum Found<T> {
    Udp(T),
    Fragment,
    Other,
}

impl<'a> Iterator for Datagrams<'a> {
    type Item = Result<Captured<'a>, CaptureProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let frame = match self.frames.next()? {
                Ok(frame) => frame,
                Err(problem) => return Some(Err(problem)),
            };
            let found = match udp(frame.link, &frame.data) {
                Ok(found) => found,
                Err(kind) => return Some(Err(self.frames.stop(kind))),
            };
            match found {
                Found::Fragment => self.skipped.fragments += 1,
                Found::Other => self.skipped.others += 1,
                Found::Udp(udp) => {
                    let (begin, end) = udp.payload;
                    let payload = match frame.data {
                        Cow::Borrowed(data) => data.get(begin..end).map(Cow::Borrowed),
                        Cow::Owned(data) => {
                            data.get(begin..end).map(<[u8]>::to_vec).map(Cow::Owned)
                        }
                    };
                    return Some(Ok(Captured {
                        source: udp.source,
                        source_port: udp.source_port,
                        destination: udp.destination,
                        destination_port: udp.destination_port,
                        received: frame.received,
                        payload: payload.unwrap_or_default(),
                    }));
                }
            }
        }
    }
}

impl Datagrams<'_> {
    /// What was stepped over so far.
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, CaptureProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        self.offset = self.whole.len() - self.rest.len();
        match self.frame() {
            Ok(frame) => frame.map(Ok),
            Err(kind) => Some(Err(self.stop(kind))),
        }
    }
}

impl<'a> Frames<'a> {
    /// Ends the reading at the packet that was given last.
    fn stop(&mut self, kind: CaptureProblemKind) -> CaptureProblem {
        self.file = File::Done;
        CaptureProblem { packet: self.packet, offset: self.offset, kind }
    }

    /// The next packet; `None` at the end of the file.
    fn frame(&mut self) -> Result<Option<Frame<'a>>, CaptureProblemKind> {
        loop {
            match &mut self.file {
                File::Done => return Ok(None),
                File::Unopened => self.open()?,
                _ if self.rest.is_empty() => return Ok(None),
                File::Pcap(parser) => {
                    self.packet += 1;
                    // The raw packet: the checked one refuses packets that
                    // were cut to the snapshot length, which are usual.
                    let (rest, packet) = parser.next_raw_packet(self.rest).map_err(problem)?;
                    let nanoseconds =
                        parser.header().ts_resolution == pcap_file::TsResolution::NanoSecond;
                    let per_milli = if nanoseconds { 1_000_000 } else { 1_000 };
                    let millis =
                        u64::from(packet.ts_sec) * 1_000 + u64::from(packet.ts_frac / per_milli);
                    self.rest = rest;
                    return Ok(Some(Frame {
                        link: parser.header().datalink,
                        received: Timestamp::from_millis(millis),
                        data: packet.data,
                    }));
                }
                File::PcapNg(parser) => {
                    let (rest, block) = parser.next_block(self.rest).map_err(problem)?;
                    if rest.len() >= self.rest.len() {
                        return Err(CaptureProblemKind::Damaged("a block without bytes"));
                    }
                    self.rest = rest;
                    let (interface, ticks, data) = match block {
                        Block::EnhancedPacket(packet) => {
                            // The reader takes ticks for nanoseconds whatever
                            // their unit.
                            let ticks = packet.timestamp.as_nanos();
                            (packet.interface_id, ticks, packet.data)
                        }
                        Block::SimplePacket(packet) => (0, 0, packet.data),
                        Block::Packet(packet) => {
                            (packet.interface_id.into(), packet.timestamp.into(), packet.data)
                        }
                        _ => continue,
                    };
                    self.packet += 1;
                    let interface = usize::try_from(interface).unwrap_or(usize::MAX);
                    let Some(interface) = parser.interfaces().get(interface) else {
                        return Err(CaptureProblemKind::Damaged("a packet of no interface"));
                    };
                    let resolution = interface.options.iter().find_map(|option| match option {
                        InterfaceDescriptionOption::IfTsResol(resolution) => Some(*resolution),
                        _ => None,
                    });
                    return Ok(Some(Frame {
                        link: interface.linktype,
                        received: from_ticks(ticks, resolution.unwrap_or(6)),
                        data,
                    }));
                }
            }
        }
    }

    fn open(&mut self) -> Result<(), CaptureProblemKind> {
        if !is_capture(self.whole) {
            return Err(CaptureProblemKind::NotACapture);
        }
        (self.rest, self.file) = if self.whole.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            let (rest, parser) = PcapNgParser::new(self.whole).map_err(problem)?;
            (rest, File::PcapNg(Box::new(parser)))
        } else {
            let (rest, parser) = PcapParser::new(self.whole).map_err(problem)?;
            (rest, File::Pcap(parser))
        };
        Ok(())
    }
}

fn problem(error: PcapError) -> CaptureProblemKind {
    match error {
        PcapError::IncompleteBuffer => CaptureProblemKind::CutOff,
        PcapError::InvalidField(what) => CaptureProblemKind::Damaged(what),
        PcapError::InvalidInterfaceId(_) => CaptureProblemKind::Damaged("a packet of no interface"),
        _ => CaptureProblemKind::Damaged("unreadable block"),
    }
}

/// A pcapng time: the high bit of the resolution says a power of two, else of
/// ten (pcapng `if_tsresol`).
fn from_ticks(ticks: u128, resolution: u8) -> Timestamp {
    let exponent = u32::from(resolution & 0x7f);
    let base: u128 = if resolution & 0x80 == 0 { 10 } else { 2 };
    let per_second = base.checked_pow(exponent).unwrap_or(u128::MAX);
    let millis = ticks.saturating_mul(1_000) / per_second;
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// A UDP header and where in the packet its payload stands.
struct Udp {
    source: IpAddr,
    destination: IpAddr,
    source_port: u16,
    destination_port: u16,
    payload: (usize, usize),
}

/// Looks for UDP in a packet.
fn udp(link: DataLink, data: &[u8]) -> Result<Found<Udp>, CaptureProblemKind> {
    let network = match link {
        DataLink::ETHERNET => ethernet(data),
        DataLink::LINUX_SLL => network_of(half(data, 14), 16, data),
        DataLink::LINUX_SLL2 => network_of(half(data, 0), 20, data),
        // The address family is in the capturing machine's byte order; the IP
        // version tells as much.
        DataLink::NULL | DataLink::LOOP => Some(4),
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => Some(0),
        // Raw IP as some systems number it.
        DataLink::Unknown(12 | 14) => Some(0),
        other => return Err(CaptureProblemKind::LinkType(u32::from(other))),
    };
    Ok(network.and_then(|offset| ip(data, offset)).unwrap_or(Found::Other))
}

/// Where the IP header stands behind an Ethernet header and its VLAN tags.
fn ethernet(data: &[u8]) -> Option<usize> {
    network_of(half(data, 12), 14, data)
}

fn network_of(kind: Option<u16>, offset: usize, data: &[u8]) -> Option<usize> {
    let (mut kind, mut offset) = (kind?, offset);
    for _ in 0..=MOST_TAGS {
        match kind {
            0x0800 | 0x86dd => return Some(offset),
            0x8100 | 0x88a8 | 0x9100 => {
                kind = half(data, offset + 2)?;
                offset += 4;
            }
            _ => return None,
        }
    }
    None
}

fn ip(data: &[u8], offset: usize) -> Option<Found<Udp>> {
    match data.get(offset)? >> 4 {
        4 => {
            let header = usize::from(data.get(offset)? & 0xf) * 4;
            if half(data, offset + 6)? & 0x3fff != 0 {
                return Some(Found::Fragment);
            }
            if *data.get(offset + 9)? != 17 || header < 20 {
                return None;
            }
            let address =
                |at: usize| data.get(at..)?.first_chunk::<4>().map(|bytes| IpAddr::from(*bytes));
            transport(data, offset + header, address(offset + 12)?, address(offset + 16)?)
        }
        6 => {
            let address =
                |at: usize| data.get(at..)?.first_chunk::<16>().map(|bytes| IpAddr::from(*bytes));
            let (source, destination) = (address(offset + 8)?, address(offset + 24)?);
            let mut next = *data.get(offset + 6)?;
            let mut at = offset + 40;
            for _ in 0..MOST_EXTENSIONS {
                match next {
                    17 => return transport(data, at, source, destination),
                    0 | 43 | 60 => {
                        next = *data.get(at)?;
                        at += 8 + usize::from(*data.get(at + 1)?) * 8;
                    }
                    44 => return Some(Found::Fragment),
                    _ => return None,
                }
            }
            None
        }
        _ => None,
    }
}

fn transport(data: &[u8], at: usize, source: IpAddr, destination: IpAddr) -> Option<Found<Udp>> {
    let source_port = half(data, at)?;
    let destination_port = half(data, at + 2)?;
    let length = usize::from(half(data, at + 4)?);
    let begin = at + 8;
    // Offloading leaves the length zero; a snapshot ends before it.
    let end = if length < 8 { data.len() } else { (at + length).min(data.len()) };
    let payload = (begin.min(end), end);
    Some(Found::Udp(Udp { source, destination, source_port, destination_port, payload }))
}

fn half(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}
