//! Any bytes as a checkpoint of evidence.

#![no_main]

#[path = "../../tests/support/hostile.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::evidence_checkpoint(data));
