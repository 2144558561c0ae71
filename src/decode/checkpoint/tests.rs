//! That decoders which are given back what they knew decode as before, however
//! many they are, and that nonsense is said.

use proptest::prelude::*;

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::bytes::Progress;
use crate::decode::{Datagram, DecodeCounts, Decoded, Decoder, Queued};
use crate::model::time::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_795_255_200);

/// A v9 packet of the source 7 with these sets.
fn packet(sets: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0, 9, 0, 1];
    bytes.extend(1_000_000u32.to_be_bytes());
    bytes.extend(1_795_255_200u32.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 7]);
    for (id, body) in sets {
        bytes.extend(id.to_be_bytes());
        bytes.extend(u16::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend(body);
    }
    bytes
}

fn numbers(all: &[u16]) -> Vec<u8> {
    all.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A data template with addresses, a sampler id and packets, and an options
/// template for samplers, scoped to the system.
fn templates(id: u16) -> Vec<(u16, Vec<u8>)> {
    vec![
        (0, numbers(&[id, 4, 8, 4, 12, 4, 48, 1, 2, 4])),
        (1, numbers(&[id + 1, 4, 12, 1, 4, 48, 1, 49, 1, 50, 4])),
    ]
}

fn sampler(id: u16, sampler: u8, rate: u32) -> (u16, Vec<u8>) {
    let mut body = vec![0, 0, 0, 0, sampler, 2];
    body.extend(rate.to_be_bytes());
    (id + 1, body)
}

fn flow(id: u16, sampler: u8) -> (u16, Vec<u8>) {
    let mut body = vec![198, 51, 100, 7, 203, 0, 113, 9, sampler];
    body.extend(5u32.to_be_bytes());
    (id, body)
}

fn feed(decoder: &mut Decoder, exporter: u8, port: u16, payload: &[u8]) -> Decoded {
    feed_at(NOW, decoder, exporter, port, payload)
}

fn feed_at(
    received: Timestamp,
    decoder: &mut Decoder,
    exporter: u8,
    port: u16,
    payload: &[u8],
) -> Decoded {
    let mut out = Decoded::default();
    let source = [192, 0, 2, exporter].into();
    decoder.decode(Datagram { source, source_port: port, received, payload }, &mut out);
    out
}

/// Stands for a seal: what goes with it comes before it.
fn seal(context: &[u8], bytes: Vec<u8>) -> Option<Vec<u8>> {
    assert!(!bytes.is_empty());
    Some([context, &bytes].concat())
}

fn open(context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    sealed.strip_prefix(context).map(<[u8]>::to_vec)
}

fn written(decoders: &[Decoder], enough: usize) -> Vec<u8> {
    let (mut bytes, mut records) = (Vec::new(), 0);
    for decoder in decoders {
        let mut writing = decoder.begin_checkpoint();
        let mut slice = Vec::new();
        while decoder.write_checkpoint(&mut writing, &mut slice, enough, seal) == Progress::More {
            bytes.append(&mut slice);
        }
        bytes.append(&mut slice);
        records += writing.written();
    }
    put_end(&mut bytes, records);
    bytes
}

fn restored(bytes: &[u8], number: usize) -> Result<(Vec<Decoder>, Restored), String> {
    restored_with(bytes, number, NOW, open)
}

fn restored_with(
    bytes: &[u8],
    number: usize,
    now: Timestamp,
    open: fn(&[u8], &[u8]) -> Option<Vec<u8>>,
) -> Result<(Vec<Decoder>, Restored), String> {
    let mut decoders = vec![Decoder::default(); number];
    let owner = |address| match address {
        IpAddr::V4(v4) => usize::from(v4.octets()[3]) % number,
        IpAddr::V6(_) => 0,
    };
    let restored = restore(bytes, now, &mut decoders, owner, open);
    let restored = restored.map_err(|error| error.to_string())?;
    let queued = |of: fn(Queued) -> u64| decoders.iter().map(|d| of(d.queued())).sum::<u64>();
    let counts = restored.counts;
    let lost = counts.datagrams_unknown_template + counts.datagrams_rejected;
    assert_eq!(restored.datagrams, queued(|queued| queued.datagrams) + lost);
    let lost = counts.sets_unopened + counts.sets_expired + counts.sets_evicted;
    assert_eq!(counts.records_unknown_template, lost);
    assert_eq!(restored.sets, queued(|queued| queued.records) + lost);
    Ok((decoders, restored))
}

#[test]
fn the_first_datagram_is_decoded_with_its_rate() {
    let mut decoder = Decoder::default();
    for exporter in 1..=9 {
        feed(&mut decoder, exporter, 2055, &packet(&templates(256)));
        feed(
            &mut decoder,
            exporter,
            2055,
            &packet(&[sampler(256, 3, 1_000 + u32::from(exporter))]),
        );
    }
    let told = decoder.told();
    assert_eq!(told, 9 * 3);
    // This one has told nothing, but what it sent waits.
    feed(&mut decoder, 10, 2055, &packet(&[flow(256, 3)]));
    assert_eq!(decoder.told(), told + 1);
    let bytes = written(&[decoder], 100);
    for number in [1, 2, 5] {
        let (mut decoders, restored) = restored(&bytes, number).unwrap();
        // A sampler is known by its port and by nobody's.
        let found = (restored.exporters, restored.templates, restored.samplers, restored.refused);
        assert_eq!(found, (9, 18, 18, 0));
        assert_eq!((restored.sets, restored.datagrams), (1, 1));
        assert_eq!(restored.last, NOW);
        for exporter in 1..=9 {
            let owner = &mut decoders[usize::from(exporter) % number];
            // From another port, too: the template is lent as it was before.
            let port = if exporter % 2 == 0 { 2055 } else { 9_995 };
            let out = feed(owner, exporter, port, &packet(&[flow(256, 3)]));
            assert_eq!(out.flows.len(), 1, "{:?}", out.problems);
            let rate = out.flows[0].sampling.rate().unwrap().get();
            assert_eq!(rate, 1_000 + u32::from(exporter));
        }
    }
}

fn earlier(seconds: u64) -> Timestamp {
    NOW.minus(Duration::from_secs(seconds))
}

#[test]
fn sets_that_wait_for_a_template_wait_on() {
    let mut decoder = Decoder::default();
    feed(&mut decoder, 1, 2055, &packet(&[flow(256, 3), flow(300, 3)]));
    feed(&mut decoder, 1, 2055, &packet(&[flow(256, 4)]));
    feed(&mut decoder, 3, 2055, &packet(&[flow(256, 4)]));
    let bytes = written(&[decoder.clone()], 1);
    let (mut decoders, restored) = restored(&bytes, 2).unwrap();
    assert_eq!(
        (restored.sets, restored.datagrams, restored.counts),
        (4, 3, DecodeCounts::default())
    );
    let owner = &mut decoders[1];
    assert_eq!(owner.queued(), decoder.queued());
    // Its template comes from another port, which lends it.
    for decoder in [&mut decoder, owner] {
        let out = feed(decoder, 1, 9_995, &packet(&templates(256)));
        let packets: Vec<_> = out.flows.iter().map(|flow| (flow.packets, flow.end)).collect();
        assert_eq!(packets, [(5, NOW); 2]);
        let counts = out.counts;
        assert_eq!((counts.sets_released, counts.datagrams_decoded), (2, 2), "300 waits on");
        assert_eq!(feed(decoder, 1, 9_995, &packet(&templates(300))).counts.datagrams_decoded, 2);
        // Nobody waits for ever, whoever restarts.
        let later = NOW.plus(Duration::from_secs(3_600));
        let out = feed_at(later, decoder, 9, 9, &packet(&[]));
        assert_eq!((out.counts.sets_expired, out.counts.records_unknown_template), (1, 1));
    }
}

#[test]
fn without_the_key_all_else_is_used_and_what_waited_is_counted() {
    let mut decoder = Decoder::default();
    feed(&mut decoder, 1, 2055, &packet(&templates(256)));
    feed(&mut decoder, 1, 2055, &packet(&[sampler(256, 3, 512)]));
    feed(&mut decoder, 1, 2055, &packet(&[flow(300, 3), flow(400, 3)]));
    let bytes = written(&[decoder], 1 << 20);
    let (mut decoders, restored) = restored_with(&bytes, 1, NOW, |_, _| None).unwrap();
    assert_eq!((restored.exporters, restored.templates), (1, 2));
    assert_eq!((restored.sets, restored.datagrams, restored.counts.sets_unopened), (2, 1, 2));
    assert_eq!(decoders[0].queued(), Queued::default());
    assert_eq!(feed(&mut decoders[0], 1, 2055, &packet(&[flow(256, 3)])).flows.len(), 1);
}

#[test]
fn what_waits_keeps_its_bounds_and_its_order_over_a_restart() {
    // Two that have worked apart, and one after them: the newer one comes first.
    let mut decoders = [Decoder::default(), Decoder::default()];
    feed_at(earlier(60), &mut decoders[0], 2, 2055, &packet(&[flow(256, 3)]));
    feed_at(earlier(1_700), &mut decoders[1], 1, 2055, &packet(&[flow(256, 3)]));
    let bytes = written(&decoders, 1 << 20);
    let (mut one, _) = restored(&bytes, 1).unwrap();
    let out = feed_at(NOW.plus(Duration::from_secs(200)), &mut one[0], 9, 9, &packet(&[]));
    assert_eq!((out.counts.sets_expired, one[0].queued().records), (1, 1));
    // A long pause: what has waited too long goes at once, and is counted.
    let late = NOW.plus(Duration::from_secs(1_000));
    let (_, restored) = restored_with(&bytes, 2, late, open).unwrap();
    assert_eq!((restored.sets, restored.counts.sets_expired), (2, 1));

    // Four that have as much waiting as one may: together too much.
    let large = vec![7; 60_000];
    let full: Vec<Decoder> = (0..4_u8)
        .map(|number| {
            let mut decoder = Decoder::default();
            for n in 0..180_u8 {
                let exporter = number + 4 * (n % 10);
                feed(&mut decoder, exporter, 2055, &packet(&[(256, large.clone())]));
            }
            decoder
        })
        .collect();
    let (one, restored) = restored_with(&written(&full, 1 << 17), 1, NOW, open).unwrap();
    let queued = one[0].queued();
    assert!(queued.bytes <= 16 << 20 && queued.bytes > 15 << 20, "{queued:?}");
    assert!(restored.sets == 720 && restored.counts.sets_evicted > 300, "{restored:?}");
}

#[test]
fn nonsense_is_said_with_its_place() {
    let error = |bytes: &[u8]| restored(bytes, 1).unwrap_err();
    assert_eq!(error(&[]), "byte 0: it ends in the middle of a record");
    assert_eq!(error(&[9]), "byte 1: a record with the tag 0x09");
    assert_eq!(error(&[END, 1]), "byte 2: 0 records were found, and 1 were written");
    assert_eq!(error(&[END, 0, 0]), "byte 2: more bytes after the end");
    let mut decoder = Decoder::default();
    feed(&mut decoder, 1, 2055, &packet(&templates(256)));
    feed(&mut decoder, 1, 2055, &packet(&[sampler(256, 3, 512)]));
    let good = written(&[decoder], 1);
    for end in 0..good.len() {
        assert!(restored(&good[..end], 1).is_err(), "cut off at {end}");
    }
    // As many templates as nobody has: refused before anything is made of it.
    let mut bytes = vec![EXPORTER, 192, 0, 2, 1, 7, 0, 0, 0, 0, 0];
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    let said = error(&bytes);
    assert!(said.contains("a number of templates of 4294967295"), "{said}");
    // And what a broken program has sealed.
    let mut sealed = vec![SEALED, 1, 1];
    let inside = [waiting::context(1, 1), vec![8]].concat();
    sealed.push(u8::try_from(inside.len()).unwrap());
    sealed.extend(inside);
    let said = error(&[sealed, vec![END, 1]].concat());
    assert!(said.contains("in what was sealed: byte 1: flags 0x08 of a set"), "{said}");
    assert_eq!(error(&[SEALED, 1, 2]), "byte 3: a number of datagrams of 2, allowed: below 2");
    assert_eq!(
        error(&[SEALED, 1, 1, 0xff, 0xff, 0xff, 0x7f]),
        "byte 7: a seal of length 268435455, allowed: below 1048576"
    );
}

proptest! {
    /// Whatever was told, what is written reads back and is written the same.
    #[test]
    fn it_reads_back_as_it_was(
        told in prop::collection::vec((1..6_u8, 0..6_u16, 256..262_u16, 0..4_u8, 1..9_000_u32, 0..4_u8), 0..60),
        enough in 1..4_000_usize,
    ) {
        let mut decoder = Decoder::default();
        for (ago, (exporter, port, id, of, rate, what)) in (0..told.len() as u64).rev().zip(told) {
            let id = id * 2;
            let sets = match what {
                0 => vec![sampler(id, of, rate)],
                1 => templates(id),
                2 => vec![flow(id, of)],
                _ => vec![flow(id, of), sampler(id, of, rate), flow(id + 2, of)],
            };
            feed_at(earlier(ago), &mut decoder, exporter, port, &packet(&sets));
        }
        let bytes = written(std::slice::from_ref(&decoder), enough);
        let (back, restored) = restored(&bytes, 1).unwrap();
        prop_assert_eq!(restored.refused, 0);
        prop_assert_eq!(written(&back, 1 << 20), bytes);
        // Two and one again: dealing does not lose anything.
        let (two, _) = super::tests::restored(&written(&back, 7), 2).unwrap();
        let (one, again) = super::tests::restored(&written(&two, 7), 1).unwrap();
        prop_assert_eq!(again.exporters, restored.exporters);
        prop_assert_eq!(written(&one, 9), written(&back, 9));
    }
}
