//! UDP sockets on which routers send their exports.
//!
//! Two losses are possible before a datagram reaches the program and neither
//! may be silent: the kernel drops when a socket's buffer is full, and a
//! buffer smaller than asked for makes that likelier. So a large buffer is
//! asked for and the size that was given is read back, and every batch brings
//! the number of datagrams the kernel dropped since the one before it
//! (`SO_RXQ_OVFL`, socket(7)). The kernel tells that number with the next
//! datagram that arrives, so a drop is known one datagram later.
//!
//! Datagrams are read many at a time (recvmmsg(2)), because at hundreds of
//! thousands a second the system call costs more than the copy. What is left is
//! mostly the kernel's work for each of them. Where it may, it joins datagrams from
//! one port that are equally long and come one after the other, and hands the run
//! over as one (`UDP_GRO`, udp(7)); here it is cut again. It then counts a dropped
//! run as one drop, so this has to be asked for. Nothing here looks inside a payload.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{sock_filter, sock_fprog};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

/// Datagrams, or joined runs, read by one system call. At 1,460 bytes each that is
/// 90 KB, which stays in a core's second-level cache.
const BATCH: usize = 64;
/// Room for one datagram: the most that UDP carries, and that the kernel joins.
const SLOT: usize = 65_535;
/// Socket buffer asked for: at 500,000 datagrams a second of 2.3 KB each (as
/// the kernel accounts them) it bridges about 15 ms in which no thread runs.
pub const BUFFER_ASKED: usize = 16 << 20;
/// How long a read waits before it returns empty-handed, so that its thread
/// sees a shutdown.
const PATIENCE: Duration = Duration::from_millis(100);

/// Why a socket could not be opened.
#[derive(Debug, Error)]
#[error("cannot listen on udp {address}: {cause}")]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system said.
    cause: io::Error,
}

/// What one read brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Datagrams handed over.
    pub datagrams: u64,
    /// Datagrams the kernel dropped, as far as known, since the batch before; a
    /// joined run counts once.
    pub kernel_drops: u64,
    /// Whether there may be more to be read at once.
    pub more: bool,
}

/// A bound socket with its receive buffers.
pub struct Listener {
    socket: UdpSocket,
    local: SocketAddr,
    buffer_given: usize,
    slots: Box<[u8]>,
    drops_seen: u32,
}

/// Binds every address, with `sockets` sockets each. An IPv6 address takes IPv4
/// datagrams as well, unless the same port is asked for on IPv4 too.
///
/// Several sockets on one address share its datagrams by their source address
/// alone (`steer`), so that one exporter is received in order whatever ports it
/// sends from. With `gro` the kernel may join datagrams, and of an exporter that
/// sends from several ports at once only those of each port are in order.
pub fn bind_all(
    addresses: &[SocketAddr],
    sockets: usize,
    gro: bool,
) -> Result<Vec<Listener>, BindError> {
    let mut listeners = Vec::new();
    for address in addresses {
        let fail = |cause| BindError { address: *address, cause };
        let shared =
            addresses.iter().any(|other| other.is_ipv4() && other.port() == address.port());
        // Alone, so that an address another program listens on is refused
        // rather than shared with it.
        let first = bind(*address, shared, false, gro).map_err(fail)?;
        let local = first.local;
        listeners.push(first);
        if sockets > 1 {
            let place = listeners.len() - 1;
            setsockopt(&listeners[place].socket, sockopt::ReusePort, &true)
                .map_err(|errno| fail(errno.into()))?;
            for _ in 1..sockets {
                listeners.push(bind(local, shared, true, gro).map_err(fail)?);
            }
            steer(&listeners[place].socket, sockets).map_err(fail)?;
        }
    }
    Ok(listeners)
}

fn bind(address: SocketAddr, only_v6: bool, again: bool, gro: bool) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    if again {
        setsockopt(&socket, sockopt::ReusePort, &true)?;
    }
    // A privileged process may pass the system's limit; others get up to it.
    if setsockopt(&socket, sockopt::RcvBufForce, &BUFFER_ASKED).is_err() {
        socket.set_recv_buffer_size(BUFFER_ASKED)?;
    }
    // Linux doubles the size for its own bookkeeping and tells the double.
    let buffer_given = socket.recv_buffer_size()? / 2;
    setsockopt(&socket, sockopt::RxqOvfl, &1)?;
    if gro {
        setsockopt(&socket, sockopt::UdpGroSegment, &true)
            .map_err(|errno| io::Error::other(format!("udp_gro is not to be had: {errno}")))?;
    }
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    let local = socket.local_addr()?;
    let slots = vec![0; BATCH * SLOT].into_boxed_slice();
    Ok(Listener { socket, local, buffer_given, slots, drops_seen: 0 })
}

/// Makes the kernel choose among the sockets of one address by a datagram's
/// source address. By itself it takes the ports too, and an exporter that sends
/// templates from one port and data from another would be received by two
/// threads, in no order (SO_ATTACH_REUSEPORT_CBPF, socket(7)).
fn steer(socket: &UdpSocket, sockets: usize) -> io::Result<()> {
    let bound = u32::try_from(sockets).map_err(io::Error::other)?;
    // The offset from which the network header is read (linux/filter.h).
    const NET: u32 = 0xfff0_0000;
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_WORD: u16 = 0x20;
    const SHIFT_RIGHT: u16 = 0x74;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const JUMP: u16 = 0x05;
    const TO_X: u16 = 0x07;
    const XOR_X: u16 = 0xac;
    const MULTIPLY: u16 = 0x24;
    const MODULO: u16 = 0x94;
    const RETURN: u16 = 0x16;
    let mut program: Vec<sock_filter> = [
        (LOAD_BYTE, 0, 0, NET),
        (SHIFT_RIGHT, 0, 0, 4),
        (JUMP_IF_EQUAL, 0, 2, 4),
        (LOAD_WORD, 0, 0, NET + 12),
        (JUMP, 0, 0, 10),
        (LOAD_WORD, 0, 0, NET + 8),
        (TO_X, 0, 0, 0),
        (LOAD_WORD, 0, 0, NET + 12),
        (XOR_X, 0, 0, 0),
        (TO_X, 0, 0, 0),
        (LOAD_WORD, 0, 0, NET + 16),
        (XOR_X, 0, 0, 0),
        (TO_X, 0, 0, 0),
        (LOAD_WORD, 0, 0, NET + 20),
        (XOR_X, 0, 0, 0),
        // Neighbouring addresses are common, so they are mixed (2^32 divided by
        // the golden ratio) and the upper bits taken.
        (MULTIPLY, 0, 0, 0x9e37_79b1),
        (SHIFT_RIGHT, 0, 0, 16),
        (MODULO, 0, 0, bound),
        (RETURN, 0, 0, 0),
    ]
    .map(|(code, jt, jf, k)| sock_filter { code, jt, jf, k })
    .to_vec();
    let len = u16::try_from(program.len()).map_err(io::Error::other)?;
    let program = sock_fprog { len, filter: program.as_mut_ptr() };
    setsockopt(socket, sockopt::AttachReusePortCbpf, &program)?;
    Ok(())
}

impl Listener {
    /// The address bound, with the port the system chose when 0 was asked for.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Bytes of socket buffer the kernel gave; less than [`BUFFER_ASKED`] when
    /// `net.core.rmem_max` is lower.
    pub fn buffer_given(&self) -> usize {
        self.buffer_given
    }

    /// Hands each datagram that is there to `take` with its source address (IPv4
    /// mapped into IPv6 brought back to IPv4) and source port. If there is none
    /// and it may `wait`, it waits a moment for the first. The batch is empty when
    /// none came.
    pub fn receive(
        &mut self,
        wait: bool,
        mut take: impl FnMut(IpAddr, u16, &[u8]),
    ) -> io::Result<Batch> {
        let flags = match wait {
            true => MsgFlags::MSG_WAITFORONE,
            false => MsgFlags::MSG_DONTWAIT,
        };
        // The kernel writes into the headers how much room each datagram's
        // control data and address used, and a later call would find only
        // that much room: the headers are made anew for every batch.
        let room = cmsg_space!(u32, i32);
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, Some(room));
        let mut slices: Vec<_> =
            self.slots.chunks_exact_mut(SLOT).map(|slot| [IoSliceMut::new(slot)]).collect();
        let received =
            recvmmsg(self.socket.as_raw_fd(), &mut headers, slices.iter_mut(), flags, None);
        let received = match received {
            Ok(received) => received,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Batch::default()),
            Err(errno) => return Err(errno.into()),
        };
        let mut batch = Batch::default();
        let mut messages = 0;
        for message in received {
            messages += 1;
            let Some((source, port)) = message.address.as_ref().and_then(source_of) else {
                continue;
            };
            let run = message.iovs().next().unwrap_or_default();
            let mut length = run.len();
            for control in message.cmsgs()? {
                match control {
                    ControlMessageOwned::RxqOvfl(drops) => {
                        // The kernel counts in 32 bits and wraps.
                        batch.kernel_drops += u64::from(drops.wrapping_sub(self.drops_seen));
                        self.drops_seen = drops;
                    }
                    ControlMessageOwned::UdpGroSegments(joined) => {
                        length = usize::try_from(joined).unwrap_or(length);
                    }
                    _ => {}
                }
            }
            let mut hand_over = |payload| {
                batch.datagrams += 1;
                take(source, port, payload);
            };
            match run.is_empty() {
                true => hand_over(run),
                // All of a run are equally long, but for the last.
                false => run.chunks(length.max(1)).for_each(hand_over),
            }
        }
        batch.more = messages == BATCH;
        Ok(batch)
    }
}

fn source_of(address: &SockaddrStorage) -> Option<(IpAddr, u16)> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some((IpAddr::V4(v4.ip()), v4.port()));
    }
    let v6 = address.as_sockaddr_in6()?;
    Some((IpAddr::V6(v6.ip()).to_canonical(), v6.port()))
}

#[cfg(test)]
mod tests;
