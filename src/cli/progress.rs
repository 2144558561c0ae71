//! Progress of long work, on a terminal only.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Stderr, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Time between two lines of progress.
const EVERY: Duration = Duration::from_millis(500);
/// Items between two looks at the clock.
const STRIDE: u64 = 1_024;

/// An iterator that says on standard error how far it is.
pub(super) struct Progress<I> {
    items: I,
    what: &'static str,
    done: u64,
    shown: Option<Instant>,
}

impl<I: Iterator> Progress<I> {
    /// Watches `items`, which are called `what`.
    pub(super) fn of(items: I, what: &'static str) -> Self {
        Self { items, what, done: 0, shown: io::stderr().is_terminal().then(now) }
    }

    fn show(&mut self) {
        if self.done.is_multiple_of(STRIDE)
            && let Some(shown) = &mut self.shown
            && shown.elapsed() >= EVERY
        {
            *shown = now();
            eprint!("\r{} {}", self.done, self.what);
        }
    }
}

impl<I: Iterator> Iterator for Progress<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let item = self.items.next();
        if item.is_some() {
            self.done += 1;
            self.show();
        } else if self.shown.take().is_some() && self.done >= STRIDE {
            eprintln!("\r{} {}", self.done, self.what);
        }
        item
    }
}

/// A file that says on standard error how much of it was read.
pub(super) struct FileProgress<F = File, T: Write = Stderr> {
    file: F,
    name: String,
    done: u64,
    size: u64,
    every: Duration,
    /// Where to say it, and when it was last said; nowhere without a terminal.
    told: Option<(T, Instant)>,
    said: bool,
}

impl FileProgress {
    /// Watches `file`, which is at `path`.
    pub(super) fn of(path: &Path, file: File) -> Box<dyn Read> {
        let told = io::stderr().is_terminal().then(|| (io::stderr(), now()));
        let size = file.metadata().map_or(0, |data| data.len());
        let name = path.display().to_string();
        Box::new(Self { file, name, done: 0, size, every: EVERY, told, said: false })
    }
}

impl<F: Read, T: Write> Read for FileProgress<F, T> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(to)?;
        self.done += read as u64;
        if let Some((terminal, last)) = &mut self.told
            && last.elapsed() >= self.every
        {
            *last = now();
            self.said = true;
            // The size of a pipe is 0. What cannot be said is no reason to stop.
            let _ = match self.done.saturating_mul(100).checked_div(self.size) {
                Some(part) => write!(terminal, "\r\x1b[K{}: {part} % read", self.name),
                None => write!(terminal, "\r\x1b[K{}: {} bytes read", self.name, self.done),
            };
        }
        Ok(read)
    }
}

impl<F, T: Write> Drop for FileProgress<F, T> {
    /// Clears the line for what came of the file.
    fn drop(&mut self) {
        if let (true, Some((terminal, _))) = (self.said, &mut self.told) {
            let _ = write!(terminal, "\r\x1b[K");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how often to print is the terminal's matter")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(size: u64, every: Duration, terminal: bool) -> String {
        let mut said = Vec::new();
        let file = [7_u8; 1_000].as_slice();
        let told = terminal.then(|| (&mut said, now()));
        let name = "dns.jsonl".to_owned();
        let mut file = FileProgress { file, name, done: 0, size, every, told, said: false };
        let mut to = [0; 500];
        for expected in [500, 500, 0] {
            assert_eq!(file.read(&mut to).unwrap(), expected);
        }
        drop(file);
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn a_file_says_how_far_it_is_and_clears_the_line() {
        let at = |part: &str| format!("\r\x1b[Kdns.jsonl: {part} read");
        let always = Duration::ZERO;
        let parts = |parts: [&str; 3]| parts.map(at).concat() + "\r\x1b[K";
        assert_eq!(said(1_000, always, true), parts(["50 %", "100 %", "100 %"]));
        assert_eq!(said(0, always, true), parts(["500 bytes", "1000 bytes", "1000 bytes"]));
        assert_eq!(said(1_000, Duration::MAX, true), "", "a small file needs no progress");
        assert_eq!(said(1_000, always, false), "", "nor does a log");
    }
}
