//! Takes the objects of a JSON array out of a stream one by one, so that an
//! array of any size is read in the memory of its largest object, and one
//! damaged object does not lose the others.

use std::io::{self, BufRead};

use super::LONGEST_LINE;

/// Whether a source that begins with `head` is a JSON array of objects. The
/// banner of passivedns begins with a bracket too.
pub(in crate::dns) fn is_array(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let Some(rest) = head.strip_prefix(b"[") else { return false };
    matches!(rest.trim_ascii_start().first(), None | Some(b'{' | b']'))
}

/// What stands in an array.
pub(super) enum Piece<'a> {
    /// The text of an object.
    Object(&'a [u8]),
    /// Something else, and what is wrong with it.
    Damaged(&'static str),
}

/// The objects of an array.
pub(super) struct Objects<R> {
    input: R,
    /// The object so far.
    text: Vec<u8>,
    line: u64,
    is_closed: bool,
}

/// Where in an object we are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Between,
    /// In something that is no object.
    Stray,
    /// So many braces and brackets deep.
    Inside(u32),
    /// The same, in a string; after a backslash or not.
    Quoted(u32, bool),
}

impl<R: BufRead> Objects<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, text: Vec::new(), line: 1, is_closed: false }
    }

    /// Whether the array was ended.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The next piece with the line it begins in.
    pub(super) fn next(&mut self) -> io::Result<Option<(Piece<'_>, u64)>> {
        self.text.clear();
        let mut place = Place::Between;
        let mut begun = self.line;
        let mut length = 0;
        loop {
            let byte = match self.input.fill_buf() {
                Ok(chunk) => chunk.first().copied(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let Some(byte) = byte else {
                self.is_closed &= place == Place::Between;
                let what = match place {
                    Place::Between => return Ok(None),
                    Place::Stray => "no object",
                    Place::Inside(_) | Place::Quoted(..) => "an object without its end",
                };
                return Ok(Some((Piece::Damaged(what), begun)));
            };
            // What ends something stray is looked at again.
            if place == Place::Stray && matches!(byte, b',' | b'{' | b']' | b'\n') {
                return Ok(Some((Piece::Damaged("no object"), begun)));
            }
            self.input.consume(1);
            self.line += u64::from(byte == b'\n');
            let was = place;
            place = match (place, byte) {
                (Place::Between, b'{') => Place::Inside(1),
                (Place::Between, b']') => {
                    self.is_closed = true;
                    place
                }
                (Place::Between, b'[' | b',' | b' ' | b'\t' | b'\r' | b'\n') => place,
                // The mark of UTF-8.
                (Place::Between, 0xef | 0xbb | 0xbf) => place,
                (Place::Between | Place::Stray, _) => Place::Stray,
                (Place::Inside(depth), b'{' | b'[') => Place::Inside(depth.saturating_add(1)),
                (Place::Inside(depth), b'}' | b']') => Place::Inside(depth - 1),
                (Place::Inside(depth), b'"') => Place::Quoted(depth, false),
                (Place::Inside(_), _) => place,
                // No string goes on in the next line (RFC 8259 §7).
                (Place::Quoted(..), b'\n') => {
                    return Ok(Some((Piece::Damaged("a string without its end"), begun)));
                }
                (Place::Quoted(depth, true), _) => Place::Quoted(depth, false),
                (Place::Quoted(depth, false), b'\\') => Place::Quoted(depth, true),
                (Place::Quoted(depth, false), b'"') => Place::Inside(depth),
                (Place::Quoted(..), _) => place,
            };
            if was == Place::Between {
                begun = self.line;
                if !matches!(place, Place::Inside(_)) {
                    continue;
                }
            }
            length += 1;
            if length <= LONGEST_LINE {
                self.text.push(byte);
            }
            if place == Place::Inside(0) {
                let piece = if length > LONGEST_LINE {
                    Piece::Damaged("an object longer than a line may be")
                } else {
                    Piece::Object(&self.text)
                };
                return Ok(Some((piece, begun)));
            }
        }
    }
}
