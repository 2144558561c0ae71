//! The envelope of a checkpoint: 32 bytes that say what follows, how long it is
//! and what its checksum is, so that a file that was cut off, mixed up or
//! damaged is known before anything of it is used.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `hayrake` and a line feed |
//! | 2 | version of the envelope |
//! | 2 | [`Kind`] |
//! | 2 | version of the content |
//! | 2 | zero |
//! | 8 | length of the content |
//! | 4 | CRC-32 of the content |
//! | 4 | CRC-32 of the 28 bytes before |
//!
//! Numbers are little-endian. The checksum is against accidents: whoever may
//! write to the state folder can make a file that is in order.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crc32fast::Hasher;
use thiserror::Error;

use super::Kind;

const MAGIC: [u8; 8] = *b"hayrake\n";
const VERSION: u16 = 1;
const HEADER: usize = 32;
/// Bytes of the header that its checksum is of.
const SUMMED: usize = 28;
/// Bytes read at once.
const BUFFER: usize = 1 << 18;

/// Why a file is no checkpoint of the kind and version that are wanted.
#[derive(Debug, Error)]
pub(super) enum Unusable {
    #[error("it has {0} bytes, which is less than a checkpoint begins with")]
    Short(usize),
    #[error("it does not begin as a checkpoint does")]
    Magic,
    #[error("its first 32 bytes are damaged")]
    Header,
    #[error("it has version {found} of {of}, and this program reads version {known}")]
    Version { of: &'static str, found: u16, known: u16 },
    #[error("it is of kind {0}, which does not go by this name")]
    Kind(u16),
    #[error("it holds {found} bytes after its beginning, which says {said}")]
    Length { found: u64, said: u64 },
    #[error("its checksum is {found:08x}, and its beginning says {said:08x}")]
    Checksum { found: u32, said: u32 },
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A checkpoint that is being written.
pub(super) struct Sealing<W> {
    inner: W,
    kind: Kind,
    format: u16,
    length: u64,
    checksum: Hasher,
}

impl<W: Write + Seek> Sealing<W> {
    /// Leaves room for the header. Until it is sealed the file is no
    /// checkpoint.
    pub(super) fn begin(mut inner: W, kind: Kind, format: u16) -> io::Result<Self> {
        inner.write_all(&[0; HEADER])?;
        Ok(Self { inner, kind, format, length: 0, checksum: Hasher::new() })
    }

    /// Appends content.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        self.length += bytes.len() as u64;
        self.checksum.update(bytes);
        Ok(())
    }

    /// Writes the header.
    pub(super) fn seal(mut self) -> io::Result<W> {
        let mut header = Vec::with_capacity(HEADER);
        header.extend(MAGIC);
        for number in [VERSION, self.kind.number(), self.format, 0] {
            header.extend(number.to_le_bytes());
        }
        header.extend(self.length.to_le_bytes());
        header.extend(self.checksum.finalize().to_le_bytes());
        let checksum = crc32fast::hash(&header);
        header.extend(checksum.to_le_bytes());
        self.inner.seek(SeekFrom::Start(0))?;
        self.inner.write_all(&header)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    pub(super) fn inner(&self) -> &W {
        &self.inner
    }

    /// The length of the whole file.
    pub(super) fn length(&self) -> u64 {
        self.length + HEADER as u64
    }
}

/// Reads all of a file to see whether it is in order, and goes back to where
/// its content begins.
pub(super) fn check(
    file: &mut (impl Read + Seek),
    kind: Kind,
    format: u16,
) -> Result<(), Unusable> {
    let mut header = [0; HEADER];
    let mut given = 0;
    while given < HEADER {
        match file.read(&mut header[given..]) {
            Ok(0) => return Err(Unusable::Short(given)),
            Ok(number) => given += number,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let [rest @ .., _, _, _, _] = &header;
    let summed: &[u8; SUMMED] = rest;
    if summed[..8] != MAGIC {
        return Err(Unusable::Magic);
    }
    if crc32fast::hash(summed) != four(&header, SUMMED) {
        return Err(Unusable::Header);
    }
    let two = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    match (two(8), two(10), two(12)) {
        (VERSION, number, found) if number == kind.number() && found == format => {}
        (VERSION, number, found) if number == kind.number() => {
            return Err(Unusable::Version { of: "its content", found, known: format });
        }
        (VERSION, number, _) => return Err(Unusable::Kind(number)),
        (found, ..) => return Err(Unusable::Version { of: "checkpoints", found, known: VERSION }),
    }
    let said = u64::from(four(&header, 16)) | u64::from(four(&header, 20)) << 32;
    let (mut found, mut checksum) = (0, Hasher::new());
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(number) => {
                found += number as u64;
                checksum.update(&buffer[..number]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    if found != said {
        return Err(Unusable::Length { found, said });
    }
    let (found, said) = (checksum.finalize(), four(&header, 24));
    if found != said {
        return Err(Unusable::Checksum { found, said });
    }
    file.seek(SeekFrom::Start(HEADER as u64))?;
    Ok(())
}

fn four(header: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn sealed(content: &[u8], format: u16) -> Vec<u8> {
        let mut sealing = Sealing::begin(Cursor::new(Vec::new()), Kind::Dns, format).unwrap();
        for part in content.chunks(7) {
            sealing.write(part).unwrap();
        }
        sealing.seal().unwrap().into_inner()
    }

    fn checked(bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut file = Cursor::new(bytes);
        check(&mut file, Kind::Dns, 3).map_err(|unusable| unusable.to_string())?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        Ok(content)
    }

    #[test]
    fn what_was_sealed_is_read_and_every_changed_byte_is_noticed() {
        let content = b"what resolvers told";
        let good = sealed(content, 3);
        assert_eq!(checked(&good).unwrap(), content);
        assert_eq!(checked(&sealed(b"", 3)).unwrap(), b"");
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 0x10;
            assert!(checked(&bytes).is_err(), "byte {place}");
            assert!(checked(&good[..place]).is_err(), "cut off at {place}");
        }
        assert!(checked(&[&*good, b"x"].concat()).unwrap_err().contains("20 bytes"));
        let newer = checked(&sealed(content, 4)).unwrap_err();
        assert_eq!(newer, "it has version 4 of its content, and this program reads version 3");
    }
}
