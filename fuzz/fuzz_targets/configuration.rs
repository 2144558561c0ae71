//! Any bytes as a configuration.

#![no_main]

#[path = "../../tests/support/hostile_files.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::configuration(data));
