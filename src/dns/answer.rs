//! One thing a resolver answered, whatever file or wire it was read from, and
//! what makes an answer too absurd to keep.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::domain::DomainName;
use crate::model::time::Timestamp;

/// How far ahead of `now` a time may lie before it is absurd: sensors' clocks
/// and ours differ a little.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(600);

/// What a source has seen of the answers in the world.
///
/// "Nobody else is on this address" can only be concluded from a source that
/// would have seen somebody else: the resolvers of a whole population, or a
/// passive-DNS database. What one resolver or one device was told adds
/// addresses, and can show sharing, but never proves its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// Answers to many users who ask for everything.
    Population,
    /// Answers to questions that we or one device asked.
    Partial,
}

/// What a name led to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerData {
    /// An A or AAAA record.
    Address(IpAddr),
    /// A CNAME record.
    Alias(DomainName),
}

/// A name led to an address or to another name, `count` times between `first`
/// and `last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The name that was answered for.
    pub name: DomainName,
    /// What it led to.
    pub data: AnswerData,
    /// When this was first seen.
    pub first: Timestamp,
    /// When this was last seen, not before `first`.
    pub last: Timestamp,
    /// How often it was seen, at least once.
    pub count: u64,
    /// What the source sees.
    pub coverage: Coverage,
}

/// Why an answer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// Private, loopback, link-local, multicast, unspecified or reserved.
    #[error("the address is not a public unicast address")]
    UnusableAddress,
    /// Seen later than now.
    #[error("the time lies in the future")]
    Future,
    /// First seen after last seen.
    #[error("the first time is later than the last")]
    TimesReversed,
    /// A name that is an alias of itself.
    #[error("the name is an alias of itself")]
    SelfAlias,
    /// A name that is written as an address: no name ends in a number.
    #[error("an address stands where a name should")]
    NumericName,
    /// A name of the length at which the source cuts names.
    #[error("the name may have been cut by the program that wrote it")]
    CutName,
    /// [`super::knowledge::MOST_NAMES`] reached.
    #[error("the table is full of names")]
    TooManyNames,
    /// [`super::knowledge::MOST_FACTS`] reached.
    #[error("the table is full of answers")]
    TooManyFacts,
    /// [`super::knowledge::MOST_ADDRESSES_OF_A_NAME`] reached.
    #[error("the name has too many addresses")]
    TooManyAddresses,
    /// [`super::knowledge::MOST_ALIASES_OF_A_NAME`] reached.
    #[error("the name has too many aliases")]
    TooManyAliases,
    /// [`super::knowledge::MOST_SOURCES`] reached.
    #[error("there are too many sources")]
    TooManySources,
}

impl Answer {
    /// This answer in canonical form, or why nobody should believe it.
    pub fn screened(mut self, now: Timestamp) -> Result<Self, Refused> {
        if self.first > self.last {
            return Err(Refused::TimesReversed);
        }
        if self.last > now.plus(CLOCK_TOLERANCE) {
            return Err(Refused::Future);
        }
        if is_numeric(&self.name) {
            return Err(Refused::NumericName);
        }
        match &mut self.data {
            AnswerData::Address(address) => {
                *address = address.to_canonical();
                if !is_usable(*address) {
                    return Err(Refused::UnusableAddress);
                }
            }
            AnswerData::Alias(target) if *target == self.name => return Err(Refused::SelfAlias),
            AnswerData::Alias(target) if is_numeric(target) => return Err(Refused::NumericName),
            AnswerData::Alias(_) => {}
        }
        self.count = self.count.max(1);
        Ok(self)
    }
}

/// Whether a name ends in a number, as none does (RFC 3696 §2). Where fields of
/// a source have slipped, this is somebody's address.
fn is_numeric(name: &DomainName) -> bool {
    let last = name.as_str().rsplit('.').next().unwrap_or_default();
    last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a service in the Internet can have this address.
///
/// Resolvers that rewrite answers hand out private and unspecified addresses.
/// The ranges for documentation and benchmarks are let through: they do no
/// harm, and examples and simulations live in them.
pub(crate) fn is_usable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_usable_v4(v4),
        IpAddr::V6(v6) => is_usable_v6(v6),
    }
}

fn is_usable_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let carrier_nat = a == 100 && (64..128).contains(&b);
    // 0/8 is "this network" (RFC 1122), 240/4 is reserved and holds broadcast.
    !(a == 0
        || a >= 240
        || carrier_nat
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast())
}

fn is_usable_v6(address: Ipv6Addr) -> bool {
    !(address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(data: AnswerData) -> Answer {
        Answer {
            name: "api.example.com".parse().unwrap(),
            data,
            first: Timestamp::from_secs(100),
            last: Timestamp::from_secs(200),
            count: 0,
            coverage: Coverage::Population,
        }
    }

    fn screened(address: &str) -> Result<Answer, Refused> {
        answer(AnswerData::Address(address.parse().unwrap())).screened(Timestamp::MAX)
    }

    #[test]
    fn addresses_no_service_can_have_are_refused() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.1.1",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "224.0.0.251",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::fb",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(screened(text).unwrap_err(), Refused::UnusableAddress, "{text}");
        }
        for text in ["198.51.100.7", "8.8.8.8", "100.128.0.1", "2001:db8::1", "2a00:1450::5"] {
            assert!(screened(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_mapped_address_is_the_address_it_maps() {
        let kept = screened("::ffff:198.51.100.7").unwrap();
        assert_eq!(kept.data, AnswerData::Address("198.51.100.7".parse().unwrap()));
        assert_eq!(kept.count, 1, "an answer was seen at least once");
    }

    #[test]
    fn absurd_times_and_aliases_are_refused() {
        let now = Timestamp::from_secs(300);
        let good = answer(AnswerData::Alias("b.example.net".parse().unwrap()));
        let reversed = Answer { first: Timestamp::from_secs(201), ..good.clone() };
        let future = Answer { last: Timestamp::from_secs(300 + 601), ..good.clone() };
        let skewed = Answer { last: Timestamp::from_secs(300 + 599), ..good.clone() };
        let own = Answer { data: AnswerData::Alias(good.name.clone()), ..good.clone() };
        assert_eq!(reversed.screened(now), Err(Refused::TimesReversed));
        assert_eq!(future.screened(now), Err(Refused::Future));
        assert!(skewed.screened(now).is_ok());
        assert_eq!(own.screened(now), Err(Refused::SelfAlias));
        let target =
            Answer { data: AnswerData::Alias("192.0.2.1".parse().unwrap()), ..good.clone() };
        let slipped = Answer { name: "192.0.2.1".parse().unwrap(), ..good.clone() };
        assert_eq!(target.screened(now), Err(Refused::NumericName));
        assert_eq!(slipped.screened(now), Err(Refused::NumericName));
        assert!(good.screened(now).is_ok());
    }
}
