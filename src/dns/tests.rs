//! Readers against good, damaged and hostile input.

use std::str::FromStr;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use proptest::prelude::*;

use super::message::read_message;
use super::report::Ending;
use super::*;
use crate::model::time::{Day, Timestamp};

const READING: Reading = Reading {
    dated: Timestamp::from_secs(1_000),
    ..Reading::new(Coverage::Population, Timestamp::MAX)
};

fn read_text(text: &str) -> (Vec<Answer>, ReadReport) {
    let mut answers = Vec::new();
    let report = read(text.as_bytes(), &READING, &mut |answer| answers.push(answer)).unwrap();
    (answers, report)
}

fn alias(text: &str) -> AnswerData {
    AnswerData::Alias(text.parse().unwrap())
}

fn address(text: &str) -> AnswerData {
    AnswerData::Address(text.parse().unwrap())
}

#[test]
fn cof_is_read_in_every_way_it_is_written() {
    let (answers, report) = read_text(concat!(
        "\u{feff}{\"rrname\":\"API.Example.com.\",\"rrtype\":\"A\",\"rdata\":\"198.51.100.1\",\"time_first\":100,\"time_last\":200,\"count\":7}\n",
        "\r\n",
        "{\"rrname\":\"api.example.com\",\"rrtype\":\"aaaa\",\"rdata\":[\"2001:db8::1\",\"2001:db8::2\"],\"time_first\":\"100\",\"time_last\":200.5}\r\n",
        "{\"rrname\":\"bücher.example\",\"rrtype\":5,\"rdata\":\"X.Example.\",\"zone_time_first\":1,\"zone_time_last\":2,\"sensor_id\":\"s\"}\n",
        "{\"rrname\":\"example.com\",\"rrtype\":\"NS\",\"rdata\":\"ns.example.com\",\"time_first\":1,\"time_last\":2}\n",
        "{\"rrname\":\"a.example.com\",\"rrtype\":\"A\",\"rdata\":\"198.51.100.9\",\"time_last\":\"1970-01-01T00:00:03Z\"}",
    ));
    assert_eq!(report.format, Format::Cof);
    assert_eq!((report.units, report.answers, report.irrelevant, report.damaged), (5, 5, 1, 0));
    assert_eq!(answers[0].name.as_str(), "api.example.com");
    assert_eq!(
        (answers[0].count, answers[0].first.as_secs(), answers[0].last.as_secs()),
        (7, 100, 200)
    );
    assert_eq!(answers[1].data, address("2001:db8::1"));
    assert_eq!(answers[2].data, address("2001:db8::2"));
    assert_eq!((answers[2].last.as_millis(), answers[2].count), (200_500, 1));
    assert_eq!(answers[3].name.as_str(), "xn--bcher-kva.example");
    assert_eq!(answers[3].data, alias("x.example"));
    assert_eq!((answers[4].first.as_secs(), answers[4].last.as_secs()), (3, 3));
}

#[test]
fn damaged_lines_are_counted_with_their_number_and_lose_nothing_beside_them() {
    let good = |n: u32| {
        format!(
            "{{\"rrname\":\"n{n}.example.com\",\"rrtype\":\"A\",\"rdata\":\"198.51.100.{n}\",\"time_first\":1,\"time_last\":2}}\n"
        )
    };
    let text = [
        "not json\n".to_owned(),
        good(1),
        "{\"rrname\":\"cut.example.com\",\"rrty\n".to_owned(),
        "{\"rrname\":\"a.example.com\",\"rrtype\":\"A\",\"rdata\":\"198.51.100\",\"time_first\":1,\"time_last\":2}\n".to_owned(),
        "{\"rrname\":\"a..example.com\",\"rrtype\":\"A\",\"rdata\":\"198.51.100.1\",\"time_first\":1,\"time_last\":2}\n".to_owned(),
        "{\"rrname\":\"a.example.com\",\"rrtype\":\"A\",\"rdata\":\"198.51.100.1\"}\n".to_owned(),
        format!("{{\"rrname\":\"{}.example.com\",\"rrtype\":\"A\",\"rdata\":\"198.51.100.1\",\"time_first\":1,\"time_last\":2}}\n", "x".repeat(65_536)),
        format!("{{\"rrname\":\"{}\"}}\n", "x".repeat(1 << 20)),
        "{\"rrname\":\"a.example.com\",\"rrtype\":\"A\",\"rdata\":\"198.51.100.1\",\"time_first\":-1,\"time_last\":2}\n".to_owned(),
        good(2),
    ]
    .concat();
    let (answers, report) = read_text(&text);
    assert_eq!(answers.len(), 2);
    assert_eq!((report.units, report.damaged), (10, 8));
    let places: Vec<u64> = report.problems.iter().map(|problem| problem.place).collect();
    assert_eq!(places, [1, 3, 4, 5, 6, 7, 8, 9]);
    assert!(report.problems.iter().all(|problem| problem.what.len() <= 200));
    assert!(report.problems[2].what.contains("`198.51.100`"), "{:?}", report.problems[2]);
    assert!(report.problems[6].what.contains("longer than"), "{:?}", report.problems[6]);
}

#[test]
fn absurd_answers_are_refused_by_reason() {
    let reading = Reading { now: Timestamp::from_secs(1_000), ..READING };
    let line = |rdata: &str, first: u64, last: u64| {
        format!(
            "{{\"rrname\":\"a.example.com\",\"rrtype\":\"A\",\"rdata\":\"{rdata}\",\"time_first\":{first},\"time_last\":{last}}}\n"
        )
    };
    let text = [
        line("192.168.1.1", 1, 2),
        line("0.0.0.0", 1, 2),
        line("198.51.100.1", 1, 99_999),
        line("198.51.100.1", 3, 2),
        line("198.51.100.1", 1, 2),
    ]
    .concat();
    let mut dns = Knowledge::new();
    let report = read_into(&mut dns, "test", text.as_bytes(), &reading).unwrap();
    assert_eq!((report.answers, report.refusals()), (1, 4));
    assert_eq!(report.refused[&Refused::UnusableAddress], 2);
    assert_eq!(report.refused[&Refused::Future], 1);
    assert_eq!(report.refused[&Refused::TimesReversed], 1);
    assert_eq!(dns.size().facts, 1);
}

#[test]
fn dnsdb_says_whether_it_gave_everything() {
    let object = "{\"obj\":{\"count\":5,\"time_first\":1,\"time_last\":2,\"rrname\":\"a.example.com.\",\"rrtype\":\"CNAME\",\"bailiwick\":\"example.com.\",\"rdata\":[\"b.example.net.\"]}}\n";
    for (last, ending) in [
        ("{\"cond\":\"succeeded\"}\n", Ending::Complete),
        (
            "{\"cond\":\"limited\",\"msg\":\"Result limit reached\"}\n",
            Ending::Limited("Result limit reached".to_owned()),
        ),
        ("{\"cond\":\"failed\",\"msg\":\"oops\"}\n", Ending::Failed("oops".to_owned())),
        ("", Ending::CutOff),
        ("{\"cond\":\"ongoing\"}\n", Ending::CutOff),
    ] {
        let (answers, report) = read_text(&format!("{{\"cond\":\"begin\"}}\n{object}{last}"));
        assert_eq!(report.format, Format::Dnsdb);
        assert_eq!(answers.len(), 1, "{last}");
        assert_eq!((&answers[0].data, answers[0].count), (&alias("b.example.net"), 5));
        assert_eq!(report.ending, ending);
        assert_eq!(report.damaged, 0);
    }
    let two = format!(
        "{{\"cond\":\"begin\"}}\n{object}{{\"cond\":\"limited\",\"msg\":\"m\"}}\n{{\"cond\":\"begin\"}}\n{{\"cond\":\"succeeded\"}}\n"
    );
    assert_eq!(read_text(&two).1.ending, Ending::Limited("m".to_owned()), "the worst is kept");
}

#[test]
fn what_is_no_such_file_is_refused_whole() {
    let error = |bytes: &[u8]| read(bytes, &READING, &mut |_| {}).unwrap_err().to_string();
    assert!(error(b"PK\x03\x04rest").contains("zip"));
    assert!(error(b"BZh91AY&SY").contains("bzip2"));
    assert!(
        error(b"1471865912||192.0.2.1||8.8.8.8||IN||a.example.||A||x||1||1\n").contains("no line")
    );
    assert!(error(&b"x\n".repeat(5_000)).contains("no line"));
    assert_eq!(read(&b""[..], &READING, &mut |_| {}).unwrap().units, 0, "an empty file is fine");
}

fn record(name: &str, data: RData) -> Record {
    Record::from_rdata(Name::from_str(name).unwrap(), 60, data)
}

fn cname(name: &str, target: &str) -> Record {
    record(name, RData::CNAME(CNAME(Name::from_str(target).unwrap())))
}

fn v4(name: &str, address: [u8; 4]) -> Record {
    record(name, RData::A(A(address.into())))
}

fn response(question: &str, answers: Vec<Record>) -> Vec<u8> {
    let mut message = Message::new(7, MessageType::Response, OpCode::Query);
    message.add_query(Query::query(Name::from_str(question).unwrap(), RecordType::A));
    message.add_answers(answers);
    message.to_vec().unwrap()
}

#[test]
fn a_message_gives_the_whole_chain_of_its_question_and_nothing_else() {
    let bytes = response(
        "Dev.Example.COM.",
        vec![
            v4("vm.cloud.example.", [198, 51, 100, 1]),
            cname("dev.example.com.", "mid.example.com."),
            cname("mid.example.com.", "vm.cloud.example."),
            record("vm.cloud.example.", RData::AAAA(AAAA("2001:db8::1".parse().unwrap()))),
            v4("bank.example.", [198, 51, 100, 66]),
            record("dev.example.com.", RData::TXT(TXT::new(vec!["x".to_owned()]))),
        ],
    );
    let told = read_message(&bytes).unwrap().unwrap();
    let mut links: Vec<String> =
        told.links.iter().map(|(name, data)| format!("{name} {data:?}")).collect();
    links.sort();
    assert_eq!(links.len(), 4, "{links:?}");
    assert!(links[0].starts_with("dev.example.com Alias"));
    assert!(links[1].starts_with("mid.example.com Alias"));
    assert!(links[2].starts_with("vm.cloud.example Address"));
    assert_eq!((told.unrelated, told.unusable), (1, 0));
}

#[test]
fn a_loop_of_aliases_in_a_message_ends() {
    let told = read_message(&response(
        "a.example.",
        vec![cname("a.example.", "b.example."), cname("b.example.", "a.example.")],
    ));
    assert_eq!(told.unwrap().unwrap().links.len(), 2);
}

#[test]
fn a_question_tells_nothing() {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_str("a.example.").unwrap(), RecordType::A));
    assert_eq!(read_message(&message.to_vec().unwrap()).unwrap(), None);
}

/// An Ethernet capture of UDP datagrams: second, source port, payload.
fn capture(datagrams: &[(u32, u16, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 1] {
        bytes.extend(word.to_be_bytes());
    }
    for (second, port, payload) in datagrams {
        let udp = u16::try_from(8 + payload.len()).unwrap();
        let length = u32::from(udp) + 20 + 14;
        for word in [*second, 0, length, length] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend([0; 12]);
        bytes.extend([8, 0, 0x45, 0]);
        bytes.extend((udp + 20).to_be_bytes());
        bytes.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        for half in [*port, 40_000, udp, 0] {
            bytes.extend(half.to_be_bytes());
        }
        bytes.extend(*payload);
    }
    bytes
}

#[test]
fn a_capture_gives_dated_answers_of_name_servers_only() {
    let good = response("a.example.com.", vec![v4("a.example.com.", [198, 51, 100, 1])]);
    let walled = response("a.example.com.", vec![v4("a.example.com.", [192, 168, 0, 1])]);
    let empty = response("b.example.com.", Vec::new());
    let mut bytes = capture(&[
        (1_000, 53, &good),
        (1_001, 5353, &good),
        (1_002, 53, b"no DNS"),
        (1_003, 53, &walled),
        (1_004, 53, &empty),
        (1_005, 53, &good),
    ]);
    let mut answers = Vec::new();
    let report = read(&bytes[..], &READING, &mut |answer| answers.push(answer)).unwrap();
    assert_eq!(report.format, Format::Capture);
    assert_eq!((report.units, report.answers, report.damaged), (5, 2, 1));
    assert_eq!((report.irrelevant, report.refusals()), (1, 1));
    assert_eq!(report.problems[0].place, 3);
    assert_eq!(answers[0].first, Timestamp::from_secs(1_000));
    assert_eq!(answers[1].last, Timestamp::from_secs(1_005));
    assert_eq!(report.ending, Ending::Complete);

    bytes.truncate(bytes.len() - 9);
    let report = read(&bytes[..], &READING, &mut |_| {}).unwrap();
    assert_eq!((report.answers, report.ending), (1, Ending::CutOff));
}

/// What the fuzzers of DNS input run.
fn swallow(bytes: &[u8]) {
    let _ = read_message(bytes);
    let mut dns = Knowledge::new();
    if let Ok(report) = read_into(&mut dns, "fuzz", bytes, &READING) {
        assert!(report.irrelevant <= report.units);
        assert!(dns.size().facts as u64 <= report.answers);
        for (id, _) in dns.names() {
            let _ =
                chain::addresses_of(&dns, id, Day(u32::MAX / 2), &|_| chain::ALIAS_HOLD, &|_| {
                    false
                });
        }
    }
}

#[test]
fn no_mutated_message_or_line_is_fatal() {
    let message = response(
        "dev.example.com.",
        vec![cname("dev.example.com.", "vm.cloud.example."), v4("vm.cloud.example.", [8, 8, 8, 8])],
    );
    let capture = capture(&[(1_000, 53, &message), (1_001, 53, &message)]);
    let lines = concat!(
        "{\"cond\":\"begin\"}\n",
        "{\"obj\":{\"rrname\":\"a.example.com\",\"rrtype\":\"A\",\"rdata\":[\"198.51.100.1\"],\"time_first\":1,\"time_last\":2,\"count\":3}}\n",
        "{\"rrname\":\"b.example.com\",\"rrtype\":\"CNAME\",\"rdata\":\"a.example.com\",\"time_first\":1,\"time_last\":2}\n",
        "{\"cond\":\"succeeded\"}\n",
    );
    // A small generator with a fixed seed: the same mutations every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..20_000 {
        for source in [message.as_slice(), &capture, lines.as_bytes()] {
            let mut bytes = source.to_vec();
            for _ in 0..=draw(4) {
                let place = draw(bytes.len());
                match draw(4) {
                    0 => bytes[place] = draw(256).to_le_bytes()[0],
                    1 => bytes[place] ^= 1 << draw(8),
                    2 => bytes.truncate(place.max(1)),
                    _ => bytes.insert(place, b"\xc0\0\"{}\n09"[draw(8)]),
                }
            }
            swallow(&bytes);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_are_fatal(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        swallow(&bytes);
    }
}
