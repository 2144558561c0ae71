//! Any bytes as a checkpoint of templates, samplers and, in seals that anybody
//! opens, sets that wait.

#![no_main]

#[path = "../../tests/support/hostile.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::decode_checkpoint(data));
