//! Completions and manual pages know every command and option.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::{Command, Output};

fn hayrake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hayrake")).args(arguments).output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn shells_are_told_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = hayrake(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let script = stdout(&output);
        for word in ["replay", "signature", "explain", "stale-after"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(hayrake(&["completions", "cmd"]).status.code(), Some(2));
    // Both commands are for packages and not in the way of people.
    let help = stdout(&hayrake(&["--help"]));
    assert!(help.contains("replay") && !help.contains("completions"), "{help}");
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("man");
    let output = hayrake(&["man", "--out", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for page in [
        "hayrake.1",
        "hayrake-run.1",
        "hayrake-ready.1",
        "hayrake-signature-check.1",
        "hayrake-lab-mud.1",
    ] {
        let text = std::fs::read_to_string(out.join(page)).expect(page);
        assert!(text.contains(".SH NAME"), "{page}");
    }
    assert!(stdout(&hayrake(&["man"])).contains(".SH NAME"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let refused = hayrake(&["man", "--out", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("Cargo.toml"));
}
