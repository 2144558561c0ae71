//! What the formats allow: lengths, sets, messages and samples of every kind.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/datagrams.rs"]
mod datagrams;

use datagrams::{
    Bench, FIVE_TUPLE, five_tuple, flow_sample, ipfix, ipv4_packet, ipv6_packet, raw_header, sflow,
    v5, v9,
};

#[test]
fn variable_lengths_are_read_in_ipfix_and_in_v9() {
    let fields = [(8, 4), (96, 65_535), (12, 4), (82, 65_535), (11, 2)];
    let record = |name: &[u8], port: u16| {
        let mut record = vec![198, 51, 100, 7];
        if name.len() < 255 {
            record.push(u8::try_from(name.len()).unwrap());
        } else {
            record.push(255);
            record.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
        }
        record.extend(name);
        record.extend([203, 0, 113, 9, 0]);
        record.extend(port.to_be_bytes());
        record
    };
    let long = vec![b'x'; 700];
    for start in [v9(), ipfix()] {
        let mut bench = Bench::new();
        let records = [record(b"", 1), record(b"youtube", 2), record(&long, 3), vec![0, 0, 0]];
        let flows = bench.feed(&start.template(256, &fields).data(256, &records).bytes());
        let ports: Vec<u16> = flows.iter().map(|flow| flow.destination_port).collect();
        assert_eq!(ports, [1, 2, 3]);
        assert!(flows.iter().all(|flow| flow.destination.to_string() == "203.0.113.9"));
        assert_eq!(bench.total.datagrams_decoded, 1);
    }
}

#[test]
fn a_variable_length_past_the_set_costs_that_record_only() {
    let fields = [(11, 2), (96, 65_535)];
    let mut bench = Bench::new();
    let message = ipfix()
        .template(256, &fields)
        .data(256, &[vec![0, 80, 3, b'w', b'w', b'w'], vec![1, 187, 200, b'x']])
        .data(256, &[vec![0, 53, 0]]);
    let flows = bench.feed(&message.bytes());
    assert_eq!(flows.iter().map(|flow| flow.destination_port).collect::<Vec<_>>(), [80, 53]);
    assert_eq!(bench.total.records_rejected, 1);
    assert!(bench.problems()[0].contains("1 bytes left, 200 needed"), "{:?}", bench.problems());
}

#[test]
fn enterprise_and_reverse_fields_are_stepped_over() {
    // sourceIPv4Address, its biflow reverse (enterprise 29305), octetDelta,
    // reverse octetDelta, an enterprise's own field 8, destination.
    let body = [
        &[1, 0, 0, 6][..],
        &[0, 8, 0, 4],
        &[0x80, 8, 0, 4, 0, 0, 0x72, 0x79],
        &[0, 1, 0, 4],
        &[0x80, 1, 0, 4, 0, 0, 0x72, 0x79],
        &[0x80, 8, 0, 2, 0, 0, 0x8b, 0x30],
        &[0, 12, 0, 4],
    ]
    .concat();
    let record =
        [&[198, 51, 100, 7][..], &[9; 4], &[0, 0, 0, 60], &[9; 4], &[9; 2], &[203, 0, 113, 9]]
            .concat();
    let mut bench = Bench::new();
    let flows = bench.feed(&ipfix().set(2, &body).data(256, &[record]).bytes());
    assert_eq!(flows[0].source.to_string(), "198.51.100.7");
    assert_eq!(flows[0].destination.to_string(), "203.0.113.9");
    assert_eq!(flows[0].bytes, 60);
    let reports = bench.decoder.exporters();
    let fields: Vec<_> = reports[0].templates[0].fields.iter().collect();
    assert_eq!((fields[1].enterprise, fields[1].name), (29_305, ""));
    assert_eq!((fields[2].enterprise, fields[2].name), (0, "octetDeltaCount"));
}

#[test]
fn reduced_odd_and_zero_lengths_are_read_by_their_length() {
    let fields = [(8, 4), (12, 4), (5, 0), (1, 3), (2, 1), (7, 1), (11, 4), (6, 2), (4, 0)];
    let record = [
        &[198, 51, 100, 7, 203, 0, 113, 9][..],
        &[1, 0, 0],
        &[200],
        &[53],
        &[0, 0, 1, 187],
        &[1, 2],
    ]
    .concat();
    let flows = Bench::new().feed(&ipfix().template(256, &fields).data(256, &[record]).bytes());
    assert_eq!((flows[0].bytes, flows[0].packets), (65_536, 200));
    assert_eq!((flows[0].source_port, flows[0].destination_port), (53, 443));
    assert_eq!((flows[0].tcp_flags, flows[0].protocol), (0x102, 0));
}

#[test]
fn several_messages_of_one_datagram_are_all_read() {
    let first = ipfix().template(256, FIVE_TUPLE).data(256, &[five_tuple(1)]).bytes();
    let second = ipfix().domain(7).template(256, FIVE_TUPLE).data(256, &[five_tuple(2)]).bytes();
    let mut bench = Bench::new();
    let flows = bench.feed(&[first.clone(), second].concat());
    assert_eq!(flows.iter().map(|flow| flow.packets).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((bench.total.datagrams_decoded, bench.total.datagrams_received), (1, 1));
    assert_eq!(bench.decoder.exporters().len(), 2, "each message names its domain");
    // What follows and is no message is refused aloud; zeros are padding.
    bench.feed(&[first.clone(), b"garbage".to_vec()].concat());
    assert_eq!(bench.total.datagrams_rejected, 1);
    assert!(bench.problems()[0].contains("7 bytes follow that are no message"));
    bench.feed(&[first, vec![0; 30]].concat());
    assert_eq!(bench.total.datagrams_decoded, 2);
}

#[test]
fn a_message_shorter_than_it_says_keeps_what_is_there() {
    let whole =
        ipfix().template(256, FIVE_TUPLE).data(256, &[five_tuple(1), five_tuple(2)]).bytes();
    for cut in 0..whole.len() {
        let mut bench = Bench::new();
        let flows = bench.feed(&whole[..cut]).len();
        let expected = cut.saturating_sub(whole.len() - 44) / 22;
        assert_eq!(flows, expected.min(2), "cut at {cut}");
        assert_eq!(bench.total.datagrams_rejected, 1, "cut at {cut}");
    }
}

#[test]
fn records_without_addresses_are_decoded_and_counted() {
    let mut bench = Bench::new();
    // A NAT event: translated addresses only.
    let message = v9().template(256, &[(225, 4), (230, 1)]).data(256, &[vec![203, 0, 113, 9, 1]]);
    let flows = bench.feed(&message.bytes());
    assert!(flows[0].source.is_unspecified() && flows[0].destination.is_unspecified());
    assert_eq!((bench.total.without_addresses, bench.total.records_decoded), (1, 1));
}

#[test]
fn icmp_has_no_ports() {
    let fields = [(8, 4), (12, 4), (11, 2), (4, 1)];
    let flows = Bench::new().feed(
        &v9()
            .template(256, &fields)
            .data(
                256,
                &[vec![1, 1, 1, 1, 2, 2, 2, 2, 8, 0, 1], vec![1, 1, 1, 1, 2, 2, 2, 2, 8, 0, 17]],
            )
            .bytes(),
    );
    assert_eq!((flows[0].destination_port, flows[1].destination_port), (0, 2_048));
}

#[test]
fn a_v5_header_that_says_too_much_or_too_little_is_told() {
    let mut bench = Bench::new();
    let mut bytes = v5(3, 0, 0);
    bytes.truncate(24 + 48 + 40);
    assert_eq!(bench.feed(&bytes).len(), 1);
    assert!(bench.problems()[0].contains("announces 3 records, 1 are there"));
    let bytes = [v5(2, 0, 3), vec![1; 48]].concat();
    assert_eq!(bench.feed(&bytes).len(), 2);
    assert_eq!((bench.total.datagrams_rejected, bench.total.records_rejected), (2, 2));
}

#[test]
fn what_is_no_flow_export_is_refused_with_its_version() {
    let mut bench = Bench::new();
    for (bytes, expected) in [
        (&b""[..], "the datagram is empty"),
        (&[0][..], "1 bytes left, 2 needed"),
        (&[0, 8, 0, 0], "version 8 is not read"),
        (&[0, 0, 0, 4, 0, 0], "version 4 is not read"),
        (&[0, 9, 0], "2 needed"),
    ] {
        assert_eq!(bench.feed(bytes), []);
        let problems = bench.problems();
        assert!(problems[0].contains(expected), "{problems:?}");
    }
    assert_eq!((bench.total.datagrams_rejected, bench.total.records_rejected), (5, 5));
}

// 20 and 25: sFlow headers of every kind, and wrong lengths.
#[test]
fn an_sflow_sample_gives_the_five_tuple_of_its_header() {
    let mut qinq = vec![2; 12];
    qinq.extend([0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x08, 0]);
    qinq.extend(ipv4_packet());
    let mut six = vec![2; 12];
    six.extend([0x86, 0xdd]);
    six.extend(ipv6_packet());
    let sampled4 = {
        let mut body = vec![0, 0, 1, 44, 0, 0, 0, 6, 198, 51, 100, 7, 203, 0, 113, 9];
        body.extend([0, 0, 0x9c, 0x40, 0, 0, 1, 187, 0, 0, 0, 0x18, 0, 0, 0, 0]);
        (3, body)
    };
    let mut arp = vec![2; 12];
    arp.extend([8, 6, 0, 1]);
    let sample = |record| (1, flow_sample(100, &[record]));
    let mut bench = Bench::new();
    let flows = bench.feed(&sflow(
        1,
        &[
            sample(raw_header(1, &qinq)),
            sample(raw_header(1, &six)),
            sample(raw_header(11, &ipv4_packet())),
            sample(raw_header(12, &ipv6_packet())),
            sample(sampled4),
            sample(raw_header(1, &arp)),
        ],
    ));
    for flow in [&flows[0], &flows[2], &flows[4]] {
        assert_eq!(flow.source.to_string(), "198.51.100.7");
        assert_eq!((flow.destination_port, flow.tcp_flags), (443, 0x18));
        assert_eq!((flow.packets, flow.bytes), (1, 300), "bytes of the IP packet");
    }
    for flow in [&flows[1], &flows[3]] {
        assert_eq!(flow.destination.to_string(), "2001:db8::2");
        assert_eq!((flow.source_port, flow.bytes), (40_000, 296));
    }
    assert!(flows[5].source.is_unspecified());
    assert_eq!(bench.total.without_addresses, 1, "ARP has no addresses that we read");
    assert_eq!(bench.total.sflow_flow_samples, 6);
}

#[test]
fn expanded_samples_and_counters_are_told_apart() {
    let plain = flow_sample(100, &[raw_header(11, &ipv4_packet())]);
    // Expanded: the source id and both interfaces take two words each.
    let mut expanded = plain[..4].to_vec();
    expanded.extend([0, 0, 0, 0, 0, 0, 0, 3]);
    expanded.extend(&plain[8..20]);
    expanded.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    expanded.extend(&plain[28..]);
    let counters = vec![0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0];
    let dropped = vec![0; 40];
    let mut bench = Bench::new();
    let flows = bench.feed(&sflow(
        1,
        &[(3, expanded), (2, counters), (5, dropped), ((9 << 12) | 1, vec![0; 4])],
    ));
    assert_eq!(flows.len(), 1);
    assert_eq!(flows[0].destination_port, 443);
    let total = &bench.total;
    assert_eq!((total.sflow_counter_samples, total.sflow_other_samples), (1, 2));
    assert_eq!(total.datagrams_decoded, 1);
}

// 20
#[test]
fn a_wrong_sample_length_costs_at_most_that_sample() {
    let good = || (1, flow_sample(100, &[raw_header(11, &ipv4_packet())]));
    let bytes = sflow(1, &[good(), good(), good()]);
    let length_at = 28 + 4 + (bytes.len() - 28) / 3;
    for wrong in [0_u32, 4, 60, 92, 112, 5_000, u32::MAX] {
        let mut bytes = bytes.clone();
        bytes[length_at..length_at + 4].copy_from_slice(&wrong.to_be_bytes());
        let mut bench = Bench::new();
        assert!(bench.feed(&bytes).len() >= 2, "length {wrong}: {:?}", bench.problems());
        assert_eq!(bench.total.sflow_wrong_lengths, 1, "length {wrong}");
    }
    // A sample that breaks off inside: its neighbours stay.
    let mut broken = good();
    let end = broken.1.len() - 8;
    broken.1[28..32].copy_from_slice(&9_u32.to_be_bytes());
    broken.1.truncate(end);
    let mut bench = Bench::new();
    assert_eq!(bench.feed(&sflow(1, &[good(), broken, good()])).len(), 2);
    assert_eq!(bench.total.records_rejected, 1);
}
