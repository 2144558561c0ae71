//! The first bytes of a stream put together from pieces that come in any order
//! and overlap: TCP segments by sequence number, QUIC CRYPTO frames by offset.
//!
//! Names stand at the beginning of a connection, so no more is kept than a
//! ClientHello or the head of a request can be long.

use std::collections::BTreeMap;

/// Bytes kept of a stream: what a TLS record holds at most (RFC 8446 §5.1),
/// which is also more than servers accept as the head of a request.
pub(super) const MOST_BYTES: usize = 1 << 14;
/// Pieces that wait for what stands before them; they too are at most
/// [`MOST_BYTES`] together.
const MOST_WAITING: usize = 64;

/// The first bytes of a stream.
#[derive(Debug, Default)]
pub(super) struct Beginning {
    bytes: Vec<u8>,
    waiting: BTreeMap<usize, Vec<u8>>,
}

impl Beginning {
    /// Takes the piece at `offset`. What lies past [`MOST_BYTES`] is dropped.
    pub(super) fn take(&mut self, offset: usize, piece: &[u8]) {
        let room = MOST_BYTES.saturating_sub(offset);
        let piece = piece.get(..room).unwrap_or(piece);
        if piece.is_empty() {
            return;
        }
        if offset > self.bytes.len() {
            let bytes: usize = self.waiting.values().map(Vec::len).sum();
            if self.waiting.len() < MOST_WAITING && bytes + piece.len() <= MOST_BYTES {
                let known = self.waiting.entry(offset).or_default();
                if known.len() < piece.len() {
                    *known = piece.to_vec();
                }
            }
            return;
        }
        self.append(offset, piece);
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > self.bytes.len() {
                break;
            }
            let (offset, piece) = entry.remove_entry();
            self.append(offset, &piece);
        }
    }

    fn append(&mut self, offset: usize, piece: &[u8]) {
        let known = self.bytes.len() - offset;
        self.bytes.extend_from_slice(piece.get(known..).unwrap_or_default());
    }

    /// What is there without a gap.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether no more will be kept.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= MOST_BYTES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_in_any_order_make_the_stream(
            (stream, cuts, order) in proptest::collection::vec(any::<u8>(), 1..400).prop_flat_map(|stream| {
                let cut = (0..stream.len(), 1..40_usize);
                let cuts = proptest::collection::vec(cut, 0..40);
                (Just(stream), cuts, any::<bool>())
            })
        ) {
            let mut beginning = Beginning::default();
            let mut pieces: Vec<(usize, usize)> = cuts;
            // Every byte is in some piece, and pieces overlap.
            pieces.extend((0..stream.len()).step_by(17).map(|at| (at, 20)));
            if order {
                pieces.reverse();
            }
            pieces.truncate(60);
            let whole = stream.len() <= 300;
            for (at, length) in pieces {
                let end = (at + length).min(stream.len());
                beginning.take(at, &stream[at..end]);
                prop_assert!(stream.starts_with(beginning.bytes()));
            }
            if whole {
                prop_assert_eq!(beginning.bytes(), &stream[..]);
            }
        }
    }

    #[test]
    fn a_stream_is_kept_to_its_bound() {
        let mut beginning = Beginning::default();
        for at in (0..MOST_BYTES * 2).step_by(1_000) {
            beginning.take(at, &[7; 1_000]);
        }
        assert!(beginning.is_full() && beginning.bytes().len() == MOST_BYTES);
        let mut holes = Beginning::default();
        for at in 1..10_000 {
            holes.take(at * 2, &[7]);
        }
        assert!(holes.bytes().is_empty() && holes.waiting.len() == MOST_WAITING);
    }
}
