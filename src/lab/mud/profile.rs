//! A manufacturer usage description (RFC 8520): what a maker says its device
//! talks to, as access lists (RFC 8519) with names in them.
//!
//! Read is what names a server in the Internet; of every other rule it is said
//! why it is left out. Profiles in the field differ in small things (modules
//! before keys or not, `range` as an operator, names in capitals), so nothing
//! is refused that can be understood. What a key is not known to mean is told,
//! never passed over.

use serde_json::{Map, Value};

use crate::model::domain::DomainName;
use crate::model::endpoint::Port;
use crate::model::flow::{TCP, UDP};
use crate::model::suffix;

/// Largest profile that is read, in bytes; those of real devices have up to a
/// hundred thousand.
pub const MAX_BYTES: usize = 1 << 20;

/// Why something is no profile.
#[derive(Debug, thiserror::Error)]
pub enum MudError {
    /// Too long.
    #[error("{0} bytes, allowed: at most {MAX_BYTES}")]
    Long(usize),
    /// Not JSON; the text says where.
    #[error("no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Something of another kind than it must be.
    #[error("{place}: {found}, allowed: {allowed}")]
    Shape {
        /// Where, as a path of keys.
        place: String,
        /// What is there.
        found: String,
        /// What would be right.
        allowed: &'static str,
    },
}

/// What a profile says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Where it is published.
    pub url: String,
    /// When it was last changed, as written.
    pub updated: String,
    /// What the device is, for people.
    pub system: String,
    /// Who made it; empty if that is not said.
    pub maker: String,
    /// The model; empty if that is not said.
    pub model: String,
    /// The rules of all access lists, in order.
    pub rules: Vec<Rule>,
}

/// One rule, and what of it concerns servers in the Internet.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it is called in the profile.
    pub name: String,
    /// The server it names, or why it names none.
    pub server: Result<Server, String>,
}

/// A server that a rule names.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Its name.
    pub name: DomainName,
    /// Its port; `None` when the rule takes any.
    pub port: Option<Port>,
    /// What of the rule was left out, if anything.
    pub less: Option<String>,
}

/// Reads a profile.
pub fn read(bytes: &[u8]) -> Result<Profile, MudError> {
    if bytes.len() > MAX_BYTES {
        return Err(MudError::Long(bytes.len()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let root: Value = serde_json::from_slice(bytes)?;
    let root = At { place: "the profile".to_owned(), value: &root };
    let mud = root.required("mud", "an object `ietf-mud:mud` (RFC 8520)")?;
    if let Some(version) = mud.optional("mud-version")
        && version.value.as_u64() != Some(1)
    {
        return Err(version.wrong("1"));
    }
    let text = |key: &str| match mud.optional(key) {
        None => Ok(String::new()),
        Some(found) => found.text().map(|text| text.trim().to_owned()),
    };
    let mut profile = Profile {
        url: text("mud-url")?,
        updated: text("last-update")?,
        system: text("systeminfo")?,
        maker: text("mfg-name")?,
        model: text("model-name")?,
        rules: Vec::new(),
    };
    let lists = root.required("access-lists", "`ietf-access-control-list:access-lists`")?;
    let lists = lists.required("acl", "a list `acl`")?.items()?;
    let mut used = Vec::new();
    for (policy, from_device) in [("from-device-policy", true), ("to-device-policy", false)] {
        let Some(policy) = mud.optional(policy) else { continue };
        let named = policy.required("access-lists", "an object `access-lists`")?;
        for list in named.required("access-list", "a list `access-list`")?.items()? {
            let name = list.required("name", "the name of an access list")?.text()?.to_owned();
            let found = lists.iter().position(|acl| {
                acl.optional("name").and_then(|name| name.value.as_str()) == Some(&*name)
            });
            match found {
                Some(at) => {
                    used.push(at);
                    read_list(&lists[at], from_device, &mut profile.rules)?;
                }
                None => {
                    let server = Err("an access list that is not in the profile".to_owned());
                    profile.rules.push(Rule { name, server });
                }
            }
        }
    }
    for (at, list) in lists.iter().enumerate().filter(|(at, _)| !used.contains(at)) {
        let name = list.optional("name").and_then(|name| name.value.as_str());
        let name = name.map_or(format!("acl[{at}]"), str::to_owned);
        let server = Err("an access list that no policy names".to_owned());
        profile.rules.push(Rule { name, server });
    }
    Ok(profile)
}

fn read_list(list: &At<'_>, from_device: bool, rules: &mut Vec<Rule>) -> Result<(), MudError> {
    let Some(aces) = list.optional("aces").and_then(|aces| aces.optional("ace")) else {
        return Ok(());
    };
    for ace in aces.items()? {
        let name = ace.optional("name").and_then(|name| name.value.as_str());
        let name = name.map_or_else(|| ace.place.clone(), str::to_owned);
        let matches = ace.required("matches", "an object `matches`")?;
        let matches = matches.object()?;
        let forwarding = ace.optional("actions").and_then(|actions| actions.optional("forwarding"));
        let accepts = forwarding
            .is_none_or(|action| action.value.as_str().map(bare).is_some_and(|a| a == "accept"));
        let server = if accepts {
            Matches::gather(matches, from_device).server()
        } else {
            Err("a rule that forbids".to_owned())
        };
        rules.push(Rule { name, server });
    }
    Ok(())
}

/// What a rule asks for, by what it is about.
#[derive(Default)]
struct Matches {
    names: Vec<String>,
    networks: Vec<String>,
    mud: Option<String>,
    protocol: Option<u64>,
    port: Option<Result<u16, String>>,
    initiated_by_server: bool,
    icmp: bool,
    ethernet: bool,
    /// Keys that say more than can be carried over.
    other: Vec<String>,
}

impl Matches {
    /// Sides are told by direction: what a device sends goes to the server's
    /// name and port, what it receives comes from these.
    fn gather(matches: &Map<String, Value>, from_device: bool) -> Self {
        let (server, port) = if from_device { ("dst", "destination") } else { ("src", "source") };
        let mut all = Self::default();
        for (key, value) in matches {
            let inner = value.as_object();
            let inner = inner.into_iter().flatten().map(|(key, value)| (bare(key), value));
            match bare(key) {
                "ipv4" | "ipv6" => {
                    for (key, value) in inner {
                        let text = value.as_str().unwrap_or_default();
                        if key == "protocol" {
                            all.protocol = value.as_u64();
                        } else if key == format!("{server}-dnsname") {
                            all.names.push(text.to_owned());
                        } else if key.starts_with(port) && key.ends_with("-network") {
                            all.networks.push(text.to_owned());
                        } else {
                            all.other.push(key.to_owned());
                        }
                    }
                }
                transport @ ("tcp" | "udp") => {
                    let number = if transport == "tcp" { TCP } else { UDP };
                    all.protocol.get_or_insert(u64::from(number));
                    for (key, value) in inner {
                        if key == format!("{port}-port") {
                            all.port = Some(read_port(value));
                        } else if key == "direction-initiated" {
                            all.initiated_by_server =
                                value.as_str().is_some_and(|by| bare(by) == "to-device");
                        } else {
                            all.other.push(key.to_owned());
                        }
                    }
                }
                "mud" => {
                    for (key, value) in inner {
                        let of = value.as_str().map_or(String::new(), |of| format!(" `{of}`"));
                        all.mud = Some(match key {
                            "local-networks" => {
                                "traffic inside the home (local-networks)".to_owned()
                            }
                            "controller" => format!("a class of controllers{of}"),
                            "my-controller" => "the operator's own controller".to_owned(),
                            "manufacturer" | "same-manufacturer" | "model" => {
                                format!("other devices in the home ({key}{of})")
                            }
                            _ => format!("a match on `{key}`{of}"),
                        });
                    }
                }
                "icmp" => all.icmp = true,
                "eth" => all.ethernet = true,
                key => all.other.push(key.to_owned()),
            }
        }
        all
    }

    fn server(self) -> Result<Server, String> {
        if let Some(reason) = self.mud {
            return Err(reason);
        }
        let icmp = self.icmp || matches!(self.protocol, Some(1 | 58));
        let protocol = match self.protocol {
            _ if icmp => None,
            None => Some(None),
            Some(number) => {
                [TCP, UDP].into_iter().find(|known| u64::from(*known) == number).map(Some)
            }
        };
        let what = || match self.protocol {
            _ if icmp => "ICMP".to_owned(),
            Some(number) => format!("protocol {number}"),
            None => "traffic".to_owned(),
        };
        let Some(name) = self.names.first() else {
            return Err(match self.networks.first() {
                Some(network) => format!("{} with the address {network}, no name", what()),
                None if self.ethernet && self.protocol.is_none() => {
                    "Ethernet frames, not IP".to_owned()
                }
                None => format!("{} with any address", what()),
            });
        };
        let Some(protocol) = protocol else { return Err(format!("{} with `{name}`", what())) };
        let usable: DomainName =
            name.parse().map_err(|problem| format!("a name that is none: {problem}"))?;
        if suffix::registrable(usable.as_str()).is_none() {
            return Err(format!("`{usable}`, which nobody has registered"));
        }
        let mut less = self.other;
        let port = match (protocol, self.port) {
            _ if self.initiated_by_server => {
                less.push("connections that the server opens".to_owned());
                None
            }
            (Some(protocol), Some(Ok(number))) => Some(Port { number, protocol }),
            (_, Some(Err(range))) => {
                less.push(range);
                None
            }
            _ => None,
        };
        let less = (!less.is_empty()).then(|| format!("`{usable}` without {}", less.join(", ")));
        Ok(Server { name: usable, port, less })
    }
}

/// One port, or in words what else is asked for.
fn read_port(value: &Value) -> Result<u16, String> {
    let number = |key: &str| value.get(key).and_then(Value::as_u64);
    let operator = value.get("operator").and_then(Value::as_str).map_or("eq", bare);
    let (lower, upper) = match (number("port"), number("lower-port"), number("upper-port")) {
        (Some(port), ..) if operator == "eq" => (port, port),
        (Some(port), ..) => return Err(format!("ports {operator} {port}")),
        (None, Some(lower), Some(upper)) => (lower, upper),
        _ => return Err("ports that cannot be read".to_owned()),
    };
    match u16::try_from(lower) {
        Ok(port) if port > 0 && lower == upper => Ok(port),
        _ if lower == upper => Err(format!("port {lower}")),
        _ => Err(format!("ports {lower} to {upper}")),
    }
}

/// A key or identity without the module before it.
fn bare(key: &str) -> &str {
    key.rsplit_once(':').map_or(key, |(_, bare)| bare)
}

/// A value and where it stands.
struct At<'v> {
    place: String,
    value: &'v Value,
}

impl<'v> At<'v> {
    fn object(&self) -> Result<&'v Map<String, Value>, MudError> {
        self.value.as_object().ok_or_else(|| self.wrong("an object"))
    }

    fn text(&self) -> Result<&'v str, MudError> {
        self.value.as_str().ok_or_else(|| self.wrong("text"))
    }

    fn items(&self) -> Result<Vec<At<'v>>, MudError> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let at = |(at, value)| At { place: format!("{}[{at}]", self.place), value };
        Ok(items.iter().enumerate().map(at).collect())
    }

    /// The value of `key`, with whatever module before it.
    fn optional(&self, key: &str) -> Option<At<'v>> {
        let (found, value) = self.value.as_object()?.iter().find(|(name, _)| bare(name) == key)?;
        Some(At { place: format!("{}.{found}", self.place), value })
    }

    fn required(&self, key: &str, allowed: &'static str) -> Result<At<'v>, MudError> {
        self.object()?;
        self.optional(key).ok_or_else(|| MudError::Shape {
            place: self.place.clone(),
            found: format!("no `{key}`"),
            allowed,
        })
    }

    fn wrong(&self, allowed: &'static str) -> MudError {
        let found = match self.value {
            Value::Object(_) => "an object".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            Value::String(text) => format!("`{}`", text.chars().take(80).collect::<String>()),
            other => format!("`{other}`"),
        };
        MudError::Shape { place: self.place.clone(), found, allowed }
    }
}
