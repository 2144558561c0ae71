//! Any bytes as a certificate in scan data.

#![no_main]

#[path = "../../tests/support/hostile_files.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::certificate(data));
