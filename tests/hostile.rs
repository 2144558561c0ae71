//! Mutated datagrams and captures: the bodies of the fuzz targets as a smoke
//! test that needs no nightly compiler.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/datagrams.rs"]
mod datagrams;
#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/mutate.rs"]
mod mutate;

use std::net::IpAddr;

use datagrams::{
    FIVE_TUPLE, five_tuple, flow_sample, ipfix, ipv4_packet, ipv6_packet, raw_header, sflow, v5, v9,
};
use hayrake::decode::checkpoint::Progress;
use hayrake::decode::{self, Datagram, Decoded, Decoder};
use hayrake::detect::{self, Engine, Settings};
use hayrake::dns::dnstap::frames::{ControlKind, control_frame};
use hayrake::dns::dnstap::{MessageType, message};
use hayrake::dns::{Answer, AnswerData, Coverage, Knowledge};
use hayrake::model::group::GroupId;
use hayrake::model::line::{LineId, RegionId};
use hayrake::model::rules::{ClassRule, Level, Rules};
use hayrake::model::sampling::{Sampling, SamplingSource};
use hayrake::model::sighting::Sighting;
use hayrake::model::time::Timestamp;
use hostile::Target;
use mutate::{mutate, save};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Mutated datagrams fed to one long-lived decoder.
const DATAGRAMS: usize = 200_000;
/// Mutated inputs for each fuzz body.
const INPUTS: usize = 4_000;

/// Datagrams of every kind that are in order.
fn seeds() -> Vec<Vec<u8>> {
    let records: Vec<Vec<u8>> = (1..20).map(five_tuple).collect();
    let variable = [(8, 4), (96, 65_535), (12, 4), (82, 65_535)];
    let named = [vec![1, 2, 3, 4, 3], b"dns".to_vec(), vec![5, 6, 7, 8, 0]].concat();
    let mut seeds = vec![v5(20, 0x4064, 7), [&[0, 7], &v5(10, 0, 9)[2..]].concat()];
    for (number, start) in [v9(), ipfix()].into_iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        seeds.push(
            start
                .clone()
                .numbered(number)
                .template(256, FIVE_TUPLE)
                .options(300, 1, &[(1, 4), (48, 1), (34, 4), (305, 4), (306, 4)])
                .data(300, &[vec![1; 17]])
                .data(256, &records)
                .bytes(),
        );
        seeds.push(
            start
                .clone()
                .template(257, &variable)
                .data(257, &[named.clone(), named.clone()])
                .bytes(),
        );
        seeds.push(start.clone().data(256, &records).data(258, &records).bytes());
        seeds.push(
            start.template(258, &[(27, 16), (28, 16), (22, 4), (21, 4), (160, 8), (48, 2)]).bytes(),
        );
    }
    let twice = ipfix().domain(3).template(256, FIVE_TUPLE).data(256, &records).bytes();
    seeds.push([twice.clone(), twice].concat());
    let sample = |link, packet: &[u8]| (1, flow_sample(100, &[raw_header(link, packet)]));
    let mut frame = vec![2; 12];
    frame.extend([0x81, 0, 0, 1, 0x86, 0xdd]);
    frame.extend(ipv6_packet());
    seeds.push(sflow(
        1,
        &[
            sample(11, &ipv4_packet()),
            sample(1, &frame),
            (2, vec![0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0]),
            sample(12, &ipv6_packet()),
        ],
    ));
    seeds
}

#[test]
fn two_hundred_thousand_mutated_datagrams_break_no_law() {
    let mut rng = ChaCha8Rng::seed_from_u64(20_261_121);
    let seeds = seeds();
    let mut target = Target::new();
    for number in 0..DATAGRAMS {
        let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
        mutate(&mut rng, &mut bytes, &seeds);
        let source = IpAddr::from([192, 0, 2, rng.random_range(0..4)]);
        target.feed(source, rng.random_range(0..5), &bytes);
        if number % 20_000 == 0 {
            target.check_memory();
        }
    }
    target.check_memory();
    // Mutation must reach everything, or the laws say nothing.
    let total = target.total;
    for (name, count) in [
        ("decoded", total.datagrams_decoded),
        ("rejected", total.datagrams_rejected),
        ("unknown template", total.datagrams_unknown_template),
        ("released", total.sets_released),
        ("evicted or expired", total.sets_evicted + total.sets_expired),
        ("options", total.option_records),
        ("redefined", total.templates_redefined),
        ("withdrawn", total.template_withdrawals),
        ("wrong sample length", total.sflow_wrong_lengths),
        ("implausible time", total.implausible_time),
        ("implausible sampling", total.implausible_sampling),
    ] {
        assert!(count > 50, "{name}: {count}");
    }
}

#[test]
fn the_fuzz_bodies_hold_on_mutated_inputs() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let seeds = seeds();
    type Body = fn(&[u8]);
    let bodies: [(usize, Body); 5] = [
        (2, hostile::netflow5),
        (2, hostile::netflow7),
        (2, hostile::netflow9),
        (2, hostile::ipfix),
        (4, hostile::sflow),
    ];
    for (version, body) in bodies {
        for _ in 0..INPUTS {
            let mut input = Vec::new();
            for _ in 0..3 {
                let seed = &seeds[rng.random_range(0..seeds.len())][version..];
                input.extend(u16::try_from(seed.len()).unwrap().to_be_bytes());
                input.extend(seed);
            }
            mutate(&mut rng, &mut input, &seeds);
            body(&input);
        }
    }
}

#[test]
fn mutated_captures_break_no_law() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let captures = [pcap_of(&seeds()), pcapng_of(&seeds())];
    for capture in &captures {
        let found = hayrake::receive::pcap::datagrams(capture).filter(Result::is_ok).count();
        assert_eq!(found, seeds().len(), "the capture to start from is in order");
    }
    for _ in 0..INPUTS {
        let mut bytes = captures[rng.random_range(0..2)].clone();
        mutate(&mut rng, &mut bytes, &captures);
        hostile::capture(&bytes);
    }
}

/// Files of DNS answers in every text format.
const DNS_FILES: [&str; 6] = [
    "{\"rrname\":\"a.example\",\"rrtype\":\"A\",\"rdata\":[\"198.51.100.1\"],\"time_first\":1,\"time_last\":2,\"count\":3}\n{\"rrname\":\"b.example\",\"rrtype\":\"CNAME\",\"rdata\":\"a.example\",\"time_last\":2}\n",
    "[{\"rrname\":\"a.example\",\"rrtype\":1,\"rdata\":\"198.51.100.1\",\"time_first\":1},\n{\"rrname\":\"a.example\",\"rrtype\":28,\"rdata\":\"2001:db8::1\",\"time_first\":1}]",
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#fields\tts\tquery\tqtype_name\trcode_name\tanswers\tTTLs\n1.5\ta.example\tA\tNOERROR\tb.example,198.51.100.1\t1.0,2.0\n1.5\ta.example\tA\tNXDOMAIN\t-\t-\n#close\t1\n",
    "{\"ts\":1.5,\"query\":\"a.example\",\"qtype_name\":\"A\",\"rcode_name\":\"NOERROR\",\"answers\":[\"b.example\",\"198.51.100.1\"],\"TTLs\":[1.0,2.0]}\n{\"ts\":\"2026-11-21T10:00:00Z\",\"query\":\"a.example\"}\n",
    "[*] PassiveDNS\n1.5||192.0.2.9||192.0.2.53||IN||a.example.||A||198.51.100.1||300||7\n1.5||192.0.2.9||192.0.2.53||IN||b.example.||CNAME||a.example.||300||7\n",
    "# TShark hosts output\n#\n\n198.51.100.1\ta.example\n2001:db8::1\tb.example\n",
];

#[test]
fn mutated_files_of_dns_answers_break_no_law() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let files: Vec<Vec<u8>> = DNS_FILES.iter().map(|text| text.as_bytes().to_vec()).collect();
    for file in &files {
        let report = hostile::read_dns(file).unwrap();
        assert!(report.answers >= 2 && report.damaged == 0, "{report:?}");
    }
    let (mut answers, mut damaged, mut hopeless) = (0, 0, 0);
    for _ in 0..5 * INPUTS {
        let mut bytes = files[rng.random_range(0..files.len())].clone();
        mutate(&mut rng, &mut bytes, &files);
        match hostile::read_dns(&bytes) {
            Some(report) => {
                answers += report.answers;
                damaged += report.damaged;
            }
            None => hopeless += 1,
        }
    }
    // Mutation must reach everything, or the laws say nothing.
    assert!(answers > 1_000 && damaged > 1_000 && hopeless > 50, "{answers} {damaged} {hopeless}");
}

/// DNS responses (RFC 1035 §4.1): an address, one of IPv6, and an alias that
/// leads to an address.
fn dns_messages() -> Vec<Vec<u8>> {
    let header = |answers: u8| vec![0, 1, 0x84, 0, 0, 1, 0, answers, 0, 0, 0, 0];
    let name = b"\x03api\x07example\x03com\0";
    let question = |kind: u8| [&name[..], &[0, kind, 0, 1]].concat();
    let a = [0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 1];
    let mut aaaa = vec![0, 28, 0, 1, 0, 0, 0, 60, 0, 16, 0x20, 1, 0xd, 0xb8];
    aaaa.extend([0; 12]);
    let to_here = [0xc0, 12];
    // The alias is `vm` before the question's `example.com`; its own name
    // begins 12 bytes into the answer, which begins at 33.
    let alias = [0, 5, 0, 1, 0, 0, 0, 60, 0, 5, 2, b'v', b'm', 0xc0, 16];
    vec![
        [&header(1)[..], &question(1), &to_here, &a].concat(),
        [&header(1)[..], &question(28), &to_here, &aaaa].concat(),
        [&header(2)[..], &question(1), &to_here, &alias, &[0xc0, 45], &a].concat(),
    ]
}

/// Streams of dnstap with every type of message.
fn dnstap_streams(messages: &[Vec<u8>]) -> [Vec<u8>; 2] {
    let frames = messages.iter().zip(MessageType::ALL).map(|(dns, kind)| {
        let at = Timestamp::from_secs(1_795_255_100);
        let told = message::frame(kind, Some(at), dns);
        [&u32::try_from(told.len()).unwrap().to_be_bytes(), &*told].concat()
    });
    let frames = frames.collect::<Vec<_>>().concat();
    let [ready, start, stop] =
        [ControlKind::Ready, ControlKind::Start, ControlKind::Stop].map(control_frame);
    [[&*start, &frames, &stop].concat(), [&*ready, &start, &frames, &frames, &stop].concat()]
}

#[test]
fn mutated_dnstap_breaks_no_law() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let messages = dns_messages();
    let streams = dnstap_streams(&messages);
    for stream in &streams {
        let good = hostile::tapped(stream, 7);
        assert!(
            good.ended && good.report.answers.is_multiple_of(4) && good.report.damaged == 0,
            "{good:?}"
        );
    }
    let (mut answers, mut damaged, mut lost, mut ended) = (0, 0, 0, 0);
    for _ in 0..5 * INPUTS {
        let mut bytes = streams[rng.random_range(0..2)].clone();
        mutate(&mut rng, &mut bytes, &streams);
        let tapped = hostile::tapped(&bytes, bytes.len().max(1));
        answers += tapped.report.answers;
        damaged += tapped.report.damaged;
        lost += u64::from(tapped.error.is_some());
        ended += u64::from(tapped.ended);
        bytes.insert(0, rng.random());
        hostile::dnstap(&bytes);
        let mut dns = messages[rng.random_range(0..messages.len())].clone();
        mutate(&mut rng, &mut dns, &messages);
        hostile::dns_message(&dns);
    }
    for (what, count) in
        [("answers", answers), ("damaged", damaged), ("lost", lost), ("ended", ended)]
    {
        assert!(count > 1_000, "{what}: {count}");
    }
}

/// Checkpoints of tables with facts, aliases and traces of both families. The
/// many answers that make a table fold come from a source that is left out.
fn checkpoints() -> Vec<Vec<u8>> {
    let sieve = || ["*.maker.example".parse().unwrap()].into_iter().collect();
    let mut dns = Knowledge::bounded(sieve(), 8 << 20);
    let mut tell = |name: &str, data: AnswerData, ago: u64, source: &str| {
        let last = Timestamp::from_secs(1_795_255_100 - ago);
        let first = last.minus(std::time::Duration::from_secs(ago % 100_000));
        let (count, coverage) = (1 + ago % 3, Coverage::Population);
        let answer = Answer { name: name.parse().unwrap(), data, first, last, count, coverage };
        dns.insert(answer, source).unwrap();
    };
    let address = |last: u8| match last % 4 {
        0 => AnswerData::Address([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)].into()),
        _ => AnswerData::Address([203, 0, 113, last].into()),
    };
    tell("api.maker.example", AnswerData::Alias("vm.cloud.example".parse().unwrap()), 5, "a");
    for n in 0..40 {
        tell(
            "vm.cloud.example",
            address(n % 7),
            u64::from(n) * 90_000,
            ["a", "b"][usize::from(n % 2)],
        );
        tell(&format!("www{}.shop{}.example", n % 2, n % 9), address(n / 3), u64::from(n), "b");
    }
    let mut small = Vec::new();
    for n in 0..1_500_u32 {
        let data = AnswerData::Address((0x0800_0000_u32 + n).to_be_bytes().into());
        tell(&format!("www.other{n}.example"), data, 7, "others");
    }
    dns.write_whole(|source| source != "others", &mut small).unwrap();
    let mut whole = Knowledge::bounded(sieve(), 8 << 20);
    whole.restore(&*small, Timestamp::MAX, |source| source == "a").unwrap();
    let mut smaller = Vec::new();
    whole.write_whole(|_| true, &mut smaller).unwrap();
    vec![small, smaller]
}

#[test]
fn mutated_checkpoints_of_dns_answers_break_no_law() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let seeds = checkpoints();
    let good = hostile::restored(&seeds[0]).unwrap();
    assert!(good.facts >= 8 && good.traces >= 8, "{good:?}");
    let (mut taken, mut refused, mut parts) = (0, 0, 0);
    for _ in 0..INPUTS / 8 {
        let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
        mutate(&mut rng, &mut bytes, &seeds);
        match hostile::restored(&bytes) {
            Some(restored) => {
                taken += 1;
                parts += restored.refused;
            }
            None => refused += 1,
        }
    }
    assert!(taken > 80 && refused > 80 && parts > 2, "{taken} {refused} {parts}");
}

/// What two decoders remember that were sent all seeds, by many exporters, and
/// data whose template nobody sends.
fn remembered() -> Vec<Vec<u8>> {
    let mut waits = [&[0, 9, 0, 2][..], &[0; 16]].concat();
    for id in [999_u16, 1_000] {
        waits.extend(id.to_be_bytes());
        waits.extend([0, 12, 198, 51, 100, 7, 203, 0, 113, 9]);
    }
    let told = |exporters: u8| {
        let mut decoder = Decoder::default();
        let mut out = Decoded::default();
        for exporter in 0..exporters {
            for payload in seeds().into_iter().chain([waits.clone()]) {
                let source = IpAddr::from([192, 0, 2, exporter]);
                let received = Timestamp::from_secs(1_795_255_200);
                decoder.decode(
                    Datagram { source, source_port: 9, received, payload: &payload },
                    &mut out,
                );
            }
        }
        let (mut bytes, mut writing) = (Vec::new(), decoder.begin_checkpoint());
        decoder.write_checkpoint(&mut writing, &mut bytes, usize::MAX, hostile::not_sealed);
        decode::checkpoint::put_end(&mut bytes, writing.written());
        bytes
    };
    vec![told(1), told(4)]
}

#[test]
fn mutated_checkpoints_of_decoders_break_no_law() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let seeds = remembered();
    let good = hostile::restored_decoders(&seeds[0]).unwrap();
    assert!(good.templates >= 2 && good.samplers >= 1 && good.sets >= 2, "{good:?}");
    let (mut taken, mut refused, mut waiting) = (0, 0, 0);
    for _ in 0..INPUTS {
        let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
        mutate(&mut rng, &mut bytes, &seeds);
        match hostile::restored_decoders(&bytes) {
            Some(found) => {
                taken += 1;
                waiting += found.sets;
            }
            None => refused += 1,
        }
    }
    assert!(taken > 100 && refused > 100 && waiting > 100, "{taken} {refused} {waiting}");
}

/// Evidence of some lines in two windows, with a class in use.
fn evidence() -> Vec<u8> {
    let rule = ClassRule {
        class: "a".into(),
        name: "A".into(),
        level: Level::Product,
        parent: None,
        threshold: "0.4".parse().unwrap(),
        in_use_packets: Some(1),
        groups: Vec::new(),
    };
    let rules = std::sync::Arc::new(Rules::new(vec![rule], &[]));
    let mut engine = Engine::new(Settings::default(), rules);
    for n in 0..30_u64 {
        engine.observe(&Sighting {
            line: LineId(u128::from(n % 12) << 100 | u128::from(n)),
            region: RegionId(u16::try_from(n % 3).unwrap()),
            group: GroupId::from_u64(n % 7),
            packets: 1 + n,
            bytes: 100 * n,
            sampling: Sampling::new(500, SamplingSource::Options),
            established: false,
            at: Timestamp::from_secs(1_795_255_200 + 300 * n),
        });
    }
    let (mut bytes, mut writing) = (Vec::new(), engine.begin_checkpoint());
    while engine.write_checkpoint(&mut writing, &mut bytes, 600) == Progress::More {
        if bytes.len() >= 600 {
            engine.write_checkpoint(&mut writing, &mut bytes, usize::MAX);
            break;
        }
    }
    detect::checkpoint::put_end(&mut bytes, writing.written());
    bytes
}

#[test]
fn mutated_checkpoints_of_evidence_break_no_law() {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    let seeds = [evidence()];
    let good = hostile::restored_evidence(&seeds[0]).unwrap();
    assert!(good.lines >= 30 && good.touches >= 40, "{good:?}");
    let (mut taken, mut refused, mut parts) = (0, 0, 0);
    for _ in 0..INPUTS {
        let mut bytes = seeds[0].clone();
        mutate(&mut rng, &mut bytes, &seeds);
        match hostile::restored_evidence(&bytes) {
            Some(restored) => {
                taken += 1;
                parts += restored.refused;
            }
            None => refused += 1,
        }
    }
    assert!(taken > 100 && refused > 100 && parts > 10, "{taken} {refused} {parts}");
}

/// No test: writes what fuzzing begins with where it has nothing better yet.
#[test]
#[ignore = "writes fuzz/corpus"]
fn seeds_are_written() {
    let seeds = seeds();
    for (target, version) in [
        ("netflow5", &[0, 5][..]),
        ("netflow7", &[0, 7]),
        ("netflow9", &[0, 9]),
        ("ipfix", &[0, 10]),
        ("sflow", &[0, 0, 0, 5]),
    ] {
        let own: Vec<_> = seeds.iter().filter_map(|seed| seed.strip_prefix(version)).collect();
        let behind =
            |part: &&[u8]| [&u16::try_from(part.len()).unwrap().to_be_bytes(), *part].concat();
        let mut inputs: Vec<_> = own.iter().map(behind).collect();
        inputs.push(inputs.concat());
        save(target, &inputs);
    }
    let packets = [(0, b"\x02".repeat(12)), (1, ipv4_packet()), (2, ipv6_packet())];
    save("sflow_packet", &packets.map(|(link, packet)| [&[link][..], &packet].concat()));
    save("pcap", &[pcap_of(&seeds), pcapng_of(&seeds)]);
    save("dns_file", &DNS_FILES.map(|text| text.as_bytes().to_vec()));
    save("dns_message", &dns_messages());
    save("dnstap", &dnstap_streams(&dns_messages()).map(|stream| [&[9][..], &stream].concat()));
    save("dns_checkpoint", &checkpoints());
    save("decode_checkpoint", &remembered());
    save("evidence_checkpoint", &[evidence()]);
}

/// A UDP datagram from port 2055 in an Ethernet frame.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = |extra: usize| u16::try_from(payload.len() + extra).unwrap().to_be_bytes();
    let mut bytes = vec![2; 12];
    bytes.extend([0x08, 0, 0x45, 0]);
    bytes.extend(length(28));
    bytes.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 9]);
    bytes.extend([8, 7, 8, 7]);
    bytes.extend(length(8));
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn pcap_of(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
    for payload in payloads {
        let frame = frame(payload);
        let length = u32::try_from(frame.len()).unwrap();
        bytes.extend(words(&[1_795_255_200, 0, length, length]));
        bytes.extend(frame);
    }
    bytes
}

fn pcapng_of(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = words(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
    bytes.extend(words(&[1, 20, 1, 65_535, 20]));
    for payload in payloads {
        let mut frame = frame(payload);
        let length = u32::try_from(frame.len()).unwrap();
        frame.resize(frame.len().next_multiple_of(4), 0);
        let whole = u32::try_from(frame.len()).unwrap() + 32;
        bytes.extend(words(&[6, whole, 0, 0, 0, length, length]));
        bytes.extend(frame);
        bytes.extend(words(&[whole]));
    }
    bytes
}
