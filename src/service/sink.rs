//! The thread between back workers and the file of detections.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use crossbeam_channel::Receiver;

use super::clock::Stopwatch;
use super::queue::{self, Settling, queue};
use super::readiness::{SAY_AGAIN, Warning};
use crate::config::DetectionSink;
use crate::metrics::Metrics;
use crate::model::detection::Detection;
use crate::model::line::Regions;
use crate::publish::jsonl::write_detection;

/// Detections in a batch.
const BATCH: usize = 1_024;
/// Batches that wait: half a million detections, about 150 MB.
const QUEUE: usize = 512;

/// Detections of one region table, in order.
pub(super) type Batch = (Vec<Detection>, Arc<Regions>);

/// The end that workers put detections in.
pub(super) type Queue = queue::Queue<Batch>;

/// The thread's end.
pub(super) struct Sink {
    pub(super) batches: Receiver<Batch>,
    /// The file that is written to, for whoever wants to know how far; nothing
    /// when it cannot be read back.
    pub(super) file: Arc<ArcSwapOption<File>>,
    /// That the last could not be written.
    pub(super) warning: Warning,
    settling: Settling,
    target: Target,
    reopen: Arc<AtomicBool>,
    metrics: Metrics,
}

/// Where detections are written, unbuffered, so that it is known how much of a
/// text was.
struct Target {
    file: File,
    /// Absent for standard output.
    path: Option<PathBuf>,
}

/// Opens the sink and makes its queue. Setting `reopen` makes it open its file
/// anew, after the file was rotated.
pub(super) fn open(
    sink: &DetectionSink,
    reopen: Arc<AtomicBool>,
    metrics: &Metrics,
) -> io::Result<(Queue, Sink)> {
    let target = match sink {
        DetectionSink::Stdout => {
            Target { file: io::stdout().as_fd().try_clone_to_owned()?.into(), path: None }
        }
        DetectionSink::File(path) => Target { file: append(path)?, path: Some(path.clone()) },
    };
    let file = Arc::new(ArcSwapOption::empty());
    target.show(&file)?;
    let dropped = metrics.queue_dropped.with_label_values(&["detections"]);
    let lost = move |(batch, _): Batch| dropped.inc_by(batch.len() as u64);
    let (queue, batches, settling) = queue("detections", QUEUE, lost);
    let warning = Warning::default();
    let metrics = metrics.clone();
    Ok((queue, Sink { batches, file, warning, settling, target, reopen, metrics }))
}

/// Opens the file to write on. Half a line that a service left which was killed
/// is ended.
fn append(path: &PathBuf) -> io::Result<File> {
    let mut file = File::options().append(true).create(true).open(path)?;
    let length = file.metadata().map_or(0, |found| if found.is_file() { found.len() } else { 0 });
    if length > 0 {
        let mut last = [0];
        File::open(path)?.read_exact_at(&mut last, length - 1)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

impl Target {
    /// Lets others know how far the file is written.
    fn show(&self, to: &ArcSwapOption<File>) -> io::Result<()> {
        let file = self.path.as_ref().map(|_| self.file.try_clone()).transpose()?;
        to.store(file.map(Arc::new));
        Ok(())
    }
}

/// Hands detections to the sink.
pub(super) fn put(queue: &Queue, detections: Vec<Detection>, regions: &Arc<Regions>) {
    let mut rest = detections.into_iter();
    loop {
        let batch: Vec<_> = rest.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return;
        }
        queue.put((batch, regions.clone()));
    }
}

impl Sink {
    /// Writes until every worker has let go of the queue and it is empty.
    pub(super) fn run(self) {
        let Self { batches, file, warning, settling, mut target, reopen, metrics } = self;
        let mut telling = Telling { warning, said: None, lost: 0, failing: false, logged: false };
        let written = metrics.sink_written.with_label_values(&["jsonl"]);
        let errors = metrics.sink_errors.with_label_values(&["jsonl"]);
        let mut text = Vec::new();
        while let Ok((detections, regions)) = batches.recv() {
            if reopen.swap(false, Ordering::Relaxed)
                && let Some(path) = &target.path
            {
                match append(path) {
                    Ok(anew) => {
                        target.file = anew;
                        // Without it, what is emitted cannot be known again.
                        let _ = target.show(&file);
                    }
                    Err(error) => {
                        tracing::warn!(path = %path.display(), %error, "cannot open the file of detections anew, writing on to the old one")
                    }
                }
            }
            let mut whole = Ok(());
            for detection in &detections {
                let region = regions.name(detection.region);
                whole = whole.and_then(|()| write_detection(&mut text, detection, &region));
            }
            match whole.map_err(|error| (0, error)).and_then(|()| write(&mut target.file, &text)) {
                Ok(()) => {
                    written.inc_by(detections.len() as u64);
                    text.clear();
                    telling.written();
                }
                Err((written, error)) => {
                    keep_torn_line(&mut text, written);
                    errors.inc_by(detections.len() as u64);
                    telling.failed(&error, detections.len() as u64);
                }
            }
            settling.settle(1);
        }
    }
}

/// What is said of detections that cannot be written. A window of a large network
/// has thousands of batches, so not of each.
struct Telling {
    warning: Warning,
    /// Since it was last logged; `None` when it never was.
    said: Option<Stopwatch>,
    /// Lost and not logged yet.
    lost: u64,
    /// Whether the last could not be written, and whether that was logged.
    failing: bool,
    logged: bool,
}

impl Telling {
    fn failed(&mut self, error: &io::Error, lost: u64) {
        self.lost += lost;
        if self.said.as_mut().is_none_or(|said| said.every(SAY_AGAIN)) {
            let lost = std::mem::take(&mut self.lost);
            tracing::error!(%error, lost, "cannot write detections");
            self.said.get_or_insert_with(Stopwatch::start);
            self.logged = true;
        }
        self.failing = true;
        self.warning
            .say(format!("the last detections could not be written, and are lost: {error}"));
    }

    fn written(&mut self) {
        if std::mem::take(&mut self.failing) {
            self.warning.take_back();
        }
        if std::mem::take(&mut self.logged) {
            let lost = std::mem::take(&mut self.lost);
            tracing::info!(lost, "detections are written again");
        }
    }
}

/// Leaves of `text`, of which so much was `written`, the line feed that half a
/// line needs, so that the next one does not complete it.
fn keep_torn_line(text: &mut Vec<u8>, written: usize) {
    let torn = match written.checked_sub(1) {
        Some(last) => text[last] != b'\n',
        // Nothing was written of a line feed that was due before.
        None => text.first() == Some(&b'\n'),
    };
    text.clear();
    text.extend(torn.then_some(b'\n'));
}

/// Writes `text`, or says how much of it was written before it failed.
fn write(to: &mut impl Write, text: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < text.len() {
        match to.write(&text[written..]) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::publish::wire::detection_for_tests as detection;

    fn sink_to(path: &std::path::Path) -> (Queue, Sink, Metrics) {
        let metrics = Metrics::new().unwrap();
        let target = DetectionSink::File(path.to_owned());
        let (queue, sink) = open(&target, Arc::default(), &metrics).unwrap();
        (queue, sink, metrics)
    }

    #[test]
    fn a_stuck_sink_loses_the_oldest_and_counts_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("detections.jsonl");
        let (queue, sink, metrics) = sink_to(&path);
        let regions = Arc::new(Regions::default());
        let put_one = |class: &str| {
            put(&queue, vec![Detection { class: class.into(), ..detection() }], &regions);
        };
        // Nobody takes anything out: the thread runs only afterwards.
        for _ in 0..QUEUE {
            put_one("old");
        }
        for _ in 0..3 {
            put_one("new");
        }
        assert_eq!(metrics.queue_dropped.with_label_values(&["detections"]).get(), 3);
        drop(queue);
        sink.run();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), QUEUE);
        let is_new = |line: &str| line.contains(r#""class":"new""#);
        assert_eq!(text.lines().skip(QUEUE - 3).filter(|line| is_new(line)).count(), 3);
        assert_eq!(metrics.sink_written.with_label_values(&["jsonl"]).get(), QUEUE as u64);
    }

    #[test]
    fn a_rotated_file_is_opened_anew_when_asked_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("detections.jsonl");
        let (queue, sink, _) = sink_to(&path);
        std::fs::rename(&path, dir.path().join("rotated")).unwrap();
        sink.reopen.store(true, Ordering::Relaxed);
        put(&queue, vec![detection()], &Arc::new(Regions::default()));
        drop(queue);
        sink.run();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    }

    /// Takes so many bytes and then fails.
    struct Room(usize, Vec<u8>);

    impl Write for Room {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = text.len().min(self.0).min(4);
            self.0 -= taken;
            self.1.extend(&text[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn half_a_line_is_ended_and_a_whole_one_is_not_followed_by_an_empty_one() {
        for (room, expected) in
            [(0, ""), (6, "first\n"), (8, "first\nse\n"), (13, "first\nsecond\n")]
        {
            let mut to = Room(room, Vec::new());
            let mut text = b"first\nsecond\n".to_vec();
            if let Err((written, _)) = write(&mut to, &text) {
                keep_torn_line(&mut text, written);
                // Still no room: what is due stays due.
                let again = write(&mut to, &text).map_err(|(written, _)| written);
                assert_eq!(again.is_err(), !text.is_empty());
                if let Err(written) = again {
                    keep_torn_line(&mut text, written);
                }
                to.0 = 100;
                write(&mut to, &text).unwrap();
            }
            assert_eq!(String::from_utf8(to.1).unwrap(), expected, "room for {room}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the sink is a thread of its own")]
    fn a_disk_that_fills_and_has_room_again_is_said_and_taken_back() {
        let full = std::path::Path::new("/dev/full");
        if !full.exists() {
            println!("skipped: no /dev/full here");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("detections.jsonl");
        std::os::unix::fs::symlink(full, &path).unwrap();
        let (queue, sink, metrics) = sink_to(&path);
        let (reopen, warning) = (sink.reopen.clone(), sink.warning.clone());
        let sink = std::thread::spawn(move || sink.run());
        let regions = Arc::new(Regions::default());
        let wait = |until: &dyn Fn() -> bool| {
            for _ in 0..6_000 {
                if until() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            panic!("it does not come about");
        };
        assert_eq!(warning.text(), None);
        let errors = metrics.sink_errors.with_label_values(&["jsonl"]);
        for batches in 1..4 {
            put(&queue, vec![detection(); 3], &regions);
            wait(&|| errors.get() == 3 * batches && warning.text().is_some());
        }
        let said = warning.text().unwrap();
        assert!(said.contains("No space left on device"), "{said}");
        std::fs::remove_file(&path).unwrap();
        reopen.store(true, Ordering::Relaxed);
        put(&queue, vec![detection()], &regions);
        wait(&|| warning.text().is_none());
        drop(queue);
        sink.join().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        assert_eq!(errors.get(), 9);
    }

    #[test]
    fn a_full_disk_is_counted_and_not_fatal() {
        let full = std::path::Path::new("/dev/full");
        if !full.exists() {
            println!("skipped: no /dev/full here");
            return;
        }
        let (queue, sink, metrics) = sink_to(full);
        put(&queue, vec![detection(); 3], &Arc::new(Regions::default()));
        drop(queue);
        sink.run();
        assert_eq!(metrics.sink_errors.with_label_values(&["jsonl"]).get(), 3);
    }
}
