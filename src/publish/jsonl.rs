//! Detections as JSON lines: one object a line, UTF-8, in the shape of
//! [`wire::Detection`].
//!
//! The service, `replay` and the evaluation all write through
//! [`write_detection`], so a line reads the same wherever it comes from.

use std::io::{self, Write};

use super::wire;
use crate::model::detection::Detection;

/// Writes one detection and a newline. `region` is the name of its region.
pub fn write_detection(
    out: &mut impl Write,
    detection: &Detection,
    region: &str,
) -> io::Result<()> {
    write_line(out, &wire::Detection::new(detection, region))
}

/// Writes a detection that is already in its wire shape, and a newline.
pub fn write_line(out: &mut impl Write, detection: &wire::Detection<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, detection)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detection_is_one_line() {
        let mut out = Vec::new();
        for _ in 0..2 {
            write_detection(&mut out, &wire::detection_for_tests(), "no\nrth").unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.ends_with("}\n"));
    }
}
