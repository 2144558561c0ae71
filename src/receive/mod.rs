//! Datagrams from sockets and captures.

pub mod merge;
pub mod pcap;
pub mod udp;
