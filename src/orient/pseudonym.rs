//! From a line's address to its pseudonym.
//!
//! The pseudonym is SipHash-2-4 with 128 bits of output over the address,
//! under a secret key of 128 bits. It is a pseudorandom function: without the
//! key, knowing some pairs tells nothing about others, and going through all
//! IPv4 addresses is of no use. 128 bits make two lines with one pseudonym
//! unlikely for any number of lines (15 million lines: about 1 in 3·10^24).

use std::net::{IpAddr, Ipv6Addr};

use siphasher::sip128::SipHasher24;

use crate::model::line::LineId;
use crate::model::time::{Day, Timestamp};

/// Bits of an IPv4 address, which is always one line of its own.
const V4_BITS: u8 = 32;

/// The address of a line: one IPv4 address, or the leading bits of an IPv6
/// address with the rest cleared.
///
/// Deliberately without `Debug`, `Display`, serialisation and access to its
/// parts.
#[derive(Clone, Copy)]
pub struct LineAddress {
    /// The cleared address.
    address: IpAddr,
    /// How many leading bits are the line's.
    length: u8,
}

impl LineAddress {
    /// The line that `address` belongs to when lines are `length` bits long.
    #[inline]
    pub(super) fn new(address: IpAddr, length: u8) -> Self {
        match address {
            IpAddr::V4(_) => Self { address, length: V4_BITS },
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                let cleared = Ipv6Addr::from_bits(address.to_bits() & mask);
                Self { address: IpAddr::V6(cleared), length }
            }
        }
    }

    /// The line as an operator writes it: `198.51.100.7` or
    /// `2001:db8:0:100::/56`. Only [`super::Reveal`] may ask.
    pub(super) fn reveal(&self) -> String {
        match self.address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("{address}/{}", self.length),
        }
    }
}

/// The secret under which pseudonyms are made.
#[derive(Clone, PartialEq, Eq)]
pub struct LineKey([u8; 16]);

impl LineKey {
    /// A key from 16 secret bytes.
    pub const fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// The bytes themselves, to make other keys of.
    pub(super) fn secret(&self) -> &[u8] {
        &self.0
    }

    /// Tells keys apart and nothing else of them: the hash of a fixed text that
    /// no line is.
    pub fn fingerprint(&self) -> u64 {
        let hash = SipHasher24::new_with_key(&self.0).hash(b"which key is it, of all?");
        hash.h1
    }

    /// The pseudonym of a line.
    pub fn pseudonym(&self, line: &LineAddress) -> LineId {
        let hasher = SipHasher24::new_with_key(&self.0);
        let hash = match line.address {
            IpAddr::V4(address) => hasher.hash(&address.octets()),
            // The length is part of the input, so that a /56 and the /48 that
            // begins it are two lines.
            IpAddr::V6(address) => {
                let mut input = [0; 17];
                input[..16].copy_from_slice(&address.octets());
                input[16] = line.length;
                hasher.hash(&input)
            }
        };
        LineId(hash.as_u128())
    }
}

/// The key in force, and the one that comes into force when a day begins.
///
/// What decides is the time of the flow and not that of its arrival: so a day's
/// windows have one pseudonym for each line, and what comes late after midnight
/// still belongs to the line it is about.
#[derive(Clone)]
pub struct LineKeys {
    key: LineKey,
    next: Option<(Day, LineKey)>,
}

impl From<LineKey> for LineKeys {
    fn from(key: LineKey) -> Self {
        Self { key, next: None }
    }
}

impl LineKeys {
    /// `key` until `from` begins, then `next`.
    pub const fn changing(key: LineKey, from: Day, next: LineKey) -> Self {
        Self { key, next: Some((from, next)) }
    }

    /// The key for what happened at `at`.
    pub fn at(&self, at: Timestamp) -> &LineKey {
        match &self.next {
            Some((from, next)) if at >= from.start() => next,
            _ => &self.key,
        }
    }

    /// The key that was in force before the one for what happens at `at`, as
    /// long as it is known.
    pub fn before(&self, at: Timestamp) -> Option<&LineKey> {
        let (from, _) = self.next.as_ref()?;
        (at >= from.start()).then_some(&self.key)
    }

    /// The key that comes last.
    pub fn last(&self) -> &LineKey {
        self.next.as_ref().map_or(&self.key, |(_, next)| next)
    }

    /// All that are known, the last one first.
    pub(super) fn all(&self) -> impl Iterator<Item = &LineKey> {
        [self.last(), &self.key].into_iter().take(if self.next.is_some() { 2 } else { 1 })
    }

    /// The day with which the last key comes into force, if there are two.
    pub fn change(&self) -> Option<Day> {
        self.next.as_ref().map(|(from, _)| *from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(address: &str, length: u8) -> LineAddress {
        LineAddress::new(address.parse().unwrap(), length)
    }

    const KEY: LineKey = LineKey::new([7; 16]);

    #[test]
    fn addresses_of_one_ipv6_prefix_are_one_line() {
        let one = KEY.pseudonym(&line("2001:db8:0:100::1", 56));
        let other = KEY.pseudonym(&line("2001:db8:0:1ff:ffff::2", 56));
        let neighbour = KEY.pseudonym(&line("2001:db8:0:200::1", 56));
        assert_eq!(one, other);
        assert_ne!(one, neighbour);
    }

    #[test]
    fn each_ipv4_address_is_a_line_whatever_the_length_says() {
        assert_ne!(
            KEY.pseudonym(&line("198.51.100.1", 24)),
            KEY.pseudonym(&line("198.51.100.2", 24))
        );
    }

    #[test]
    fn another_key_gives_another_pseudonym() {
        let address = line("198.51.100.1", 32);
        assert_ne!(KEY.pseudonym(&address), LineKey::new([8; 16]).pseudonym(&address));
    }

    #[test]
    fn a_new_key_comes_with_the_day_of_the_flow() {
        let midnight: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let next = LineKey::new([8; 16]);
        let keys = LineKeys::changing(KEY, midnight.day(), next.clone());
        let before = midnight.minus(std::time::Duration::from_millis(1));
        assert!(*keys.at(before) == KEY && *keys.at(Timestamp::EPOCH) == KEY);
        assert!(*keys.at(midnight) == next && *keys.last() == next);
        assert!(keys.before(before).is_none());
        assert!(keys.before(midnight).is_some_and(|old| *old == KEY));
        assert!(*LineKeys::from(KEY).at(Timestamp::MAX) == KEY);
    }

    #[test]
    fn a_whole_address_and_no_bits_at_all_are_allowed_lengths() {
        assert_eq!(line("2001:db8::1", 128).reveal(), "2001:db8::1/128");
        assert_eq!(line("2001:db8::1", 0).reveal(), "::/0");
        assert_eq!(line("2001:db8:0:1ff::1", 56).reveal(), "2001:db8:0:100::/56");
    }
}
