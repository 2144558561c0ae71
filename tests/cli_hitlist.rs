//! `hayrake hitlist` as an operator uses it: configuration, signatures and
//! passive DNS in files, verdicts in words and as JSON.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const CONFIG: &str = "\
lines: {prefixes: [{net: 203.0.113.0/24}], key_file: key}
dns: {feeds: [{file: pdns.jsonl}, {file: capture.jsonl, coverage: partial}]}
signatures: signatures
";

const SIGNATURE: &str = "\
class: acme
name: Acme
level: manufacturer
vendor: Acme
groups:
  - {names: [dev-a.acme.example], role: primary, ports: [443/tcp]}
  - {names: [dev-b.acme.example], role: primary}
  - {names: [\"*.edge.acme.example\"], role: support}
  - {names: [lone.acme.example], role: support}
sources: [a story]
checked: 2026-11-21
";

/// The paper's two worked examples (§4.2.1), a wildcard, a name that only a
/// partial source knows, and two damaged lines. Times are of 2026-11-21.
const PDNS: &str = r#"
{"rrname":"Dev-A.acme.example.","rrtype":"CNAME","rdata":"ec2-198-51-100-1.compute-1.amazonaws.com.","time_first":1795255200,"time_last":1795258800,"count":20}
{"rrname":"ec2-198-51-100-1.compute-1.amazonaws.com.","rrtype":"A","rdata":"198.51.100.1","time_first":1795255200,"time_last":1795258800,"count":20}
{"rrname":"dev-b.acme.example","rrtype":"CNAME","rdata":"d1.cdn.example","time_first":1795255200,"time_last":1795258800,"count":20}
{"rrname":"d1.cdn.example","rrtype":"A","rdata":"198.51.100.2","time_first":1795255200,"time_last":1795258800,"count":20}
{"rrname":"www.shop.example","rrtype":"CNAME","rdata":"d2.cdn.example","time_first":1795255200,"time_last":1795258800,"count":20}
{"rrname":"d2.cdn.example","rrtype":"A","rdata":"198.51.100.2","time_first":1795255200,"time_last":1795258800,"count":20}
{"rrname":"x.edge.acme.example","rrtype":"AAAA","rdata":["2001:db8::1","2001:db8::2"],"time_first":1795255200,"time_last":1795258800,"count":20}
this line is damaged
{"rrname":"y.edge.acme.example","rrtype":"A","rdata":"10.0.0.1","time_first":1795255200,"time_last":1795258800}
"#;

const CAPTURE: &str = r#"{"rrname":"lone.acme.example","rrtype":"A","rdata":"198.51.100.4","time_first":1795255200,"time_last":1795258800}"#;

fn world() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    fs::create_dir_all(dir.path().join("signatures/manufacturer")).unwrap();
    write("signatures/manufacturer/acme.yaml", SIGNATURE);
    write("h.yaml", CONFIG);
    write("pdns.jsonl", PDNS);
    write("capture.jsonl", CAPTURE);
    dir
}

fn hitlist(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .arg("hitlist")
        .args(arguments)
        .args(["-c", "h.yaml", "--day", "2026-11-21"])
        .current_dir(dir)
        .output()
        .expect("the binary runs")
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn build_says_what_became_of_every_group() {
    let dir = world();
    let report = json(&hitlist(dir.path(), &["build", "--json"]));
    let class = &report["classes"][0];
    assert_eq!((&class["monitored"], &class["total"]), (&2.into(), &4.into()));
    let verdicts: Vec<&str> = class["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["dedicated", "shared", "dedicated", "undecided"]);
    assert_eq!(report["endpoints"], 3);

    let output = hitlist(dir.path(), &["build"]);
    let (said, read) = (text(&output.stdout), text(&output.stderr));
    for part in [
        "hitlist of 2026-11-21: 3 endpoints",
        "groups: 2 dedicated, 1 shared, 1 undecided, 0 unresolvable\nclasses: 1 of 1 can be detected",
        "acme: 2 of 4 groups, 1 required",
        "shared       dev-b.acme.example: 198.51.100.2 also serves www.shop.example",
        "undecided    lone.acme.example: 1 address is known only from partial sources",
    ] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    assert!(read.contains("pdns.jsonl: 8 answers from 9 lines, 1 damaged, 1 refused"), "{read}");
    assert!(!read.contains('\r'), "no progress where nobody watches: {read}");
    assert!(read.contains("  9: expected ident"), "the damaged line has its number: {read}");
}

#[test]
fn explain_gives_the_verdict_and_what_is_behind_it() {
    let dir = world();
    let explain = |subject: &str| json(&hitlist(dir.path(), &["explain", subject, "--json"]));
    for (subject, verdict) in [
        ("dev-a.acme.example", "dedicated"),
        ("dev-b.acme.example", "shared"),
        ("X.edge.acme.example.", "dedicated"),
        ("lone.acme.example", "undecided"),
        ("y.edge.acme.example", "unresolvable"),
        ("198.51.100.1", "dedicated"),
        ("198.51.100.2", "shared"),
        ("2001:db8::2", "dedicated"),
        ("198.51.100.99", "unresolvable"),
    ] {
        assert_eq!(explain(subject)["verdict"], verdict, "{subject}");
    }
    assert_eq!(explain("203.0.113.9")["among_lines"], true);

    let said = text(&hitlist(dir.path(), &["explain", "dev-a.acme.example"]).stdout);
    for part in [
        "dedicated to acme.example",
        "stands for dev-a.acme.example of acme (monitored)",
        "198.51.100.1 exclusive, through ec2-198-51-100-1.compute-1.amazonaws.com",
        "1 address by pdns.jsonl (population)",
    ] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
}

#[test]
fn the_day_decides_what_is_known() {
    let dir = world();
    let output = Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .args(["hitlist", "build", "-c", "h.yaml", "--day", "2026-11-20"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "no class can be detected: {output:?}");
    assert!(text(&output.stdout).contains("4 unresolvable"), "{output:?}");
}

#[test]
fn what_cannot_be_used_ends_with_two_and_says_why() {
    let dir = world();
    let fails = |arguments: &[&str], why: &str| {
        let output = hitlist(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(why), "{why} is missing in: {said}");
    };
    fails(&["explain", "no name"], "allowed: a name or an address");
    fails(&["build", "--resolve"], "the configuration has no dns.resolve");
    fs::write(dir.path().join("pdns.jsonl"), b"BZh91AY&SY").unwrap();
    fails(&["build"], "pdns.jsonl: the file is packed with bzip2");
    fs::remove_file(dir.path().join("pdns.jsonl")).unwrap();
    fails(&["build"], "pdns.jsonl");
}
