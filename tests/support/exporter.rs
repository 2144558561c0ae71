//! A router, as far as its exports go.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use super::joined::send_joined;
use super::now;

/// A router that exports NetFlow v9 (RFC 3954) from a socket of its own.
pub struct Exporter {
    socket: UdpSocket,
    to: SocketAddr,
    sequence: u32,
}

/// Template of the flows below: id and fields (type, length).
const TEMPLATE: u16 = 256;
const FIELDS: [(u16, u16); 9] =
    [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 4), (34, 4)];

impl Exporter {
    pub fn new(to: SocketAddr) -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").unwrap(), to, sequence: 0 }
    }

    /// Sends a datagram with these sets.
    pub fn send(&mut self, sets: &[u8]) {
        let datagram = self.datagram(sets);
        self.send_raw(&datagram);
    }

    /// Sends so many datagrams with these sets, as the kernel has them when it has
    /// joined what came one after the other.
    pub fn send_joined(&mut self, number: u16, sets: &[u8]) {
        let run: Vec<u8> = (0..number).flat_map(|_| self.datagram(sets)).collect();
        let each = u16::try_from(run.len()).unwrap() / number;
        let SocketAddr::V4(to) = self.to else { unreachable!() };
        send_joined(&self.socket, &run, each, to);
    }

    /// The next datagram: these sets after a header of now.
    fn datagram(&mut self, sets: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::new();
        datagram.extend(9u16.to_be_bytes());
        datagram.extend(1u16.to_be_bytes());
        datagram.extend(1_000_000u32.to_be_bytes());
        datagram.extend(u32::try_from(now()).unwrap().to_be_bytes());
        datagram.extend(self.sequence.to_be_bytes());
        datagram.extend(7u32.to_be_bytes());
        datagram.extend(sets);
        self.sequence += 1;
        datagram
    }

    pub fn send_raw(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.to).unwrap();
    }

    pub fn send_template(&mut self) {
        self.send_template_as(TEMPLATE);
    }

    /// The same layout under another id.
    pub fn send_template_as(&mut self, id: u16) {
        let mut body = Vec::new();
        body.extend(id.to_be_bytes());
        body.extend(u16::try_from(FIELDS.len()).unwrap().to_be_bytes());
        for (field, length) in FIELDS {
            body.extend(field.to_be_bytes());
            body.extend(length.to_be_bytes());
        }
        self.send(&set(0, &body));
    }

    /// One datagram with a flow from each line to each address, port 443/tcp,
    /// unsampled (34 says 1).
    pub fn send_flows(&mut self, lines: &[Ipv4Addr], to: &[Ipv4Addr]) {
        self.send_flows_of(TEMPLATE, lines, to);
    }

    /// The same under another template.
    pub fn send_flows_of(&mut self, template: u16, lines: &[Ipv4Addr], to: &[Ipv4Addr]) {
        let mut body = Vec::new();
        for line in lines {
            for server in to {
                body.extend(line.octets());
                body.extend(server.octets());
                body.extend(50_000u16.to_be_bytes());
                body.extend(443u16.to_be_bytes());
                body.extend([6, 0x18]);
                body.extend(5u32.to_be_bytes());
                body.extend(500u32.to_be_bytes());
                body.extend(1u32.to_be_bytes());
            }
        }
        self.send(&set(template, &body));
    }
}

pub fn set(id: u16, body: &[u8]) -> Vec<u8> {
    let mut set = Vec::new();
    set.extend(id.to_be_bytes());
    set.extend(u16::try_from(body.len() + 4).unwrap().to_be_bytes());
    set.extend(body);
    set
}
