//! Handing a new snapshot to readers that must not pay for the old one.
//!
//! An [`Arc`] is freed by whoever lets go of it last, and that would be a front
//! worker between two datagrams: a view of a million endpoints takes it some
//! milliseconds, in which a socket fills up. The writer therefore keeps every
//! snapshot that it replaced until it is the only one that has it.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// The writer's side of a snapshot that others read.
pub struct Handover<T> {
    in_force: Arc<ArcSwap<T>>,
    /// Replaced, and perhaps still read. A reader holds one snapshot at a time,
    /// so there are never more than readers, and one.
    retired: Vec<Arc<T>>,
}

impl<T> Handover<T> {
    /// Hands over through `in_force`.
    pub fn through(in_force: Arc<ArcSwap<T>>) -> Self {
        Self { in_force, retired: Vec::new() }
    }

    /// Puts `next` in force and frees what nobody reads any more.
    pub fn replace(&mut self, next: Arc<T>) {
        self.retired.push(self.in_force.swap(next));
        self.bury();
    }

    /// Frees what nobody reads any more; returns how many are still read.
    pub fn bury(&mut self) -> usize {
        // Nobody can take up a snapshot that is not in force, so one that is
        // ours alone stays so.
        self.retired.retain(|retired| Arc::strong_count(retired) > 1);
        self.retired.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread::{self, ThreadId};

    use super::*;

    /// Tells which thread has freed it.
    struct Freed(std::sync::mpsc::Sender<ThreadId>);

    impl Drop for Freed {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "whose thread frees is what this is about")]
    fn a_reader_that_is_the_last_does_not_free() {
        let (freed, freeings) = channel();
        let in_force = Arc::new(ArcSwap::from_pointee(Freed(freed.clone())));
        let mut handover = Handover::through(in_force.clone());
        let old = in_force.load_full();
        handover.replace(Arc::new(Freed(freed.clone())));
        handover.replace(Arc::new(Freed(freed)));
        assert_eq!(freeings.try_recv().unwrap(), thread::current().id(), "nobody read the second");
        assert_eq!(handover.bury(), 1, "the first is still read");
        thread::spawn(move || drop(old)).join().unwrap();
        assert!(freeings.try_recv().is_err(), "its last reader has not freed it");
        assert_eq!(handover.bury(), 0);
        assert_eq!(freeings.try_recv().unwrap(), thread::current().id());
    }
}
