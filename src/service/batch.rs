//! Datagrams on their way from a receiver to a front worker.
//!
//! All payloads of a batch lie in one buffer, and buffers go round: who drops
//! the last hold of a batch gives them back to the receiver that filled it.

use std::net::IpAddr;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::decode::Datagram;
use crate::model::time::Timestamp;

/// Buffers that wait to be filled again, for each receiver. Few, so that they
/// are still in a cache; more are in use under load and then given up.
const SPARE: usize = 16;

/// Datagrams in the order of arrival.
pub(super) struct Batch {
    buffers: Buffers,
    back: Sender<Buffers>,
}

#[derive(Default)]
struct Buffers {
    payloads: Vec<u8>,
    entries: Vec<Entry>,
}

pub(super) struct Entry {
    source: IpAddr,
    source_port: u16,
    received: Timestamp,
    end: usize,
}

/// Where a receiver gets batches.
pub(super) struct Pool {
    back: Sender<Buffers>,
    spare: Receiver<Buffers>,
}

impl Pool {
    pub(super) fn new() -> Self {
        let (back, spare) = bounded(SPARE);
        Self { back, spare }
    }

    /// An empty batch.
    pub(super) fn batch(&self) -> Batch {
        let buffers = self.spare.try_recv().unwrap_or_default();
        Batch { buffers, back: self.back.clone() }
    }
}

impl Batch {
    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.buffers.payloads.len() + self.buffers.entries.len() * size_of::<Entry>()
    }

    /// How many datagrams there are.
    pub(super) fn len(&self) -> usize {
        self.buffers.entries.len()
    }

    pub(super) fn push(
        &mut self,
        (source, source_port): (IpAddr, u16),
        received: Timestamp,
        payload: &[u8],
    ) {
        let Buffers { payloads, entries } = &mut self.buffers;
        payloads.extend_from_slice(payload);
        entries.push(Entry { source, source_port, received, end: payloads.len() });
    }

    /// What all payloads lie in.
    pub(super) fn payloads(&self) -> &[u8] {
        &self.buffers.payloads
    }

    /// The datagrams, each with where its payload begins.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (Datagram<'_>, usize)> {
        let mut end = 0;
        self.buffers.entries.iter().map(move |entry| {
            let start = std::mem::replace(&mut end, entry.end);
            let payload = &self.buffers.payloads[start..entry.end];
            let Entry { source, source_port, received, .. } = *entry;
            (Datagram { source, source_port, received, payload }, start)
        })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let mut buffers = std::mem::take(&mut self.buffers);
        buffers.payloads.clear();
        buffers.entries.clear();
        // Without room there are enough; without a receiver none is needed.
        let _ = self.back.try_send(buffers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_back_what_was_put_in_and_its_buffers() {
        let pool = Pool::new();
        let source: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..3 {
            let mut batch = pool.batch();
            assert_eq!((batch.len(), batch.size()), (0, 0));
            for payload in [&b"one"[..], b"", b"three"] {
                batch.push((source, 9), Timestamp::EPOCH, payload);
            }
            let payloads: Vec<_> =
                batch.datagrams().map(|(datagram, _)| datagram.payload).collect();
            assert_eq!(payloads, [&b"one"[..], b"", b"three"]);
            for (datagram, start) in batch.datagrams() {
                assert!(batch.payloads()[start..].starts_with(datagram.payload));
            }
            drop(batch);
            assert_eq!(pool.spare.len(), 1);
        }
    }
}
