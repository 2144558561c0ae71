//! Templates and samplers in a checkpoint: dealt to front workers as their
//! exporters are, however many workers there are now.

use super::{Folder, Kind};
use crate::decode::checkpoint::{Restored, restore};
use crate::decode::{DecodeSettings, Decoder};
use crate::metrics::CheckpointMetrics;
use crate::model::time::Timestamp;
use crate::service::receivers::worker_of;

/// So many decoders, with what exporters told them before the service ended.
pub(in crate::service) fn restore_decoders(
    folder: Option<&Folder>,
    metrics: &CheckpointMetrics,
    number: usize,
    settings: &DecodeSettings,
    now: Timestamp,
) -> Vec<Decoder> {
    let make = || (0..number).map(|_| Decoder::new(settings.clone())).collect::<Vec<_>>();
    let Some(folder) = folder else { return make() };
    let kind = Kind::Exporters;
    let found = folder.read(kind, kind.format(), metrics, |payload| {
        let mut decoders = make();
        let owner = |id: crate::model::exporter::ExporterId| worker_of(id.address, number);
        let restored = restore(payload, now, &mut decoders, owner);
        Ok((decoders, restored.map_err(|error| error.to_string())?))
    });
    let Some((decoders, restored)) = found else { return make() };
    let Restored { exporters, templates, samplers, refused, last } = restored;
    let shown = i64::try_from(exporters).unwrap_or(i64::MAX);
    metrics.restored.with_label_values(&[kind.name()]).set(shown);
    tracing::info!(
        exporters,
        templates,
        samplers,
        refused,
        last_heard = %last,
        "read back what exporters told of themselves; what they sent since they were last heard is not known"
    );
    decoders
}
