//! Range lists in each form their providers publish, what an address's range
//! says, and lists that are damaged.

use std::path::Path;

use super::*;

fn read(lists: &[&str]) -> Ranges {
    let mut ranges = Ranges::default();
    for list in lists {
        ranges.read(list.as_bytes(), None, "list").unwrap();
    }
    ranges
}

/// The range of an address in words, with a mark where it is shared by design.
fn found(ranges: &Ranges, address: &str) -> String {
    ranges.find(address.parse().unwrap()).map_or_else(String::new, |found| {
        format!("{found}{}", if found.shared_by_design { " shared" } else { "" })
    })
}

const AWS: &str = r#"{"syncToken":"1","prefixes":[
    {"ip_prefix":"198.51.100.0/25","region":"eu-west-1","service":"AMAZON"},
    {"ip_prefix":"198.51.100.0/24","region":"eu-west-1","service":"EC2"},
    {"ip_prefix":"203.0.113.0/24","region":"GLOBAL","service":"CLOUDFRONT"},
    {"ip_prefix":"203.0.113.0/24","region":"GLOBAL","service":"AMAZON"},
    {"ip_prefix":"203.0.113.128/25","region":"GLOBAL","service":"AMAZON"}],
    "ipv6_prefixes":[{"ipv6_prefix":"2001:db8:1::/48","service":"GLOBALACCELERATOR"}]}"#;

#[test]
fn a_service_outranks_the_name_for_everything() {
    let ranges = read(&[AWS]);
    assert_eq!(found(&ranges, "198.51.100.1"), "AWS EC2 (198.51.100.0/24)");
    assert_eq!(found(&ranges, "203.0.113.200"), "AWS CLOUDFRONT (203.0.113.0/24) shared");
    let accelerator = "AWS GLOBALACCELERATOR (2001:db8:1::/48) shared";
    assert_eq!(found(&ranges, "2001:db8:1::5"), accelerator);
    assert_eq!(found(&ranges, "192.0.2.1"), "");
    assert!(ranges.contains("198.51.100.9".parse().unwrap()));
    assert!(!ranges.contains("2001:db8:2::1".parse().unwrap()));
}

#[test]
fn every_form_is_told_by_its_content() {
    for (list, address, expected) in [
        (
            r#"{"changeNumber":1,"values":[
                {"name":"AzureFrontDoor.Frontend","properties":{"addressPrefixes":["198.51.100.0/29"]}},
                {"name":"AzureFrontDoor.Backend","properties":{"addressPrefixes":["198.51.100.8/29"]}},
                {"name":"AzureCloud.westeurope","properties":{"addressPrefixes":["198.51.100.0/24"]}}]}"#,
            "198.51.100.1",
            "Azure AzureFrontDoor.Frontend (198.51.100.0/29) shared",
        ),
        (
            r#"{"values":[{"name":"AzureFrontDoor.Backend","properties":{"addressPrefixes":["198.51.100.8/29"]}}]}"#,
            "198.51.100.9",
            "Azure AzureFrontDoor.Backend (198.51.100.8/29)",
        ),
        (
            r#"{"values":[{"name":"StorageSyncService","properties":{"addressPrefixes":["198.51.100.8"]}}]}"#,
            "198.51.100.8",
            "Azure StorageSyncService (198.51.100.8/32)",
        ),
        (
            r#"{"prefixes":[{"ipv4Prefix":"198.51.100.0/24","service":"Google Cloud","scope":"a"},
                {"ipv6Prefix":"2001:db8::/44","service":"Google Cloud","scope":"a"}]}"#,
            "2001:db8::1",
            "Google Google Cloud (2001:db8::/44)",
        ),
        (
            r#"{"addresses":["198.51.100.0/24"],"ipv6_addresses":["2001:db8::/32"]}"#,
            "2001:db8::1",
            "Fastly (2001:db8::/32) shared",
        ),
        (
            r#"{"regions":[{"region":"a","cidrs":[{"cidr":"198.51.100.0/24","tags":["OCI"]},
                {"cidr":"203.0.113.0/24","tags":["OSN","OBJECT_STORAGE"]}]}]}"#,
            "203.0.113.1",
            "Oracle OBJECT_STORAGE (203.0.113.0/24) shared",
        ),
        (
            r#"{"success":true,"result":{"ipv4_cidrs":["198.51.100.0/24"],"ipv6_cidrs":[]}}"#,
            "198.51.100.1",
            "Cloudflare (198.51.100.0/24) shared",
        ),
        (
            "173.245.48.0/20\n198.51.100.0/24\n",
            "198.51.100.1",
            "Cloudflare (198.51.100.0/24) shared",
        ),
        ("23.32.0.0/11\t\r\n198.51.100.0/24", "198.51.100.1", "Akamai (198.51.100.0/24) shared"),
        (
            "# feed\n198.51.100.0/24,NL,NL-NH,Amsterdam,1098 XH\n",
            "198.51.100.1",
            "list (198.51.100.0/24)",
        ),
        (r#"["198.51.100.0/24", "203.0.113.9"]"#, "203.0.113.9", "list (203.0.113.9/32)"),
    ] {
        assert_eq!(found(&read(&[list]), address), expected, "{list}");
    }
}

#[test]
fn a_list_without_a_name_is_whose_the_configuration_says() {
    let mut ranges = Ranges::default();
    ranges.read(&b"198.51.100.0/24"[..], Some("akamai"), "list").unwrap();
    assert_eq!(found(&ranges, "198.51.100.1"), "Akamai (198.51.100.0/24) shared");
}

#[test]
fn the_order_of_lists_makes_no_difference() {
    let other = r#"["203.0.113.0/24"]"#;
    let (one, two) = (read(&[AWS, other]), read(&[other, AWS]));
    assert_eq!(found(&one, "203.0.113.1"), "AWS CLOUDFRONT (203.0.113.0/24) shared");
    assert_eq!(found(&one, "203.0.113.1"), found(&two, "203.0.113.1"));
    assert_eq!((one.len(), two.len()), (5, 5));
}

#[test]
fn a_damaged_list_is_refused_whole_with_the_place() {
    for (list, problem) in [
        ("198.51.100.0/24\n198.51.100.0/33\n", "line 2: `198.51.100.0/33`, allowed"),
        ("", "no range in it"),
        ("<html>", "line 1: `<html>`"),
        (r#"{"prefixes":[{"#, "damaged JSON: EOF while parsing an object at line 1 column 14"),
        (r#"{"prefixes":[{"service":"EC2"}],"ipv6_prefixes":[]}"#, "prefixes[0].ip_prefix: `null`"),
        (
            r#"{"values":[{"name":"a","properties":{"addressPrefixes":[1]}}]}"#,
            "values[0].properties.addressPrefixes[0]: `1`",
        ),
        (r#"{"some":"json"}"#, "JSON of no known kind"),
        ("[]", "no range in it"),
    ] {
        let mut ranges = Ranges::default();
        let wrong = ranges.read(list.as_bytes(), None, "list").unwrap_err().to_string();
        assert!(wrong.contains(problem), "`{problem}` is missing in `{wrong}`");
        assert!(ranges.is_empty(), "nothing was taken of {list}");
    }
}

#[test]
fn the_providers_own_lists_are_read_to_their_counts() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/cloud-ranges"));
    if !folder.exists() {
        return eprintln!("skipped: {} is absent", folder.display());
    }
    let mut all = Ranges::default();
    for (file, provider, ranges, shared) in [
        ("aws-ip-ranges.json.gz", "AWS", 13_344, 1103),
        ("azure-service-tags.json.gz", "Azure", 90_493, 2557),
        ("gcp-cloud.json", "Google", 782, 0),
        ("oracle-public_ip_ranges.json", "Oracle", 944, 48),
        ("fastly-public-ip-list.json", "Fastly", 21, 21),
        ("cloudflare-ips-v4.txt", "Cloudflare", 15, 15),
        ("cloudflare-ips-v6.txt", "Cloudflare", 7, 7),
        ("akamai-v4.txt", "Akamai", 19, 19),
        ("digitalocean-google.csv", "digitalocean-google", 1182, 0),
        ("alibaba.json", "alibaba", 384, 0),
    ] {
        let list = std::fs::File::open(folder.join(file)).unwrap();
        let stem = file.split('.').next().unwrap();
        let report = all.read(list, None, stem).unwrap();
        let expected = RangesReport { provider: provider.into(), ranges, shared };
        assert_eq!(report, expected, "{file}");
    }
}
