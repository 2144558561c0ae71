//! A detection as JSON, version 1. Packets and bytes are as sampled, the line
//! is its pseudonym.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::detection;
use crate::model::rules::Level;
use crate::model::time::{Timestamp, Window};

/// Version of the detection object.
const DETECTION_VERSION: u8 = 1;
/// Confidence is written with four decimals.
const CONFIDENCE_STEPS: f64 = 10_000.0;

/// A class claimed on a line for a window, version 1.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Detection<'a> {
    /// Version of this object: 1.
    v: u8,
    /// Length of the window: `1h` or `24h`.
    #[schema(value_type = String, example = "1h")]
    window: Window,
    /// Start of the window.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// Pseudonym of the line, 32 hexadecimal digits.
    line: String,
    /// Region of the line; empty when its prefix has none.
    region: &'a str,
    /// The class, as its signature file is called.
    class: &'a str,
    /// What the class says: platform, manufacturer or product.
    level: Level,
    /// First names of the groups seen, sorted.
    groups: Vec<&'a str>,
    /// How many groups were seen.
    seen: usize,
    /// How many had to be seen.
    required: usize,
    /// How many are monitored.
    of: usize,
    /// Sampled packets to the class's groups in the window.
    packets: u64,
    /// Sampled bytes to the class's groups in the window.
    bytes: u64,
    /// When the first of the flows ended.
    #[schema(value_type = String, format = DateTime)]
    first: Timestamp,
    /// When the last of the flows ended.
    #[schema(value_type = String, format = DateTime)]
    last: Timestamp,
    /// Whether the traffic says that somebody uses the device.
    in_use: bool,
    /// Probability that the claim is right, 0 to 1.
    confidence: f64,
}

impl<'a> Detection<'a> {
    /// The wire shape of a detection in the region called `region`.
    pub fn new(detection: &'a detection::Detection, region: &'a str) -> Self {
        let groups: Vec<&str> = detection.groups.iter().map(|group| &**group).collect();
        Self {
            v: DETECTION_VERSION,
            window: detection.window,
            start: detection.start,
            line: detection.line.to_string(),
            region,
            class: &detection.class,
            level: detection.level,
            seen: groups.len(),
            groups,
            required: detection.required,
            of: detection.of,
            packets: detection.packets,
            bytes: detection.bytes,
            first: detection.first,
            last: detection.last,
            in_use: detection.in_use,
            confidence: rounded(detection.confidence),
        }
    }
}

impl Detection<'_> {
    /// The same detection with the line under the name an operator gives it,
    /// for his own captures.
    #[must_use]
    pub fn revealed(self, line: String) -> Self {
        Self { line, ..self }
    }
}

/// Four decimals, never rounded up to certainty: 1 is written only for 1.
pub(super) fn rounded(confidence: f64) -> f64 {
    let steps = (confidence * CONFIDENCE_STEPS).round();
    let most = if confidence < 1.0 { CONFIDENCE_STEPS - 1.0 } else { CONFIDENCE_STEPS };
    steps.clamp(0.0, most) / CONFIDENCE_STEPS
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::line::{LineId, RegionId};

    pub(crate) fn detection() -> detection::Detection {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        detection::Detection {
            window: Window::Hour,
            start: at("2026-11-21T10:00:00Z"),
            line: LineId(0xabc),
            region: RegionId(1),
            class: "amazon-fire-tv".into(),
            level: Level::Product,
            groups: vec!["a.example.com".into(), "b.example.com".into(), "c.example.com".into()],
            required: 2,
            of: 8,
            packets: 17,
            bytes: 9120,
            first: at("2026-11-21T10:00:01Z"),
            last: at("2026-11-21T10:59:59.5Z"),
            in_use: false,
            confidence: 0.98,
        }
    }

    #[test]
    fn version_one_is_written_to_the_letter() {
        let json = serde_json::to_string(&Detection::new(&detection(), "north")).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"v":1,"window":"1h","start":"2026-11-21T10:00:00Z","#,
                r#""line":"00000000000000000000000000000abc","region":"north","#,
                r#""class":"amazon-fire-tv","level":"product","#,
                r#""groups":["a.example.com","b.example.com","c.example.com"],"#,
                r#""seen":3,"required":2,"of":8,"packets":17,"bytes":9120,"#,
                r#""first":"2026-11-21T10:00:01Z","last":"2026-11-21T10:59:59.5Z","#,
                r#""in_use":false,"confidence":0.98}"#
            )
        );
    }

    #[test]
    fn a_confidence_is_never_rounded_up_to_certainty() {
        assert_eq!(rounded(0.987_654_321), 0.9877);
        assert_eq!(rounded(0.999_999), 0.9999);
        assert_eq!(rounded(1.0), 1.0);
        assert_eq!(rounded(0.0), 0.0);
        assert_eq!(serde_json::to_string(&rounded(0.1 + 0.2)).unwrap(), "0.3");
    }
}
