//! Any bytes as a checkpoint of the table of DNS answers.

#![no_main]

#[path = "../../tests/support/hostile.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::dns_checkpoint(data));
