//! The bytes that checkpoints are made of: numbers and texts, each with the
//! place where it was found to be wrong. No length that was read is trusted:
//! texts have a bound, and everything else takes bytes for itself.
//!
//! What a checkpoint says, and in which order, is known where it is made; here
//! is only how. It does not read files: bytes come in as a stream.

use std::io::{self, ErrorKind, Read};

/// Why bytes are no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// They are not what was written.
    #[error("byte {at}: {what}")]
    Damaged {
        /// Where.
        at: u64,
        /// What was found, and what is allowed.
        what: String,
    },
    /// They end in the middle.
    #[error("byte {at}: it ends in the middle of a record")]
    CutOff {
        /// Where.
        at: u64,
    },
    /// They cannot be read.
    #[error("byte {at}: {cause}")]
    Unreadable {
        /// Where.
        at: u64,
        /// What the system said.
        cause: io::Error,
    },
}

/// Bytes read at once.
const BUFFER: usize = 1 << 16;

/// A stream with its place.
pub(crate) struct Input<R> {
    inner: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Bytes that came before those in the buffer.
    before: u64,
    text: Vec<u8>,
}

impl<R: Read> Input<R> {
    pub(crate) fn new(inner: R) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { inner, buffer, start: 0, end: 0, before: 0, text: Vec::new() }
    }

    /// How many bytes were taken.
    pub(crate) fn at(&self) -> u64 {
        self.before + self.start as u64
    }

    pub(crate) fn damaged<T>(&self, what: impl Into<String>) -> Result<T, CheckpointError> {
        Err(CheckpointError::Damaged { at: self.at(), what: what.into() })
    }

    /// Whether there are more bytes.
    fn fill(&mut self) -> Result<bool, CheckpointError> {
        while self.start == self.end {
            self.before += self.end as u64;
            (self.start, self.end) = (0, 0);
            match self.inner.read(&mut self.buffer) {
                Ok(0) => return Ok(false),
                Ok(number) => self.end = number.min(BUFFER),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(CheckpointError::Unreadable { at: self.at(), cause }),
            }
        }
        Ok(true)
    }

    pub(crate) fn is_at_end(&mut self) -> Result<bool, CheckpointError> {
        Ok(!self.fill()?)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, CheckpointError> {
        if !self.fill()? {
            return Err(CheckpointError::CutOff { at: self.at() });
        }
        let byte = self.buffer[self.start];
        self.start += 1;
        Ok(byte)
    }

    /// Fills `into`.
    pub(crate) fn exact(&mut self, mut into: &mut [u8]) -> Result<(), CheckpointError> {
        while !into.is_empty() {
            if !self.fill()? {
                return Err(CheckpointError::CutOff { at: self.at() });
            }
            let number = into.len().min(self.end - self.start);
            let (now, later) = into.split_at_mut(number);
            now.copy_from_slice(&self.buffer[self.start..self.start + number]);
            self.start += number;
            into = later;
        }
        Ok(())
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let mut bytes = [0; N];
        self.exact(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn number(&mut self) -> Result<u64, CheckpointError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                break;
            }
            value |= part << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        self.damaged("a number of more than 64 bits")
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize, what: &str) -> Result<usize, CheckpointError> {
        let number = self.number()?;
        match usize::try_from(number) {
            Ok(small) if small < bound => Ok(small),
            _ => self.damaged(format!("{what} {number}, allowed: below {bound}")),
        }
    }

    /// A number that fits `T`.
    pub(crate) fn small<T: TryFrom<u64>>(&mut self, what: &str) -> Result<T, CheckpointError> {
        let number = self.number()?;
        match T::try_from(number) {
            Ok(small) => Ok(small),
            Err(_) => self.damaged(format!("{what} {number} is too large")),
        }
    }

    /// A text of `most` bytes at most, behind its length.
    pub(crate) fn text(&mut self, most: usize) -> Result<&str, CheckpointError> {
        let length = self.below(most + 1, "a text of length")?;
        let mut text = std::mem::take(&mut self.text);
        text.resize(length, 0);
        let read = self.exact(&mut text);
        self.text = text;
        read?;
        let at = self.at();
        std::str::from_utf8(&self.text).map_err(|_| CheckpointError::Damaged {
            at,
            what: "a text that is not UTF-8".to_owned(),
        })
    }
}

/// How far writing in slices has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to write.
    More,
    /// All is written.
    Done,
    /// What is written has changed too much: so far it is worth nothing.
    Disturbed,
}

/// Appends a number.
pub(crate) fn put_number(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    into.push(value.to_le_bytes()[0]);
}

/// Appends a text behind its length.
pub(crate) fn put_text(into: &mut Vec<u8>, text: &str) {
    put_number(into, text.len() as u64);
    into.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_read_back_and_nonsense_is_placed() {
        let mut bytes = Vec::new();
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        numbers.iter().for_each(|number| put_number(&mut bytes, *number));
        put_text(&mut bytes, "unix:/run/tap.sock");
        let mut input = Input::new(&*bytes);
        for number in numbers {
            assert_eq!(input.number().unwrap(), number);
        }
        assert_eq!(input.text(18).unwrap(), "unix:/run/tap.sock");
        assert!(input.is_at_end().unwrap());

        let error = |bytes: &[u8]| Input::new(bytes).number().unwrap_err().to_string();
        assert_eq!(error(&[0xff; 10]), "byte 10: a number of more than 64 bits");
        assert_eq!(error(&[0x80]), "byte 1: it ends in the middle of a record");
        let error = |bytes: &[u8]| Input::new(bytes).text(3).unwrap_err().to_string();
        assert_eq!(error(&[4, 1, 1, 1, 1]), "byte 1: a text of length 4, allowed: below 4");
        assert_eq!(error(&[2, 0xff, 0xff]), "byte 3: a text that is not UTF-8");
    }
}
