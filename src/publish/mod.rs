//! Detections out: JSON lines, an HTTP API and metrics.
//!
//! [`wire`] holds the versioned shapes that people outside depend on; they are
//! never the domain types themselves. [`view`] is what HTTP reads while the
//! workers write, with [`tally`] counting lines and [`lines`] holding what was
//! claimed on each; [`withhold`] says which counts are kept back from callers
//! without a [`token`]. [`history`] keeps counts of windows past, and [`export`]
//! writes them as tables.

pub mod export;
pub mod history;
pub mod http;
pub mod jsonl;
pub mod lines;
pub mod prometheus;
pub mod tally;
pub mod token;
pub mod view;
pub mod wire;
pub mod withhold;
