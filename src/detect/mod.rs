//! Evidence in windows and the rule that claims a class on a line.
//!
//! Sightings come in in any order ([`Engine::observe`]); time comes in as an
//! argument ([`Engine::advance`], or [`Engine::pass`] for who has no time to
//! wait) and closes windows; detections go out. What
//! was seen is a set of groups per line and window, so neither the order of
//! sightings nor the same flow seen by two exporters changes a detection.
//!
//! [`evidence`](self) stores a window compactly, `closing` judges it in slices,
//! `rule` is the paper's rule
//! (§4.3.2), `usage` says whether somebody uses the device (§7.1), and
//! `confidence` how sure the claim is under sampling. `checkpoint` writes the
//! open windows and reads them back.

pub mod checkpoint;
mod closing;
mod confidence;
mod engine;
mod evidence;
mod rule;
mod usage;

#[cfg(test)]
mod tests;

pub use engine::{Engine, EngineCounts, Settings};
