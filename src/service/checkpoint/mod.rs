//! What survives a restart: files in the state folder, written while the
//! service runs and when it ends, and read back when it starts.
//!
//! A file is an [`envelope`] around bytes of one [`Kind`]. The [`folder`] knows
//! the files and how one replaces another, the [`writer`] is the thread that
//! waits for the disk, and [`saving`] is what the keeper does: it hands over
//! the table of DNS answers slice by slice. Nothing here is needed to detect; a
//! disk that is full or read-only is said and counted, and the service goes on.

mod envelope;
mod folder;
mod saving;
mod table;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use folder::Folder;
pub use folder::FolderError;
pub(super) use saving::{Saved, Saving};
pub(super) use table::restore;
pub(super) use writer::{Message, QUEUE, Writer};

/// What a file holds. Its number is in the file and stays for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What resolvers told live.
    Dns,
}

impl Kind {
    /// The first part of its files' names, and its label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::Dns => 1,
        }
    }
}
