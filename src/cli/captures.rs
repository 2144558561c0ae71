//! Opening captures: pcap, pcapng, or bare datagrams in files of their own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Context as _;

use super::progress::Progress;
use crate::decode::export_time;
use crate::model::time::Timestamp;
use crate::receive::merge::Merged;
use crate::receive::pcap::{Captured, datagrams, is_capture};

/// Problems of captures that are printed; the rest is counted.
const MOST_PRINTED: u64 = 10;
/// Bytes of a capture around a datagram's payload: its record, and the headers of
/// Ethernet, IPv4 and UDP. For a bar this is near enough.
const AROUND: u64 = 16 + 14 + 20 + 8;

/// The captures that a command was given, in memory.
pub(super) struct Captures(Vec<Capture>);

struct Capture {
    path: PathBuf,
    bytes: Vec<u8>,
    modified: Timestamp,
}

type Stream<'a> = Box<dyn Iterator<Item = Captured<'a>> + 'a>;

impl Captures {
    /// Reads every file.
    pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        paths.iter().map(|path| Capture::read(path)).collect::<anyhow::Result<_>>().map(Self)
    }

    /// The same, with progress on a terminal.
    pub(super) fn watched(&self) -> impl Iterator<Item = Captured<'_>> {
        let bytes = self.0.iter().map(|capture| capture.bytes.len() as u64).sum();
        Progress::of(self.datagrams(), "datagrams", bytes, |captured| {
            captured.payload.len() as u64 + AROUND
        })
    }

    /// Everything in them as one stream. Captures are merged by time; bare
    /// datagrams keep the order in which they were given, because a template
    /// may have been saved at another time than its data.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = Captured<'_>> {
        let (captures, bare): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|capture| is_capture(&capture.bytes));
        let mut streams: Vec<Stream<'_>> =
            captures.into_iter().map(|capture| Box::new(capture.datagrams()) as _).collect();
        streams.push(Box::new(bare.into_iter().map(Capture::bare)));
        Merged::new(streams)
    }
}

impl Capture {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot read the capture {}", path.display());
        let bytes = fs::read(path).with_context(cannot)?;
        let modified = fs::metadata(path).and_then(|data| data.modified()).ok();
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = Timestamp::from_secs(modified.map_or(0, |time| time.as_secs()));
        Ok(Self { path: path.to_owned(), bytes, modified })
    }

    /// The datagrams of a capture; what cannot be read is said and passed over.
    fn datagrams(&self) -> impl Iterator<Item = Captured<'_>> {
        let mut found = datagrams(&self.bytes);
        let mut problems = 0;
        std::iter::from_fn(move || {
            loop {
                match found.next() {
                    Some(Ok(captured)) => return Some(captured),
                    Some(Err(problem)) => {
                        problems += 1;
                        if problems <= MOST_PRINTED {
                            eprintln!("{}: {problem}", self.path.display());
                        }
                    }
                    None => {
                        if problems > MOST_PRINTED {
                            let more = problems - MOST_PRINTED;
                            eprintln!("{}: and {more} more problems", self.path.display());
                            problems = 0;
                        }
                        return None;
                    }
                }
            }
        })
    }

    /// A file that is no capture as one datagram. Nobody wrote down when it
    /// came, so its own export time stands in, or else the file's.
    fn bare(&self) -> Captured<'_> {
        Captured {
            source: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            source_port: 0,
            destination: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            destination_port: 0,
            received: export_time(&self.bytes).unwrap_or(self.modified),
            payload: self.bytes.as_slice().into(),
        }
    }
}
