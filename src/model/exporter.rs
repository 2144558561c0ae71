//! Who sent a datagram.

use std::fmt;
use std::net::IpAddr;

/// A router or switch that sends flow datagrams: its address and the
/// observation domain inside it.
///
/// The address is the datagram's source for NetFlow and IPFIX and the agent
/// address for sFlow; an IPv4 address mapped into IPv6 is held as IPv4. The
/// UDP source port is no part of it, because routers send options from one
/// port and data from another. The domain is the v9 source id, the IPFIX
/// observation domain, the sFlow sub-agent, or the v5/v7 engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExporterId {
    /// Source or agent address.
    pub address: IpAddr,
    /// Source id, observation domain, sub-agent or engine.
    pub domain: u32,
}

impl ExporterId {
    /// An exporter, its address brought to the canonical form.
    pub fn new(address: IpAddr, domain: u32) -> Self {
        Self { address: address.to_canonical(), domain }
    }
}

impl fmt::Display for ExporterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.address, self.domain)
    }
}
