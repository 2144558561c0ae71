//! Unpacks gzip (RFC 1952, members one after the other too), zstd (RFC 8878) and
//! xz (one stream after the other too) as a stream, told by their first bytes. Memory is bounded by the window, and
//! the whole by how far real answers can shrink.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use super::read::ReadError;

/// Largest zstd window as a power of two in bytes: 128 MiB, what `zstd` itself
/// unpacks unasked.
const LARGEST_WINDOW: u32 = 27;
/// Most memory that unpacking xz may take, in KiB: what a dictionary of 128 MiB
/// needs. `xz -9` has one of 64 MiB.
const XZ_MEMORY: u32 = 130 << 10;
/// A byte may become so many. Lines of one name that differ in their times
/// alone shrink to a fiftieth.
const MOST_EXPANSION: u64 = 2_000;
/// What is always allowed to come out, in bytes.
const FREE: u64 = 1 << 28;

/// How a source is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Xz,
    /// Known, but not unpacked.
    Other(&'static str),
}

impl Packing {
    /// How a source that begins with `head` is packed, if it is.
    pub(super) fn tell(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // A frame to be skipped, with which parallel packers begin.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Self::Other("bzip2")),
            [b'P', b'K', 3, 4, ..] => Some(Self::Other("zip")),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Other("lz4")),
            _ => None,
        }
    }
}

/// Unpacks `input`.
pub(super) fn unpack<'a>(
    packing: Packing,
    input: impl Read + 'a,
) -> Result<Box<dyn Read + 'a>, ReadError> {
    let packed = Rc::new(Cell::new(0));
    let input = BufReader::with_capacity(1 << 16, Counted { input, bytes: packed.clone() });
    let decoder: Box<dyn Read + 'a> = match packing {
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Packing::Zstd => Box::new(zstd_decoder(input)?),
        Packing::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(input, true, XZ_MEMORY)),
        Packing::Other(name) => return Err(ReadError::Packed(name)),
    };
    Ok(Box::new(Bounded { decoder, packed, bytes: 0 }))
}

fn zstd_decoder<R: BufRead>(input: R) -> io::Result<zstd::stream::read::Decoder<'static, R>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
    decoder.window_log_max(LARGEST_WINDOW)?;
    Ok(decoder)
}

/// Counts what is read.
struct Counted<R> {
    input: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes.set(self.bytes.get() + read as u64);
        Ok(read)
    }
}

/// Stops when more comes out than can be meant.
struct Bounded<R> {
    decoder: R,
    packed: Rc<Cell<u64>>,
    bytes: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes > FREE + self.packed.get().saturating_mul(MOST_EXPANSION) {
            let what = format!("more than {MOST_EXPANSION} times as long unpacked as packed");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let read = self.decoder.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}
