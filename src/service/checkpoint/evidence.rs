//! The open windows in a checkpoint, and what the service adds: under which key
//! lines got their pseudonyms, how regions are called, and how far the file of
//! detections was written, so that what was emitted since is not emitted again.
//!
//! In front of the engines' own bytes stands the length of that header, as four
//! bytes, and the header: the key's fingerprint (8 bytes), when it was written
//! (ms), 0 or 1 and device, inode and length of the file, number of regions, and
//! their names.

use std::io::Read;
use std::sync::Arc;

use hashbrown::HashSet;

use super::emitted::{Place, read_emitted};
use super::{Folder, Kind};
use crate::bytes::{Input, put_number, put_text};
use crate::config::DetectionSink;
use crate::detect::checkpoint::{CheckpointError, Restored, restore};
use crate::detect::{Engine, Settings};
use crate::metrics::CheckpointMetrics;
use crate::model::line::{RegionId, Regions};
use crate::model::rules::Rules;
use crate::model::time::Timestamp;
use crate::orient::LineKeys;
use crate::service::backs::worker_of;
use crate::service::clock::Stopwatch;

/// Longest name of a region.
const LONGEST_REGION: usize = 65_536;
/// Regions that there can be.
const MOST_REGIONS: usize = 65_536;
/// Longest header.
const LONGEST_HEADER: u64 = 64 << 20;

/// What stands in front of the windows.
pub(in crate::service) struct Header<'a> {
    /// The fingerprint of the key in force at that time.
    pub(in crate::service) key: u64,
    pub(in crate::service) now: Timestamp,
    pub(in crate::service) place: Option<Place>,
    pub(in crate::service) regions: &'a Regions,
}

impl Header<'_> {
    pub(in crate::service) fn to_bytes(&self) -> Vec<u8> {
        let mut header = self.key.to_le_bytes().to_vec();
        put_number(&mut header, self.now.as_millis());
        header.push(u8::from(self.place.is_some()));
        if let Some(Place { device, inode, length }) = self.place {
            [device, inode, length].iter().for_each(|number| put_number(&mut header, *number));
        }
        put_number(&mut header, self.regions.iter().count() as u64);
        self.regions.iter().for_each(|(_, name)| put_text(&mut header, name));
        let length = u32::try_from(header.len()).unwrap_or(u32::MAX);
        [&length.to_le_bytes(), &*header].concat()
    }
}

/// A header that was read.
struct Found {
    key: u64,
    written: Timestamp,
    place: Option<Place>,
    regions: Vec<String>,
}

fn read_header(payload: &mut dyn Read) -> Result<Found, String> {
    let mut length = [0; 4];
    payload.read_exact(&mut length).map_err(|error| error.to_string())?;
    let length = u64::from(u32::from_le_bytes(length));
    if length > LONGEST_HEADER {
        return Err(format!("its header has {length} bytes, allowed: {LONGEST_HEADER}"));
    }
    let mut header = Vec::new();
    payload.take(length).read_to_end(&mut header).map_err(|error| error.to_string())?;
    parse(&header).map_err(|error| format!("its header: {error}"))
}

fn parse(header: &[u8]) -> Result<Found, CheckpointError> {
    let mut input = Input::new(header);
    let key = u64::from_le_bytes(input.array()?);
    let written = Timestamp::from_millis(input.number()?);
    let place = match input.byte()? {
        0 => None,
        1 => {
            let (device, inode) = (input.number()?, input.number()?);
            Some(Place { device, inode, length: input.number()? })
        }
        other => return input.damaged(format!("found {other}, allowed: 0, 1")),
    };
    let mut regions = Vec::new();
    for _ in 0..input.below(MOST_REGIONS + 1, "a number of regions of")? {
        regions.push(input.text(LONGEST_REGION)?.to_owned());
    }
    if !input.is_at_end()? {
        return input.damaged("more bytes after the end");
    }
    Ok(Found { key, written, place, regions })
}

/// What was kept for back workers.
pub(in crate::service) struct Kept {
    /// Of each worker.
    pub(in crate::service) engines: Vec<Engine>,
    /// Detections of the open windows of each that were emitted already.
    pub(in crate::service) emitted: Vec<HashSet<u128>>,
    /// Today's regions, and those of lines that were seen.
    pub(in crate::service) regions: Regions,
}

/// So many engines, with the windows that were open when the service ended.
pub(in crate::service) fn restore_evidence(
    folder: Option<&Folder>,
    metrics: &CheckpointMetrics,
    (number, settings, rules): (usize, Settings, &Arc<Rules>),
    keys: &LineKeys,
    regions: &Regions,
    sink: &DetectionSink,
) -> Kept {
    let work = Stopwatch::start();
    let make = || Kept {
        engines: (0..number).map(|_| Engine::new(settings, rules.clone())).collect(),
        emitted: vec![HashSet::new(); number],
        regions: regions.clone(),
    };
    let Some(folder) = folder else { return make() };
    let kind = Kind::Evidence;
    let found = folder.read(kind, kind.format(), metrics, |payload| {
        let header = read_header(payload)?;
        if header.key != keys.at(header.written).fingerprint() {
            return Err("its lines have pseudonyms by another key than that in `lines.key_file`; with the former key it can be used".to_owned());
        }
        let mut kept = make();
        let of_today: Vec<RegionId> =
            header.regions.iter().map(|name| kept.regions.intern(name)).collect();
        let region = |id: u16| of_today.get(usize::from(id)).copied().unwrap_or_default();
        let restored = restore(payload, &mut kept.engines, |line| worker_of(line, number), region)
            .map_err(|error| error.to_string())?;
        Ok((kept, restored, header))
    });
    let Some((mut kept, restored, header)) = found else { return make() };
    let mut emitted = 0_u64;
    if let (DetectionSink::File(path), Some(place)) = (sink, header.place) {
        let open = kept.engines.iter().flat_map(Engine::open_windows).collect();
        let read = read_emitted(path, place, &open, |line, identity| {
            emitted += u64::from(kept.emitted[worker_of(line, number)].insert(identity));
        });
        if let Err(error) = read {
            tracing::error!(path = %path.display(), %error, "what was emitted last cannot be read, some detections may be written again");
        }
    }
    let Restored { lines, touches, in_use, refused } = restored;
    let shown = i64::try_from(touches).unwrap_or(i64::MAX);
    metrics.restored.with_label_values(&[kind.name()]).set(shown);
    tracing::info!(
        lines,
        touches,
        in_use,
        refused,
        emitted,
        written = %header.written,
        seconds = work.elapsed().as_secs_f64(),
        "read back the evidence of windows that were open"
    );
    kept
}
