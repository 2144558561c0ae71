//! Domain names in the one form in which they are compared, and the patterns
//! that signatures use.
//!
//! Names differ on the wire in case, in a trailing dot and in being written in
//! Unicode or in ASCII (IDNA, RFC 5891). A [`DomainName`] is lower-case ASCII
//! without a trailing dot; everything that compares names compares these.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::suffix;

/// Longest name in characters without the trailing dot (RFC 1035 §2.3.4).
const LONGEST_NAME: usize = 253;
/// Longest label in characters (RFC 1035 §2.3.4).
const LONGEST_LABEL: usize = 63;

/// A domain name: lower-case ASCII, no trailing dot, at least one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Arc<str>);

impl DomainName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The registrable domain above this name, by the Public Suffix List with
    /// its private section; the name itself where there is none.
    pub fn registrable(&self) -> &str {
        suffix::registrable(&self.0).unwrap_or(&self.0)
    }

    /// Stands for names of `registrable` of which nothing else is known any
    /// more; without it, for names of many. No real name is equal to it.
    pub fn unkept(registrable: Option<&str>) -> Self {
        Self(registrable.map_or_else(|| "*".into(), |owner| format!("*.{owner}").into()))
    }

    /// Whether this is what [`Self::unkept`] gives.
    pub fn is_unkept(&self) -> bool {
        self.0.starts_with('*')
    }

    /// The names above this one, nearest first: `b.c` and `c` for `a.b.c`.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        let mut rest: &str = &self.0;
        std::iter::from_fn(move || {
            let (_, parent) = rest.split_once('.')?;
            rest = parent;
            Some(parent)
        })
    }
}

impl FromStr for DomainName {
    type Err = String;

    /// Reads a name in any case, with or without a trailing dot, in Unicode or
    /// ASCII. Underscores are allowed, since service names carry them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.strip_suffix('.').unwrap_or(text);
        let ascii = if trimmed.is_ascii() {
            trimmed.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(trimmed)
                .map_err(|_| format!("`{text}` is not a valid international name"))?
        };
        if ascii.is_empty() || ascii.len() > LONGEST_NAME {
            return Err(format!(
                "name is {} characters long, allowed: 1 to {LONGEST_NAME}",
                ascii.len()
            ));
        }
        for label in ascii.split('.') {
            if label.is_empty() || label.len() > LONGEST_LABEL {
                return Err(format!(
                    "a label of `{text}` is {} characters long, allowed: 1 to {LONGEST_LABEL}",
                    label.len()
                ));
            }
            if let Some(odd) =
                label.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
            {
                return Err(format!(
                    "`{text}` has the character {odd:?}, allowed: letters, digits, hyphen, underscore and dots"
                ));
            }
        }
        Ok(Self(ascii.into()))
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for DomainName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for DomainName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DomainName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A name in a signature: one exact name, or `*.suffix` for every name with
/// one or more labels before the suffix. `*.x` does not match `x`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamePattern {
    /// Exactly this name.
    Exact(DomainName),
    /// Any name below this suffix, not the suffix itself.
    Below(DomainName),
}

impl NamePattern {
    /// Whether `name` is one that the pattern stands for.
    pub fn matches(&self, name: &DomainName) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Below(suffix) => name.ancestors().any(|above| above == suffix.as_str()),
        }
    }
}

impl FromStr for NamePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("*.") {
            Some(suffix) => suffix.parse().map(Self::Below),
            None if text.contains('*') => Err(format!(
                "`{text}` has a `*` that is not a leading `*.`; only `*.example.com` is allowed"
            )),
            None => text.parse().map(Self::Exact),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => write!(f, "{name}"),
            Self::Below(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    #[test]
    fn names_that_differ_only_in_writing_are_equal() {
        assert_eq!(name("API.Example.COM."), name("api.example.com"));
        assert_eq!(name("bücher.example"), name("xn--bcher-kva.example"));
    }

    #[test]
    fn a_wildcard_needs_at_least_one_label_more() {
        let pattern: NamePattern = "*.example.com".parse().unwrap();
        assert!(pattern.matches(&name("a.example.com")));
        assert!(pattern.matches(&name("a.b.example.com")));
        assert!(!pattern.matches(&name("example.com")));
        assert!(!pattern.matches(&name("badexample.com")));
    }

    #[test]
    fn a_name_that_was_not_kept_is_no_other_name() {
        let unkept = DomainName::unkept(Some("shop.co.uk"));
        assert!(unkept.is_unkept() && DomainName::unkept(None).is_unkept());
        assert_eq!(unkept.registrable(), "shop.co.uk");
        assert!(unkept.as_str().parse::<DomainName>().is_err());
        assert_eq!(name("a.b.shop.co.uk").registrable(), "shop.co.uk");
        assert_eq!(name("co.uk").registrable(), "co.uk");
    }

    #[test]
    fn absurd_names_are_refused_with_the_reason() {
        for text in ["", ".", "a..b", "a b.c", "*.*.c", "a.*.c"] {
            assert!(text.parse::<NamePattern>().is_err(), "{text:?}");
        }
        assert!("a".repeat(64).parse::<DomainName>().unwrap_err().contains("64"));
    }
}
