//! What a run of the real binary knows of subscribers, and what it never says.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs::{self, File};
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::process::Command;

use support::{Exporter, Hayrake, KETTLE, Site, eventually, get, line, now, set};

const TOKEN: &str = "correct-horse-battery";
const KEY: &str = "00112233445566778899aabbccddeeff";
/// Subscribers, of whom nothing but pseudonyms may be found.
const LINE_V4: [u8; 4] = [198, 51, 100, 77];
const LINE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0x1234, 0xabcd, 0, 0, 0x99);
/// Checkpoints of what exporters told, and of what waits for its template.
const KEPT: &str = "hayrake_checkpoint_written_total{kind=\"exporters\"}";
/// The kettle's server, by IPv6.
const KETTLE_V6: Ipv6Addr = Ipv6Addr::new(0x2606, 0x4700, 0, 0, 0, 0, 0, 0x77);

#[test]
fn who_opts_out_is_never_a_line() {
    let site = Site::new();
    site.write("opt-out", "# by letter\n198.51.100.9\n");
    let config = std::fs::read_to_string(site.path("hayrake.yaml")).unwrap();
    let opt_out = "  key_file: line.key\n  opt_out: {prefixes: [198.51.100.8], file: opt-out}\n";
    site.write("hayrake.yaml", &config.replace("  key_file: line.key\n", opt_out));
    let mut hayrake = site.run();
    let mut exporter = Exporter::new(hayrake.udp);
    let made = || hayrake.metric("hayrake_sightings_total{outcome=\"made\"}");
    let left_alone = || hayrake.metric("hayrake_flows_total{orientation=\"opted_out\"}");
    exporter.send_template();
    exporter.send_flows(&[8, 9, 10].map(line), &KETTLE);
    eventually("all are decoded", || left_alone() == 4 && made() == 2);

    // A list with a mistake is refused whole, and its entries are not repeated.
    site.write("opt-out", "198.51.100.9\n198.51.100.10/24\n");
    hayrake.signal("-HUP");
    let told = hayrake.wait_for_log("opt-out:2: ");
    assert!(!told.contains("198.51.100.10"), "{told}");
    site.write("opt-out", "198.51.100.9\n198.51.100.10\n");
    hayrake.signal("-HUP");
    hayrake.wait_for_log("reloaded");
    exporter.send_flows(&[8, 9, 10].map(line), &KETTLE);
    eventually("all are left alone", || {
        hayrake.metric("hayrake_flows_total{orientation=\"opted_out\"}") == 10
    });
    assert_eq!(hayrake.metric("hayrake_sightings_total{outcome=\"made\"}"), 2);
    assert!(hayrake.terminate().success());
    assert!(site.detections().iter().all(|detection| detection["packets"] == 10));
}

/// Everything that would give one of them away, each with its name.
fn secrets() -> Vec<(String, Vec<u8>)> {
    let v4 = IpAddr::from(LINE_V4);
    let number = u32::from_be_bytes(LINE_V4);
    let key = u128::from_str_radix(KEY, 16).unwrap();
    let texts = [
        v4.to_string(),
        format!("::ffff:{v4}"),
        number.to_string(),
        format!("{number:08x}"),
        number.swap_bytes().to_string(),
        "2001:db8:77:12".to_owned(),
        "2001:0db8:0077:12".to_owned(),
        "20010db8007712".to_owned(),
        LINE_V6.to_bits().to_string(),
        KEY.to_owned(),
        key.to_string(),
        TOKEN.to_owned(),
        "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5".to_lowercase(),
    ];
    let mut secrets: Vec<_> = texts.map(|text| (text.clone(), text.into_bytes())).into();
    let mut raw = |name: &str, bytes: &[u8]| {
        secrets.push((format!("{name}, raw"), bytes.to_vec()));
        let backwards: Vec<u8> = bytes.iter().rev().copied().collect();
        secrets.push((format!("{name}, raw and backwards"), backwards));
    };
    raw("the IPv4 line", &LINE_V4);
    raw("the IPv6 line", &LINE_V6.octets()[..7]);
    raw("the key", &key.to_be_bytes());
    secrets
}

/// What of `secrets` is in `text`, as it stands or in other case.
fn found(text: &[u8]) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let within = |hay: &[u8], needle: &[u8]| hay.windows(needle.len()).any(|part| part == needle);
    let secrets = secrets().into_iter();
    let found = secrets.filter(|(_, secret)| within(text, secret) || within(&lower, secret));
    found.map(|(name, _)| name).collect()
}

/// Every file under `folder` with its content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    all
}

/// Lines of both families, a token and a known key.
fn site() -> Site {
    let site = Site::new();
    site.configure("http: {listen: 127.0.0.1:0, token_file: token}\ncheckpoint: {every: 1s}\n");
    let config = fs::read_to_string(site.path("hayrake.yaml")).unwrap();
    let more = "prefixes: [{net: 2001:db8::/32, region: south}, ";
    site.write("hayrake.yaml", &config.replace("prefixes: [", more));
    site.write("token", TOKEN);
    site.write("line.key", &format!("{KEY}\n"));
    let answers = fs::read_to_string(site.path("dns.jsonl")).unwrap();
    let by_v6: String = ["api.kettle.example", "cloud.kettle.example"]
        .iter()
        .map(|name| {
            let (first, last) = (now() - 3 * 86_400, now());
            format!("{{\"rrname\":\"{name}.\",\"rrtype\":\"AAAA\",\"rdata\":\"{KETTLE_V6}\",\"time_first\":{first},\"time_last\":{last},\"count\":50}}\n")
        })
        .collect();
    site.write("dns.jsonl", &format!("{answers}{by_v6}"));
    site
}

/// Sets of a template for IPv6 (RFC 3954 §8), and of one flow.
fn v6_sets() -> [Vec<u8>; 2] {
    let fields: [(u16, u16); 9] =
        [(27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 4), (34, 4)];
    let mut template = vec![1, 1, 0, 9];
    for (field, length) in fields {
        template.extend(field.to_be_bytes());
        template.extend(length.to_be_bytes());
    }
    let mut flow = Vec::new();
    flow.extend(LINE_V6.octets());
    flow.extend(KETTLE_V6.octets());
    flow.extend([0xc3, 0x50, 0x01, 0xbb, 6, 0x18]);
    flow.extend([0, 0, 0, 5, 0, 0, 1, 244, 0, 0, 0, 1]);
    [set(0, &template), set(257, &flow)]
}

/// Datagrams that are wrong in ways that make the decoder say so, each with a
/// subscriber's address in it. Headers are the exporter's own: what it calls
/// itself there (domain, agent) is shown.
fn bad_datagrams() -> Vec<Vec<u8>> {
    let address = LINE_V4.repeat(8);
    let text = format!("{} {LINE_V6}", IpAddr::from(LINE_V4)).into_bytes();
    let v5 = [&[0, 5, 0, 30][..], &[0; 20]].concat();
    let v9 = [&[0, 9, 0, 1][..], &[0; 16]].concat();
    let ipfix = [&[0, 10, 0, 40][..], &[0; 12]].concat();
    let sflow = [&[0, 0, 0, 5, 0, 0, 0, 1, 192, 0, 2, 1][..], &[0; 12], &[0, 0, 0, 2]].concat();
    vec![
        text.clone(),
        [&v5[..], &address].concat(),
        [&v9[..], &address].concat(),
        [&v9[..], &[0, 0, 0xff, 0xff], &text].concat(),
        // Data without a template, which waits for one.
        [&v9[..], &set(300, &address)].concat(),
        // A template whose fields are an address.
        [&v9[..], &[0, 0, 0, 16, 1, 9, 0, 2], &LINE_V4, &LINE_V4].concat(),
        [&ipfix[..], &[1, 0, 0, 24], &LINE_V6.octets(), &LINE_V4].concat(),
        [&ipfix[..], &address[..24]].concat(),
        [&sflow[..], &address].concat(),
        [&sflow[..], &[0, 0, 0, 1, 0, 0, 0, 32], &address].concat(),
    ]
}

#[test]
fn a_run_says_nothing_of_subscribers_the_key_or_the_token() {
    let site = site();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hayrake"));
    command.stdout(File::create(site.path("stdout")).unwrap());
    let hayrake = Hayrake::start_logging(&mut command, "debug", &site.path("hayrake.yaml"));
    let mut exporter = Exporter::new(hayrake.udp);
    let [template, flow] = v6_sets();
    exporter.send_template();
    exporter.send(&template);
    exporter.send_flows(&[LINE_V4.into()], &KETTLE);
    exporter.send(&flow);
    exporter.send_flows(&[LINE_V4.into()], &[line(3)]);
    for datagram in bad_datagrams() {
        exporter.send_raw(&datagram);
    }
    // Flows of both families whose template does not come: they are kept.
    let before = hayrake.metric(KEPT);
    exporter.send_flows_of(400, &[LINE_V4.into(); 30], &KETTLE);
    exporter.send(&[set(401, &flow[4..]), set(402, &flow[4..].repeat(9))].concat());
    eventually("all is taken in", || {
        hayrake.metric("hayrake_sightings_total{outcome=\"made\"}") >= 3
            && hayrake.metric_sum("hayrake_problems_total") > 0
    });
    let mut asked = 0;
    eventually("what waits is in a checkpoint", || {
        asked += 1;
        exporter.send_flows_of(403 + asked % 2, &[LINE_V4.into()], &KETTLE);
        hayrake.metric(KEPT) > before + 1
    });
    let waiting = hayrake.metric("hayrake_records_queued");
    assert!(waiting >= 4, "{waiting}");

    let mut said = files(&site.path("state"));
    assert!(said.iter().any(|(name, _)| name.ends_with("exporters.checkpoint")));
    let paths = [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/nowhere",
        "/api/v1/classes",
        "/api/v1/counts",
        "/api/v1/exporters",
        "/api/v1/signatures",
        "/api/v1/hitlist",
        "/api/v1/counts?region=west",
        "/api/v1/lines/00000000000000000000000000000001",
    ];
    for path in paths {
        for token in [None, Some(TOKEN), Some("wrong-but-long-enough")] {
            let (status, answer) = get(hayrake.http, path, token);
            said.push((format!("{path} ({status})"), answer.to_string().into_bytes()));
        }
    }
    hayrake.signal("-HUP");
    eventually("a reload is taken", || {
        hayrake.metric("hayrake_reload_total{outcome=\"accepted\"}") > 0
    });
    site.write("line.key", &format!("{KEY} {TOKEN}\n"));
    site.write("token", &format!("{TOKEN} {KEY}\n"));
    hayrake.signal("-HUP");
    eventually("one with a mangled key and token is refused", || {
        hayrake.metric("hayrake_reload_total{outcome=\"refused\"}") > 0
    });
    let (status, answer) = get(hayrake.http, "/readyz", None);
    said.push((format!("/readyz ({status})"), answer.to_string().into_bytes()));
    let limits = fs::read_to_string(format!("/proc/{}/limits", hayrake.pid())).unwrap();
    let core = limits.lines().find(|limit| limit.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "no core: {core}");

    let waiting = hayrake.metric("hayrake_records_queued");
    let (status, log) = hayrake.terminate_and_tell();
    assert!(status.success());
    // The open windows are in the state folder now; what they claim is written
    // by a second run that closes them.
    said.extend(files(&site.path("state")));
    site.write("line.key", &format!("{KEY}\n"));
    site.write("token", TOKEN);
    let hayrake = site.run_and_close();
    assert_eq!(hayrake.metric("hayrake_records_queued"), waiting, "they wait on");
    let (status, closing) = hayrake.terminate_and_tell();
    assert!(status.success());
    said.push(("the log of the second run".to_owned(), closing.into_bytes()));
    let detections = site.detections();
    let regions = |region: &str| detections.iter().any(|d| d["region"] == region);
    assert!(regions("north") && regions("south"), "lines of both families: {detections:?}");
    assert!(log.lines().count() > 10, "there is a log:\n{log}");
    said.push(("the log".to_owned(), log.into_bytes()));
    said.push(("standard output".to_owned(), fs::read(site.path("stdout")).unwrap()));
    said.push(("detections".to_owned(), fs::read(site.path("detections.jsonl")).unwrap()));
    said.extend(files(&site.path("state")));
    for (place, content) in said {
        let found = found(&content);
        assert!(found.is_empty(), "{place} has {found:?}:\n{}", String::from_utf8_lossy(&content));
    }
}

#[test]
fn the_search_finds_what_is_there() {
    let with = |bytes: &[u8]| [b"before".as_slice(), bytes, b"after"].concat();
    for (name, secret) in secrets() {
        assert!(found(&with(&secret)).contains(&name), "{name}");
    }
    assert!(found(&with(b"C633644D")).len() == 1, "in capitals");
    assert!(found(b"198.51.100.78 2001:db8:78::1").is_empty());
}

#[test]
fn a_panic_says_where_and_not_what() {
    let program = std::env::current_exe().unwrap();
    let ran = Command::new(program)
        .args(["--ignored", "--exact", "panics_with_an_address", "--nocapture"])
        .output()
        .unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    let text = String::from_utf8_lossy(&said);
    assert!(ran.status.success(), "{text}");
    assert!(text.contains("panicked") && text.contains("service_privacy.rs:"), "{text}");
    assert!(found(&said).is_empty(), "{text}");
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn panics_with_an_address() {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    hayrake::service::guard::hide_panics();
    let address = IpAddr::from(LINE_V4);
    std::panic::catch_unwind(|| panic!("a flow of {address} under {KEY}")).unwrap_err();
}
