//! A testbed instead of an ISP: a line for each class with devices of it, on
//! servers of their own, with no other traffic, always used or never.
//!
//! The servers are the same whatever the seed, so that one hitlist serves any
//! number of runs.

use std::num::NonZeroU32;

use super::backends::Backends;
use super::draw::{Draw, Purpose};
use super::isp::{Isp, Settings};
use super::names::NameRecord;
use super::traffic::Usage;
use super::{MOST_LINES, SimulateError};
use crate::model::time::Timestamp;
use crate::signature::SignatureSet;

/// Devices of every class, and where their servers live.
#[derive(Clone, Debug)]
pub struct Testbed {
    set: SignatureSet,
    backends: Backends,
    start: Timestamp,
    hours: u32,
    sampling: NonZeroU32,
}

/// Draws which `number` of `of` things it is, the same for the same seed.
pub fn some(seed: u64, number: usize, of: usize) -> Vec<bool> {
    let mut draw = Draw::new(seed, Purpose::Population, u64::MAX, 0);
    let mut left = number.min(of);
    let chosen = |place| {
        let is_chosen = draw.index(of - place) < left;
        left -= usize::from(is_chosen);
        is_chosen
    };
    (0..of).map(chosen).collect()
}

impl Testbed {
    /// A testbed for the classes of `set`, watched for `hours`.
    pub fn new(
        set: SignatureSet,
        start: Timestamp,
        hours: u32,
        sampling: NonZeroU32,
    ) -> Result<Self, SimulateError> {
        let lines = u32::try_from(set.classes.len()).unwrap_or(u32::MAX);
        if lines == 0 || lines > MOST_LINES {
            return Err(SimulateError::Lines { found: lines, allowed: MOST_LINES });
        }
        let end = start.plus(std::time::Duration::from_secs(u64::from(hours) * 3_600));
        let backends = Backends::dedicated(&set, start, end)?;
        Ok(Self { set, backends, start, hours, sampling })
    }

    /// What its devices have.
    pub fn signatures(&self) -> &SignatureSet {
        &self.set
    }

    /// What resolvers answered.
    pub fn names(&self) -> &[NameRecord] {
        &self.backends.records
    }

    /// A run: devices with habits and traffic of their own. For every line
    /// there are the classes of its devices, by their place in the set.
    pub fn run(&self, usage: Usage, seed: u64, devices: &[Vec<usize>]) -> Isp {
        let lines = u32::try_from(devices.len()).unwrap_or(u32::MAX);
        let settings = Settings {
            lines,
            hours: self.hours,
            sampling: self.sampling,
            seed,
            start: self.start,
            other_packets: 0.0,
        };
        Isp::with_devices(&self.set, settings, usage, self.backends.clone(), devices)
    }
}
