//! Detections out: JSON lines, an HTTP API and metrics.
//!
//! [`wire`] holds the versioned shapes that people outside depend on; they are
//! never the domain types themselves.

pub mod jsonl;
pub mod wire;
