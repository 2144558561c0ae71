//! Detections and counts, written and served.
