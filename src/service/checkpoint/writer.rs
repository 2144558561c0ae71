//! The thread that writes checkpoints, so that nobody else waits for a disk.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::envelope::Sealing;
use super::{Folder, Kind};
use crate::service::clock::Stopwatch;

/// Slices that wait for the disk: a megabyte or so.
pub(in crate::service) const QUEUE: usize = 8;
/// After so many bytes the disk is waited for. A whole checkpoint that is
/// waited for at its end would hold up what others write to the same disk.
const AT_ONCE: u64 = 64 << 20;

/// What the writer is told.
pub(in crate::service) enum Message {
    /// A checkpoint begins.
    Begin {
        /// Given back with what came of it.
        attempt: u64,
        kind: Kind,
        format: u16,
    },
    /// More of it.
    Bytes(Vec<u8>),
    /// That was all.
    End,
    /// What was written is worth nothing.
    GiveUp,
}

/// A checkpoint on the disk.
#[derive(Debug)]
pub(in crate::service) struct Written {
    pub(super) bytes: u64,
    /// From its beginning to when it was on the disk.
    pub(super) took: Duration,
}

/// What came of an attempt.
pub(in crate::service) type Outcome = (u64, Result<Written, String>);

/// The thread.
pub(in crate::service) struct Writer {
    pub(in crate::service) path: PathBuf,
    /// The state folder, if it could be used so far.
    pub(in crate::service) folder: Option<Folder>,
    pub(in crate::service) input: Receiver<Message>,
    pub(in crate::service) outcomes: Sender<Outcome>,
}

/// A checkpoint that is being written.
struct Open {
    attempt: u64,
    kind: Kind,
    file: Sealing<File>,
    began: Stopwatch,
    unsynced: u64,
}

impl Writer {
    /// Writes until nobody is left who could tell anything.
    pub(in crate::service) fn run(mut self) {
        let mut open: Option<Open> = None;
        while let Ok(message) = self.input.recv() {
            let step = match message {
                Message::Begin { attempt, kind, format } => {
                    let begun = self.begin(attempt, kind, format);
                    begun.map(|begun| open = Some(begun)).map_err(|failed| (attempt, failed))
                }
                // After a failure the rest of it comes to nothing.
                Message::Bytes(bytes) => open.as_mut().map_or(Ok(()), |begun| {
                    begun.write(&bytes).map_err(|error| (begun.attempt, error.to_string()))
                }),
                Message::End => open.take().map_or(Ok(()), |begun| self.end(begun)),
                Message::GiveUp => {
                    self.discard(open.take());
                    Ok(())
                }
            };
            if let Err((attempt, reason)) = step {
                self.discard(open.take());
                self.tell(attempt, Err(reason));
            }
        }
        self.discard(open);
    }

    fn begin(&mut self, attempt: u64, kind: Kind, format: u16) -> Result<Open, String> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            // It may have been mended.
            None => Folder::open(&self.path).map_err(|error| error.to_string())?,
        };
        let folder = self.folder.insert(folder);
        let file = folder.create(kind, format).map_err(|error| error.to_string())?;
        Ok(Open { attempt, kind, file, began: Stopwatch::start(), unsynced: 0 })
    }

    fn end(&self, begun: Open) -> Result<(), (u64, String)> {
        let Open { attempt, kind, file, began, .. } = begun;
        let bytes = file.length();
        let Some(folder) = &self.folder else { return Ok(()) };
        folder.install(kind, file).map_err(|error| {
            folder.discard(kind);
            (attempt, error.to_string())
        })?;
        self.tell(attempt, Ok(Written { bytes, took: began.elapsed() }));
        Ok(())
    }

    fn discard(&self, open: Option<Open>) {
        if let (Some(folder), Some(open)) = (&self.folder, open) {
            folder.discard(open.kind);
        }
    }

    fn tell(&self, attempt: u64, outcome: Result<Written, String>) {
        // The service ends without it when nobody listens any more.
        let _ = self.outcomes.send((attempt, outcome));
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
