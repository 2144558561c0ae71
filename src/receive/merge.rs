//! Several captures as one stream in the order of time.
//!
//! Captures of several exporters, or the parts of a rotated one, overlap. Each
//! is nearly in order by itself, so taking the earliest head of all gives one
//! stream without holding more than one datagram of each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pcap::Captured;
use crate::model::time::Timestamp;

/// A stream of captured datagrams that takes from several streams the one with
/// the earliest head; of equal ones the first stream goes first.
pub struct Merged<'a, I: Iterator<Item = Captured<'a>>> {
    streams: Vec<std::iter::Peekable<I>>,
    heads: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl<'a, I: Iterator<Item = Captured<'a>>> Merged<'a, I> {
    /// Merges `streams`.
    pub fn new(streams: impl IntoIterator<Item = I>) -> Self {
        let mut streams: Vec<_> = streams.into_iter().map(Iterator::peekable).collect();
        let heads = streams
            .iter_mut()
            .enumerate()
            .filter_map(|(place, stream)| Some(Reverse((stream.peek()?.received, place))))
            .collect();
        Self { streams, heads }
    }
}

impl<'a, I: Iterator<Item = Captured<'a>>> Iterator for Merged<'a, I> {
    type Item = Captured<'a>;

    fn next(&mut self) -> Option<Captured<'a>> {
        let Reverse((_, place)) = self.heads.pop()?;
        let stream = self.streams.get_mut(place)?;
        let captured = stream.next()?;
        if let Some(head) = stream.peek() {
            self.heads.push(Reverse((head.received, place)));
        }
        Some(captured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(second: u64) -> Captured<'static> {
        Captured {
            source: [192, 0, 2, 1].into(),
            source_port: 1,
            destination: [192, 0, 2, 2].into(),
            destination_port: 2055,
            received: Timestamp::from_secs(second),
            payload: Vec::new().into(),
        }
    }

    #[test]
    fn streams_are_taken_in_the_order_of_time() {
        let streams = [vec![1, 4, 9], vec![], vec![2, 3, 10]];
        let merged = Merged::new(streams.map(|seconds| seconds.into_iter().map(captured)));
        let seconds: Vec<_> = merged.map(|captured| captured.received.as_secs()).collect();
        assert_eq!(seconds, [1, 2, 3, 4, 9, 10]);
    }
}
