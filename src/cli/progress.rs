//! Progress of long work, on a terminal only.

use std::io::{self, IsTerminal as _};
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

#[expect(clippy::disallowed_methods, reason = "how often to print is the terminal's matter")]
fn now() -> Instant {
    Instant::now()
}
