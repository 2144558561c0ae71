//! Which names can matter: those that a signature matches. Everything else in
//! the table is kept for what it says about their addresses.

use hashbrown::HashSet;

use crate::model::domain::{DomainName, NamePattern};
use crate::signature::SignatureSet;

/// The patterns of all signatures.
#[derive(Clone, Debug, Default)]
pub struct Sieve {
    exact: HashSet<DomainName>,
    below: HashSet<DomainName>,
}

impl Sieve {
    /// The patterns of `signatures`.
    pub fn new(signatures: &SignatureSet) -> Self {
        let groups = signatures.classes.iter().flat_map(|class| &class.groups);
        groups.flat_map(|group| group.names.iter().cloned()).collect()
    }

    /// Whether a pattern matches `name`.
    pub fn matches(&self, name: &DomainName) -> bool {
        self.exact.contains(name)
            || (!self.below.is_empty() && name.ancestors().any(|above| self.below.contains(above)))
    }
}

impl FromIterator<NamePattern> for Sieve {
    fn from_iter<I: IntoIterator<Item = NamePattern>>(patterns: I) -> Self {
        let mut sieve = Self::default();
        for pattern in patterns {
            match pattern {
                NamePattern::Exact(name) => sieve.exact.insert(name),
                NamePattern::Below(suffix) => sieve.below.insert(suffix),
            };
        }
        sieve
    }
}
