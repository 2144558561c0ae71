//! Datagrams from sockets and captures.

pub mod udp;
