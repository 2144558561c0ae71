//! How `check` and `signature` end: 0 when all is fine, 1 when something is
//! worth a look, 2 when it cannot be used, and what they print on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

fn hayrake(arguments: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .args(arguments)
        .current_dir(dir)
        .output()
        .expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

const LINES: &str = "lines: {prefixes: [{net: 198.51.100.0/22}], key_file: key}\n";

const KETTLE: &str = "\
class: kettle
name: Kettle
level: product
vendor: Acme
groups:
  - {names: [api.example.com], role: primary}
sources: [x]
checked: 2026-11-21
";

fn write_kettle(dir: &Path, text: &str) {
    fs::create_dir_all(dir.join("product")).unwrap();
    fs::write(dir.join("product/kettle.yaml"), text).unwrap();
}

#[test]
fn a_fine_configuration_ends_with_zero_and_prints_what_holds() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("dns.jsonl"), "").unwrap();
    write_kettle(&dir.path().join("signatures"), KETTLE);
    let text = format!("{LINES}dns: {{feeds: [{{file: dns.jsonl}}]}}\nsignatures: signatures\n");
    fs::write(dir.path().join("h.yaml"), text).unwrap();
    let output = hayrake(&["check", "-c", "h.yaml", "--print"], dir.path());
    // The date in the file ages; that is a finding, and not of this test.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    assert!(stdout(&output).contains("lateness: 5m"), "{output:?}");
    fs::write(dir.path().join("printed.yaml"), output.stdout).unwrap();
    let again = hayrake(&["check", "-c", "printed.yaml", "--print"], dir.path());
    assert_eq!(stdout(&again), fs::read_to_string(dir.path().join("printed.yaml")).unwrap());
}

#[test]
fn what_is_printed_as_json_has_the_configuration_where_it_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("h.yaml"), LINES).unwrap();
    let output = hayrake(&["check", "-c", "h.yaml", "--json", "--print"], dir.path());
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["config"]["lateness"], "5m", "{told}");
}

#[test]
fn every_file_that_is_named_must_be_what_it_is_named_as() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    write_kettle(&here.join("s"), KETTLE);
    let cof = r#"{"rrname":"a.example.","rrtype":"A","rdata":"198.51.100.1","time_first":1,"time_last":2}"#;
    let scan = r#"{"ip":"198.51.100.1","data":{"tls":{"status":"connection-timeout"}}}"#;
    fs::write(here.join("cof"), cof).unwrap();
    // Damaged lines among good ones are no reason to refuse a file, and only
    // the beginning of a large one is read.
    fs::write(here.join("scan"), format!("no JSON\n{scan}\n{}", "x".repeat(9 << 20))).unwrap();
    fs::write(here.join("list"), "198.51.100.0/24\n").unwrap();
    fs::write(here.join("empty"), "").unwrap();
    let check = |feed: &str, list: &str, scan: &str| {
        let text = format!(
            "{LINES}signatures: s\ndns:\n  feeds: [{{file: {feed}}}]\n  ranges: [{{file: {list}}}]\n  scans: [{{file: {scan}}}]\n"
        );
        fs::write(here.join("h.yaml"), text).unwrap();
        let told = stdout(&hayrake(&["check", "-c", "h.yaml"], here));
        let errors = told.lines().filter(|line| !line.contains("warning"));
        errors.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(check("cof", "list", "scan"), [""; 0]);
    assert_eq!(check("empty", "list", "empty"), [""; 0]);
    let swapped = check("list", "scan", "cof");
    let [feed, list, scan] = &swapped[..] else { panic!("{swapped:?}") };
    for (told, place, parts) in [
        (feed, "h.yaml:4", ["list: no DNS answer at its beginning", "allowed: COF"]),
        (list, "h.yaml:5", ["scan: ", "allowed: "]),
        (
            scan,
            "h.yaml:6",
            ["cof: no scan data at its beginning; its line 1: no `ip`", "allowed: zgrab2"],
        ),
    ] {
        assert!(told.starts_with(place), "{told}");
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    }
    let missing = check("cof", "list", "gone");
    assert!(missing[0].starts_with("h.yaml:6") && missing[0].contains("gone: "), "{missing:?}");
}

#[test]
fn what_is_worth_a_look_ends_with_one() {
    let dir = tempfile::tempdir().unwrap();
    for (line, dns) in [(1, ""), (2, "dns: {}\n")] {
        fs::write(dir.path().join("h.yaml"), format!("{LINES}{dns}")).unwrap();
        let output = hayrake(&["check", "-c", "h.yaml"], dir.path());
        assert_eq!(output.status.code(), Some(1));
        let warned = format!("h.yaml:{line}: warning: no source of DNS answers");
        assert!(stdout(&output).starts_with(&warned), "{output:?}");
    }
}

#[test]
fn errors_of_all_files_are_told_at_once_and_end_with_two() {
    let dir = tempfile::tempdir().unwrap();
    write_kettle(&dir.path().join("s"), &KETTLE.replace("Acme", "[]").replace("[x]", "x"));
    let text = format!("{LINES}signatures: s\nk: many\ndns: {{feeds: [{{file: none}}]}}\n");
    fs::write(dir.path().join("h.yaml"), text).unwrap();
    let output = hayrake(&["check", "-c", "h.yaml", "--json"], dir.path());
    assert_eq!(output.status.code(), Some(2));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told.get("config").is_none(), "nobody asked to print it: {told}");
    let places: Vec<_> = told["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| format!("{}:{}", finding["file"].as_str().unwrap(), finding["line"]))
        .collect();
    assert_eq!(
        places,
        ["h.yaml:2", "h.yaml:3", "h.yaml:4", "s/product/kettle.yaml:4", "s/product/kettle.yaml:7"]
    );
    assert_eq!(hayrake(&["check", "-c", "absent"], dir.path()).status.code(), Some(2));
}

#[test]
fn signatures_are_listed_shown_checked_and_compared() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let listed = hayrake(&["signature", "list", "--json"], here);
    let rows: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let fire_tv = rows.as_array().unwrap().iter().find(|row| row["class"] == "amazon-fire-tv");
    assert_eq!(fire_tv.unwrap()["parent"], "amazon-product");
    assert!(stdout(&hayrake(&["signature", "list"], here)).lines().count() > 20);

    let shown = hayrake(&["signature", "show", "philips-hue"], here);
    assert!(stdout(&shown).contains("ws.meethue.com"));
    assert_eq!(hayrake(&["signature", "show", "no-such"], here).status.code(), Some(2));

    write_kettle(&here.join("a"), KETTLE);
    write_kettle(&here.join("b"), &KETTLE.replace("api.", "v2."));
    write_kettle(&here.join("c"), &KETTLE.replace("role", "rule"));
    let checked = hayrake(&["signature", "check", "--dir", "c"], here);
    assert_eq!(checked.status.code(), Some(2));
    assert_eq!(stdout(&checked).lines().count(), 2, "{checked:?}");
    assert_eq!(hayrake(&["signature", "list", "--dir", "c"], here).status.code(), Some(2));
    write_kettle(&here.join("d"), KETTLE);
    fs::write(here.join("d/product/pot.yaml"), KETTLE.replace("kettle", "pot")).unwrap();
    let alike = hayrake(&["signature", "check", "--dir", "d", "--stale-after", "4000000"], here);
    assert_eq!(alike.status.code(), Some(1));
    assert!(stdout(&alike).contains("pot.yaml:6: warning: the same groups as"), "{alike:?}");
    assert_eq!(hayrake(&["signature", "diff", "a", "a"], here).status.code(), Some(0));
    let compared = hayrake(&["signature", "diff", "a", "b"], here);
    assert_eq!(compared.status.code(), Some(1));
    let alone = stdout(&hayrake(&["signature", "diff", "a"], here));
    assert!(alone.contains("kettle: new product of 1 groups, 1 required"), "{alone}");
    assert!(alone.contains("wyze: gone, nothing is claimed any more"), "{alone}");
    assert_eq!(
        stdout(&compared),
        "kettle: group `api.example.com` gone\n\
         kettle: group `v2.example.com` new (primary)\n\
         kettle: none of its primary groups is one any more, so what claimed it no longer does\n"
    );
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the command judges by today's answers")]
fn the_list_says_what_is_not_detectable_now() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    write_kettle(&here.join("s"), KETTLE);
    let pot = KETTLE.replace("kettle", "pot").replace("api.example.com", "api.example.net");
    fs::write(here.join("s/product/pot.yaml"), pot).unwrap();
    let last = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let first = last - 86_400;
    let answer = format!(
        r#"{{"rrname":"api.example.com.","rrtype":"A","rdata":"203.1.115.9","time_first":{first},"time_last":{last},"count":9}}"#
    );
    fs::write(here.join("dns.jsonl"), answer).unwrap();
    let text = format!("{LINES}signatures: s\ndns: {{feeds: [{{file: dns.jsonl}}]}}\n");
    fs::write(here.join("h.yaml"), text).unwrap();
    let output = hayrake(&["signature", "list", "-c", "h.yaml"], here);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let listed = stdout(&output);
    let row = |class: &str| listed.lines().find(|line| line.starts_with(class)).unwrap();
    assert!(row("kettle").ends_with("now 1 of 1"), "{listed}");
    assert!(row("pot").ends_with("not detectable now"), "{listed}");
}
