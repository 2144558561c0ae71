//! What devices did in the Internet, as every step of the lab hands it to the
//! next.
//!
//! It is what `lab capture --json` prints and what the later commands read:
//! per device its captures and its contacts by domain. Order is stable: the
//! same captures give the same bytes. Addresses are those of servers; what a
//! home calls its own is not in it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::endpoint::Port;
use crate::model::time::Timestamp;

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;

/// What was captured of several devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captured {
    /// [`VERSION`].
    pub v: u32,
    /// The devices by name, which is unique.
    pub devices: Vec<DeviceTraffic>,
}

/// What one device did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceTraffic {
    /// The device, as whoever captured it calls it.
    pub device: String,
    /// Who made it; empty when nobody said.
    pub maker: String,
    /// What it is; empty when nobody said.
    pub product: String,
    /// Where it was seen, by name.
    pub captures: Vec<CaptureFacts>,
    /// Whom it talked to, by domain.
    pub contacts: Vec<Contact>,
}

/// One capture, as far as it concerns one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureFacts {
    /// The capture, as its file is called.
    pub name: String,
    /// Whether somebody used the device meanwhile.
    pub mode: Mode,
    /// The time of its first packet.
    pub start: Timestamp,
    /// From its first packet to its last.
    pub seconds: f64,
    /// Packets to and from the device, those inside the home too.
    pub packets: u64,
    /// Packets of the device that did not leave the home.
    pub local: u64,
    /// Packets and messages that could not be read.
    pub damaged: u64,
}

/// Whether somebody used the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nobody did.
    Idle,
    /// Somebody did.
    Active,
    /// Nobody wrote it down.
    #[default]
    Unknown,
}

/// How a domain was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// An answer to the device.
    Dns,
    /// The server name in a TLS ClientHello.
    TlsSni,
    /// The server name in a QUIC Initial packet.
    QuicSni,
    /// The Host field of an HTTP request.
    HttpHost,
}

/// A domain and what the device exchanged with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// The domain; the server's address as text when nothing named it.
    pub domain: String,
    /// How the domain was learnt; empty when it is an address.
    pub learnt_by: Vec<Evidence>,
    /// The names that the domain is an alias of, in order.
    pub aliases: Vec<String>,
    /// Server addresses.
    pub addresses: Vec<IpAddr>,
    /// Server ports.
    pub ports: Vec<Port>,
    /// Packets in both directions; none when the name was only looked up.
    pub packets: u64,
    /// Packets an hour.
    pub hours: Hourly,
}

/// Packets an hour by mode; `None` where no capture of that mode exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hourly {
    /// While nobody used the device.
    pub idle: Option<f64>,
    /// While somebody did.
    pub active: Option<f64>,
}

/// Why a file is not what `lab capture --json` prints.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// Not the JSON it should be.
    #[error("not the output of `lab capture --json`")]
    Json(#[from] serde_json::Error),
    /// Another version.
    #[error("`v` is {0}, allowed: {VERSION}")]
    Version(u32),
    /// A device stands in it twice.
    #[error("the device `{0}` occurs twice, allowed: once")]
    Twice(String),
}

impl Contact {
    /// Whether something named the address.
    pub fn is_named(&self) -> bool {
        !self.learnt_by.is_empty()
    }
}

impl Captured {
    /// What `devices` did, in stable order.
    pub fn new(devices: Vec<DeviceTraffic>) -> Result<Self, TrafficError> {
        let mut captured = Self { v: VERSION, devices };
        captured.order()?;
        Ok(captured)
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TrafficError> {
        let mut captured: Self = serde_json::from_slice(bytes)?;
        if captured.v != VERSION {
            return Err(TrafficError::Version(captured.v));
        }
        captured.order()?;
        Ok(captured)
    }

    /// As JSON, the same for the same traffic.
    pub fn to_json(&self) -> Result<String, TrafficError> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    fn order(&mut self) -> Result<(), TrafficError> {
        let mut known = BTreeSet::new();
        for device in &mut self.devices {
            if !known.insert(device.device.clone()) {
                return Err(TrafficError::Twice(device.device.clone()));
            }
            device.captures.sort_by(|one, two| one.name.cmp(&two.name));
            device.contacts.sort_by(|one, two| one.domain.cmp(&two.domain));
            for contact in &mut device.contacts {
                contact.learnt_by.sort_unstable();
                contact.learnt_by.dedup();
                contact.addresses.sort_unstable();
                contact.addresses.dedup();
                contact.ports.sort_unstable();
                contact.ports.dedup();
            }
        }
        self.devices.sort_by(|one, two| one.device.cmp(&two.device));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str) -> DeviceTraffic {
        DeviceTraffic {
            device: name.to_owned(),
            maker: "Example".to_owned(),
            product: "Plug".to_owned(),
            captures: vec![CaptureFacts {
                name: "plug.pcap".to_owned(),
                mode: Mode::Idle,
                start: Timestamp::from_secs(1_600_000_000),
                seconds: 7_200.0,
                packets: 31,
                local: 1,
                damaged: 0,
            }],
            contacts: ["b.example.com", "192.0.2.7", "a.example.com"].map(contact).to_vec(),
        }
    }

    fn contact(domain: &str) -> Contact {
        let named = domain.ends_with("com");
        Contact {
            domain: domain.to_owned(),
            learnt_by: if named { vec![Evidence::TlsSni, Evidence::Dns] } else { Vec::new() },
            aliases: vec!["edge.example.net".to_owned()],
            addresses: vec!["2001:db8::7".parse().unwrap(), "192.0.2.7".parse().unwrap()],
            ports: vec!["443/tcp".parse().unwrap(), "443/tcp".parse().unwrap()],
            packets: 10,
            hours: Hourly { idle: Some(5.0), active: None },
        }
    }

    #[test]
    fn json_reads_back_as_it_was_and_in_one_order() {
        let one = Captured::new(vec![device("plug-2"), device("plug-1")]).unwrap();
        let two = Captured::new(vec![device("plug-1"), device("plug-2")]).unwrap();
        let json = one.to_json().unwrap();
        assert_eq!(json, two.to_json().unwrap());
        assert_eq!(Captured::from_json(json.as_bytes()).unwrap(), one);
        let contact = &one.devices[0].contacts[1];
        assert_eq!(one.devices[0].contacts.iter().filter(|contact| contact.is_named()).count(), 2);
        assert_eq!((contact.domain.as_str(), contact.ports.len()), ("a.example.com", 1));
        for word in ["\"tls_sni\"", "\"idle\"", "\"443/tcp\"", "\"2020-09-13T12:26:40Z\""] {
            assert!(json.contains(word), "{word} in {json}");
        }
    }

    #[test]
    fn what_is_not_such_a_file_is_refused_with_the_reason() {
        let refused = |text: &str| {
            let error = Captured::from_json(text.as_bytes()).unwrap_err();
            let source =
                std::error::Error::source(&error).map_or(String::new(), ToString::to_string);
            format!("{error}{source}")
        };
        assert!(refused("[]").contains("lab capture --json"));
        assert_eq!(refused(r#"{"v":2,"devices":[]}"#), "`v` is 2, allowed: 1");
        assert!(refused(r#"{"v":1,"devices":[],"more":1}"#).contains("more"));
        let twice = Captured::new(vec![device("plug"), device("plug")]).unwrap_err();
        assert_eq!(twice.to_string(), "the device `plug` occurs twice, allowed: once");
    }
}
