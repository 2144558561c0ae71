//! Any bytes as a packet header sampled by sFlow.

#![no_main]

#[path = "../../tests/support/hostile.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::sflow_packet(data));
