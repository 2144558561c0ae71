//! The queue between those who must not wait for a disk and the thread that does.
//!
//! What is put in comes in a burst when a window closes, so whoever puts in waits
//! a moment for room. A thread that has made no progress for that long is stuck:
//! from then on the oldest gives way to the newest, without waiting, and what is
//! lost is told. Evidence must not suffer from a full disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};

/// How long to wait for room before the other side counts as stuck.
const PATIENCE: Duration = Duration::from_secs(1);

/// The end that is put in.
pub(super) struct Queue<T> {
    what: &'static str,
    length: usize,
    into: Sender<T>,
    oldest: Receiver<T>,
    stuck: Arc<AtomicBool>,
    settling: Settling,
    lost: Arc<dyn Fn(T) + Send + Sync>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            what: self.what,
            length: self.length,
            into: self.into.clone(),
            oldest: self.oldest.clone(),
            stuck: self.stuck.clone(),
            settling: self.settling.clone(),
            lost: self.lost.clone(),
        }
    }
}

/// What became of all that was put in, as the thread at the other end says.
#[derive(Clone, Default)]
pub(super) struct Settling {
    /// What waits or is being written.
    unwritten: Arc<AtomicUsize>,
    /// Whether writing fails at the moment.
    failing: Arc<AtomicBool>,
}

impl Settling {
    /// So many were written, or will not be any more.
    pub(super) fn settle(&self, entries: usize) {
        self.unwritten.fetch_sub(entries, Ordering::Release);
    }

    /// Says whether writing fails.
    pub(super) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }
}

/// A queue of so many entries for what is called `what`; `lost` is told of those
/// that gave way.
pub(super) fn queue<T>(
    what: &'static str,
    length: usize,
    lost: impl Fn(T) + Send + Sync + 'static,
) -> (Queue<T>, Receiver<T>, Settling) {
    let (into, oldest) = bounded(length);
    let settling = Settling::default();
    let queue = Queue {
        what,
        length,
        into,
        oldest: oldest.clone(),
        stuck: Arc::default(),
        settling: settling.clone(),
        lost: Arc::new(lost),
    };
    (queue, oldest, settling)
}

impl<T> Queue<T> {
    /// Whether there is room for some, or no use in waiting for it.
    pub(super) fn has_room(&self) -> bool {
        self.into.len() < self.length / 2 || self.stuck.load(Ordering::Relaxed)
    }

    /// Whether all that was put in was written, or will not be any more. Until
    /// then a checkpoint must not forget what it came from.
    pub(super) fn is_settled(&self) -> bool {
        self.settling.unwritten.load(Ordering::Acquire) == 0
            || self.stuck.load(Ordering::Relaxed)
            || self.settling.failing.load(Ordering::Relaxed)
    }

    /// Puts one in.
    pub(super) fn put(&self, entry: T) {
        self.settling.unwritten.fetch_add(1, Ordering::Release);
        let patience = if self.stuck.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
        let mut entry = match self.into.send_timeout(entry, patience) {
            Ok(()) => {
                // Half empty means that the other side moves again.
                if self.into.len() < self.length / 2 {
                    self.stuck.store(false, Ordering::Relaxed);
                }
                return;
            }
            Err(SendTimeoutError::Timeout(entry) | SendTimeoutError::Disconnected(entry)) => entry,
        };
        if !self.stuck.swap(true, Ordering::Relaxed) {
            tracing::warn!("{} are not being written, dropping the oldest", self.what);
        }
        loop {
            if let Ok(oldest) = self.oldest.try_recv() {
                self.lose(oldest);
            }
            match self.into.try_send(entry) {
                Ok(()) => return,
                Err(TrySendError::Full(back)) => entry = back,
                Err(TrySendError::Disconnected(entry)) => return self.lose(entry),
            }
        }
    }

    fn lose(&self, entry: T) {
        self.settling.settle(1);
        (self.lost)(entry);
    }
}
