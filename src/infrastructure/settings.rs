//! How strict the verdicts are.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::signals::Signals;
use crate::dns::Seen;

/// What decides between dedicated, shared and undecided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictSettings {
    /// A foreign name counts when it was seen on this many days...
    pub min_days: usize,
    /// ...or this often. Anyone can point a name at somebody else's address,
    /// and one stray answer must not blind a class.
    pub min_count: u64,
    /// Take partial sources for population sources: for laboratories and
    /// tests, where the only source there is sees everything there is.
    pub trust_partial: bool,
    /// How long an endpoint holds after it was last answered.
    pub hold: Duration,
    /// The same in cloud ranges, where addresses change hands quickly.
    pub cloud_hold: Duration,
    /// An address that one source gave on one day for the names of this many
    /// owners is a rewriting resolver, a parking page or a sinkhole, and is
    /// no address of those names.
    pub crowd_owners: usize,
    /// Sources that heard resolvers elsewhere, which are answered differently:
    /// where another source has an address of a name, theirs are set aside.
    /// Whom they saw on an address always counts.
    pub afar: BTreeSet<String>,
}

impl Default for VerdictSettings {
    fn default() -> Self {
        Self {
            min_days: 2,
            min_count: 10,
            trust_partial: false,
            hold: Duration::from_secs(24 * 3_600),
            cloud_hold: Duration::from_secs(3_600),
            crowd_owners: 100,
            afar: BTreeSet::new(),
        }
    }
}

impl VerdictSettings {
    /// Whether something foreign was seen often enough to be believed.
    pub(super) fn counts(&self, seen: &Seen) -> bool {
        seen.days >= self.min_days || seen.count >= self.min_count
    }

    /// How long `address` holds after it was last answered.
    pub fn hold_of(&self, address: IpAddr, signals: Signals<'_>) -> Duration {
        if signals.in_cloud(address) { self.cloud_hold } else { self.hold }
    }
}
