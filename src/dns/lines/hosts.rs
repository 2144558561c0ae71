//! The host list that `tshark -z hosts` prints of a capture: an address, tabs
//! and a name. It holds no times, no counts and no aliases.
//!
//! * Wireshark up to version 2 keeps 63 characters of a name. A name of that
//!   very length may have been cut, and `x.elb.amazon` would be nobody's; so
//!   none of them is taken. In the list of 38,195 pairs this was learned from,
//!   386 names have 63 characters, 31 have 62 and none has more, and most of
//!   the 386 end in the middle of a well-known suffix.
//! * Names come from reverse look-ups too. A name that spells its own address
//!   is what the address's operator calls it, and leads nowhere; the others
//!   cannot be told apart.

use std::net::IpAddr;

use super::{Held, Told};
use crate::dns::answer::{AnswerData, Refused};
use crate::model::domain::DomainName;
use crate::model::time::Timestamp;

/// How long a cut name is, in characters.
const CUT_AT: usize = 63;

/// Whether a line looks like a pair.
pub(super) fn is_pair(text: &str) -> bool {
    pair(text).is_ok()
}

/// Takes one line of a list written at `dated`.
pub(super) fn take(text: &str, dated: Timestamp) -> Result<Held, String> {
    if text.starts_with('#') {
        return Ok(Held::Remark);
    }
    let (address, name) = pair(text)?;
    if name.len() == CUT_AT {
        return Ok(Held::Absurd(Refused::CutName));
    }
    if spells(name, address) {
        return Ok(Held::Irrelevant);
    }
    let name: DomainName = name.parse()?;
    let links = vec![(name, AnswerData::Address(address))];
    Ok(Held::Answers(Told { links, first: dated, last: dated, count: 1, unrelated: 0 }))
}

fn pair(text: &str) -> Result<(IpAddr, &str), String> {
    let shape = || "not an address, a tab and a name".to_owned();
    let (address, name) = text.split_once('\t').ok_or_else(shape)?;
    let name = name.trim_matches('\t');
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(shape());
    }
    Ok((address.parse().map_err(|_| shape())?, name))
}

/// Whether a name holds the four numbers of its IPv4 address in a row, either
/// way round: `ec2-198-51-100-7.compute.example`, `7.100.51.198.pool.example`.
fn spells(name: &str, address: IpAddr) -> bool {
    let IpAddr::V4(address) = address else { return false };
    let mut octets = address.octets();
    let numbers: Vec<Option<u8>> = name
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().ok())
        .collect();
    let holds = |octets: [u8; 4]| numbers.windows(4).any(|window| window == octets.map(Some));
    let forwards = holds(octets);
    octets.reverse();
    forwards || holds(octets)
}
