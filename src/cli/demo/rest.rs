//! Waiting that Ctrl-C and SIGTERM end, so that the demonstration can clean up
//! after itself.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Something to wait with.
pub(super) struct Rest {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Rest {
    /// From here on the two signals no longer end the process by themselves.
    pub(super) fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (interrupt, terminate) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        Ok(Self { runtime, interrupt, terminate })
    }

    /// Waits for `time`; true when a signal has come, now or before.
    pub(super) fn interrupted(&mut self, time: Duration) -> bool {
        let Self { runtime, interrupt, terminate } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupt.recv() => true,
                _ = terminate.recv() => true,
                () = tokio::time::sleep(time) => false,
            }
        })
    }
}
