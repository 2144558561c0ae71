//! How often one address may do something: a bucket each that fills up again
//! with time.
//!
//! An IPv6 address stands for its /64, since whoever has one has them all. The
//! buckets are bounded; when too many addresses are busy at once the rest share
//! one, so that many addresses buy nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use tokio::time::Instant;

use super::Refusal;

/// Addresses with a bucket of their own: 100 bytes each.
const ADDRESSES: usize = 4_096;

/// Buckets of one kind.
pub(super) struct Pace {
    /// What a full bucket holds.
    burst: f64,
    /// What flows in, a second.
    refill: f64,
    /// What is asked for too often.
    what: &'static str,
    spent: Mutex<HashMap<Option<IpAddr>, Spent>>,
}

/// What an address has used up, and when that was so.
#[derive(Clone, Copy)]
struct Spent {
    tokens: f64,
    at: Instant,
}

impl Pace {
    /// Buckets of `burst` that take `burst / refill` seconds to fill up.
    pub(super) fn new(burst: f64, refill: f64, what: &'static str) -> Self {
        Self { burst, refill, what, spent: Mutex::default() }
    }

    /// Whether `address` has anything left, without taking it.
    pub(super) fn ask(&self, address: IpAddr, now: Instant) -> Result<(), Refusal> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = self.of(&mut spent, address, now).tokens;
        if spent + 1.0 <= self.burst {
            return Ok(());
        }
        let seconds = ((spent + 1.0 - self.burst) / self.refill).ceil();
        Err(Refusal(
            StatusCode::TOO_MANY_REQUESTS,
            format!("{} from this address, ask again in {seconds} s", self.what),
        ))
    }

    /// Takes one from the bucket of `address`.
    pub(super) fn take(&self, address: IpAddr, now: Instant) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        self.of(&mut spent, address, now).tokens += 1.0;
    }

    fn of<'s>(
        &self,
        spent: &'s mut HashMap<Option<IpAddr>, Spent>,
        address: IpAddr,
        now: Instant,
    ) -> &'s mut Spent {
        let left = |spent: &Spent| {
            let flown = now.saturating_duration_since(spent.at).as_secs_f64() * self.refill;
            (spent.tokens - flown).max(0.0)
        };
        let mut key = Some(network(address));
        if !spent.contains_key(&key) && spent.len() >= ADDRESSES {
            spent.retain(|_, spent| left(spent) > 0.0);
            if spent.len() >= ADDRESSES {
                key = None;
            }
        }
        let found = spent.entry(key).or_insert(Spent { tokens: 0.0, at: now });
        *found = Spent { tokens: left(found), at: now };
        found
    }
}

/// What an address is counted under.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pace() -> Pace {
        Pace::new(2.0, 0.5, "too many")
    }

    #[test]
    fn a_bucket_empties_and_fills_up_again() {
        let now = Instant::now();
        let (pace, address) = (pace(), "192.0.2.1".parse().unwrap());
        for _ in 0..2 {
            pace.ask(address, now).unwrap();
            pace.take(address, now);
        }
        let refused = pace.ask(address, now).unwrap_err();
        assert_eq!(refused.0, StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.1.contains("in 2 s"), "{}", refused.1);
        pace.ask("192.0.2.2".parse().unwrap(), now).unwrap();
        pace.ask(address, now + Duration::from_secs(2)).unwrap();
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let now = Instant::now();
        let pace = pace();
        for last in 1..3u16 {
            pace.take(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last).into(), now);
        }
        assert!(pace.ask("2001:db8:0:1::99".parse().unwrap(), now).is_err());
        pace.ask("2001:db8:0:2::99".parse().unwrap(), now).unwrap();
    }

    #[test]
    fn addresses_beyond_the_bound_share_a_bucket() {
        let now = Instant::now();
        let pace = pace();
        let address = |number: usize| IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
        for number in 0..2 * ADDRESSES {
            pace.take(address(number), now);
        }
        assert!(pace.spent.lock().unwrap().len() <= ADDRESSES + 1);
        assert!(pace.ask(address(3 * ADDRESSES), now).is_err(), "their bucket is empty");
        pace.ask(address(3 * ADDRESSES), now + Duration::from_secs(10)).unwrap();
    }
}
