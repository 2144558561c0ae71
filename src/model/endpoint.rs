//! The server side of a flow.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::flow::{TCP, UDP};

/// Address, port and transport of the side that is not the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Server address.
    pub address: IpAddr,
    /// Server port; zero for protocols without ports.
    pub port: u16,
    /// IANA protocol number.
    pub protocol: u8,
}

/// A port restriction of a group, written `443/tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// Port number, never zero.
    pub number: u16,
    /// IANA protocol number: [`TCP`] or [`UDP`].
    pub protocol: u8,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = if self.protocol == TCP { "tcp" } else { "udp" };
        write!(f, "{}/{transport}", self.number)
    }
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a port, expected one such as 443/tcp or 123/udp");
        let (number, transport) = text.split_once('/').ok_or_else(wrong)?;
        let number = number.parse::<u16>().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
        let protocol = match transport {
            "tcp" => TCP,
            "udp" => UDP,
            _ => return Err(wrong()),
        };
        Ok(Self { number, protocol })
    }
}

impl Serialize for Port {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_reads_back_as_written() {
        for text in ["443/tcp", "123/udp"] {
            assert_eq!(text.parse::<Port>().unwrap().to_string(), text);
        }
        for text in ["443", "0/tcp", "70000/tcp", "443/sctp", "/tcp"] {
            assert!(text.parse::<Port>().is_err(), "{text}");
        }
    }
}
