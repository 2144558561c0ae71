//! What an endpoint stands for: a group of domains of one class.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// The identity of a group: its class and its first name, hashed.
///
/// A group is known by what its signature calls it, never by a position in a
/// list, so evidence gathered under an identity survives reloads, restarts and
/// the reordering of files. The hash is unkeyed: signatures are public, and
/// compiling them refuses two groups with the same identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(u64);

impl GroupId {
    /// The identity of the group of `class` whose first name is `first_name`.
    pub fn new(class: &str, first_name: &str) -> Self {
        let mut hasher = SipHasher24::new();
        hasher.write(class.as_bytes());
        // A zero byte occurs in neither, so the two parts cannot run together.
        hasher.write_u8(0);
        hasher.write(first_name.as_bytes());
        Self(hasher.finish())
    }

    /// The identity as a number, for checkpoints and the wire.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// An identity read back from a checkpoint or the wire.
    pub const fn from_u64(value: u64) -> Self {
        Self(value)
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_and_name_do_not_run_together() {
        assert_ne!(GroupId::new("ab", "c"), GroupId::new("a", "bc"));
        assert_eq!(GroupId::new("a", "b"), GroupId::new("a", "b"));
    }
}
