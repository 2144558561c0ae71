//! Any bytes as a list of address ranges.

#![no_main]

#[path = "../../tests/support/hostile_files.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::ranges(data));
