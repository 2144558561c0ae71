//! Datagrams as the kernel has them when it has joined what came one after the other.

use std::io::IoSlice;
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};

/// Hands the kernel a run of datagrams of so many bytes each (`UDP_SEGMENT`, udp(7)).
pub(crate) fn send_joined(socket: &UdpSocket, run: &[u8], each: u16, to: SocketAddrV4) {
    let sent = sendmsg(
        socket.as_raw_fd(),
        &[IoSlice::new(run)],
        &[ControlMessage::UdpGsoSegments(&each)],
        MsgFlags::empty(),
        Some(&SockaddrIn::from(to)),
    );
    assert_eq!(sent.unwrap(), run.len(), "to {to}");
}
