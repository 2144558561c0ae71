//! Templates, samplers and what waits for a template in a checkpoint: dealt to
//! front workers as their exporters are, however many workers there are now.

use std::net::IpAddr;

use super::{Folder, Kind};
use crate::decode::checkpoint::{Restored, restore};
use crate::decode::{DecodeSettings, Decoder};
use crate::metrics::Metrics;
use crate::model::time::Timestamp;
use crate::orient::LineKeys;
use crate::service::counts;
use crate::service::receivers::worker_of;

/// So many decoders, with what exporters told them before the service ended.
pub(in crate::service) fn restore_decoders(
    folder: Option<&Folder>,
    metrics: &Metrics,
    (number, settings): (usize, &DecodeSettings),
    keys: &LineKeys,
    now: Timestamp,
) -> Vec<Decoder> {
    let make = || (0..number).map(|_| Decoder::new(settings.clone())).collect::<Vec<_>>();
    let Some(folder) = folder else { return make() };
    let kind = Kind::Exporters;
    let found = folder.read(kind, kind.format(), &metrics.checkpoints, |payload| {
        let mut decoders = make();
        let owner = |address: IpAddr| worker_of(address, number);
        let open = |context: &[u8], sealed: &[u8]| keys.open(context, sealed);
        let restored = restore(payload, now, &mut decoders, owner, open);
        Ok((decoders, restored.map_err(|error| error.to_string())?))
    });
    let Some((decoders, restored)) = found else { return make() };
    counts::add_restored(metrics, &restored, decoders.iter().map(Decoder::queued));
    let Restored { exporters, templates, samplers, refused, last, sets, .. } = restored;
    let shown = i64::try_from(exporters).unwrap_or(i64::MAX);
    metrics.checkpoints.restored.with_label_values(&[kind.name()]).set(shown);
    let waiting: u64 = decoders.iter().map(|decoder| decoder.queued().records).sum();
    tracing::info!(
        exporters,
        templates,
        samplers,
        refused,
        waiting,
        last_heard = %last,
        "read back what exporters told of themselves; what they sent since they were last heard is not known"
    );
    let unopened = restored.counts.sets_unopened;
    if unopened > 0 {
        tracing::error!(
            unopened,
            "data sets that waited for a template are lost: they were sealed under another key than that in `lines.key_file`, or changed since"
        );
    }
    let over = sets - waiting - unopened;
    if over > 0 {
        tracing::warn!(
            over,
            "data sets that waited for a template have waited too long, or are too many"
        );
    }
    decoders
}
