//! What passes unchanged while a bar says how far it is: the items of an iterator,
//! the bytes of a file.

use std::fs::File;
use std::io::{self, Read, Stderr, Write};
use std::path::Path;

use super::Bar;

/// Items between two looks at the clock.
const STRIDE: u64 = 1_024;

/// An iterator that says how far it is.
pub(in crate::cli) struct Progress<I: Iterator> {
    items: I,
    bar: Bar,
    weigh: fn(&I::Item) -> u64,
    since: (u64, u64),
}

impl<I: Iterator> Progress<I> {
    /// Watches `items` that together weigh `total`.
    pub(in crate::cli) fn of(
        items: I,
        what: &'static str,
        total: u64,
        weigh: fn(&I::Item) -> u64,
    ) -> Self {
        Self { items, bar: Bar::of(what, Some(total)), weigh, since: (0, 0) }
    }
}

impl<I: Iterator> Iterator for Progress<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let item = self.items.next()?;
        self.since = (self.since.0 + 1, self.since.1 + (self.weigh)(&item));
        if self.since.0 == STRIDE {
            self.bar.add(self.since.1);
            self.since = (0, 0);
        }
        Some(item)
    }
}

/// A file that says how much of it was read.
pub(in crate::cli) struct FileProgress<F = File, T: Write = Stderr> {
    file: F,
    bar: Bar<T>,
}

impl FileProgress {
    /// Watches `file`, which is at `path`.
    pub(in crate::cli) fn of(path: &Path, file: File) -> Box<dyn Read> {
        // The size of a pipe is 0: its bytes are counted.
        let size = file.metadata().map_or(0, |data| data.len());
        Box::new(Self { file, bar: Bar::of(path.display().to_string(), Some(size)) })
    }
}

impl<F: Read, T: Write> Read for FileProgress<F, T> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(to)?;
        self.bar.add(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::now;
    use super::*;

    fn said(size: u64, every: Duration, terminal: bool) -> String {
        let mut said = Vec::new();
        let told = terminal.then(|| (&mut said, now(), now()));
        let what = "dns.jsonl".to_owned();
        let bar = Bar { what, done: 0, total: Some(size), every, told, said: false };
        let mut file = FileProgress { file: [7_u8; 1_000].as_slice(), bar };
        let mut to = [0; 500];
        for expected in [500, 500, 0] {
            assert_eq!(file.read(&mut to).unwrap(), expected);
        }
        drop(file);
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn a_file_says_how_far_it_is_and_clears_the_line() {
        let (half, full) = ("############............", "########################");
        let always = Duration::ZERO;
        assert_eq!(
            said(1_000, always, true),
            format!(
                "\r\x1b[Kdns.jsonl [{half}] 50 %\r\x1b[Kdns.jsonl [{full}] 100 %\r\x1b[Kdns.jsonl [{full}] 100 %\r\x1b[K"
            )
        );
        assert_eq!(
            said(0, always, true),
            "\r\x1b[Kdns.jsonl: 500\r\x1b[Kdns.jsonl: 1000\r\x1b[Kdns.jsonl: 1000\r\x1b[K"
        );
        assert_eq!(said(1_000, Duration::MAX, true), "", "what is short needs no bar");
        assert_eq!(said(1_000, always, false), "", "nor does a log");
    }

    #[test]
    fn items_pass_unchanged() {
        let weigh = |item: &u64| *item;
        assert!(Progress::of(0..5_000_u64, "numbers", 12_497_500, weigh).eq(0..5_000));
    }
}
