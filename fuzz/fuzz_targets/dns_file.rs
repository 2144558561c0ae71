//! Any bytes as a file of DNS answers, packed or not.

#![no_main]

#[path = "../../tests/support/hostile.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::dns_file(data));
