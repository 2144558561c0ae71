//! Any bytes as a list of prefixes that are left alone.

#![no_main]

#[path = "../../tests/support/hostile_files.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::opt_out(data));
