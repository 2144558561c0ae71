//! What a configuration may say, and what is said about one that is wrong.

use std::path::Path;

use super::read::{Named, read};
use super::*;
use crate::dns::Coverage;
use crate::dns::dnstap::MessageTypes;
use crate::signature::fields::Report;

/// The least that must be said.
const LEAST: &str = "lines: {prefixes: [{net: 198.51.100.0/22}]}\n";

fn findings(text: &str) -> (Option<Config>, Vec<String>) {
    let mut report = Report::new("h.yaml");
    let base = Path::new("/etc/hayrake");
    let config = read(text.as_bytes(), base, &mut Named::default(), &mut report);
    let findings = report.into_findings().iter().map(ToString::to_string).collect();
    (config, findings)
}

fn config(text: &str) -> Config {
    let (config, findings) = findings(text);
    config.unwrap_or_else(|| panic!("{findings:#?}"))
}

#[test]
fn defaults_are_filled_in() {
    let config = config(LEAST);
    let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:2055", "0.0.0.0:4739", "0.0.0.0:6343"]);
    assert_eq!(config.http.to_string(), "127.0.0.1:8080");
    assert_eq!(config.lines.key_file, Path::new("/var/lib/hayrake/line.key"));
    assert_eq!((config.lines.prefixes[0].length, config.k), (32, 5));
    assert_eq!(config.signatures, SignatureSource::Shipped);
    assert_eq!(config.token_file, None);
    assert_eq!(config.dns.foreign, Foreign { min_days: 2, min_count: 10 });
    assert_eq!(config.workers, Workers::default());
}

#[test]
fn a_file_that_says_nothing_is_told_so() {
    for text in ["", "\n", "# to be written\n", "---\n"] {
        let (config, findings) = findings(text);
        assert!(config.is_none() && findings.len() == 1, "{text:?}: {findings:?}");
        assert!(findings[0].contains("without a value; allowed: "), "{findings:?}");
    }
}

#[test]
fn the_contract_is_understood() {
    let contract = r#"
listen: ["0.0.0.0:2055", "0.0.0.0:4739", "0.0.0.0:6343"]   # told apart by content
exporters: {allow: ["192.0.2.0/24"], default_sampling: {"192.0.2.0/24": 1000}}
vantage: isp                 # isp | ixp
lines:
  prefixes:
    - {net: 198.51.100.0/22, region: north}
    - {net: 2001:db8::/32, length: 56, region: north}
  key_file: /var/lib/hayrake/line.key     # made with mode 0600 when missing
dns: {feeds: [{dnstap: unix:/run/hayrake/dnstap.sock}, {file: pdns.jsonl}], resolve: {every: 1h}}
signatures: signatures
state: /var/lib/hayrake
http: 127.0.0.1:8080
"#;
    let config = config(contract);
    assert_eq!(config.signatures, SignatureSource::Dir("/etc/hayrake/signatures".into()));
    assert_eq!(config.dns.feeds, [FileFeed::new("/etc/hayrake/pdns.jsonl".into())]);
    assert_eq!(
        config.dns.dnstap,
        [DnstapFeed {
            at: DnstapSocket::Unix("/run/hayrake/dnstap.sock".into()),
            coverage: Coverage::Population,
            types: MessageTypes::default(),
        }]
    );
    assert_eq!(config.dns.resolve.unwrap().every.as_secs(), 3_600);
    assert_eq!(config.exporters.default_sampling[0].1.get(), 1_000);
    assert_eq!(config.lines.prefixes[1].region.as_deref(), Some("north"));
}

#[test]
fn the_shipped_example_loads_and_says_what_holds_without_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/hayrake.yaml");
    let example = load(Path::new(path)).unwrap();
    let mut bare = config(LEAST);
    // What the file marks as an example differs; all else is a default.
    bare.exporters = example.exporters.clone();
    bare.lines = example.lines.clone();
    bare.dns.feeds = example.dns.feeds.clone();
    bare.dns.resolve = example.dns.resolve.clone();
    bare.workers = example.workers;
    assert_eq!(example, bare);
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/hayrake.yaml");
    let example = load(Path::new(path)).unwrap();
    let full = config(&format!(
        "{LEAST}udp_gro: true\nhttp: {{listen: '[::1]:80', token_file: t, tls: {{cert: c, key: k, client_ca: a}}}}\nsignatures: s\ndetections: d.jsonl\nhistory: {{enabled: false, counts: 1d, lines: 0d}}\n\
         dns: {{feeds: [{{file: 'a: b #.pcap', coverage: partial}}, {{dnstap: 'tcp:[::1]:6000', types: [client_response, auth_response]}}, {{dnstap: 'unix:a b', coverage: partial}}], trust_partial: true}}\n"
    ));
    let opted_out = config(
        "lines: {prefixes: [{net: 198.51.100.0/22}], opt_out: {prefixes: [198.51.100.7], file: o}}\n",
    );
    for wanted in [example, full, opted_out, config(LEAST)] {
        let text = wanted.to_yaml().unwrap();
        assert_eq!(config(&text), wanted, "{text}");
    }
}

#[test]
fn an_api_that_others_reach_in_the_clear_is_warned_of() {
    let warned = |http: &str| {
        let (config, findings) = findings(&format!("{LEAST}http: {http}\n"));
        assert!(config.is_some(), "{findings:?}");
        findings.iter().any(|finding| finding.contains("without `tls`"))
    };
    for (http, expected) in [
        ("127.0.0.1:1", false),
        ("'[::1]:1'", false),
        ("{listen: '127.0.0.2:1', token_file: t}", false),
        ("'[::ffff:127.0.0.1]:1'", false),
        ("0.0.0.0:1", true),
        ("'[::]:1'", true),
        ("{listen: '192.0.2.1:1', token_file: t}", true),
        ("{listen: '192.0.2.1:1', tls: {cert: c, key: k}}", false),
    ] {
        assert_eq!(warned(http), expected, "{http}");
    }
}

#[test]
fn who_opts_out_is_not_repeated_in_a_finding() {
    let text = "lines:\n  prefixes: [{net: 198.51.100.0/22}]\n  opt_out:\n    prefixes:\n      - 198.51.100.77/24\n      - 198.51.100.9\n";
    let (config, findings) = findings(text);
    assert!(config.is_none());
    let [_, finding] = &findings[..] else { panic!("{findings:?}") };
    assert!(finding.starts_with("h.yaml:5:"), "{finding}");
    assert!(!finding.contains("100.77"), "{finding}");
}

#[test]
fn all_problems_are_told_at_once_with_their_lines() {
    let text = r#"listen: ["0.0.0.0:2055", "here", "0.0.0.0:2055"]
exporters:
  allow: ["192.0.2.1/24", "192.0.2.0/33", 192.0.2.1, 192.0.2.1/32]
  default_sampling: {"192.0.2.0/24": 0, "192.0.3.0/24": -5}
vantage: ixp
lines:
  prefixes:
    - {net: 198.51.100.0/22, length: 24}
    - {net: 198.51.100.0/22}
    - {net: 198.51.100.7/22, region: "a\tb"}
    - {net: "2001:db8::/32", length: 24}
    - {region: south}
    - {net: 198.51.100.0/22, reigon: south}
dns:
  feeds: [{dnstap: udp:/x}, {coverage: some, file: a}, {url: x}, {dnstap: tcp:x, types: [all]}, {file: a, dnstap: unix:b}, {dnstap: unix:/r}, {dnstap: unix:/r}, {file: b, origin: near}, {dnstap: unix:/s, origin: own}]
  resolve: {every: 1s, servers: [0.0.0.0]}
  trust_partial: maybe
  foreign: {min_days: 0}
  crowd_owners: 1
  hold: 24
http: 8080
lateness: 2h
k: 0
workers: {front: none, middle: 1}
sate: /x
udp_gro: maybe
"#;
    let (config, found) = findings(text);
    assert!(config.is_none());
    let wanted = [
        "1: listen `here`; allowed: an address with a port",
        "1: listen `0.0.0.0:2055` again; allowed: every address once",
        "3: prefix `192.0.2.1/24` with bits set beyond its length; allowed: 192.0.2.0/24",
        "3: prefix `192.0.2.0/33`; allowed: a prefix such as",
        "3: prefix `192.0.2.1/32` again; allowed: every prefix once",
        "4: sampling rate `0`; allowed: a whole number from 1 to 4294967295",
        "4: sampling rate `-5`; allowed: a whole number from 1 to 4294967295",
        "5: vantage `ixp`, which this version does not support yet; allowed: isp",
        "8: length `24`; allowed: 32",
        "9: net `198.51.100.0/22` again, first in line 8",
        "10: net `198.51.100.7/22` with bits set beyond its length; allowed: 198.51.100.0/22",
        "10: region `a\\tb`; allowed: a name of at most 64",
        "11: length `24`; allowed: a whole number from 32 to 128",
        "12: no `net` in the prefix",
        "13: net `198.51.100.0/22` again, first in line 9",
        "13: unknown key `reigon` in the prefix; allowed: net, length, region",
        "15: dnstap `udp:/x`; allowed: unix:PATH of at most 107 bytes, or tcp:ADDRESS:PORT",
        "15: dnstap `tcp:x`; allowed: unix:PATH",
        "15: type `all`; allowed: auth_response, resolver_response, client_response, forwarder_response",
        "15: a feed with both `file` and `dnstap`; allowed: one of them",
        "15: dnstap `unix:/r` again; allowed: every socket once",
        "15: coverage `some`; allowed: population, partial",
        "15: unknown key `url` in the feed; allowed: file, dnstap, coverage, origin, types",
        "15: origin `near`; allowed: own, global",
        "15: a dnstap feed with `origin`; allowed: `origin` of files only",
        "15: no `file` in the feed",
        "16: every `1s`; allowed: a whole number with its unit, such as 30s, 5m, 1h or 2d, from 1m to 1d",
        "16: server `0.0.0.0`",
        "17: trust_partial `maybe`; allowed: true, false",
        "18: min_days `0`; allowed: a whole number from 1 to 365",
        "19: crowd_owners `1`; allowed: a whole number from 10 to 1000000",
        "20: hold `24`; allowed: a whole number with its unit",
        "21: http `8080`; allowed: an address with a port",
        "22: lateness `2h`",
        "23: k `0`; allowed: a whole number from 1 to 1000000",
        "24: unknown key `middle` in workers; allowed: receive, front, back",
        "24: front `none`",
        "25: unknown key `sate` in the configuration; allowed: listen, udp_gro, exporters,",
        "26: udp_gro `maybe`; allowed: true, false",
    ];
    let mut left = found.clone();
    for start in wanted {
        let place = left.iter().position(|line| line.starts_with(&format!("h.yaml:{start}")));
        left.remove(place.unwrap_or_else(|| panic!("no `{start}` in {found:#?}")));
    }
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn a_whole_line_is_never_longer_than_its_net() {
    let config = config("lines: {prefixes: [{net: '2001:db8::/60'}, {net: '2001:db9::/32'}]}");
    let lengths: Vec<_> = config.lines.prefixes.iter().map(|prefix| prefix.length).collect();
    assert_eq!(lengths, [60, 56]);
}

#[test]
fn sources_that_cannot_show_anything_are_warned_of() {
    let warned = |dns: &str| {
        let (config, found) = findings(&format!("{LEAST}dns: {dns}\n"));
        assert!(config.is_some(), "{found:?}");
        found
    };
    assert!(warned("{feeds: []}")[0].starts_with("h.yaml:2: warning: no source of DNS answers"));
    assert!(warned("{resolve: {every: 1h}}")[0].contains("only partial sources"));
    assert!(warned("{resolve: {every: 1h}, trust_partial: true}").is_empty());
    assert!(warned("{feeds: [{file: a.pcap}]}")[0].contains("a capture without `coverage`"));
    assert!(warned("{feeds: [{file: a.pcap, coverage: population}]}").is_empty());
}

#[test]
fn checking_opens_what_the_file_names() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("h.yaml");
    let key = dir.path().join("line.key");
    std::fs::write(&key, [0; 32]).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let text = format!(
        "{LEAST}dns:\n  feeds:\n    - {{file: absent.jsonl}}\nstate: .\nsignatures: absent\n\
         http: {{token_file: absent.token}}\n"
    );
    std::fs::write(&path, text).unwrap();
    let checked = check(&path, jiff::civil::date(2026, 11, 21));
    assert!(checked.config.is_some());
    let found: Vec<_> = checked
        .findings
        .iter()
        .map(|finding| finding.to_string().replace(&format!("{}/", dir.path().display()), ""))
        .collect();
    assert!(
        found[0].starts_with("h.yaml:1: warning: key file ./line.key with mode 0644"),
        "{found:#?}"
    );
    assert!(found[1].starts_with("h.yaml:4: absent.jsonl: "), "{found:#?}");
    assert!(found[2].starts_with("h.yaml:6: signatures that cannot be used"), "{found:#?}");
    assert!(found[3].starts_with("h.yaml:7: absent.token: "), "{found:#?}");
    assert!(found[4].starts_with("absent:1: "), "{found:#?}");
    assert_eq!(found.len(), 5);
}

#[test]
fn a_feed_must_look_like_answers() {
    let dir = tempfile::tempdir().unwrap();
    let told = |content: &[u8]| {
        std::fs::write(dir.path().join("feed"), content).unwrap();
        let path = dir.path().join("h.yaml");
        std::fs::write(&path, format!("{LEAST}dns: {{feeds: [{{file: feed}}]}}\n")).unwrap();
        let findings = check(&path, jiff::civil::date(2026, 11, 21)).findings;
        findings.iter().map(|finding| finding.to_string()).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(told(b""), "");
    let answer =
        br#"{"rrname":"a.example.","rrtype":"A","rdata":"192.0.2.1","time_first":1,"time_last":2}"#;
    assert_eq!(told(answer), "");
    assert!(
        told(b"name,address\na,b\n").contains("feed: no DNS answer at its beginning; allowed: COF")
    );
    assert!(told(b"BZh91AY&SY").contains("feed: packed with bzip2"));
}

#[test]
fn a_mistake_in_one_section_hides_nothing_outside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("h.yaml");
    let text =
        "listen: [x]\nlines: {}\ndns:\n  feeds:\n    - file: absent\n      of: x\nlinse: 1\n";
    std::fs::write(&path, text).unwrap();
    let lines: Vec<_> = check(&path, jiff::civil::date(2026, 11, 21))
        .findings
        .iter()
        .map(|found| found.line)
        .collect();
    assert_eq!(lines, [1, 2, 5, 6, 7]);
    let errors = load(&path).unwrap_err();
    assert_eq!(errors.len(), 4, "{errors:#?}");
}

#[test]
fn an_unknown_key_alone_is_enough_to_refuse() {
    assert!(findings(&format!("{LEAST}stat: x\n")).0.is_none());
    assert!(findings(&format!("{LEAST}state: &a x\n")).0.is_none());
}

#[test]
fn a_missing_file_is_one_finding() {
    let found = load(Path::new("/nonexistent/hayrake.yaml")).unwrap_err();
    assert_eq!((found.len(), found[0].line), (1, 1));
    assert!(found[0].to_string().starts_with("/nonexistent/hayrake.yaml:1: "));
}

proptest::proptest! {
    /// The body of a fuzz target, run on every test: whatever happens to the
    /// file, it is read or told about.
    #[test]
    fn a_damaged_file_is_never_fatal(
        cuts in proptest::collection::vec((0usize..6_000, proptest::prelude::any::<u8>(), 0u8..3), 1..20),
    ) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/hayrake.yaml");
        let mut bytes = std::fs::read(path).unwrap();
        for (at, byte, how) in cuts {
            let at = at % bytes.len().max(1);
            match how {
                0 if !bytes.is_empty() => bytes[at] = byte,
                1 => bytes.insert(at.min(bytes.len()), b"[]{}:-\n'&*!?"[usize::from(byte) % 12]),
                _ => bytes.truncate(bytes.len() - at / 8),
            }
        }
        let mut report = Report::new("h.yaml");
        let config = read(&bytes, Path::new("/"), &mut Named::default(), &mut report);
        proptest::prop_assert_eq!(config.is_none(), report.has_errors());
    }
}

#[test]
fn lists_of_ranges_are_paths_with_or_without_their_provider() {
    let text = format!("{LEAST}dns: {{ranges: [aws.json, {{file: /a.txt, provider: akamai}}]}}\n");
    let ranges = config(&text).dns.ranges;
    let expected = [("/etc/hayrake/aws.json", None), ("/a.txt", Some("akamai"))];
    let found = ranges.iter().map(|list| (list.path.to_str().unwrap(), list.provider.as_deref()));
    assert!(found.eq(expected), "{ranges:?}");
    let scans = config(&format!("{LEAST}dns: {{scans: [{{file: zgrab2.jsonl}}]}}\n")).dns.scans;
    assert_eq!(scans, [Path::new("/etc/hayrake/zgrab2.jsonl")]);
    let (_, wrong) = findings(&format!("{LEAST}dns: {{ranges: [{{provider: akamai}}]}}\n"));
    assert!(wrong.iter().any(|finding| finding.contains("file")), "{wrong:?}");
}

#[test]
fn what_is_kept_of_answers_has_bounds() {
    let text = |dns: &str| {
        format!("lines: {{prefixes: [{{net: 198.51.100.0/24}}], key_file: key}}\ndns: {{{dns}}}\n")
    };
    let (config, _) = findings(&text("feeds: [{file: a}], keep: 7d, memory: 512MB"));
    let dns = config.unwrap().dns;
    assert_eq!((dns.keep.as_secs(), dns.memory), (7 * 86_400, 512_000_000));
    for (dns, wanted) in [
        ("memory: 1GiB", "memory `1GiB`; allowed: a whole number with its unit, such as 512MB"),
        ("memory: 1MB", "from 64MB to 1000GB"),
        ("keep: 1h", "keep `1h`; allowed"),
        ("keep: 2d, hold: 3d", "keep `2d`; allowed: at least 3d"),
    ] {
        let (config, found) = findings(&text(dns));
        assert!(config.is_none(), "{dns}");
        assert!(found.iter().any(|finding| finding.contains(wanted)), "{wanted} in {found:?}");
    }
}
