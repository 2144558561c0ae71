//! That decoders which are given back what they knew decode as before, however
//! many they are, and that nonsense is said.

use proptest::prelude::*;

use super::*;
use crate::bytes::Progress;
use crate::decode::{Datagram, Decoded, Decoder};
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
    let mut out = Decoded::default();
    let source = [192, 0, 2, exporter].into();
    decoder.decode(Datagram { source, source_port: port, received: NOW, payload }, &mut out);
    out
}

fn written(decoders: &[Decoder], enough: usize) -> Vec<u8> {
    let (mut bytes, mut exporters) = (Vec::new(), 0);
    for decoder in decoders {
        let mut writing = decoder.begin_checkpoint();
        let mut slice = Vec::new();
        while decoder.write_checkpoint(&mut writing, &mut slice, enough) == Progress::More {
            bytes.append(&mut slice);
        }
        bytes.append(&mut slice);
        exporters += writing.written();
    }
    put_end(&mut bytes, exporters);
    bytes
}

fn restored(bytes: &[u8], number: usize) -> Result<(Vec<Decoder>, Restored), String> {
    let mut decoders = vec![Decoder::default(); number];
    let owner = |id: crate::model::exporter::ExporterId| match id.address {
        std::net::IpAddr::V4(v4) => usize::from(v4.octets()[3]) % number,
        std::net::IpAddr::V6(_) => 0,
    };
    let restored = restore(bytes, NOW, &mut decoders, owner).map_err(|error| error.to_string())?;
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
    // This one has told nothing that is kept.
    feed(&mut decoder, 10, 2055, &packet(&[flow(256, 3)]));
    assert_eq!(decoder.told(), told);
    let bytes = written(&[decoder], 100);
    for number in [1, 2, 5] {
        let (mut decoders, restored) = restored(&bytes, number).unwrap();
        // A sampler is known by its port and by nobody's.
        let found = (restored.exporters, restored.templates, restored.samplers, restored.refused);
        assert_eq!(found, (9, 18, 18, 0));
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

#[test]
fn nonsense_is_said_with_its_place() {
    let error = |bytes: &[u8]| restored(bytes, 1).unwrap_err();
    assert_eq!(error(&[]), "byte 0: it ends in the middle of a record");
    assert_eq!(error(&[9]), "byte 1: an exporter with the tag 0x09");
    assert_eq!(error(&[END, 1]), "byte 2: 0 exporters were found, and 1 were written");
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
}

proptest! {
    /// Whatever was told, what is written reads back and is written the same.
    #[test]
    fn it_reads_back_as_it_was(
        told in prop::collection::vec((1..6_u8, 0..6_u16, 256..262_u16, 0..4_u8, 1..9_000_u32, any::<bool>()), 0..60),
        enough in 1..4_000_usize,
    ) {
        let mut decoder = Decoder::default();
        for (exporter, port, id, of, rate, samplers) in told {
            let id = id * 2;
            let sets = if samplers { vec![sampler(id, of, rate)] } else { templates(id) };
            feed(&mut decoder, exporter, port, &packet(&sets));
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
