//! Any bytes as the capture of a device.

#![no_main]

#[path = "../../tests/support/hostile_files.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::device_capture(data));
