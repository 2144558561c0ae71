//! `hayrake inspect --listen`: the table while it listens, the report at its end.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and a listener is waited for"
)]

#[path = "support/datagrams.rs"]
mod datagrams;

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use datagrams::{FIVE_TUPLE, five_tuple, v9};

/// Starts it and says where it listens.
fn inspect(options: &[&str]) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .args(["inspect", "--listen", "127.0.0.1:0"])
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    let address = said.strip_prefix("listening on ").unwrap().split(';').next().unwrap();
    (child, address.parse().unwrap())
}

fn rest(mut child: Child) -> String {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    text
}

/// One template and flows of a sampler that nobody describes.
fn send(to: SocketAddr, number: u32) {
    let fields: Vec<_> = FIVE_TUPLE.iter().copied().chain([(48, 1)]).collect();
    let record = [five_tuple(5), vec![3]].concat();
    let datagram = v9().numbered(number).template(256, &fields).data(256, &[record]).bytes();
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&datagram, to).unwrap();
}

#[test]
fn a_table_comes_while_it_listens_and_the_report_at_ctrl_c() {
    let (mut child, address) = inspect(&["--every", "1"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut number = 0;
    // Datagrams come until two tables have shown them.
    let mut rows = Vec::new();
    let mut line = String::new();
    while rows.len() < 2 {
        send(address, number);
        number += 1;
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it goes on");
        if line.starts_with("127.0.0.1#0 ") && !line.contains("->") {
            rows.push(line.clone());
        }
    }
    assert!(rows[1].contains("NetFlow v9") && rows[1].contains("unknown"), "{rows:?}");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let report = text.rsplit_once("\n127.0.0.1#0: NetFlow v9").unwrap().1;
    assert!(report.contains("-> flows name sampler 3"), "{report}");
    assert!(report.contains("Cisco IOS-XR: options sampler-table timeout 60"), "{report}");
}

#[test]
fn as_json_there_is_only_the_report() {
    let (child, address) = inspect(&["--seconds", "2", "--every", "1", "--json"]);
    for number in 0..3 {
        send(address, number);
        std::thread::sleep(Duration::from_millis(50));
    }
    let report: serde_json::Value = serde_json::from_str(&rest(child)).unwrap();
    assert_eq!((&report["flow_records"], &report["kernel_drops"]), (&3.into(), &0.into()));
    assert_eq!(report["exporters"][0]["advice"][0]["kind"], "sampler_table");
}
