//! The demonstration as a user starts it, short: real datagrams over loopback
//! into the real service, and nothing left behind.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::{Command, Output};

fn demo(arguments: &[&str], folder: &std::path::Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", folder)
        .output()
        .unwrap()
}

#[test]
fn a_short_run_claims_classes_rightly_and_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(
        &["--lines", "1000", "--seconds", "5", "--http", "127.0.0.1:0", "--json"],
        folder.path(),
    );
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    // The last line is the end of the run, when open windows are closed.
    let text = String::from_utf8(output.stdout).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let rows = last["rows"].as_array().unwrap();
    let all = rows.last().unwrap();
    assert_eq!(all["class"], "all");
    assert_eq!(all["so_far"]["wrong"], 0, "{all}");
    assert!(all["so_far"]["claimed"].as_u64().unwrap() > 20, "{all}");
    let datagrams = &last["datagrams"];
    assert!(datagrams["sent"].as_u64().unwrap() > 100, "{datagrams}");
    assert_eq!(datagrams["received"], datagrams["sent"], "loopback loses none at this rate");
    let levels: HashSet<&str> = rows.iter().filter_map(|row| row["level"].as_str()).collect();
    assert_eq!(levels, HashSet::from(["platform", "manufacturer", "product"]));
    let left: Vec<PathBuf> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_address_asked_for_and_taken_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = demo(&["--lines", "100", "--seconds", "1", "--http", &address], folder.path());
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(&address), "{errors}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
}
