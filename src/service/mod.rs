//! The live service: the only maker of threads and channels.
