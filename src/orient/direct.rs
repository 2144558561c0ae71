//! From an IPv4 address straight to what its prefix says.
//!
//! Both sides of every record are looked up, and a trie takes a step for every
//! prefix around an address. Here the first 16 bits choose a bit, in 8 KiB that
//! never leave the fastest cache: most addresses have nothing to do with any
//! prefix. For the others they choose an entry of a table: no prefix, one prefix
//! for all of it, or a second table for the next 8 bits. Only inside prefixes
//! longer than /24 the trie has to be asked.

use std::net::Ipv4Addr;

use ipnetwork::Ipv4Network;

/// Entries of a second table.
const PART: usize = 256;
/// An entry that is the place of a second table, with this bit.
const SPLIT: u16 = 1 << 15;
/// An entry of which only the trie knows.
const ASK: u16 = u16::MAX;

/// What is known of an address.
pub(super) enum Found<T> {
    /// All there is to know.
    Known(Option<T>),
    /// Ask the trie.
    Ask,
}

/// Two tables, the first for all /16.
#[derive(Clone)]
pub(super) struct Direct<T> {
    /// Of each /16 whether anything is in it.
    used: Box<[u64]>,
    /// 0 for no prefix, or the number of a value in `values`, from 1 on.
    first: Box<[u16]>,
    second: Vec<[u16; PART]>,
    values: Vec<T>,
}

impl<T> Default for Direct<T> {
    fn default() -> Self {
        Self {
            used: vec![0; (1 << 16) / 64].into(),
            first: vec![0; 1 << 16].into(),
            second: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl<T: Copy + PartialEq> Direct<T> {
    /// Whether anything is known of the /16 of `address`.
    #[inline]
    pub(super) fn knows(&self, address: Ipv4Addr) -> bool {
        let sixteen = address.to_bits() >> 16;
        self.used[sixteen as usize / 64] >> (sixteen % 64) & 1 == 1
    }

    /// What is known of `address`.
    pub(super) fn find(&self, address: Ipv4Addr) -> Found<T> {
        let [a, b, c, _] = address.octets();
        let mut entry = self.first[usize::from(u16::from_be_bytes([a, b]))];
        if entry & SPLIT != 0 && entry != ASK {
            entry = self.second[usize::from(entry & !SPLIT)][usize::from(c)];
        }
        match entry {
            0 => Found::Known(None),
            ASK => Found::Ask,
            number => Found::Known(Some(self.values[usize::from(number) - 1])),
        }
    }

    /// Takes up that `net` is a prefix now; `longest` finds what the longest prefix
    /// around an address says.
    pub(super) fn insert(&mut self, net: Ipv4Network, longest: impl Fn(Ipv4Addr) -> Option<T>) {
        let high = |address: Ipv4Addr| (address.to_bits() >> 16) as usize;
        for sixteen in high(net.network())..=high(net.broadcast()) {
            self.used[sixteen / 64] |= 1 << (sixteen % 64);
            let base = u32::try_from(sixteen << 16).unwrap_or(0);
            let entry = self.first[sixteen];
            if net.prefix() > 16 && entry & SPLIT == 0 {
                self.split(sixteen);
            }
            let entry = self.first[sixteen];
            if entry & SPLIT == 0 {
                self.first[sixteen] = self.number(longest(base.into()));
            } else if entry != ASK {
                let place = usize::from(entry & !SPLIT);
                for (part, address) in (0..PART).zip((base..).step_by(PART)) {
                    let address = Ipv4Addr::from(address);
                    let is_inside = net.contains(address);
                    let is_around = net.prefix() > 24
                        && (net.network().to_bits() ^ address.to_bits()) >> 8 == 0;
                    if is_around {
                        self.second[place][part] = ASK;
                    } else if is_inside && self.second[place][part] != ASK {
                        self.second[place][part] = self.number(longest(address));
                    }
                }
            }
        }
    }

    /// Gives a /16 a second table; where there is no room for one, the trie has
    /// to be asked.
    fn split(&mut self, sixteen: usize) {
        let place = u16::try_from(self.second.len()).ok().filter(|place| *place < ASK & !SPLIT);
        let entry = place.map_or(ASK, |place| place | SPLIT);
        if place.is_some() {
            self.second.push([self.first[sixteen]; PART]);
        }
        self.first[sixteen] = entry;
    }

    /// The number of a value; there are as many as regions and lengths, which
    /// are few.
    fn number(&mut self, value: Option<T>) -> u16 {
        let Some(value) = value else { return 0 };
        let place = self.values.iter().position(|known| *known == value).unwrap_or_else(|| {
            self.values.push(value);
            self.values.len() - 1
        });
        u16::try_from(place + 1).ok().filter(|number| *number < SPLIT).unwrap_or(ASK)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::line::RegionId;
    use crate::orient::LinePrefix;

    /// The longest of the prefixes around an address; of the same, the last.
    fn longest(nets: &[(Ipv4Network, LinePrefix)], address: Ipv4Addr) -> Option<LinePrefix> {
        let around = nets.iter().filter(|(net, _)| net.contains(address));
        around.max_by_key(|(net, _)| net.prefix()).map(|(_, prefix)| *prefix)
    }

    /// Networks that lie in one another more often than not.
    fn any_net() -> impl Strategy<Value = (Ipv4Network, LinePrefix)> {
        (0..=32_u8, 0..4_u32, 0..4_u32, 0..4_u32, 0..3_u16).prop_map(|(length, b, c, d, region)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            let bits = (0x6440_0000 | b << 16 | c << 8 | d) & mask;
            let net = Ipv4Network::new(bits.into(), length).unwrap();
            (net, LinePrefix { length: 32, region: RegionId(region) })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// In whichever order prefixes come, what is known is what is so.
        #[test]
        fn it_says_what_the_longest_prefix_says(nets in prop::collection::vec(any_net(), 0..12)) {
            let mut direct = Direct::default();
            let mut so_far: Vec<(Ipv4Network, LinePrefix)> = Vec::new();
            for (net, prefix) in nets {
                so_far.retain(|(known, _)| *known != net);
                so_far.push((net, prefix));
                direct.insert(net, |address| longest(&so_far, address));
            }
            for bits in [0, 0x6340_0000, 0x6440_0000, 0x6441_0102, 0x6443_0303, 0x6444_0000] {
                for more in [0, 1, 2, 3, 0x100, 0x203, 0x3ff, 0x1_0000] {
                    let address = Ipv4Addr::from(bits + more);
                    if let Found::Known(found) = direct.find(address) {
                        prop_assert_eq!(found, longest(&so_far, address), "{}", address);
                    } else {
                        let longer = |(net, _): &(Ipv4Network, LinePrefix)| net.prefix() > 24;
                        prop_assert!(so_far.iter().any(longer), "only those have to be asked for");
                    }
                }
            }
        }
    }
}
