//! What is known of addresses beside DNS answers.

use std::net::IpAddr;

use super::certificates::Scans;
use super::ranges::Ranges;

/// What verdicts rest on beside DNS answers; nothing by default.
#[derive(Clone, Copy, Default)]
pub struct Signals<'a> {
    /// The ranges of clouds and delivery networks.
    pub ranges: Option<&'a Ranges>,
    /// Certificates seen by Internet scans.
    pub scans: Option<&'a Scans>,
}

impl<'a> Signals<'a> {
    /// Whether `address` lies in a cloud, where addresses change hands quickly.
    pub(super) fn in_cloud(&self, address: IpAddr) -> bool {
        self.ranges.is_some_and(|ranges| ranges.contains(address))
    }
}
