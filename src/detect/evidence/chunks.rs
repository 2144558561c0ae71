//! A list that grows piece by piece.
//!
//! A vector that doubles holds up to twice of what is in it, and copies all of
//! it at once. Pieces of one size cost half a piece at the end, are copied
//! never, and what a closed window gives back fits what an open one asks for.

/// Elements of a piece: two kilobytes of touches. A window has a thousand
/// lists, so what their last pieces leave empty is a megabyte.
const PIECE: usize = 64;

/// A list of elements that stay where they are.
#[derive(Debug)]
pub(super) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Chunks<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * PIECE + last.len())
    }

    /// Appends one.
    pub(super) fn push(&mut self, element: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < PIECE => last.push(element),
            _ => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(element);
                self.0.push(piece);
            }
        }
    }

    /// The one that came as number `place`.
    #[inline]
    pub(super) fn get(&self, place: u16) -> Option<&T> {
        let place = usize::from(place);
        self.0.get(place / PIECE)?.get(place % PIECE)
    }

    /// The same, to change it.
    #[inline]
    pub(super) fn get_mut(&mut self, place: u16) -> Option<&mut T> {
        let place = usize::from(place);
        self.0.get_mut(place / PIECE)?.get_mut(place % PIECE)
    }
}
