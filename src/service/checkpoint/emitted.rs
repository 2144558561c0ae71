//! What was emitted since a checkpoint was begun: the end of the file of
//! detections says it, to the line. A window that was closed after the last
//! checkpoint is open in it; without this its detections would be written twice
//! after the service was killed, and a mark set before or after writing them
//! would lose or repeat those that were just being written.
//!
//! Standard output cannot be read back: there a checkpoint is begun as soon as a
//! window has closed, and what was printed until it is on the disk may be printed
//! again.

use std::fs::{self, File, Metadata};
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hashbrown::HashSet;
use serde::Deserialize;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::model::detection::Detection;
use crate::model::line::LineId;
use crate::model::time::{Timestamp, Window};

/// How far a file was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) struct Place {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) length: u64,
}

impl Place {
    /// The end of this file; nothing if it is none that can be read back.
    pub(in crate::service) fn of(file: &File) -> Option<Self> {
        let found = file.metadata().ok().filter(Metadata::is_file)?;
        Some(Self { device: found.dev(), inode: found.ino(), length: found.len() })
    }

    fn is_in(&self, found: &Metadata) -> bool {
        (found.dev(), found.ino()) == (self.device, self.inode)
    }
}

/// What makes a detection the same as another.
pub(in crate::service) fn identity(detection: &Detection) -> u128 {
    hash(detection.window, detection.start, detection.line, &detection.class)
}

fn hash(window: Window, start: Timestamp, line: LineId, class: &str) -> u128 {
    let mut hasher = SipHasher13::new();
    hasher.write(window.as_str().as_bytes());
    hasher.write_u64(start.as_millis());
    hasher.write_u128(line.0);
    hasher.write(class.as_bytes());
    hasher.finish128().as_u128()
}

/// As much of a line as makes its identity.
#[derive(Deserialize)]
struct Emitted {
    window: Window,
    start: Timestamp,
    line: LineId,
    class: String,
}

/// Tells of the detections of these windows that were written since: to the
/// file at `path`, and before that to the one that was there when `place` was
/// taken, if it was renamed meanwhile.
pub(super) fn read_emitted(
    path: &Path,
    place: Place,
    windows: &HashSet<(Window, Timestamp)>,
    mut tell: impl FnMut(LineId, u128),
) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    let same = file.as_ref().map(File::metadata).transpose()?.is_some_and(|f| place.is_in(&f));
    if !same && let Some(folder) = path.parent() {
        for entry in
            fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?
        {
            let entry = entry?;
            if entry.metadata().is_ok_and(|found| found.is_file() && place.is_in(&found)) {
                files.push((File::open(entry.path())?, place.length));
            }
        }
    }
    files.extend(file.map(|file| (file, if same { place.length } else { 0 })));
    for (mut file, from) in files {
        // One that was cut since is read from its beginning.
        let from = if file.metadata()?.len() < from { 0 } else { from };
        file.seek(SeekFrom::Start(from))?;
        read(BufReader::with_capacity(1 << 18, file), windows, &mut tell)?;
    }
    Ok(())
}

fn read(
    mut file: impl BufRead,
    windows: &HashSet<(Window, Timestamp)>,
    tell: &mut impl FnMut(LineId, u128),
) -> io::Result<()> {
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line)? > 0 {
        // Half a line was not emitted, and others are not ours.
        if let Ok(found) = serde_json::from_slice::<Emitted>(&line)
            && windows.contains(&(found.window, found.start))
        {
            tell(found.line, hash(found.window, found.start, found.line, &found.class));
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::model::line::Regions;
    use crate::publish::jsonl::write_detection;
    use crate::publish::wire::detection_for_tests as detection;

    fn line(line: u128, class: &str) -> (Vec<u8>, u128) {
        let detection = Detection { line: LineId(line), class: class.into(), ..detection() };
        let mut text = Vec::new();
        write_detection(&mut text, &detection, &Regions::default().name(detection.region)).unwrap();
        (text, identity(&detection))
    }

    #[test]
    fn what_was_written_since_is_known_over_a_rotation_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("detections.jsonl");
        let mut file = File::options().append(true).create(true).open(&path).unwrap();
        file.write_all(&line(1, "before").0).unwrap();
        let place = Place::of(&file).unwrap();
        file.write_all(&line(2, "since").0).unwrap();
        let (half, _) = line(3, "half");
        let windows: HashSet<_> = [(detection().window, detection().start)].into();
        let known = |windows: &HashSet<_>| {
            let mut known = Vec::new();
            read_emitted(&path, place, windows, |line, identity| known.push((line.0, identity)))
                .unwrap();
            known
        };
        let since = (2, line(2, "since").1);
        assert_eq!(known(&windows), [since]);
        assert_eq!(known(&HashSet::new()), [], "of windows that are open only");

        fs::rename(&path, dir.path().join("detections.jsonl.1")).unwrap();
        assert_eq!(known(&windows), [since], "and nothing new");
        let mut file = File::create(&path).unwrap();
        file.write_all(&[&*line(4, "new").0, b"no detection\n", &half[..20]].concat()).unwrap();
        assert_eq!(known(&windows), [since, (4, line(4, "new").1)]);
        // Copied away and cut, as some do.
        fs::remove_file(dir.path().join("detections.jsonl.1")).unwrap();
        assert_eq!(known(&windows), [(4, line(4, "new").1)]);
    }
}
