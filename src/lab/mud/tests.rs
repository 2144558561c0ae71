//! Profiles that the test makes, broken ones, and a collection of real ones
//! where it is at hand.

use std::path::Path;

use jiff::civil::date;
use serde_json::{Value, json};

use super::*;
use crate::lab::domains::{Decisions, Popular};
use crate::signature::{SignatureSet, SourceFile, compile, shipped};

/// One rule of what a device sends, or receives.
fn ace(name: &str, matches: Value) -> Value {
    json!({"name": name, "matches": matches, "actions": {"forwarding": "accept"}})
}

fn to(name: &str, port: u16) -> Value {
    json!({"ipv4": {"protocol": 6, "ietf-acldns:dst-dnsname": name},
           "tcp": {"destination-port": {"operator": "eq", "port": port},
                   "ietf-mud:direction-initiated": "from-device"}})
}

fn profile(from: Vec<Value>, back: Vec<Value>) -> Value {
    let list = |name: &str, aces: Vec<Value>| json!({"name": name, "type": "ipv4-acl-type", "aces": {"ace": aces}});
    let named = |name: &str| json!({"access-lists": {"access-list": [{"name": name}]}});
    json!({
        "ietf-mud:mud": {
            "mud-version": 1,
            "mud-url": "https://acme.com/.well-known/mud/kettle.json",
            "last-update": "2026-09-16T13:53:04.908+10:00",
            "systeminfo": "Acme Kettle",
            "from-device-policy": named("from"),
            "to-device-policy": named("back"),
        },
        "ietf-access-control-list:access-lists": {"acl": [list("from", from), list("back", back)]},
    })
}

fn converted(profile: &Value) -> Conversion {
    let read = read(profile.to_string().as_bytes()).unwrap();
    convert_with(&read, &Given::default(), &SignatureSet::default()).unwrap()
}

fn convert_with(
    profile: &Profile,
    given: &Given,
    signatures: &SignatureSet,
) -> Result<Conversion, MudError> {
    let popular = Popular::shipped().unwrap();
    let decisions = Decisions::default();
    let grounds = Grounds { signatures, popular: &popular, decisions: &decisions };
    convert(profile, given, grounds, date(2026, 11, 21))
}

fn left(conversion: &Conversion) -> Vec<&str> {
    conversion.left.iter().map(|left| left.what.as_str()).collect()
}

#[test]
fn a_profile_becomes_a_candidate() {
    let from = vec![
        ace("f0", to("API.acme.com", 443)),
        ace("f1", to("v1.acme.com", 8883)),
        ace("f2", to("v2.acme.com", 8884)),
        ace(
            "f3",
            json!({"ipv4": {"protocol": 17, "ietf-acldns:dst-dnsname": "pool.ntp.org"},
                         "udp": {"destination-port": {"operator": "eq", "port": 123}}}),
        ),
        ace("f4", to("cdn.elsewhere.net", 443)),
    ];
    let back = vec![ace(
        "b0",
        json!({"ipv4": {"protocol": 6, "ietf-acldns:src-dnsname": "api.acme.com"},
                                     "tcp": {"source-port": {"operator": "eq", "port": 443}}}),
    )];
    let conversion = converted(&profile(from, back));
    let candidate = conversion.candidate.clone().unwrap();
    assert_eq!(
        candidate,
        "\
class: acme-kettle
name: Acme Kettle
level: product
vendor: acme
threshold: 0.4
groups:
  - names: [api.acme.com]
    role: primary
    ports: [443/tcp]
  - names: [v1.acme.com, v2.acme.com]
    role: primary
    ports: [8883/tcp, 8884/tcp]
sources:
  - \"Manufacturer usage description (RFC 8520) https://acme.com/.well-known/mud/kettle.json, changed 2026-09-16\"
checked: 2026-09-16
"
        .replace("\"Manu", "Manu")
        .replace("-16\"", "-16")
    );
    assert_eq!(left(&conversion), [""; 0]);
    let told = conversion.to_string();
    let told = told.strip_prefix(&candidate).unwrap();
    assert_eq!(
        told,
        "\
#
# Primary:
#   api.acme.com: the maker's name in it (`acme`)
#   v1.acme.com: the maker's name in it (`acme`)
#   v2.acme.com: the maker's name in it (`acme`)
#
# Left out, since other things use them too:
#   pool.ntp.org: on the list of popular services (ntp.org)
#
# Left out, for a person to decide:
#   cdn.elsewhere.net: registered to elsewhere.net
"
    );
}

#[test]
fn what_is_left_out_is_said_rule_by_rule() {
    let mud = |what: Value| json!({"ietf-mud:mud": what, "ipv4": {"protocol": 6}});
    let named = |more: Value| {
        let mut matches = to("api.acme.com", 443);
        matches.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        matches
    };
    let port = |port: Value| {
        let mut matches = to("api.acme.com", 443);
        matches["tcp"]["destination-port"] = port;
        matches
    };
    let mut refused = ace("forbidden", to("api.acme.com", 443));
    refused["actions"]["forwarding"] = json!("drop");
    for (matches, what) in [
        (mud(json!({"local-networks": [null]})), "traffic inside the home (local-networks)"),
        (
            mud(json!({"controller": "urn:ietf:params:mud:dns"})),
            "a class of controllers `urn:ietf:params:mud:dns`",
        ),
        (mud(json!({"my-controller": [null]})), "the operator's own controller"),
        (
            mud(json!({"same-manufacturer": [null]})),
            "other devices in the home (same-manufacturer)",
        ),
        (
            mud(json!({"manufacturer": "acme.com"})),
            "other devices in the home (manufacturer `acme.com`)",
        ),
        (
            mud(json!({"model": "https://acme.com/m"})),
            "other devices in the home (model `https://acme.com/m`)",
        ),
        (mud(json!({"moon": 1})), "a match on `moon`"),
        (json!({"eth": {"ethertype": "0x888e"}}), "Ethernet frames, not IP"),
        (
            json!({"ipv4": {"protocol": 17, "destination-ipv4-network": "8.8.8.8/32"}}),
            "protocol 17 with the address 8.8.8.8/32, no name",
        ),
        (json!({"ipv6": {"protocol": 58}}), "ICMP with any address"),
        (
            json!({"tcp": {"destination-port": {"operator": "eq", "port": 80}}}),
            "protocol 6 with any address",
        ),
        (
            json!({"ipv4": {"protocol": 1, "ietf-acldns:dst-dnsname": "a.acme.com"}, "icmp": {"type": 8}}),
            "ICMP with `a.acme.com`",
        ),
        (
            json!({"ipv4": {"protocol": 47, "dst-dnsname": "a.acme.com"}}),
            "protocol 47 with `a.acme.com`",
        ),
        (json!({"ipv4": {"dst-dnsname": "co.uk"}}), "`co.uk`, which nobody has registered"),
        (
            json!({"ipv4": {"dst-dnsname": "a..b"}}),
            "a name that is none: a label of `a..b` is 0 characters long, allowed: 1 to 63",
        ),
        (
            port(json!({"operator": "range", "lower-port": 1000, "upper-port": 2000})),
            "`api.acme.com` without ports 1000 to 2000",
        ),
        (port(json!({"operator": "neq", "port": 25})), "`api.acme.com` without ports neq 25"),
        (port(json!({"operator": "eq", "port": 0})), "`api.acme.com` without port 0"),
        (port(json!("many")), "`api.acme.com` without ports that cannot be read"),
        (named(json!({"tcp": {"flags": "syn"}})), "`api.acme.com` without flags"),
        (
            named(json!({"tcp": {"ietf-mud:direction-initiated": "to-device"}})),
            "`api.acme.com` without connections that the server opens",
        ),
    ] {
        let conversion = converted(&profile(vec![ace("r", matches)], vec![]));
        assert_eq!(left(&conversion), [what]);
        assert_eq!(conversion.left[0].rules, ["r"]);
        let carried = what.contains("without");
        assert_eq!(conversion.candidate.is_some(), carried, "{what}");
        assert!(!conversion.candidate.unwrap_or_default().contains("ports"), "{what}");
    }
    assert_eq!(left(&converted(&profile(vec![refused], vec![]))), ["a rule that forbids"]);
    let mut lost = profile(vec![ace("r", to("api.acme.com", 443))], vec![]);
    lost["ietf-access-control-list:access-lists"]["acl"][1]["name"] = json!("other");
    assert_eq!(
        left(&converted(&lost)),
        ["an access list that is not in the profile", "an access list that no policy names"]
    );
}

#[test]
fn what_is_no_profile_is_refused_with_its_place() {
    let refused = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused("{\"ietf-mud:mud\": {},\n}"), "no JSON: trailing comma at line 2 column 1");
    assert_eq!(refused("[]"), "the profile: a list, allowed: an object");
    assert_eq!(
        refused("{}"),
        "the profile: no `mud`, allowed: an object `ietf-mud:mud` (RFC 8520)"
    );
    let broken = |change: fn(&mut Value)| {
        let mut profile = profile(vec![ace("r", to("api.acme.com", 443))], vec![]);
        change(&mut profile);
        refused(&profile.to_string())
    };
    let lists = "the profile.ietf-access-control-list:access-lists.acl";
    assert_eq!(
        broken(|p| p["ietf-mud:mud"]["mud-version"] = json!(2)),
        "the profile.ietf-mud:mud.mud-version: `2`, allowed: 1"
    );
    assert_eq!(
        broken(|p| p["ietf-mud:mud"]["systeminfo"] = json!([])),
        "the profile.ietf-mud:mud.systeminfo: a list, allowed: text"
    );
    assert_eq!(
        broken(|p| p["ietf-access-control-list:access-lists"]["acl"] = json!("x")),
        format!("{lists}: `x`, allowed: a list")
    );
    assert_eq!(
        broken(
            |p| p["ietf-access-control-list:access-lists"]["acl"][0]["aces"]["ace"][0]["matches"] =
                json!(1)
        ),
        format!("{lists}[0].aces.ace[0].matches: `1`, allowed: an object")
    );
    assert!(refused(&"[".repeat(5_000)).starts_with("no JSON"));
    assert!(refused(&" ".repeat(MAX_BYTES + 1)).starts_with("1048577 bytes, allowed"));
    let mut nameless = profile(vec![], vec![]);
    nameless["ietf-mud:mud"]["systeminfo"] = json!("东芝");
    let read = read(nameless.to_string().as_bytes()).unwrap();
    let given = |product: &str| Given { product: Some(product.to_owned()), maker: None };
    let convert = |given| convert_with(&read, &given, &SignatureSet::default());
    assert!(convert(Given::default()).unwrap_err().to_string().starts_with("the device: `东芝`"));
    assert_eq!(convert(given("Cooker 2")).unwrap().class, "cooker-2");
}

#[test]
fn real_profiles_convert() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found =
        root.ancestors().map(|above| above.join("shared/data/mud")).find(|dir| dir.is_dir());
    let Some(dir) = found else {
        eprintln!("skipped: no folder of real profiles (shared/data/mud) above {}", root.display());
        return;
    };
    let signatures = shipped().unwrap();
    let mut paths: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert_eq!(paths.len(), 29);
    let mut without = Vec::new();
    for path in paths {
        let profile = read(&std::fs::read(&path).unwrap()).unwrap();
        let conversion = convert_with(&profile, &Given::default(), &signatures).unwrap();
        assert!(!conversion.names.is_empty() && !conversion.left.is_empty(), "{path:?}");
        let carried = profile.rules.iter().filter(|rule| rule.server.is_ok()).count();
        let less: usize = conversion.left.iter().map(|left| left.rules.len()).sum();
        assert!(carried + less >= profile.rules.len(), "{path:?}: every rule is accounted for");
        match &conversion.candidate {
            Some(text) => {
                let place = format!("product/{}.yaml", conversion.class);
                let file = SourceFile { path: place.clone(), place, bytes: text.clone().into() };
                let set = compile(&[file]).unwrap();
                assert_eq!(write(&set.classes[0]), *text);
            }
            None => without.push(conversion.class),
        }
    }
    // Everything that it names is a service that any browser uses.
    assert_eq!(without, ["chromecastultra"]);
}
