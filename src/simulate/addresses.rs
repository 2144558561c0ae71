//! The addresses of the synthetic ISP: where its lines and the servers live.
//!
//! All come from ranges set aside for tests and documentation: lines in
//! 198.18.0.0/16 (RFC 2544), or in 10.0.0.0/8 when there are more than that
//! holds, and under 2001:db8::/32 (RFC 3849), one /56 a line (the prefix that
//! providers hand out); servers in 198.19.0.0/16 and 3fff::/20 (RFC 9637).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;

/// Names of the ISP's regions.
pub const REGIONS: [&str; 4] = ["north", "east", "south", "west"];
/// Bits of an IPv6 line prefix.
const V6_LINE: u8 = 56;
/// Lines in a hundred that have IPv6 (each line has one family only).
const V6_SHARE: u32 = 15;
/// Most lines: 10.0.0.0/8 in four equal parts holds the IPv4 ones.
pub const MOST_LINES: u32 = 16_000_000;

const LINES_V4: u32 = Ipv4Addr::new(198, 18, 0, 0).to_bits();
const LINES_V4_LARGE: u32 = Ipv4Addr::new(10, 0, 0, 0).to_bits();
const LINES_V6: u128 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0).to_bits();
const SERVERS_V4: u32 = Ipv4Addr::new(198, 19, 0, 0).to_bits();
const SERVERS_V6: u128 = Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0).to_bits();
/// Servers that fit into 198.19.0.0/16.
pub(super) const MOST_SERVERS: u32 = 1 << 16;

/// Lays `lines` lines out over prefixes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    v4_lines: u32,
    /// IPv4 addresses of a region, a power of two.
    block: u32,
}

/// A prefix of the ISP, as its configuration lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IspPrefix {
    /// The network.
    pub net: IpNetwork,
    /// Bits of a line in it.
    pub length: u8,
    /// Its region.
    pub region: &'static str,
}

impl Plan {
    pub(super) fn new(lines: u32) -> Self {
        let v4_lines =
            lines - u32::try_from(u64::from(lines) * u64::from(V6_SHARE) / 100).unwrap_or(0);
        Self { v4_lines, block: v4_lines.div_ceil(4).max(1).next_power_of_two() }
    }

    /// The region of a line, by its place in [`REGIONS`].
    pub(super) fn region(line: u32) -> usize {
        (line % 4) as usize
    }

    pub(super) fn is_v6(&self, line: u32) -> bool {
        line >= self.v4_lines
    }

    /// The line itself: an address, or a /56.
    pub(super) fn network(&self, line: u32) -> IpNetwork {
        let address = self.host(line, 0);
        let length = if self.is_v6(line) { V6_LINE } else { 32 };
        // The lengths are constants in range.
        IpNetwork::new(address, length).unwrap_or_else(|_| address.into())
    }

    /// The address of host `host` on the line; IPv4 lines have one for all.
    pub(super) fn host(&self, line: u32, host: u64) -> IpAddr {
        if self.is_v6(line) {
            let k = line - self.v4_lines;
            let region = u128::from(line % 4);
            let bits = LINES_V6 | region << 94 | u128::from(k / 4) << 72 | u128::from(host);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(self.v4_base() + line % 4 * self.block + line / 4))
        }
    }

    /// The prefixes that hold all lines.
    pub(super) fn prefixes(&self) -> Vec<IspPrefix> {
        let mut prefixes = Vec::with_capacity(8);
        for (i, region) in (0_u32..).zip(REGIONS) {
            let v4 = Ipv4Addr::from_bits(self.v4_base() + i * self.block);
            let bits = 32 - u8::try_from(self.block.trailing_zeros()).unwrap_or(0);
            let v6 = Ipv6Addr::from_bits(LINES_V6 | u128::from(i) << 94);
            for (address, bits, length) in
                [(IpAddr::V4(v4), bits, 32), (IpAddr::V6(v6), 34, V6_LINE)]
            {
                if let Ok(net) = IpNetwork::new(address, bits) {
                    prefixes.push(IspPrefix { net, length, region });
                }
            }
        }
        prefixes
    }

    fn v4_base(&self) -> u32 {
        if self.block > 1 << 14 { LINES_V4_LARGE } else { LINES_V4 }
    }
}

/// The IPv4 and IPv6 address of server `number`.
pub(super) fn server(number: u32) -> (Ipv4Addr, Ipv6Addr) {
    (
        Ipv4Addr::from_bits(SERVERS_V4 + number % MOST_SERVERS),
        Ipv6Addr::from_bits(SERVERS_V6 | u128::from(number) << 64 | 1),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_line_lies_in_the_prefix_of_its_region_and_no_two_are_the_same() {
        for lines in [1, 7, 1_000, 90_000] {
            let plan = Plan::new(lines);
            let prefixes = plan.prefixes();
            let mut seen = HashSet::new();
            for line in 0..lines {
                let network = plan.network(line);
                let region = REGIONS[Plan::region(line)];
                assert!(
                    prefixes.iter().any(|prefix| prefix.region == region
                        && prefix.net.contains(network.ip())
                        && prefix.length == network.prefix()),
                    "line {line} of {lines}"
                );
                assert!(network.contains(plan.host(line, 0xffff_ffff)), "line {line}");
                assert!(seen.insert(network));
            }
        }
    }

    #[test]
    fn an_ipv6_line_is_written_as_its_prefix() {
        let plan = Plan::new(100);
        assert_eq!(plan.network(85).to_string(), "2001:db8:4000::/56");
        assert_eq!(plan.network(89).to_string(), "2001:db8:4000:100::/56");
    }

    #[test]
    fn servers_are_on_no_line() {
        for lines in [100, 200_000] {
            let prefixes = Plan::new(lines).prefixes();
            for number in [0, 1, MOST_SERVERS - 1] {
                let (v4, v6) = server(number);
                assert!(prefixes.iter().all(
                    |prefix| !prefix.net.contains(v4.into()) && !prefix.net.contains(v6.into())
                ));
            }
        }
    }
}
