//! The thread that writes checkpoints, so that nobody else waits for a disk.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::envelope::Sealing;
use super::{Folder, Kind};
use crate::service::clock::Stopwatch;

/// Slices that wait for the disk: two megabytes or so.
pub(in crate::service) const QUEUE: usize = 16;
/// After so many bytes the disk is waited for. A whole checkpoint that is
/// waited for at its end would hold up what others write to the same disk.
const AT_ONCE: u64 = 64 << 20;

/// What the writer is told. Checkpoints of different kinds may be under way at
/// once; of one kind, the last attempt that was begun counts.
pub(in crate::service) enum Message {
    /// A checkpoint begins.
    Begin {
        kind: Kind,
        /// Given back with what came of it.
        attempt: u64,
        format: u16,
        /// How many write parts of it.
        parts: usize,
    },
    /// More of it.
    Bytes { kind: Kind, attempt: u64, bytes: Vec<u8> },
    /// That was all of one part, which had so many records.
    End { kind: Kind, attempt: u64, records: u64 },
    /// What was written is worth nothing.
    GiveUp { kind: Kind, attempt: u64 },
    /// What is in the folder is worth nothing any more.
    Forget(Kind),
}

/// A checkpoint on the disk.
#[derive(Debug)]
pub(in crate::service) struct Written {
    pub(super) bytes: u64,
    /// From its beginning to when it was on the disk.
    pub(super) took: Duration,
}

/// What came of an attempt.
#[derive(Debug)]
pub(in crate::service) enum Came {
    Written(Written),
    Failed(String),
    GivenUp,
    /// Nothing of any attempt: the folder is another one, and what was written is
    /// not in it.
    Gone,
}

/// What came of which attempt.
pub(in crate::service) type Outcome = (u64, Came);

/// The thread.
pub(in crate::service) struct Writer {
    pub(in crate::service) path: PathBuf,
    /// The state folder, if it could be used so far.
    pub(in crate::service) folder: Option<Folder>,
    pub(in crate::service) input: Receiver<Message>,
    /// By kind.
    pub(in crate::service) outcomes: [Sender<Outcome>; Kind::ALL.len()],
}

/// A checkpoint that is being written.
struct Open {
    attempt: u64,
    kind: Kind,
    file: Sealing<File>,
    began: Stopwatch,
    unsynced: u64,
    parts: usize,
    records: u64,
}

impl Writer {
    /// Writes until nobody is left who could tell anything.
    pub(in crate::service) fn run(mut self) {
        let mut open: [Option<Open>; Kind::ALL.len()] = Default::default();
        while let Ok(message) = self.input.recv() {
            let (kind, attempt) = match &message {
                Message::Begin { kind, attempt, .. }
                | Message::Bytes { kind, attempt, .. }
                | Message::End { kind, attempt, .. }
                | Message::GiveUp { kind, attempt } => (*kind, *attempt),
                Message::Forget(kind) => (*kind, 0),
            };
            let slot = &mut open[kind.place()];
            // After a failure the rest of an attempt comes to nothing, and so
            // does what comes of one before the last.
            let underway = slot.as_mut().filter(|begun| begun.attempt == attempt);
            let step = match (message, underway) {
                (Message::Begin { format, parts, .. }, _) => {
                    self.discard(slot.take());
                    self.begin(kind, attempt, format, parts).map(|begun| *slot = Some(begun))
                }
                (Message::Bytes { bytes, .. }, Some(begun)) => {
                    begun.write(&bytes).map_err(|error| error.to_string())
                }
                (Message::End { records, .. }, Some(begun)) => {
                    begun.records += records;
                    begun.parts = begun.parts.saturating_sub(1);
                    if begun.parts == 0 { self.end(slot.take()) } else { Ok(()) }
                }
                (Message::GiveUp { .. }, Some(_)) => {
                    self.discard(slot.take());
                    self.tell(kind, attempt, Came::GivenUp);
                    Ok(())
                }
                (Message::Forget(kind), _) => {
                    self.discard(slot.take());
                    self.folder.as_ref().map_or(Ok(()), |folder| folder.forget(kind)).map_err(
                        |error| format!("what is in the folder cannot be removed: {error}"),
                    )
                }
                _ => Ok(()),
            };
            if let Err(reason) = step {
                self.discard(open[kind.place()].take());
                self.tell(kind, attempt, Came::Failed(reason));
            }
        }
        open.into_iter().for_each(|begun| self.discard(begun));
    }

    fn begin(
        &mut self,
        kind: Kind,
        attempt: u64,
        format: u16,
        parts: usize,
    ) -> Result<Open, String> {
        let folder = match self.folder.take().filter(Folder::is_there) {
            Some(folder) => folder,
            // It may have been mended, or be another one by now.
            None => {
                let folder = Folder::open(&self.path).map_err(|error| error.to_string())?;
                let others = Kind::ALL.into_iter().filter(|other| *other != kind);
                others.for_each(|other| self.tell(other, 0, Came::Gone));
                folder
            }
        };
        let folder = self.folder.insert(folder);
        let file = folder.create(kind, format).map_err(|error| error.to_string())?;
        let began = Stopwatch::start();
        Ok(Open { attempt, kind, file, began, unsynced: 0, parts, records: 0 })
    }

    fn end(&self, begun: Option<Open>) -> Result<(), String> {
        let Some(mut begun) = begun else { return Ok(()) };
        let mut tail = Vec::new();
        begun.kind.put_end(&mut tail, begun.records);
        let written = begun.write(&tail);
        let Open { attempt, kind, file, began, .. } = begun;
        let bytes = file.length();
        let Some(folder) = &self.folder else { return Ok(()) };
        written.and_then(|()| folder.install(kind, file)).map_err(|error| {
            folder.discard(kind);
            error.to_string()
        })?;
        self.tell(kind, attempt, Came::Written(Written { bytes, took: began.elapsed() }));
        Ok(())
    }

    fn discard(&self, open: Option<Open>) {
        if let (Some(folder), Some(open)) = (&self.folder, open) {
            folder.discard(open.kind);
        }
    }

    fn tell(&self, kind: Kind, attempt: u64, came: Came) {
        // The service ends without it when nobody listens any more.
        let _ = self.outcomes[kind.place()].send((attempt, came));
    }
}

impl Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write(bytes)?;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= AT_ONCE {
            self.unsynced = 0;
            self.file.inner().sync_data()?;
        }
        Ok(())
    }
}
