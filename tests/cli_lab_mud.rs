//! `lab mud` on files: what it prints and writes, twice the same, and how it
//! ends.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn hayrake(arguments: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .args(arguments)
        .current_dir(dir)
        .output()
        .expect("the binary runs")
}

/// A profile of a device that may talk to `names` on port 443.
fn profile(names: &[&str]) -> String {
    let aces: Vec<_> = names
        .iter()
        .map(|name| {
            format!(
                r#"{{"name": "to {name}", "matches": {{"ipv4": {{"ietf-acldns:dst-dnsname": "{name}"}},
                "tcp": {{"destination-port": {{"operator": "eq", "port": 443}}}}}},
                "actions": {{"forwarding": "accept"}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"ietf-mud:mud": {{"mud-version": 1, "mud-url": "https://acme.com/kettle",
        "last-update": "2026-09-16T13:53:04Z", "systeminfo": "Acme Kettle",
        "from-device-policy": {{"access-lists": {{"access-list": [{{"name": "out"}}]}}}}}},
        "ietf-access-control-list:access-lists": {{"acl": [{{"name": "out",
        "aces": {{"ace": [{}]}}}}]}}}}"#,
        aces.join(",")
    )
}

#[test]
fn candidates_are_written_and_a_second_run_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    fs::write(here.join("kettle.json"), profile(&["api.acme.com", "cdn.elsewhere.net"])).unwrap();
    let arguments = ["lab", "mud", "kettle.json", "--maker", "Acme", "--out", "out"];
    let output = hayrake(&arguments, here);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let written = fs::read_to_string(here.join("out/product/acme-kettle.yaml")).unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.starts_with(&written) && written.contains("vendor: Acme\n"), "{printed}");
    assert!(printed.contains("#   cdn.elsewhere.net: registered to"), "{printed}");
    assert_eq!(hayrake(&arguments, here).status.code(), Some(0));
    assert_eq!(fs::read_to_string(here.join("out/product/acme-kettle.yaml")).unwrap(), written);
    // What is written is a folder of signatures, whose age is all there is to say.
    let checked =
        hayrake(&["signature", "check", "--dir", "out", "--stale-after", "4000000"], here);
    let told = String::from_utf8(checked.stdout).unwrap();
    assert!(told.ends_with("1 classes can be used\n"), "{told}");

    let output = hayrake(&["lab", "mud", "kettle.json", "--json"], here);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told[0]["class"], "acme-kettle");
    assert_eq!(told[0]["names"][1]["role"], "undecided");
}

#[test]
fn what_cannot_be_converted_is_told_beside_what_can() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    fs::write(here.join("a.json"), profile(&["one.elsewhere.net", "two.shop.org"])).unwrap();
    let output = hayrake(&["lab", "mud", "a.json"], here);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        String::from_utf8(output.stdout).unwrap().starts_with("# No candidate for `acme-kettle`")
    );

    fs::write(here.join("b.json"), "{\"ietf-mud:mud\": {}}").unwrap();
    let output = hayrake(&["lab", "mud", "a.json", "b.json", "absent.json"], here);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("b.json: the profile: no `access-lists`, allowed: "), "{told}");
    assert!(told.contains("absent.json: ") && !told.contains("a.json: the"), "{told}");
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("# No candidate"));
    let twice = hayrake(&["lab", "mud", "a.json", "a.json"], here);
    let told = String::from_utf8(twice.stderr).unwrap();
    assert!(told.contains("class `acme-kettle` of two profiles"), "{told}");
}
