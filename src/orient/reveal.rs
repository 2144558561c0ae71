//! Pseudonyms turned back, for an operator who replays his own captures.
//!
//! Nothing can turn a pseudonym back by itself: this table remembers the lines
//! that passed by while it was asked to. Only `replay --reveal` and
//! `--explain` make one; the service never does.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::prefixes::Prefixes;
use super::pseudonym::{LineAddress, LineKey};
use crate::model::line::LineId;

/// The most lines remembered; later ones stay pseudonyms.
const MOST_LINES: usize = 10_000_000;

/// What the lines that were seen are really called.
#[derive(Default)]
pub struct Reveal(HashMap<LineId, LineAddress>);

impl Reveal {
    /// Remembers a line under its pseudonym.
    pub fn remember(&mut self, line: LineId, address: &LineAddress) {
        if self.0.len() < MOST_LINES {
            self.0.entry(line).or_insert(*address);
        }
    }

    /// The line itself, if it was seen: an IPv4 address or an IPv6 prefix.
    pub fn name(&self, line: LineId) -> Option<String> {
        self.0.get(&line).map(LineAddress::reveal)
    }
}

/// The pseudonym of the line that an operator names by its address, by an IPv6
/// prefix such as `2001:db8:0:100::/56`, or by the pseudonym itself. `None` if
/// the text is none of these, or the address lies in no prefix or is that of a
/// line that is left alone.
pub fn line_named(text: &str, key: &LineKey, prefixes: &Prefixes) -> Option<LineId> {
    if let Ok(line) = text.parse() {
        return Some(line);
    }
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    let address: IpAddr = address.parse::<IpAddr>().ok()?.to_canonical();
    if prefixes.is_opted_out(address) {
        return None;
    }
    let prefix = prefixes.find(address)?;
    Some(key.pseudonym(&LineAddress::new(address, prefix.length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::line::RegionId;
    use crate::orient::LinePrefix;

    #[test]
    fn a_line_can_be_named_by_address_prefix_or_pseudonym() {
        let key = LineKey::new([1; 16]);
        let mut prefixes = Prefixes::default();
        let prefix = LinePrefix { length: 56, region: RegionId(0) };
        prefixes.insert("2001:db8::/32".parse().unwrap(), prefix);
        let line = line_named("2001:db8:0:100::/56", &key, &prefixes).unwrap();
        assert_eq!(line_named("2001:db8:0:1ff::5", &key, &prefixes), Some(line));
        assert_eq!(line_named(&line.to_string(), &key, &prefixes), Some(line));
        assert_eq!(line_named("192.0.2.1", &key, &prefixes), None);
        assert_eq!(line_named("kitchen", &key, &prefixes), None);
        prefixes.opt_out("2001:db8:0:142::/64".parse().unwrap());
        assert_eq!(line_named("2001:db8:0:1ff::5", &key, &prefixes), None, "left alone");
    }

    #[test]
    fn only_lines_that_were_seen_are_revealed() {
        let key = LineKey::new([1; 16]);
        let address = LineAddress::new("198.51.100.7".parse().unwrap(), 32);
        let mut reveal = Reveal::default();
        assert_eq!(reveal.name(key.pseudonym(&address)), None);
        reveal.remember(key.pseudonym(&address), &address);
        assert_eq!(reveal.name(key.pseudonym(&address)).unwrap(), "198.51.100.7");
    }
}
