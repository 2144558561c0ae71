//! What is shown on a terminal and nowhere else: bars, and the colours of a log,
//! which `NO_COLOR` takes away. The terminal is made by `script` of util-linux.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and what was skipped is said"
)]

mod support;

use std::process::{Command, Stdio};

use support::Site;

const HAYRAKE: &str = env!("CARGO_BIN_EXE_hayrake");

/// What a shell shows on a terminal, or nothing where there is none to be made.
fn on_terminal(script: &str, no_color: &str) -> Option<String> {
    let output = Command::new("script")
        .args(["-q", "-e", "-c", script, "/dev/null"])
        .env("TERM", "xterm")
        .env("NO_COLOR", no_color)
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        println!("skipped: `script` (util-linux) is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    Some(said)
}

#[test]
fn long_work_shows_a_bar_on_a_terminal_only() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().display();
    let simulate =
        format!("{HAYRAKE} simulate --lines 2000 --hours 3 --sampling 100 --seed 7 --out {out}");
    let Some(said) = on_terminal(&simulate, "") else { return };
    assert!(said.contains("\r\x1b[Khours [") && said.contains(" %"), "{said:?}");
    let (_, last) = said.rsplit_once("\x1b[K").unwrap();
    assert!(last.contains(" datagrams, "), "the bar is gone when the work is done: {said:?}");
    // The same into a pipe.
    let output = Command::new("sh").args(["-c", &simulate]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !said.contains('\x1b') && !said.contains('\r') && said.lines().count() == 1,
        "{said:?}"
    );
    // A terminal that cannot go back.
    let Some(said) = on_terminal(&format!("TERM=dumb {simulate}"), "") else { return };
    assert!(!said.contains('\x1b'), "{said:?}");
}

#[test]
fn the_log_has_colours_unless_somebody_wants_none() {
    // A port that was free a moment ago.
    let http = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = Site::new();
    site.configure(&format!("http: '{http}'\n"));
    let config = site.path("hayrake.yaml").display().to_string();
    let script = format!(
        "{HAYRAKE} run -c {config} & service=$!
        for wait in $(seq 300); do {HAYRAKE} ready -c {config} >/dev/null && break; sleep 0.1; done
        kill $service; wait $service"
    );
    let Some(said) = on_terminal(&script, "") else { return };
    assert!(said.contains("\x1b["), "{said:?}");
    let said = on_terminal(&script, "1").unwrap();
    assert!(said.contains("ended") && !said.contains('\x1b'), "{said:?}");
}
