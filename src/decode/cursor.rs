//! Reading big-endian numbers from bytes that may end too early.
//!
//! Every read that runs over the end returns a [`Truncated`] with the byte
//! offset of the field it was to read, counted from the start of the datagram.

/// The bytes ended inside a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truncated {
    /// Byte offset of the field in the datagram.
    pub(crate) offset: usize,
    /// How many bytes the field needs.
    pub(crate) wanted: usize,
    /// How many bytes were left.
    pub(crate) left: usize,
}

/// A position in a run of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor over `bytes`, whose first byte stands at `offset` of the
    /// datagram.
    pub(crate) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { rest: bytes, offset }
    }

    /// Byte offset of the next byte in the datagram.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The bytes that are left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Truncated> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(Truncated { offset: self.offset, wanted: count, left: self.rest.len() });
        };
        self.rest = rest;
        self.offset += count;
        Ok(taken)
    }

    /// The next bytes as an array.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(Truncated { offset: self.offset, wanted: N, left: self.rest.len() });
        };
        self.rest = rest;
        self.offset += N;
        Ok(*taken)
    }

    /// One byte.
    pub(crate) fn u8(&mut self) -> Result<u8, Truncated> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, big-endian.
    pub(crate) fn u16(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, big-endian.
    pub(crate) fn u32(&mut self) -> Result<u32, Truncated> {
        self.array().map(u32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_past_the_end_says_where_it_began() {
        let mut cursor = Cursor::new(&[0, 5, 1], 20);
        assert_eq!(cursor.u16(), Ok(5));
        assert_eq!(cursor.u32(), Err(Truncated { offset: 22, wanted: 4, left: 1 }));
        assert_eq!(cursor.u8(), Ok(1), "a failed read takes nothing");
    }
}
