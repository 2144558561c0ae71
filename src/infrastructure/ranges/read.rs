//! Reading range lists as their providers publish them, told apart by content:
//! the JSON of AWS, Azure, Google, Fastly, Oracle and Cloudflare's API, an
//! array of prefixes in JSON, a geofeed (RFC 8805, as DigitalOcean has it), and
//! text with one prefix a line (Cloudflare, Akamai).
//!
//! A list is taken whole or not at all: half a list would make addresses
//! dedicated that the other half says are not.

use std::fmt;
use std::io::Read;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use hashbrown::HashMap;
use ipnetwork::IpNetwork;
use serde_json::Value;

use super::{Ranges, Service, Use};
use crate::dns::read::unpacked;

/// Largest list in bytes, unpacked; Azure's, the largest known, has 5 million.
pub const MOST_BYTES: u64 = 64 << 20;
/// Most ranges in one list.
pub const MOST_RANGES: usize = 1_000_000;

const AWS: &str = "AWS";
const AZURE: &str = "Azure";
const GOOGLE: &str = "Google";
const ORACLE: &str = "Oracle";
const FASTLY: &str = "Fastly";
const CLOUDFLARE: &str = "Cloudflare";
const AKAMAI: &str = "Akamai";

/// Delivery networks: whatever they list serves many customers.
const DELIVERY_NETWORKS: [&str; 3] = [CLOUDFLARE, FASTLY, AKAMAI];

/// Services that put many customers behind one address: delivery networks,
/// front doors and object stores. A service with regions counts in each.
const SHARED: [(&str, &str); 7] = [
    (AWS, "CLOUDFRONT"),
    (AWS, "GLOBALACCELERATOR"),
    (AWS, "S3"),
    (AZURE, "AzureFrontDoor.FirstParty"),
    (AZURE, "AzureFrontDoor.Frontend"),
    (AZURE, "Storage"),
    (ORACLE, "OBJECT_STORAGE"),
];

/// Names under which a provider lists everything it has.
const ALL: [(&str, &str); 4] =
    [(AWS, "AMAZON"), (AZURE, "AzureCloud"), (GOOGLE, "Google Cloud"), (GOOGLE, "")];

/// Ranges that tell whose a list without a name is: each is the provider's
/// own allocation, and has been on its list for years.
const TELLING: [(&str, &str); 8] = [
    ("104.16.0.0/13", CLOUDFLARE),
    ("173.245.48.0/20", CLOUDFLARE),
    ("2606:4700::/32", CLOUDFLARE),
    ("23.32.0.0/11", AKAMAI),
    ("23.192.0.0/11", AKAMAI),
    ("2600:1400::/24", AKAMAI),
    ("151.101.0.0/16", FASTLY),
    ("2a04:4e42::/32", FASTLY),
];

/// What came of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangesReport {
    /// Whose it is.
    pub provider: Arc<str>,
    /// Ranges in it, each as often as it stands there.
    pub ranges: usize,
    /// How many of them belong to services shared by design.
    pub shared: usize,
}

impl fmt::Display for RangesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, ranges, shared } = self;
        write!(f, "{ranges} ranges of {provider}, {shared} of them shared by design")
    }
}

/// Why a list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangesProblem {
    /// It could not be read at all.
    #[error("{0}")]
    Unreadable(String),
    /// It is too large.
    #[error("more than {MOST_BYTES} bytes, allowed: {MOST_BYTES}")]
    TooLarge,
    /// It has too many ranges.
    #[error("more than {MOST_RANGES} ranges, allowed: {MOST_RANGES}")]
    TooMany,
    /// It is no JSON, though it begins like some.
    #[error("damaged JSON: {0}")]
    Json(String),
    /// It is JSON, but no list that is known.
    #[error(
        "JSON of no known kind, allowed: the lists of AWS, Azure, Google, Fastly, Oracle and Cloudflare, or an array of prefixes"
    )]
    UnknownKind,
    /// Something that must be a prefix is none.
    #[error("{place}: `{found}`, allowed: an address or a prefix such as 192.0.2.0/24")]
    NoPrefix {
        /// The line, or the way through the JSON.
        place: String,
        /// What stands there, shortened.
        found: String,
    },
    /// No range in it.
    #[error("no range in it")]
    Empty,
}

/// A range, where it stands and what for.
struct Listed<'a> {
    net: IpNetwork,
    service: &'a str,
}

impl Ranges {
    /// Adds a list, packed with gzip, zstd or xz or plain, or nothing of it. Where
    /// the list does not say whose it is, `provider` does; `fallback` names one
    /// that nothing else names.
    pub fn read(
        &mut self,
        input: impl Read,
        provider: Option<&str>,
        fallback: &str,
    ) -> Result<RangesReport, RangesProblem> {
        let mut bytes = Vec::new();
        let (_, input) = unpacked(input).map_err(unreadable)?;
        input.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(RangesProblem::TooLarge);
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}').trim();
        let json: Value;
        let (named, listed) = if text.starts_with(['{', '[']) {
            json = serde_json::from_str(text)
                .map_err(|error| RangesProblem::Json(error.to_string()))?;
            read_json(&json)?
        } else {
            (None, read_lines(text)?)
        };
        match listed.len() {
            0 => return Err(RangesProblem::Empty),
            1..=MOST_RANGES => {}
            _ => return Err(RangesProblem::TooMany),
        }
        let provider = named.or(provider.map(canonical)).or_else(|| telling(&listed));
        let provider: Arc<str> = provider.unwrap_or(fallback).into();
        let mut services: HashMap<&str, Arc<Service>> = HashMap::new();
        let mut report = RangesReport { provider, ranges: listed.len(), shared: 0 };
        for Listed { net, service } in listed {
            let service = services.entry(service).or_insert_with(|| {
                let (provider, of) = (report.provider.clone(), use_of(&report.provider, service));
                Arc::new(Service { provider, service: service.into(), of })
            });
            report.shared += usize::from(service.of == Use::Shared);
            self.insert(net, service);
        }
        Ok(report)
    }
}

fn unreadable(error: impl fmt::Display) -> RangesProblem {
    RangesProblem::Unreadable(error.to_string())
}

/// The way a provider that is known writes itself.
fn canonical(provider: &str) -> &str {
    let known = [AWS, AZURE, GOOGLE, ORACLE, FASTLY, CLOUDFLARE, AKAMAI];
    known.into_iter().find(|known| known.eq_ignore_ascii_case(provider)).unwrap_or(provider)
}

fn telling(listed: &[Listed<'_>]) -> Option<&'static str> {
    let known: HashMap<IpNetwork, &str> = TELLING
        .into_iter()
        .filter_map(|(net, provider)| Some((net.parse().ok()?, provider)))
        .collect();
    listed.iter().find_map(|listed| known.get(&listed.net).copied())
}

fn use_of(provider: &str, service: &str) -> Use {
    // Azure writes a service's regions behind a dot.
    let is = |known: &(&str, &str)| {
        let (of, name) = *known;
        let rest = service.strip_prefix(name).filter(|_| of == provider);
        rest.is_some_and(|rest| rest.is_empty() || (of == AZURE && rest.starts_with('.')))
    };
    if DELIVERY_NETWORKS.contains(&provider) || SHARED.iter().any(is) {
        Use::Shared
    } else if ALL.iter().any(is) {
        Use::All
    } else {
        Use::Tenants
    }
}

/// One prefix a line, alone or before a comma; `#` begins a comment.
fn read_lines(text: &str) -> Result<Vec<Listed<'_>>, RangesProblem> {
    let mut listed = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or(line);
        let first = line.split(',').next().unwrap_or(line).trim();
        if !line.trim().is_empty() {
            let net = prefix(first, &|| format!("line {}", number + 1))?;
            listed.push(Listed { net, service: "" });
        }
    }
    Ok(listed)
}

/// The provider, where the kind of list tells it, and what is listed.
fn read_json(json: &Value) -> Result<(Option<&'static str>, Vec<Listed<'_>>), RangesProblem> {
    let mut list = List(Vec::new());
    if json.is_array() {
        list.all(json, "", &|index| format!("[{index}]"))?;
        return Ok((None, list.0));
    }
    let provider = if json["values"].is_array() {
        for (tag, value) in items(&json["values"]) {
            let service = value["name"].as_str().unwrap_or_default();
            let place = |index| format!("values[{tag}].properties.addressPrefixes[{index}]");
            list.all(&value["properties"]["addressPrefixes"], service, &place)?;
        }
        AZURE
    } else if json["regions"].is_array() {
        for (region, value) in items(&json["regions"]) {
            for (index, cidr) in items(&value["cidrs"]) {
                let tags = items(&cidr["tags"]).filter_map(|(_, tag)| tag.as_str());
                let place = || format!("regions[{region}].cidrs[{index}].cidr");
                for service in tags.chain(cidr["tags"].is_null().then_some("")) {
                    list.one(&cidr["cidr"], service, &place)?;
                }
            }
        }
        ORACLE
    } else if json["addresses"].is_array() || json["ipv6_addresses"].is_array() {
        for key in ["addresses", "ipv6_addresses"] {
            list.all(&json[key], "", &|index| format!("{key}[{index}]"))?;
        }
        FASTLY
    } else if json["result"]["ipv4_cidrs"].is_array() {
        for key in ["ipv4_cidrs", "ipv6_cidrs"] {
            list.all(&json["result"][key], "", &|index| format!("result.{key}[{index}]"))?;
        }
        CLOUDFLARE
    } else if json["ipv6_prefixes"].is_array() {
        list.prefixes(json, "prefixes", "ip_prefix")?;
        list.prefixes(json, "ipv6_prefixes", "ipv6_prefix")?;
        AWS
    } else if json["prefixes"].is_array() {
        for (index, item) in items(&json["prefixes"]) {
            let key = if item["ipv6Prefix"].is_null() { "ipv4Prefix" } else { "ipv6Prefix" };
            let service = item["service"].as_str().unwrap_or_default();
            list.one(&item[key], service, &|| format!("prefixes[{index}].{key}"))?;
        }
        GOOGLE
    } else {
        return Err(RangesProblem::UnknownKind);
    };
    Ok((Some(provider), list.0))
}

/// What has been read of a JSON list.
struct List<'a>(Vec<Listed<'a>>);

impl<'a> List<'a> {
    fn one(
        &mut self,
        value: &Value,
        service: &'a str,
        place: &dyn Fn() -> String,
    ) -> Result<(), RangesProblem> {
        let net = match value.as_str() {
            Some(text) => prefix(text, place)?,
            None => return Err(no_prefix(&value.to_string(), place)),
        };
        self.0.push(Listed { net, service });
        Ok(())
    }

    fn all(
        &mut self,
        values: &Value,
        service: &'a str,
        place: &dyn Fn(usize) -> String,
    ) -> Result<(), RangesProblem> {
        for (index, value) in items(values) {
            self.one(value, service, &|| place(index))?;
        }
        Ok(())
    }

    /// AWS's objects of a prefix and its service.
    fn prefixes(&mut self, json: &'a Value, under: &str, key: &str) -> Result<(), RangesProblem> {
        for (index, item) in items(&json[under]) {
            let service = item["service"].as_str().unwrap_or_default();
            self.one(&item[key], service, &|| format!("{under}[{index}].{key}"))?;
        }
        Ok(())
    }
}

fn items(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

fn prefix(text: &str, place: &dyn Fn() -> String) -> Result<IpNetwork, RangesProblem> {
    let text = text.trim();
    let net = IpNetwork::from_str(text).or_else(|_| IpAddr::from_str(text).map(IpNetwork::from));
    let net = net.map_err(|_| no_prefix(text, place))?;
    // Host bits are left out, so that equal ranges are equal.
    IpNetwork::new(net.network(), net.prefix()).map_err(|_| no_prefix(text, place))
}

fn no_prefix(found: &str, place: &dyn Fn() -> String) -> RangesProblem {
    let found = found.chars().take(40).flat_map(char::escape_default).collect();
    RangesProblem::NoPrefix { place: place(), found }
}
