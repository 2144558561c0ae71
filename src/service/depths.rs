//! How full the queues between the threads are.
//!
//! Only receiving ends are held here: a sending end would keep the thread at
//! the other side from ending.

use crossbeam_channel::Receiver;

use super::backs::Message;
use super::batch::Batch;
use super::{history, sink};
use crate::metrics::Metrics;

/// One end of every queue.
pub(super) struct Depths {
    pub(super) datagrams: Vec<Receiver<Batch>>,
    pub(super) sightings: Vec<Receiver<Message>>,
    pub(super) detections: Receiver<sink::Batch>,
    pub(super) history: Option<Receiver<history::Told>>,
}

impl Depths {
    /// Shows how many batches wait.
    pub(super) fn show(&self, metrics: &Metrics) {
        for (queue, depth) in [
            ("datagrams", self.datagrams.iter().map(Receiver::len).sum()),
            ("sightings", self.sightings.iter().map(Receiver::len).sum()),
            ("detections", self.detections.len()),
            ("history", self.history.as_ref().map_or(0, Receiver::len)),
        ] {
            let depth: usize = depth;
            let gauge = metrics.queue_depth.with_label_values(&[queue]);
            gauge.set(i64::try_from(depth).unwrap_or(i64::MAX));
        }
    }
}
