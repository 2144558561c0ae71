//! Threads that take datagrams off the sockets and hand them to front workers.
//!
//! One thread a socket. A datagram goes to the worker its source address
//! hashes to, so that one exporter is decoded in the order of arrival by one
//! worker, which alone knows its templates. What a slow worker has not taken yet
//! gathers in a batch that grows; when that is full the worker loses datagrams,
//! and they are counted. A receiver that waited would make the kernel drop
//! instead, for the other workers too.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};

use super::clock::{Clock, Stopwatch};
use crate::decode::Datagram;
use crate::metrics::Metrics;
use crate::model::time::Timestamp;
use crate::receive::udp::Listener;

/// Batches that wait for one front worker. Few, because a batch grows while
/// the queue is full: what bounds the memory is [`ROOM`].
pub(super) const QUEUE: usize = 4;
/// Bytes a batch may grow to: 22,000 datagrams of 1.4 KB, or 45 ms at 500,000 a
/// second. A worker that is kept from running for longer loses datagrams.
pub(super) const ROOM: usize = 32 << 20;
/// How long a socket is still emptied after shutdown began.
const LAST_READS: Duration = Duration::from_secs(1);
/// Pause after a read that failed, so that a broken socket does not spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Datagrams on their way to one worker: all payloads in one buffer.
#[derive(Default)]
pub(super) struct Batch {
    payloads: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    source: IpAddr,
    source_port: u16,
    received: Timestamp,
    end: usize,
}

impl Batch {
    /// Bytes held.
    fn size(&self) -> usize {
        self.payloads.len() + self.entries.len() * size_of::<Entry>()
    }

    fn push(&mut self, source: IpAddr, source_port: u16, received: Timestamp, payload: &[u8]) {
        self.payloads.extend_from_slice(payload);
        self.entries.push(Entry { source, source_port, received, end: self.payloads.len() });
    }

    /// The datagrams in the order of arrival.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let payload = &self.payloads[start..entry.end];
            start = entry.end;
            Datagram {
                source: entry.source,
                source_port: entry.source_port,
                received: entry.received,
                payload,
            }
        })
    }
}

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
        let mut pending: Vec<Batch> = self.workers.iter().map(|_| Batch::default()).collect();
        let mut stopping: Option<Stopwatch> = None;
        loop {
            let (clock, room) = (self.clock, self.room);
            let mut without_room = 0;
            let read = self.listener.receive(|source, port, payload| {
                let worker = worker_of(source, pending.len());
                if pending[worker].size() < room {
                    pending[worker].push(source, port, clock.now(), payload);
                } else {
                    without_room += 1;
                }
            });
            dropped.inc_by(without_room);
            match read {
                Ok(batch) => {
                    received.inc_by(batch.datagrams);
                    kernel_drops.inc_by(batch.kernel_drops);
                    for (worker, batch) in self.workers.iter().zip(&mut pending) {
                        hand_on(worker, batch);
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

/// Hands a batch on, or keeps it to grow when the queue is full.
fn hand_on(worker: &Sender<Batch>, pending: &mut Batch) {
    if pending.entries.is_empty() {
        return;
    }
    // The room of the next batch is that of this one: traffic is steady.
    let next = Batch {
        payloads: Vec::with_capacity(pending.payloads.len()),
        entries: Vec::with_capacity(pending.entries.len()),
    };
    if let Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) =
        worker.try_send(std::mem::replace(pending, next))
    {
        *pending = batch;
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::receive::udp::bind_all;

    #[test]
    fn a_batch_gives_back_what_was_put_in() {
        let mut batch = Batch::default();
        let source: IpAddr = "192.0.2.1".parse().unwrap();
        for payload in [&b"one"[..], b"", b"three"] {
            batch.push(source, 9, Timestamp::EPOCH, payload);
        }
        let payloads: Vec<_> = batch.datagrams().map(|datagram| datagram.payload).collect();
        assert_eq!(payloads, [&b"one"[..], b"", b"three"]);
    }

    #[test]
    fn what_a_slow_worker_loses_is_counted_and_the_rest_comes_in_order() {
        let listener = bind_all(&["127.0.0.1:0".parse().unwrap()]).unwrap().remove(0);
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
                numbers.extend(batch.datagrams().map(|datagram| datagram.payload.to_vec()));
            }
        });
        let received = metrics.datagrams_received.with_label_values(&[&to.to_string()]).get();
        assert_eq!(received, u64::from(SENT));
        assert_eq!(numbers.len() as u64 + dropped.get(), received);
        assert!(numbers.len() >= 50 && numbers.is_sorted(), "{numbers:?}");
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
