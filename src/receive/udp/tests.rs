//! Sockets on loopback, with all that a router's datagrams may be.

use std::io::IoSlice;

use nix::sys::socket::{ControlMessage, sendmsg};

use super::*;

fn listener(address: &str) -> Listener {
    listener_with(address, false)
}

fn listener_with(address: &str, gro: bool) -> Listener {
    bind_all(&[address.parse().unwrap()], 1, gro).unwrap().remove(0)
}

fn receive_all(listener: &mut Listener, expected: usize) -> Vec<(IpAddr, u16, Vec<u8>)> {
    let mut all = Vec::new();
    for _ in 0..50 {
        listener
            .receive(true, |source, port, payload| all.push((source, port, payload.to_vec())))
            .unwrap();
        if all.len() >= expected {
            break;
        }
    }
    all
}

#[test]
fn datagrams_come_in_order_with_their_source_and_whole() {
    let mut listener = listener("127.0.0.1:0");
    assert_ne!(listener.local_address().port(), 0, "the chosen port is told");
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent: Vec<Vec<u8>> = (0..200u8).map(|i| vec![i; usize::from(i)]).collect();
    // The largest payload IPv4 carries.
    sent.push(vec![7; 65_507]);
    for payload in &sent {
        sender.send_to(payload, listener.local_address()).unwrap();
    }
    let got = receive_all(&mut listener, sent.len());
    assert_eq!(got.len(), sent.len());
    for ((source, port, payload), sent) in got.iter().zip(&sent) {
        assert_eq!(*source, sender.local_addr().unwrap().ip());
        assert_eq!(*port, sender.local_addr().unwrap().port());
        assert_eq!(payload, sent);
    }
}

#[test]
fn runs_that_the_kernel_joined_are_cut_again() {
    let mut sent: Vec<Vec<u8>> = (0..40_u8).map(|i| vec![i; 1_000]).collect();
    sent.push(vec![40; 7]);
    for gro in [false, true] {
        let mut listener = listener_with("127.0.0.1:0", gro);
        let to = listener.local_address();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        send_joined(&sender, &sent.concat(), 1_000, &listener);
        sender.send_to(b"", to).unwrap();
        sender.send_to(b"alone", to).unwrap();
        let got = receive_all(&mut listener, 43);
        let got: Vec<_> = got.into_iter().map(|(_, _, payload)| payload).collect();
        assert_eq!(got[..41], sent);
        assert_eq!(got[41..], [b"".to_vec(), b"alone".to_vec()]);
    }
}

#[test]
fn it_says_whether_there_may_be_more() {
    // Joined, a run counts once, however many datagrams it has.
    for (gro, datagrams) in [(false, 1), (true, 40)] {
        let mut listener = listener_with("127.0.0.1:0", gro);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        (0..BATCH).for_each(|_| send_joined(&sender, &vec![0; 10 * datagrams], 10, &listener));
        let full = listener.receive(true, |_, _, _| {}).unwrap();
        assert_eq!((full.datagrams, full.more), ((BATCH * datagrams) as u64, true));
        send_joined(&sender, &vec![0; 10 * datagrams], 10, &listener);
        let last = listener.receive(true, |_, _, _| {}).unwrap();
        assert_eq!((last.datagrams, last.more), (datagrams as u64, false));
    }
}

#[test]
fn an_ipv4_exporter_on_an_ipv6_socket_keeps_its_ipv4_address() {
    let Ok(mut listeners) = bind_all(&["[::]:0".parse().unwrap()], 1, false) else {
        println!("skipped: no IPv6 here");
        return;
    };
    let mut listener = listeners.remove(0);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(b"x", ("127.0.0.1", listener.local_address().port())).unwrap();
    let got = receive_all(&mut listener, 1);
    assert_eq!(got[0].0, sender.local_addr().unwrap().ip());
}

#[test]
fn one_port_can_be_bound_on_both_families() {
    let v4 = listener("0.0.0.0:0").local_address().port();
    // The first socket is closed by now, so its port is free again.
    let both = [
        SocketAddr::from(([0, 0, 0, 0], v4)),
        SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, v4)),
    ];
    match bind_all(&both, 1, false) {
        Ok(listeners) => assert_eq!(listeners.len(), 2),
        Err(error) => assert!(error.to_string().contains("Address family"), "{error}"),
    }
}

#[test]
fn what_the_kernel_drops_is_counted_to_the_datagram_or_the_run() {
    for (gro, run) in [(false, 1_u16), (true, 40)] {
        let mut listener = listener_with("127.0.0.1:0", gro);
        let small = socket2::SockRef::from(&listener.socket);
        small.set_recv_buffer_size(4096).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        const SENT: u64 = 500;
        for _ in 0..SENT {
            send_joined(&sender, &vec![0; 1_000 * usize::from(run)], 1_000, &listener);
        }
        let mut total = Batch::default();
        let mut read = |listener: &mut Listener| {
            loop {
                let batch = listener.receive(true, |_, _, _| {}).unwrap();
                total.datagrams += batch.datagrams;
                total.kernel_drops += batch.kernel_drops;
                if batch.datagrams == 0 {
                    break;
                }
            }
        };
        read(&mut listener);
        // The number comes with the next datagram that finds room.
        sender.send_to(b"after", listener.local_address()).unwrap();
        read(&mut listener);
        assert!(total.kernel_drops > 0, "the buffer was too small for all");
        // A run is dropped whole, and counts once.
        let dropped = total.kernel_drops * u64::from(run);
        assert_eq!(total.datagrams + dropped, SENT * u64::from(run) + 1);
    }
}

/// Hands the kernel a run of datagrams of this length, the last one maybe shorter, as
/// it makes one itself of what a router sends.
fn send_joined(sender: &UdpSocket, run: &[u8], length: u16, to: &Listener) {
    let sent = sendmsg(
        sender.as_raw_fd(),
        &[IoSlice::new(run)],
        &[ControlMessage::UdpGsoSegments(&length)],
        MsgFlags::empty(),
        Some(&SockaddrStorage::from(to.local_address())),
    );
    assert_eq!(sent.unwrap(), run.len());
}

/// Sends runs of three datagrams from many ports of some addresses and says which
/// socket each datagram of an address came to.
fn places(listen: &str, from: &[&str], gro: bool) -> Option<Vec<Vec<usize>>> {
    let mut listeners = bind_all(&[listen.parse().unwrap()], 4, gro).ok()?;
    let to = listeners[0].local_address();
    assert!(listeners.iter().all(|listener| listener.local_address() == to));
    let mut places = vec![Vec::new(); from.len()];
    for from in from {
        for _ in 0..8 {
            let (sender, length) = (UdpSocket::bind((*from, 0)).ok()?, from.len());
            let run = from.as_bytes().repeat(3);
            send_joined(&sender, &run, u16::try_from(length).unwrap(), &listeners[0]);
        }
    }
    let mut came = 0;
    for (place, listener) in listeners.iter_mut().enumerate() {
        while came < 3 * 8 * from.len() {
            let batch = listener
                .receive(true, |_, _, payload| {
                    let sender = from.iter().position(|from| from.as_bytes() == payload);
                    places[sender.unwrap()].push(place);
                })
                .unwrap();
            came += usize::try_from(batch.datagrams).unwrap();
            if batch.datagrams == 0 {
                break;
            }
        }
    }
    assert_eq!(came, 3 * 8 * from.len());
    Some(places)
}

#[test]
fn of_several_sockets_one_gets_all_of_an_exporter() {
    let many: Vec<_> = (1..40).map(|last| format!("127.0.3.{last}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for gro in [false, true] {
        let places = places("127.0.0.1:0", &many, gro).unwrap();
        let one = |places: &Vec<usize>| places.iter().all(|place| *place == places[0]);
        assert!(places.iter().all(one), "{places:?}");
        for socket in 0..4 {
            assert!(places.iter().any(|places| places[0] == socket), "{places:?}");
        }
    }
}

#[test]
fn ports_do_not_matter_to_an_exporter_on_ipv6_either() {
    for gro in [false, true] {
        match places("[::1]:0", &["::1"], gro) {
            Some(places) => assert!(places[0].iter().all(|place| *place == places[0][0])),
            None => println!("skipped: no IPv6 here"),
        }
    }
}

#[test]
fn several_sockets_are_shared_with_no_other_program() {
    let first = bind_all(&["127.0.0.1:0".parse().unwrap()], 2, false).unwrap();
    assert!(bind_all(&[first[0].local_address()], 2, false).is_err());
}

#[test]
fn a_taken_address_is_named_in_the_error() {
    let first = listener("127.0.0.1:0");
    let error = bind_all(&[first.local_address()], 1, false).err().unwrap().to_string();
    assert!(error.contains(&first.local_address().to_string()), "{error}");
}
