//! Flow sets that one front worker has noted and another reads.
//!
//! A worker alone decodes an exporter: it remembers the templates, so that the
//! order of arrival holds. When it has more datagrams waiting than it has begun,
//! or another worker has nothing to do, it only walks them and offers the
//! reading of their flow sets, the larger part of the work, in pieces. Whoever
//! is free takes one, this worker too; each piece carries what it is read with
//! (`decode::Apart`). What a piece tells of its exporters comes back.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::batch::Batch;
use crate::decode::{Apart, Learnt};

/// Flow sets of a piece: some 1,600 records of usual datagrams.
const PIECE: usize = 64;
/// Pieces that wait for each worker: enough that one who is ready finds one.
const WAITING: usize = 2;

/// Some flow sets of a batch.
pub(super) struct Piece {
    pub(super) batch: Arc<Batch>,
    pub(super) apart: Arc<Apart>,
    pub(super) sets: Range<usize>,
    /// Where what it tells goes. Without bound, and still never more than were
    /// offered: its owner empties it before it offers more.
    pub(super) back: Sender<Learnt>,
}

/// What a front worker shares with the others.
pub(super) struct Shares {
    /// Workers that wait for something to do.
    idle: Arc<AtomicUsize>,
    is_alone: bool,
    /// None when this worker has ended.
    offer: Option<Sender<Piece>>,
    pub(super) offered: Receiver<Piece>,
    back: Option<Sender<Learnt>>,
    learnt: Receiver<Learnt>,
}

impl Shares {
    /// For so many workers.
    pub(super) fn of(workers: usize) -> Vec<Self> {
        let idle = Arc::new(AtomicUsize::new(0));
        let (offer, offered) = bounded(WAITING * workers);
        (0..workers)
            .map(|_| {
                let (back, learnt) = unbounded();
                Self {
                    idle: idle.clone(),
                    is_alone: workers == 1,
                    offer: Some(offer.clone()),
                    offered: offered.clone(),
                    back: Some(back),
                    learnt,
                }
            })
            .collect()
    }

    /// Waits by `wait`, and is idle meanwhile.
    pub(super) fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.idle.fetch_add(1, Ordering::Relaxed);
        let got = wait();
        self.idle.fetch_sub(1, Ordering::Relaxed);
        got
    }

    /// Whether there is somebody to share with, and `backlog` or an idle worker
    /// says that it is worth it.
    pub(super) fn is_worth_it(&self, backlog: bool) -> bool {
        !self.is_alone && (backlog || self.idle.load(Ordering::Relaxed) > 0)
    }

    /// Offers a batch in pieces; calls `read` for those this worker reads
    /// itself. Ends when each is taken or read.
    pub(super) fn spread(
        &self,
        batch: &Arc<Batch>,
        apart: &Arc<Apart>,
        mut read: impl FnMut(&Piece),
    ) {
        let (Some(offer), Some(back)) = (&self.offer, &self.back) else { return };
        let pieces = (0..apart.len()).step_by(PIECE).map(|begin| Piece {
            batch: batch.clone(),
            apart: apart.clone(),
            sets: begin..apart.len().min(begin + PIECE),
            back: back.clone(),
        });
        for piece in pieces {
            if let Err(refused) = offer.try_send(piece) {
                // Everybody has enough.
                read(&refused.into_inner());
            }
        }
        // What nobody took meanwhile, own pieces first or those of others.
        while let Ok(piece) = self.offered.try_recv() {
            read(&piece);
        }
    }

    /// What other workers learnt about this one's exporters.
    pub(super) fn learnt(&self) -> impl Iterator<Item = Learnt> {
        self.learnt.try_iter()
    }

    /// Offers nothing any more.
    pub(super) fn end(&mut self) {
        self.offer = None;
    }

    /// What others still learn; ends when they have read all that was offered.
    pub(super) fn last_learnt(&mut self) -> impl Iterator<Item = Learnt> {
        self.back = None;
        self.learnt.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Pool;
    use super::*;
    use crate::decode::{Datagram, DecodeCounts, Decoded, Decoder};
    use crate::model::time::Timestamp;

    /// A batch of `datagrams` v9 datagrams with two records each, walked.
    fn walked(datagrams: u32) -> (Decoder, Arc<Batch>, Arc<Apart>) {
        let mut batch = Pool::new().batch();
        let from = ("192.0.2.1".parse().unwrap(), 9);
        for number in 0..datagrams {
            let mut payload = vec![0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
            payload.extend(number.to_be_bytes());
            payload.extend([0, 0, 0, 7]);
            // A template of two addresses, then data.
            payload.extend([0, 0, 0, 16, 1, 0, 0, 2, 0, 8, 0, 4, 0, 12, 0, 4]);
            payload.extend([1, 0, 0, 20, 198, 51, 100, 1, 203, 0, 113, 1]);
            payload.extend([198, 51, 100, 2, 203, 0, 113, 2]);
            batch.push(from, Timestamp::EPOCH, &payload);
        }
        let (mut decoder, mut apart) = (Decoder::default(), Apart::default());
        let mut out = Decoded::default();
        for (datagram, base) in batch.datagrams() {
            let datagram: Datagram<'_> = datagram;
            decoder.decode_apart(datagram, base, &mut apart, &mut out);
            assert_eq!(out.counts.datagrams_decoded, 1);
        }
        (decoder, Arc::new(batch), Arc::new(apart))
    }

    fn read(piece: &Piece) -> u64 {
        let (mut counts, mut learnt) = (DecodeCounts::default(), Learnt::default());
        for set in piece.sets.clone() {
            let data = piece.batch.payloads();
            piece.apart.sides(set, data, &mut counts, &mut learnt, &mut Vec::new());
        }
        piece.back.send(learnt).unwrap();
        counts.records_decoded
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "two workers are two threads")]
    fn each_set_is_read_once_by_somebody_and_what_it_tells_comes_home() {
        const BATCHES: u64 = 50;
        let mut shares = Shares::of(2);
        let (mut helper, mut home) = (shares.pop().unwrap(), shares.pop().unwrap());
        let helping = std::thread::spawn(move || {
            helper.end();
            helper.offered.iter().map(|piece| read(&piece)).sum::<u64>()
        });
        let (mut decoder, batch, apart) = walked(1_000);
        assert_eq!(apart.len(), 1_000);
        assert!(home.is_worth_it(true));
        let mut own = 0;
        for _ in 0..BATCHES {
            home.spread(&batch, &apart, |piece| own += read(piece));
            for learnt in home.learnt() {
                decoder.learn(&learnt);
            }
        }
        home.end();
        while let Ok(piece) = home.offered.recv() {
            own += read(&piece);
        }
        for learnt in home.last_learnt() {
            decoder.learn(&learnt);
        }
        let helped = helping.join().unwrap();
        assert_eq!(own + helped, BATCHES * 2_000);
        assert!(helped > 0, "the other worker took its part");
        assert_eq!(decoder.exporters()[0].flow_records, BATCHES * 2_000);
    }

    #[test]
    fn a_worker_alone_has_nobody_to_share_with() {
        let mut alone = Shares::of(1).remove(0);
        assert!(!alone.is_worth_it(true));
        alone.end();
        assert!(alone.offered.recv().is_err(), "nobody can offer any more");
        assert_eq!(alone.last_learnt().count(), 0);
    }
}
