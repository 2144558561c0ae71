//! What workers own and the next start needs: written while the service runs,
//! and when it ends. Windows that can be kept are not closed early.

use std::fs::File;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use crossbeam_channel::Receiver;

use super::emitted::Place;
use super::evidence::Header;
use super::rounds::Rounds;
use crate::model::line::Regions;
use crate::model::time::Timestamp;
use crate::orient::LineKeys;
use crate::pipeline::Front;
use crate::service::{OpenWindows, backs};

/// The keeper's part for all workers.
pub(in crate::service) struct Keeping {
    pub(in crate::service) exporters: Rounds,
    pub(in crate::service) evidence: Rounds,
    /// What front workers leave.
    pub(in crate::service) fronts: Receiver<Front>,
    /// What back workers leave.
    pub(in crate::service) backs: Receiver<backs::Worker>,
    /// Where detections are written, if that can be read back.
    pub(in crate::service) detections: Arc<ArcSwapOption<File>>,
    pub(in crate::service) windows: OpenWindows,
}

impl Keeping {
    /// What is to be said about readiness.
    pub(in crate::service) fn warnings(&self) -> impl Iterator<Item = String> {
        [self.exporters.warning(), self.evidence.warning()].into_iter().flatten()
    }

    /// Does what is due. Says whether a warning has changed.
    pub(in crate::service) fn step(
        &mut self,
        now: Timestamp,
        keys: &LineKeys,
        regions: &Regions,
    ) -> bool {
        let told = self.exporters.step(Vec::new);
        let Self { evidence, detections, windows, .. } = self;
        let header = || header(keys, detections, now, regions);
        told | (*windows == OpenWindows::Keep && evidence.step(header))
    }

    /// Writes what the workers left. What cannot be kept is closed early.
    pub(in crate::service) fn finish(mut self, now: Timestamp, keys: &LineKeys, regions: &Regions) {
        let mut fronts: Vec<Front> = self.fronts.try_iter().collect();
        // The next start has the keys that are known last.
        fronts.iter_mut().for_each(|front| front.rekey(keys.clone()));
        let kept = self.exporters.finish(Vec::new(), fronts.iter());
        let waiting: u64 = fronts.iter().map(|front| front.decoder().queued().records).sum();
        if waiting > 0 && kept {
            tracing::info!(
                waiting,
                "data sets that wait for a template are kept for the next start"
            );
        } else if waiting > 0 {
            tracing::error!(waiting, "data sets that still waited for a template are lost");
        }
        let backs: Vec<backs::Worker> = self.backs.try_iter().collect();
        let header = header(keys, &self.detections, now, regions);
        let keep = self.windows == OpenWindows::Keep;
        if keep && self.evidence.finish(header, backs.iter().map(backs::Worker::engine)) {
            let touches: usize = backs.iter().map(|worker| worker.engine().touches()).sum();
            tracing::info!(touches, "windows still open are kept for the next start");
            return;
        }
        if keep {
            tracing::error!("windows still open cannot be kept for the next start");
        }
        backs.into_iter().for_each(backs::Worker::close_early);
        self.evidence.forget();
    }
}

/// What stands in front of evidence. It is made before any worker begins: what
/// is emitted later stands behind this place in the file.
fn header(
    keys: &LineKeys,
    detections: &ArcSwapOption<File>,
    now: Timestamp,
    regions: &Regions,
) -> Vec<u8> {
    let place = detections.load().as_deref().and_then(Place::of);
    let key = keys.at(now).fingerprint();
    Header { key, now, place, regions }.to_bytes()
}
