//! A testbed instead of an ISP: a line for each class with one device of it, or
//! more, on servers of its own, with no other traffic, always used or never.
//!
//! The servers are the same whatever the seed, so that one hitlist serves any
//! number of runs.

use std::num::NonZeroU32;

use super::backends::Backends;
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
    each: u32,
}

impl Testbed {
    /// A testbed with `each` devices of each class of `set`, watched for `hours`.
    pub fn new(
        set: SignatureSet,
        start: Timestamp,
        hours: u32,
        sampling: NonZeroU32,
        each: u32,
    ) -> Result<Self, SimulateError> {
        let lines = u32::try_from(set.classes.len()).unwrap_or(u32::MAX);
        if lines == 0 || lines > MOST_LINES {
            return Err(SimulateError::Lines { found: lines, allowed: MOST_LINES });
        }
        let end = start.plus(std::time::Duration::from_secs(u64::from(hours) * 3_600));
        let backends = Backends::dedicated(&set, start, end)?;
        Ok(Self { set, backends, start, hours, sampling, each })
    }

    /// What its devices have.
    pub fn signatures(&self) -> &SignatureSet {
        &self.set
    }

    /// What resolvers answered.
    pub fn names(&self) -> &[NameRecord] {
        &self.backends.records
    }

    /// A run: the same devices with habits and traffic of their own. Line
    /// number `n` has the devices of class number `n`.
    pub fn run(&self, usage: Usage, seed: u64) -> Isp {
        let lines = u32::try_from(self.set.classes.len()).unwrap_or(u32::MAX);
        let settings = Settings {
            lines,
            hours: self.hours,
            sampling: self.sampling,
            seed,
            start: self.start,
            other_packets: 0.0,
        };
        let devices: Vec<usize> = (0..self.set.classes.len()).collect();
        Isp::with_devices(&self.set, settings, usage, self.backends.clone(), &devices, self.each)
    }
}
