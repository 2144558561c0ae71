//! The live service: the only maker of threads and channels.

pub mod clock;
pub mod key;
