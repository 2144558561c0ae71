//! Threads that take datagrams off the sockets and hand them to front workers.
//!
//! One thread a socket. A datagram goes to the worker its source address
//! hashes to, so that one exporter is decoded in the order of arrival by one
//! worker, which alone knows its templates. Batches wait for a slow worker;
//! when its queue is full and the next batch too, the worker loses datagrams,
//! and they are counted. A receiver that waited would make the kernel drop
//! instead, for the other workers too.
//!
//! A socket that had little is left alone for a moment, so that the next system
//! call brings many datagrams and a worker is woken for many. The pause is short
//! against what the socket's buffer holds, and there is none where the kernel
//! gave a small one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};

use super::batch::{Batch, Pool};
use super::clock::{Clock, Stopwatch};
use crate::metrics::Metrics;
use crate::receive::udp::{BUFFER_ASKED, Listener};

/// Bytes of a batch: 360 datagrams of 1.4 KB.
pub(super) const ROOM: usize = 512 << 10;
/// Batches that wait for one front worker: 32 MB, or 22,000 datagrams of
/// 1.4 KB, or 45 ms at 500,000 a second. A worker that is kept from running for
/// longer loses datagrams.
pub(super) const QUEUE: usize = 64;
/// Batches that wait before a batch is filled up rather than handed on: who has
/// something to do is not helped by small ones.
const ENOUGH: usize = 2;
/// How long a socket is still emptied after shutdown began.
const LAST_READS: Duration = Duration::from_secs(1);
/// Pause after a read that failed, so that a broken socket does not spin.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest time that a socket is left alone.
const LONGEST_NAP: Duration = Duration::from_micros(500);
/// A shorter pause costs more than it saves.
const SHORTEST_NAP: Duration = Duration::from_micros(50);
/// What the kernel charges a socket's buffer for a datagram of 1.4 KB.
const CHARGED: usize = 2_304;

/// What a receiver works with.
pub(super) struct Receiver {
    pub(super) listener: Listener,
    pub(super) workers: Vec<Sender<Batch>>,
    /// Bytes a batch may grow to.
    pub(super) room: usize,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) stop: Arc<AtomicBool>,
}

impl Receiver {
    /// Receives until it is told to stop and the socket is empty.
    pub(super) fn run(mut self) {
        let label = self.listener.local_address().to_string();
        let received = self.metrics.datagrams_received.with_label_values(&[&label]);
        let kernel_drops = self.metrics.kernel_drops.with_label_values(&[&label]);
        let errors = self.metrics.receive_errors.with_label_values(&[&label]);
        let dropped = self.metrics.queue_dropped.with_label_values(&["datagrams"]);
        let pool = Pool::new();
        let mut pending: Vec<Batch> = self.workers.iter().map(|_| pool.batch()).collect();
        let nap = nap(self.listener.buffer_given());
        let mut stopping: Option<Stopwatch> = None;
        // Whether datagrams wait here to be handed on.
        let mut waiting = false;
        loop {
            let (clock, room, workers) = (self.clock, self.room, &self.workers);
            let mut without_room = 0;
            // One look at the clock for what waited in the socket together.
            let mut now = None;
            let read = self.listener.receive(!waiting, |source, port, payload| {
                let number = worker_of(source, pending.len());
                let (worker, batch) = (&workers[number], &mut pending[number]);
                if batch.size() >= room && !hand_on(worker, batch, &pool) {
                    without_room += 1;
                    return;
                }
                batch.push((source, port), *now.get_or_insert_with(|| clock.now()), payload);
            });
            dropped.inc_by(without_room);
            match read {
                Ok(batch) => {
                    received.inc_by(batch.datagrams);
                    kernel_drops.inc_by(batch.kernel_drops);
                    for (worker, pending) in self.workers.iter().zip(&mut pending) {
                        if worker.len() < ENOUGH || batch.datagrams == 0 {
                            hand_on(worker, pending, &pool);
                        }
                    }
                    waiting = pending.iter().any(|batch| batch.len() > 0);
                    let some = batch.datagrams > 0 && !batch.more;
                    if let Some(nap) = nap.filter(|_| some && stopping.is_none()) {
                        super::pause(nap);
                    } else if waiting && batch.datagrams == 0 {
                        // No worker has room, and nothing is to be read.
                        super::pause(SHORTEST_NAP);
                    }
                    if stopping.is_some() && batch.datagrams == 0 {
                        break;
                    }
                }
                Err(error) => {
                    errors.inc();
                    tracing::warn!(listener = label, %error, "cannot read the socket");
                    super::pause(PAUSE);
                }
            }
            if self.stop.load(Ordering::Relaxed)
                && stopping.get_or_insert_with(Stopwatch::start).elapsed() > LAST_READS
            {
                break;
            }
        }
        for (worker, batch) in self.workers.iter().zip(pending) {
            // A worker that is gone has panicked, which ends the service.
            let _ = worker.send(batch);
        }
    }
}

/// Shows how large a socket's buffer is, and warns when it is smaller than asked
/// for.
pub(super) fn tell_buffer(listener: &Listener, metrics: &Metrics) {
    let address = listener.local_address().to_string();
    let given = listener.buffer_given();
    metrics
        .socket_buffer
        .with_label_values(&[&address])
        .set(i64::try_from(given).unwrap_or(i64::MAX));
    if given < BUFFER_ASKED {
        tracing::warn!(
            listener = address,
            given,
            asked = BUFFER_ASKED,
            "the socket buffer is smaller than asked for, bursts may be lost; raise net.core.rmem_max"
        );
    }
}

/// How long a socket with this buffer may be left alone: until an eighth of it
/// is full at a million datagrams a second. The kernel's own account is twice
/// what it says it gave.
fn nap(buffer_given: usize) -> Option<Duration> {
    let micros = 2 * buffer_given / CHARGED / 8;
    let nap = Duration::from_micros(micros as u64).min(LONGEST_NAP);
    (nap >= SHORTEST_NAP).then_some(nap)
}

/// The worker for an exporter. Sources are few and the hash is unkeyed: who
/// can choose source addresses can overload the collector anyway.
///
/// What exporters told is dealt by it after a restart, when only their address
/// in its canonical form is known.
pub(super) fn worker_of(source: IpAddr, workers: usize) -> usize {
    if workers == 1 {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    source.to_canonical().hash(&mut hasher);
    let place = hasher.finish() % workers as u64;
    usize::try_from(place).unwrap_or(0)
}

/// Hands a batch on, or keeps it when the queue is full; says whether there is
/// room again.
fn hand_on(worker: &Sender<Batch>, pending: &mut Batch, pool: &Pool) -> bool {
    if pending.len() == 0 {
        return true;
    }
    match worker.try_send(std::mem::replace(pending, pool.batch())) {
        Ok(()) => true,
        Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => {
            *pending = batch;
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::super::batch::Entry;
    use super::*;
    use crate::receive::udp::bind_all;

    #[test]
    fn what_a_slow_worker_loses_is_counted_and_the_rest_comes_in_order() {
        let listener = bind_all(&["127.0.0.1:0".parse().unwrap()], 1, false).unwrap().remove(0);
        let to = listener.local_address();
        let (queue, worker) = crossbeam_channel::bounded(2);
        let metrics = Metrics::new().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let receiver = Receiver {
            listener,
            workers: vec![queue],
            room: 50 * (size_of::<Entry>() + 2),
            clock: Clock::Real,
            metrics: metrics.clone(),
            stop: stop.clone(),
        };
        const SENT: u16 = 300;
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for number in 0..SENT {
            sender.send_to(&number.to_be_bytes(), to).unwrap();
        }
        // Told to stop before it starts: it reads what is there, and then waits
        // for the worker, which starts late.
        stop.store(true, Ordering::Relaxed);
        let dropped = metrics.queue_dropped.with_label_values(&["datagrams"]);
        let mut numbers = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| receiver.run());
            while dropped.get() == 0 {
                std::thread::yield_now();
            }
            for batch in &worker {
                numbers.extend(batch.datagrams().map(|(datagram, _)| datagram.payload.to_vec()));
            }
        });
        let received = metrics.datagrams_received.with_label_values(&[&to.to_string()]).get();
        assert_eq!(received, u64::from(SENT));
        assert_eq!(numbers.len() as u64 + dropped.get(), received);
        assert!(numbers.len() >= 50 && numbers.is_sorted(), "{numbers:?}");
    }

    #[test]
    fn a_small_buffer_is_never_left_alone() {
        assert_eq!(nap(208 << 10), None);
        assert_eq!(nap(16 << 20), Some(LONGEST_NAP));
        assert!(nap(2 << 20).is_some_and(|nap| nap < LONGEST_NAP));
    }

    #[test]
    fn exporters_spread_over_workers_and_stay_on_theirs() {
        let source = |last: u8| IpAddr::from([192, 0, 2, last]);
        let places: Vec<_> = (0..=255).map(|last| worker_of(source(last), 4)).collect();
        for worker in 0..4 {
            assert!(places.iter().filter(|place| **place == worker).count() > 20);
        }
        assert_eq!(worker_of(source(1), 4), worker_of(source(1), 4));
    }
}
