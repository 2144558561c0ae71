//! Datagrams from sockets and captures.

pub mod pcap;
pub mod udp;
