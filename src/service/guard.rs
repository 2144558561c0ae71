//! What is in memory stays there: no core, and no panic that says what it saw.
//!
//! Memory holds the line key and, for as long as a flow is handled, the address
//! of a subscriber. A core would be a copy of both on a disk that nobody
//! thought of. A panic's message can quote any value; where it happened is
//! enough to mend it, and says nothing about anybody.

use std::backtrace::Backtrace;
use std::panic::{self, PanicHookInfo};
use std::thread;

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

/// Forbids cores and being read by other processes of the same user, and keeps
/// the messages of panics out of the log. For a program that is a service; what
/// fails is logged and no reason not to run.
pub fn keep_to_itself() {
    hide_panics();
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "cores cannot be forbidden by a limit");
    }
    // Also where cores go through a pipe, which minds no limit.
    if let Err(error) = set_dumpable(false) {
        tracing::warn!(%error, "the process stays readable by others of its user");
    }
}

/// Logs of a panic where it was, and its backtrace if that is asked for by
/// `RUST_BACKTRACE`, but not its message.
pub fn hide_panics() {
    panic::set_hook(Box::new(|panicked: &PanicHookInfo<'_>| {
        let place = panicked.location().map(ToString::to_string).unwrap_or_default();
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(
            thread,
            place,
            "panicked; the message is left out, since it could name a subscriber"
        );
        let trace = Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            tracing::error!("{trace}");
        }
    }));
}
