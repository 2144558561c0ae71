//! Datagrams from sockets and captures.
