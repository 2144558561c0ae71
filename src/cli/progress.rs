//! Progress of long work, on a terminal only: a bar where the end is known, a
//! count where it is not. It is on standard error, cleared when the work is done,
//! and never in a file or a pipe.

mod watched;

use std::io::{self, IsTerminal as _, Stderr, Write};
use std::time::{Duration, Instant};

pub(super) use watched::{FileProgress, Progress};

/// Time between two looks at a bar.
const EVERY: Duration = Duration::from_millis(500);
/// Characters of a bar.
const WIDTH: u64 = 24;

/// Whether standard error can show what changes in place.
fn terminal() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether standard error is to have colours: a terminal, and nobody who asked for
/// none (`NO_COLOR`, no-color.org).
pub(super) fn colours() -> bool {
    terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// How far something is.
pub(super) struct Bar<T: Write = Stderr> {
    what: String,
    done: u64,
    total: Option<u64>,
    every: Duration,
    /// Where to say it, since when, and when it was last said; nowhere without a
    /// terminal.
    told: Option<(T, Instant, Instant)>,
    said: bool,
}

impl Bar {
    /// A bar of work that is called `what` and ends at `total`; without an end
    /// what is done is counted.
    pub(super) fn of(what: impl Into<String>, total: Option<u64>) -> Self {
        let told = terminal().then(|| (io::stderr(), now(), now()));
        Self { what: what.into(), done: 0, total, every: EVERY, told, said: false }
    }
}

impl<T: Write> Bar<T> {
    /// So much more is done.
    pub(super) fn add(&mut self, more: u64) {
        self.at(self.done.saturating_add(more));
    }

    /// So much is done.
    pub(super) fn at(&mut self, done: u64) {
        self.done = done;
        if let Some((terminal, since, last)) = &mut self.told
            && last.elapsed() >= self.every
        {
            *last = now();
            self.said = true;
            // What cannot be said is no reason to stop.
            let line = line(&self.what, done, self.total, since.elapsed());
            let _ = write!(terminal, "\r\x1b[K{line}").and_then(|()| terminal.flush());
        }
    }
}

impl<T: Write> Drop for Bar<T> {
    /// Clears the line for what came of the work.
    fn drop(&mut self) {
        if let (true, Some((terminal, ..))) = (self.said, &mut self.told) {
            let _ = write!(terminal, "\r\x1b[K");
        }
    }
}

/// What a bar says after so much time.
fn line(what: &str, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("{what}: {done}");
    };
    let done = done.min(total);
    let part = |of: u64| u128::from(done) * u128::from(of) / u128::from(total);
    let (full, percent) = (part(WIDTH), part(100));
    let bar: String = (0..u128::from(WIDTH)).map(|at| if at < full { '#' } else { '.' }).collect();
    // What is left takes as long as what is done did.
    let left = elapsed.as_millis().saturating_mul(u128::from(total - done));
    match left.checked_div(u128::from(done) * 1_000) {
        Some(seconds) if seconds > 0 => format!("{what} [{bar}] {percent} %, {seconds} s left"),
        _ => format!("{what} [{bar}] {percent} %"),
    }
}

#[expect(clippy::disallowed_methods, reason = "how often to print is the terminal's matter")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_tells_what_is_left() {
        let line = |done, total| line("hours", done, Some(total), Duration::from_secs(30));
        assert_eq!(line(0, 10), "hours [........................] 0 %");
        assert_eq!(line(6, 24), "hours [######..................] 25 %, 90 s left");
        assert_eq!(line(24, 24), "hours [########################] 100 %");
        assert_eq!(line(30, 24), line(24, 24), "an estimate may have been too small");
        assert_eq!(
            line(u64::MAX / 2 + 1, u64::MAX),
            "hours [############............] 50 %, 29 s left"
        );
    }
}
