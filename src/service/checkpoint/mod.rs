//! What survives a restart: files in the state folder, written while the
//! service runs and when it ends, and read back when it starts.
//!
//! A file is an [`envelope`] around bytes of one [`Kind`]. The [`folder`] knows
//! the files and how one replaces another, and the [`writer`] is the thread that
//! waits for the disk. The keeper hands over the table of DNS answers slice by
//! slice ([`saving`]); templates and evidence are the workers', which it calls
//! to write theirs ([`keeping`], [`rounds`], [`part`]). [`sealed`] closes what has
//! addresses in it. [`table`], [`memory`] and [`evidence`] say what each file holds
//! beside that, and read it. Nothing here is needed to detect; a disk that is full
//! or read-only is said and counted, and the service goes on.

mod emitted;
mod envelope;
mod evidence;
mod folder;
mod keeping;
mod memory;
mod part;
mod rounds;
mod saving;
mod sealed;
mod table;
mod telling;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use emitted::identity;
pub(super) use evidence::{Kept, restore_evidence};
pub(super) use folder::Folder;
pub use folder::FolderError;
pub(super) use keeping::Keeping;
pub(super) use memory::restore_decoders;
pub(super) use part::{Call, Part};
pub(super) use rounds::Rounds;
pub(super) use saving::{Saved, Saving};
pub(super) use table::restore;
pub(super) use writer::{Message, QUEUE, Writer};

use crate::{decode, detect, dns};

/// What a file holds. Its number is in the file and stays for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What resolvers told live.
    Dns,
    /// What exporters told of themselves: templates and samplers; and, sealed,
    /// what they sent that waits for a template.
    Exporters,
    /// The open windows.
    Evidence,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Dns, Self::Exporters, Self::Evidence];

    /// The first part of its files' names, and its label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Exporters => "exporters",
            Self::Evidence => "evidence",
        }
    }

    /// What it is to somebody who would miss it.
    fn what(self) -> &'static str {
        match self {
            Self::Dns => "what resolvers told",
            Self::Exporters => "the templates of exporters",
            Self::Evidence => "the evidence of open windows",
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::Dns => 1,
            Self::Exporters => 2,
            Self::Evidence => 3,
        }
    }

    /// Its place in [`Self::ALL`].
    fn place(self) -> usize {
        usize::from(self.number() - 1)
    }

    /// The version of its content.
    fn format(self) -> u16 {
        match self {
            Self::Dns => dns::checkpoint::FORMAT,
            Self::Exporters => decode::checkpoint::FORMAT,
            Self::Evidence => detect::checkpoint::FORMAT,
        }
    }

    /// Bytes written a second, on average over a long time: what is large is
    /// written less often. Today's disks stand being written whole once a day
    /// for years, and these are 86 GB a day. Evidence has ten times as much, so
    /// that three million lines are still written every half a minute.
    fn bytes_a_second(self) -> u64 {
        match self {
            Self::Dns | Self::Exporters => 1_000_000,
            Self::Evidence => 10_000_000,
        }
    }

    /// Appends what stands behind all parts, which had so many records.
    fn put_end(self, into: &mut Vec<u8>, records: u64) {
        match self {
            Self::Dns => {}
            Self::Exporters => decode::checkpoint::put_end(into, records),
            Self::Evidence => detect::checkpoint::put_end(into, records),
        }
    }
}
