//! What a resolver does that tells its answers by dnstap.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{Read, Write};
use std::net::Ipv4Addr;

use hayrake::dns::dnstap::MessageType;
use hayrake::dns::dnstap::frames::{ControlKind, control_frame};
use hayrake::dns::dnstap::message::frame;
use hayrake::model::time::Timestamp;

use crate::support::now;

/// The response to a question for an A record.
fn response(name: &str, address: Ipv4Addr) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    bytes.extend(address.octets());
    bytes
}

pub fn data(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [&length.to_be_bytes(), content].concat()
}

/// A data frame that says that `name` has `address` now.
pub fn told(name: &str, address: Ipv4Addr) -> Vec<u8> {
    let at = Some(Timestamp::from_secs(now()));
    data(&frame(MessageType::ResolverResponse, at, &response(name, address)))
}

/// Says READY, waits for ACCEPT, and says START.
pub fn shake_hands(stream: &mut (impl Read + Write)) {
    stream.write_all(&control_frame(ControlKind::Ready)).unwrap();
    expect(stream, ControlKind::Accept);
    stream.write_all(&control_frame(ControlKind::Start)).unwrap();
}

/// Says STOP and waits for FINISH.
pub fn take_leave(stream: &mut (impl Read + Write)) {
    stream.write_all(&control_frame(ControlKind::Stop)).unwrap();
    expect(stream, ControlKind::Finish);
}

fn expect(stream: &mut impl Read, kind: ControlKind) {
    let mut reply = vec![0; control_frame(kind).len()];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(reply, control_frame(kind));
}
