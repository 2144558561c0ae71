//! The queue and the thread between back workers and the file of detections.
//!
//! Detections come in a burst when a window closes, so a worker waits a moment
//! for room. A sink that has made no progress for that long is stuck: from
//! then on the oldest batch gives way to the newest, without waiting, and what
//! is lost is counted. Evidence must not suffer from a full disk.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};

use crate::config::DetectionSink;
use crate::metrics::Metrics;
use crate::model::detection::Detection;
use crate::model::line::Regions;
use crate::publish::jsonl::write_detection;

/// Detections in a batch.
const BATCH: usize = 1_024;
/// Batches that wait: half a million detections, about 150 MB.
const QUEUE: usize = 512;
/// How long a worker waits for room before the sink counts as stuck.
const PATIENCE: Duration = Duration::from_secs(1);

/// Detections of one region table, in order.
pub(super) type Batch = (Vec<Detection>, Arc<Regions>);

/// The end that workers put detections in.
#[derive(Clone)]
pub(super) struct Queue {
    batches: Sender<Batch>,
    oldest: Receiver<Batch>,
    stuck: Arc<AtomicBool>,
    /// Batches that wait or are being written.
    unwritten: Arc<AtomicUsize>,
    metrics: Metrics,
}

/// The thread's end.
pub(super) struct Sink {
    pub(super) batches: Receiver<Batch>,
    /// The file that is written to, for whoever wants to know how far; nothing
    /// when it cannot be read back.
    pub(super) file: Arc<ArcSwapOption<File>>,
    unwritten: Arc<AtomicUsize>,
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
    let (sender, receiver) = bounded(QUEUE);
    let queue = Queue {
        batches: sender,
        oldest: receiver.clone(),
        stuck: Arc::default(),
        unwritten: Arc::default(),
        metrics: metrics.clone(),
    };
    let unwritten = queue.unwritten.clone();
    Ok((
        queue,
        Sink { batches: receiver, file, unwritten, target, reopen, metrics: metrics.clone() },
    ))
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

impl Queue {
    /// Hands detections to the sink.
    pub(super) fn put(&self, detections: Vec<Detection>, regions: &Arc<Regions>) {
        let mut rest = detections.into_iter();
        loop {
            let batch: Vec<_> = rest.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return;
            }
            self.put_batch((batch, regions.clone()));
        }
    }

    /// Whether all that was put in was written, or will not be any more. Until
    /// then a checkpoint must not forget the window that it came from.
    pub(super) fn is_settled(&self) -> bool {
        self.unwritten.load(Ordering::Acquire) == 0 || self.stuck.load(Ordering::Relaxed)
    }

    fn put_batch(&self, batch: Batch) {
        self.unwritten.fetch_add(1, Ordering::Release);
        let patience = if self.stuck.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
        let mut batch = match self.batches.send_timeout(batch, patience) {
            Ok(()) => {
                // Half empty means that the sink moves again.
                if self.batches.len() < QUEUE / 2 {
                    self.stuck.store(false, Ordering::Relaxed);
                }
                return;
            }
            Err(SendTimeoutError::Timeout(batch) | SendTimeoutError::Disconnected(batch)) => batch,
        };
        if !self.stuck.swap(true, Ordering::Relaxed) {
            tracing::warn!("detections are not being written, dropping the oldest");
        }
        loop {
            if let Ok((oldest, _)) = self.oldest.try_recv() {
                self.count_dropped(oldest.len());
                self.unwritten.fetch_sub(1, Ordering::Release);
            }
            match self.batches.try_send(batch) {
                Ok(()) => return,
                Err(TrySendError::Full(back)) => batch = back,
                Err(TrySendError::Disconnected((batch, _))) => {
                    self.unwritten.fetch_sub(1, Ordering::Release);
                    return self.count_dropped(batch.len());
                }
            }
        }
    }

    fn count_dropped(&self, detections: usize) {
        let dropped = self.metrics.queue_dropped.with_label_values(&["detections"]);
        dropped.inc_by(detections as u64);
    }
}

impl Sink {
    /// Writes until every worker has let go of the queue and it is empty.
    pub(super) fn run(self) {
        let Self { batches, file, unwritten, mut target, reopen, metrics } = self;
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
                }
                Err((written, error)) => {
                    keep_torn_line(&mut text, written);
                    errors.inc_by(detections.len() as u64);
                    tracing::error!(%error, lost = detections.len(), "cannot write detections");
                }
            }
            unwritten.fetch_sub(1, Ordering::Release);
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
        let put = |class: &str| {
            queue.put(vec![Detection { class: class.into(), ..detection() }], &regions);
        };
        // Nobody takes anything out: the thread runs only afterwards.
        for _ in 0..QUEUE {
            put("old");
        }
        for _ in 0..3 {
            put("new");
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
        queue.put(vec![detection()], &Arc::new(Regions::default()));
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
    fn a_full_disk_is_counted_and_not_fatal() {
        let full = std::path::Path::new("/dev/full");
        if !full.exists() {
            println!("skipped: no /dev/full here");
            return;
        }
        let (queue, sink, metrics) = sink_to(full);
        queue.put(vec![detection(); 3], &Arc::new(Regions::default()));
        drop(queue);
        sink.run();
        assert_eq!(metrics.sink_errors.with_label_values(&["jsonl"]).get(), 3);
    }
}
