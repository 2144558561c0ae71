//! Which captures show which device: a file that a person writes.
//!
//! ```yaml
//! devices:
//!   - device: bridge
//!     maker: Philips Hue
//!     product: Hue Bridge
//!     mac: 00:17:88:68:5f:61          # or address: 192.0.2.7
//!     mode: idle                      # idle | active | unknown, for all captures
//!     captures:
//!       - bridge-night.pcap.xz
//!       - {file: bridge-evening.pcap, mode: active}
//! ```
//!
//! Every problem is told at once, each with its line. Files are not opened
//! here; their paths are as they were written.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::capture::{Identity, Mac};
use super::traffic::Mode;
use crate::signature::Finding;
use crate::signature::document::{Node, Value, parse};
use crate::signature::fields::{Fields, Report, quote};

/// Most devices in a manifest.
const MOST_DEVICES: usize = 10_000;

const DEVICE_KEYS: [&str; 7] = ["device", "maker", "product", "mac", "address", "mode", "captures"];
const MODE: &str = "idle, active or unknown";
const CAPTURES: &str = "a list of files, each a path or {file: PATH, mode: idle}";

/// One device and its captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The device; unique.
    pub device: String,
    /// Who made it; empty when nobody said.
    pub maker: String,
    /// What it is; empty when nobody said.
    pub product: String,
    /// How its packets are told from others.
    pub identity: Identity,
    /// The files with what the device did in each, never empty.
    pub captures: Vec<(String, Mode)>,
}

/// Reads the manifest `bytes` of the file called `file`.
pub fn read(file: &str, bytes: &[u8]) -> Result<Vec<Entry>, Vec<Finding>> {
    let mut report = Report::new(file);
    let entries = parse(bytes, &mut report).and_then(|root| devices(&root, &mut report));
    match entries {
        Some(entries) if !report.has_errors() => Ok(entries),
        _ => Err(report.into_findings()),
    }
}

/// Reads an Ethernet address such as `00:17:88:68:5f:61`, with colons or
/// hyphens.
pub fn mac(text: &str) -> Option<Mac> {
    let mut mac = Mac::default();
    let mut parts = text.split([':', '-']);
    for byte in &mut mac {
        let part = parts.next().filter(|part| matches!(part.len(), 1 | 2))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

fn devices(root: &Node, report: &mut Report) -> Option<Vec<Entry>> {
    let list = "a list of devices";
    let fields = Fields::read(root, "the manifest", &["devices"], report)?;
    let node = fields.required("devices", list, report)?;
    let items = node.items("`devices`", list, report)?;
    if items.is_empty() || items.len() > MOST_DEVICES {
        report.error(node.line, format!("{} devices", items.len()), "1 to 10000 devices");
    }
    let mut known = BTreeSet::new();
    let mut entries = Vec::new();
    for item in items.iter().take(MOST_DEVICES) {
        let Some(entry) = device(item, report) else { continue };
        if known.insert(entry.device.clone()) {
            entries.push(entry);
        } else {
            let found = format!("device {} again", quote(&entry.device));
            report.error(item.line, found, "every device once, with all its captures");
        }
    }
    Some(entries)
}

fn device(node: &Node, report: &mut Report) -> Option<Entry> {
    let fields = Fields::read(node, "the device", &DEVICE_KEYS, report)?;
    let words = "a few words on one line";
    let text = |key: &str, report: &mut Report| {
        let node = fields.optional(key)?;
        Some(node.text(&format!("`{key}`"), words, report)?.to_owned())
    };
    let (maker, product) = (text("maker", report), text("product", report));
    let device = fields.required("device", words, report);
    let device = device.and_then(|node| node.text("`device`", words, report));
    let identity = identity(&fields, node.line, report);
    let mode = fields.optional("mode").and_then(|node| mode(node, report)).unwrap_or_default();
    let captures = fields.required("captures", CAPTURES, report);
    let captures = captures.and_then(|node| captures_of(node, mode, report));
    Some(Entry {
        device: device?.to_owned(),
        maker: maker.unwrap_or_default(),
        product: product.unwrap_or_default(),
        identity: identity?,
        captures: captures?,
    })
}

fn identity(fields: &Fields<'_>, line: usize, report: &mut Report) -> Option<Identity> {
    let by_mac = fields.optional("mac").map(|node| {
        let allowed = "six bytes such as 00:17:88:68:5f:61";
        node.parsed("`mac`", allowed, report, |text| mac(text).map(Identity::Mac))
    });
    let by_address = fields.optional("address").map(|node| {
        let read = |text: &str| text.parse::<IpAddr>().ok().map(Identity::Address);
        node.parsed("`address`", "an IP address such as 192.0.2.7", report, read)
    });
    match (by_mac, by_address) {
        (Some(identity), None) | (None, Some(identity)) => identity,
        (one, _) => {
            let found = if one.is_some() { "both" } else { "neither" };
            let found = format!("{found} of `mac` and `address` for the device");
            report.error(line, found, "one of the two");
            None
        }
    }
}

fn mode(node: &Node, report: &mut Report) -> Option<Mode> {
    node.parsed("`mode`", MODE, report, |text| match text {
        "idle" => Some(Mode::Idle),
        "active" => Some(Mode::Active),
        "unknown" => Some(Mode::Unknown),
        _ => None,
    })
}

fn captures_of(node: &Node, usual: Mode, report: &mut Report) -> Option<Vec<(String, Mode)>> {
    let items = node.items("`captures`", CAPTURES, report)?;
    if items.is_empty() {
        report.error(node.line, "no capture", CAPTURES);
    }
    let mut captures = Vec::new();
    for item in items {
        if !matches!(item.value, Value::Mapping(_)) {
            let file = item.text("capture", CAPTURES, report)?;
            captures.push((file.to_owned(), usual));
            continue;
        }
        let fields = Fields::read(item, "the capture", &["file", "mode"], report)?;
        let file = fields.required("file", "a path", report)?.text("`file`", "a path", report)?;
        let own = fields.optional("mode").and_then(|node| mode(node, report));
        captures.push((file.to_owned(), own.unwrap_or(usual)));
    }
    Some(captures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_with_captures_of_both_modes() {
        let text = "devices:\n  - device: bridge\n    maker: Hue\n    mac: 00-17-88-68-5F-61\n    mode: idle\n    captures: [night.pcap.xz, {file: evening.pcap, mode: active}]\n  - {device: plug, address: 192.0.2.7, captures: [plug.pcap]}\n";
        let entries = read("m.yaml", text.as_bytes()).unwrap();
        let mac = Identity::Mac([0, 0x17, 0x88, 0x68, 0x5f, 0x61]);
        assert_eq!((entries.len(), entries[0].identity), (2, mac));
        assert_eq!(
            entries[0].captures,
            [("night.pcap.xz".to_owned(), Mode::Idle), ("evening.pcap".to_owned(), Mode::Active)]
        );
        assert_eq!(entries[1].captures, [("plug.pcap".to_owned(), Mode::Unknown)]);
        assert_eq!(entries[1].identity, Identity::Address("192.0.2.7".parse().unwrap()));
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_its_line() {
        let text = "devices:\n  - device: a\n    mac: 00:17:88\n    captures: []\n  - device: b\n    mode: asleep\n    captures: [x]\n  - {device: c, mac: 1:2:3:4:5:6, address: 192.0.2.7, captures: [x], maker: [y]}\n  - {mac: 1:2:3:4:5:6:7, captures: [{mode: idle}]}\n  - {device: d, mac: 1:2:3:4:5:6, captures: [x], color: red}\n  - {device: d, mac: 1:2:3:4:5:6, captures: [x]}\n";
        let found = read("m.yaml", text.as_bytes()).unwrap_err();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected = [
            "m.yaml:3: `mac` `00:17:88`",
            "m.yaml:4: no capture",
            "m.yaml:5: neither of `mac` and `address`",
            "m.yaml:6: `mode` `asleep`",
            "m.yaml:8: `maker` that is a list",
            "m.yaml:8: both of `mac` and `address`",
            "m.yaml:9: no `device`",
            "m.yaml:9: `mac` `1:2:3:4:5:6:7`",
            "m.yaml:9: no `file`",
            "m.yaml:10: unknown key `color`",
            "m.yaml:11: device `d` again",
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        assert!(read("m.yaml", b"devices: []").is_err() && read("m.yaml", b"\xff").is_err());
    }
}
