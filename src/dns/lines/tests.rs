//! Every text format against good, damaged and hostile lines.

use lzma_rust2::{XzOptions, XzWriter};
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::LONGEST_LINE;
use crate::dns::{
    Answer, AnswerData, Coverage, Ending, Format, ReadError, ReadReport, Reading, Refused, read,
};
use crate::model::time::Timestamp;

/// 2026-11-21T10:00:00Z.
const NOW: Timestamp = Timestamp::from_secs(1_795_255_200);
const DATED: Timestamp = Timestamp::from_secs(1_795_000_000);
const READING: Reading = Reading { dated: DATED, ..Reading::new(Coverage::Population, NOW) };
/// Who asked. No value may hold it.
const CLIENT: &str = "203.0.113.77";

fn try_read(input: impl Read) -> Result<(Vec<Answer>, ReadReport), ReadError> {
    let mut answers = Vec::new();
    let report = read(input, &READING, &mut |answer| answers.push(answer))?;
    assert_law(&report, answers.len());
    Ok((answers, report))
}

fn read_all(input: impl AsRef<[u8]>) -> (Vec<Answer>, ReadReport) {
    try_read(input.as_ref()).unwrap()
}

/// Every unit gives answers (taken or refused), is irrelevant, or is damaged.
fn assert_law(report: &ReadReport, taken: usize) {
    let given = report.answers + report.refusals();
    let telling = report.units.checked_sub(report.irrelevant + report.damaged).unwrap();
    assert!(telling <= given, "{report:?}");
    assert_eq!(telling == 0, given == 0, "{report:?}");
    assert_eq!(report.answers, taken as u64);
    assert!(report.problems.len() as u64 <= report.damaged + report.refusals());
}

/// `name to`, the way the answers came.
fn links(answers: &[Answer]) -> Vec<String> {
    let link = |answer: &Answer| match &answer.data {
        AnswerData::Address(address) => format!("{} {address}", answer.name),
        AnswerData::Alias(target) => format!("{} {target}", answer.name),
    };
    answers.iter().map(link).collect()
}

const COF: &str =
    r#"{"rrname":"a.example","rrtype":"A","rdata":"192.0.2.1","time_first":1,"time_last":2}"#;
const ZEEK_JSON: &str = r#"{"ts":1795000000.5,"id.orig_h":"203.0.113.77","id.resp_p":53,"query":"a.example","qclass_name":"C_INTERNET","qtype_name":"A","rcode_name":"NOERROR","answers":["b.example","192.0.2.1"],"TTLs":[60.0,60.0]}"#;
const ZEEK_HEAD: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#fields\tts\tid.orig_h\tid.resp_p\tquery\tqclass_name\tqtype_name\trcode_name\tanswers\tTTLs\n#types\ttime\taddr\tport\tstring\tstring\tstring\tstring\tvector[string]\tvector[interval]\n";
const ZEEK_ROW: &str = "1795000000.500000\t203.0.113.77\t53\ta.example\tC_INTERNET\tA\tNOERROR\tb.example,192.0.2.1\t60.0,60.0";
const PASSIVEDNS: &str =
    "1795000000.500000||203.0.113.77||192.0.2.53||IN||a.example.||A||192.0.2.1||300||7";
const HOSTS: &str = "192.0.2.1\ta.example";

/// What becomes of one line between two good ones.
#[derive(Debug)]
enum Fate {
    Damaged(&'static str),
    Irrelevant,
    Refused(Refused),
    Remark,
}

use Fate::{Damaged, Irrelevant, Remark};

fn check_table(format: Format, head: &str, good: &str, table: &[(&str, &str, Fate)]) {
    let each = read_all(format!("{head}{good}\n")).0.len() as u64;
    for (from, to, fate) in table {
        assert!(good.contains(from), "{from} is in the good line");
        let line = good.replace(from, to);
        let (answers, report) = read_all(format!("{head}{good}\n{line}\n{good}"));
        assert_eq!(report.format, format);
        assert_eq!(answers.len() as u64, 2 * each, "{line}: {report:?}");
        let remark = u64::from(matches!(fate, Remark));
        assert_eq!(report.units, 3 - remark, "{line}");
        let counts = (report.damaged, report.irrelevant, report.refusals());
        let place = head.lines().count() as u64 + 2;
        match fate {
            Damaged(what) => {
                assert_eq!(counts, (1, 0, 0), "{line}: {report:?}");
                assert_eq!(report.problems[0].place, place, "{line}");
                assert!(report.problems[0].what.contains(what), "{line}: {:?}", report.problems);
            }
            Irrelevant => assert_eq!(counts, (0, 1, 0), "{line}: {report:?}"),
            Fate::Refused(why) => {
                assert_eq!((report.damaged, report.irrelevant), (0, 0), "{line}: {report:?}");
                assert!(report.refused[why] > 0, "{line}: {report:?}");
            }
            Remark => assert_eq!(counts, (0, 0, 0), "{line}: {report:?}"),
        }
    }
}

#[test]
fn one_bad_zeek_row_loses_nothing_beside_it() {
    let long = "x".repeat(65_536);
    let table = [
        ("1795000000.500000", "yesterday", Damaged("the time is not a time")),
        ("1795000000.500000", "-5", Damaged("not a time")),
        ("1795000000.500000", "inf", Damaged("not a time")),
        ("1795000000.500000", "1895000000.0", Fate::Refused(Refused::Future)),
        ("\tNOERROR", "", Damaged("fewer fields than the 9")),
        ("\tNOERROR", "\tNOERROR\tF", Damaged("more fields than the 9")),
        ("\tNOERROR", "\tNXDOMAIN", Irrelevant),
        ("\tNOERROR", "\t-", Irrelevant),
        ("\tA\t", "\tPTR\t", Irrelevant),
        ("\tA\t", "\t-\t", Irrelevant),
        ("C_INTERNET", "C_CHAOS", Irrelevant),
        ("\t53\t", "\t5353\t", Irrelevant),
        ("a.example", "-", Irrelevant),
        ("b.example,192.0.2.1\t60.0,60.0", "-\t-", Irrelevant),
        ("b.example,192.0.2.1\t60.0,60.0", "(empty)\t(empty)", Irrelevant),
        ("b.example,192.0.2.1\t60.0,60.0", "TXT 5 hello\t60.0", Irrelevant),
        ("60.0,60.0", "60.0", Damaged("2 answers with 1 TTLs")),
        ("b.example,192.0.2.1", "192.0.2.1,b.example", Damaged("an alias after an address")),
        ("b.example,", "b..example,", Damaged("10 characters that are no host name")),
        ("b.example,", "b!.example,", Damaged("no host name")),
        ("a.example", long.as_str(), Damaged("65536 characters that are")),
        ("a.example", CLIENT, Fate::Refused(Refused::NumericName)),
        ("192.0.2.1\t", "10.0.0.1\t", Fate::Refused(Refused::UnusableAddress)),
        (ZEEK_ROW, "#close\t2026-11-21-10-00-00", Remark),
    ];
    // A name that is refused takes the whole chain behind it along or not; the
    // table counts good rows only, so chains with one good link are elsewhere.
    let (whole, partly): (Vec<_>, Vec<_>) = table.into_iter().partition(|(.., fate)| {
        !matches!(fate, Fate::Refused(Refused::NumericName | Refused::UnusableAddress))
    });
    check_table(Format::ZeekTable, ZEEK_HEAD, ZEEK_ROW, &whole);
    for (from, to, fate) in partly {
        let row = ZEEK_ROW.replace(from, to);
        let (answers, report) = read_all(format!("{ZEEK_HEAD}{row}\n"));
        let Fate::Refused(why) = fate else { unreachable!("partitioned") };
        assert_eq!((answers.len(), report.refused[&why]), (1, 1), "{row}");
    }
}

#[test]
fn one_bad_zeek_object_loses_nothing_beside_it() {
    let table = [
        ("1795000000.5", "true", Damaged("of a wrong type")),
        ("1795000000.5", "\"later\"", Damaged("the time is not a time")),
        ("1795000000.5", "1e300", Damaged("not a time")),
        ("\"ts\":1795000000.5,", "", Damaged("a field is missing")),
        ("\"a.example\"", "5", Damaged("of a wrong type")),
        ("[60.0,60.0]", "[60.0]", Damaged("2 answers with 1 TTLs")),
        ("[\"b.example\",\"192.0.2.1\"]", "{}", Damaged("of a wrong type")),
        ("NOERROR", "SERVFAIL", Irrelevant),
        ("\"query\":\"a.example\",", "", Irrelevant),
        (":53,", ":5355,", Irrelevant),
        (":53,", ":70000,", Damaged("of a wrong type")),
        (ZEEK_JSON, "{\"ts\":1", Damaged("EOF")),
        (ZEEK_JSON, "#separator \\x09", Damaged("expected value")),
    ];
    check_table(Format::ZeekJson, "", ZEEK_JSON, &table);
    let signed = ZEEK_JSON.replace("\"b.example\"", "\"RRSIG 5 b.example\"");
    let (answers, report) = read_all(signed);
    assert_eq!(links(&answers), ["a.example 192.0.2.1"], "a signature is no alias");
    assert_eq!(report.unrelated, 1);
}

#[test]
fn one_bad_line_of_passivedns_loses_nothing_beside_it() {
    let table = [
        ("1795000000.500000", "soon", Damaged("the time is not a time")),
        ("1795000000.500000", "1895000000.0", Fate::Refused(Refused::Future)),
        ("||7", "", Damaged("fewer than 9 fields")),
        ("||7", "||7||8", Damaged("more than 9 fields")),
        ("||7", "||many", Damaged("the count is not")),
        ("||IN||", "||CH||", Irrelevant),
        ("||A||", "||PTR||", Irrelevant),
        ("||192.0.2.1||", "||NXDOMAIN||", Irrelevant),
        ("||192.0.2.1||", "||UNKNOWN-ERROR-11||", Irrelevant),
        ("||A||192.0.2.1||", "||CNAME||REFUSED||", Irrelevant),
        ("||192.0.2.1||", "||192.0.2||", Damaged("the answer is not an address")),
        ("||A||192.0.2.1||", "||CNAME||192.0.2.1||", Fate::Refused(Refused::NumericName)),
        ("||A||192.0.2.1||", "||CNAME||A.example||", Fate::Refused(Refused::SelfAlias)),
        ("||192.0.2.1||", "||127.0.0.1||", Fate::Refused(Refused::UnusableAddress)),
        ("a.example.", "", Damaged("0 characters that are no host name")),
        (PASSIVEDNS, "[*] PassiveDNS 1.2.0", Remark),
        (PASSIVEDNS, "-- Total DNS records allocated            :           9", Remark),
        (PASSIVEDNS, "#timestamp||dns-client ||dns-server||RR class", Remark),
    ];
    check_table(Format::PassiveDns, "[*] banner\n\n", PASSIVEDNS, &table);
}

#[test]
fn one_bad_line_of_passivedns_as_json_loses_nothing_beside_it() {
    let good = r#"{"timestamp_s":1795000000,"timestamp_ms":500000,"client":"203.0.113.77","server":"192.0.2.53","class":"IN","query":"a.example.","type":"A","answer":"192.0.2.1","ttl":300,"count":7}"#;
    let table = [
        (r#""A""#, r#""PTR""#, Irrelevant),
        (r#""IN""#, r#""CH""#, Irrelevant),
        (r#""192.0.2.1""#, r#""NXDOMAIN""#, Irrelevant),
        ("1795000000", "1895000000", Fate::Refused(Refused::Future)),
        ("1795000000", "99999999999999", Damaged("the time is not a time")),
        ("1795000000", "\"soon\"", Damaged("a field is of a wrong type")),
        (r#""192.0.2.1""#, r#""203.0.113.77 x""#, Damaged("the answer is not an address")),
        (r#""answer""#, r#""anser""#, Damaged("a record without timestamp_s")),
        (r#""192.0.2.1""#, r#""127.0.0.1""#, Fate::Refused(Refused::UnusableAddress)),
    ];
    check_table(Format::PassiveDns, "", good, &table);
    // Fields in any order, and no more than must be there.
    let least =
        r#"{"answer":"b.example.","type":"CNAME","query":"a.example.","timestamp_s":1795000000}"#;
    let (answers, report) = read_all(least);
    assert_eq!(
        (links(&answers), report.format),
        (vec!["a.example b.example".to_owned()], Format::PassiveDns)
    );
    assert_eq!((answers[0].count, answers[0].first.as_secs()), (1, 1_795_000_000));
    // A log of fields that are not named is not guessed at.
    let odd = PASSIVEDNS.replace("||IN||", "||");
    assert!(try_read(odd.as_bytes()).is_err());
}

#[test]
fn zeek_may_tell_types_and_codes_by_number_alone() {
    let numbers = r#""qclass":1,"qtype":1,"rcode":0"#;
    let named = r#""qclass_name":"C_INTERNET","qtype_name":"A","rcode_name":"NOERROR""#;
    let by_number = ZEEK_JSON.replace(named, numbers);
    assert_ne!(by_number, ZEEK_JSON);
    let taken = |text: &str| read_all(text).0.len();
    assert_eq!(taken(&by_number), 2);
    assert_eq!(taken(&by_number.replace(r#""qtype":1"#, r#""qtype":28"#)), 2);
    assert_eq!(taken(&by_number.replace(r#""qtype":1"#, r#""qtype":16"#)), 0);
    assert_eq!(taken(&by_number.replace(r#""rcode":0"#, r#""rcode":3"#)), 0);
    assert_eq!(taken(&by_number.replace(r#""qclass":1"#, r#""qclass":3"#)), 0);
    assert_eq!(
        taken(&by_number.replace(r#""rcode":0,"#, "")),
        0,
        "who knows whether it is an error"
    );
    // A name outranks a number.
    let both = by_number.replace(r#""qtype":1"#, r#""qtype":1,"qtype_name":"TXT""#);
    assert_eq!(taken(&both), 0);
    let table = "#separator \\x09\n#fields\tts\tquery\tqtype\trcode\tanswers\n7\ta.example\t28\t0\t192.0.2.1\n7\ta.example\t-\t0\t192.0.2.1\n7\ta.example\tA\t0\t192.0.2.1\n";
    let (answers, report) = read_all(table);
    assert_eq!((links(&answers), report.irrelevant), (vec!["a.example 192.0.2.1".to_owned()], 2));
}

#[test]
fn one_bad_pair_of_a_host_list_loses_nothing_beside_it() {
    let cut = format!("{}.elb.amazo", "x".repeat(54));
    assert_eq!(
        (cut.len(), cut.parse::<crate::model::domain::DomainName>().is_ok()),
        (63 + 1, true)
    );
    let longer = cut.clone();
    let cut = &cut[1..];
    let table = [
        ("192.0.2.1", "192.0.2", Damaged("not an address, a tab and a name")),
        ("\ta.example", "", Damaged("not an address")),
        ("\ta.example", "\t", Damaged("not an address")),
        ("\ta.example", "\ta.example b.example", Damaged("not an address")),
        ("a.example", "a:b.local", Damaged("character ':'")),
        ("a.example", cut, Fate::Refused(Refused::CutName)),
        ("192.0.2.1", "192.168.0.1", Fate::Refused(Refused::UnusableAddress)),
        ("a.example", "192.0.2.1", Irrelevant),
        ("a.example", "ec2-192-0-2-1.compute.example", Irrelevant),
        ("a.example", "1.2.0.192.pool.example", Irrelevant),
        (HOSTS, "# Host data gathered from c.pcap", Remark),
    ];
    check_table(Format::Hosts, "# TShark hosts output\n#\n\n", HOSTS, &table);
    // Names like one's own address count by whole numbers only.
    for name in ["ec2-192-0-2-11.compute.example", "h192.0.2.example", &longer] {
        let (answers, _) = read_all(format!("192.0.2.1\t\t\t{name}\n"));
        assert_eq!(answers.len(), 1, "{name}");
        assert_eq!((answers[0].last, answers[0].coverage), (DATED, Coverage::Partial));
    }
}

#[test]
fn a_zeek_answer_is_a_chain_in_the_order_of_the_message() {
    let row = ZEEK_ROW.replace("b.example,192.0.2.1", "b.example,C.example,192.0.2.1,2001:db8::1");
    let row = row.replace("60.0,60.0", "1,2,3,4");
    let (answers, _) = read_all(format!("{ZEEK_HEAD}{row}"));
    let chain = [
        "a.example b.example",
        "b.example c.example",
        "c.example 192.0.2.1",
        "c.example 2001:db8::1",
    ];
    assert_eq!(links(&answers), chain);
    assert!(answers.iter().all(|answer| answer.last.as_millis() == 1_795_000_000_500));
    assert!(answers.iter().all(|answer| answer.coverage == Coverage::Population));
    let row = ZEEK_ROW.replace("b.example,192.0.2.1", "b.example,c.example");
    assert_eq!(read_all(format!("{ZEEK_HEAD}{row}")).0.len(), 2, "aliases alone are told too");
}

#[test]
fn a_zeek_table_is_read_as_it_describes_itself() {
    let odd = "#separator |\n#set_separator|;\n#empty_field|NONE\n#unset_field|?\n#fields|answers|rcode_name|qtype_name|query|ts\nb.example;192.0.2.1|NOERROR|A|a.example|7\n?|NOERROR|A|a.example|7\nNONE|NOERROR|A|a.example|7\n";
    let (answers, report) = read_all(odd);
    assert_eq!(links(&answers), ["a.example b.example", "b.example 192.0.2.1"]);
    assert_eq!((report.units, report.irrelevant, report.damaged), (3, 2, 0));
    // Two files joined, the second with other columns.
    let (answers, report) = read_all(format!("{ZEEK_HEAD}{ZEEK_ROW}\n#close\t1\n{odd}"));
    assert_eq!((answers.len(), report.damaged), (4, 0));
    // A table of something else: all its rows are damaged, none of the others.
    let other = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\n1.0\tx\n";
    let (answers, report) =
        read_all(format!("{ZEEK_HEAD}{ZEEK_ROW}\n{other}{ZEEK_HEAD}{ZEEK_ROW}"));
    assert_eq!((answers.len(), report.damaged), (4, 2), "its #fields and its row");
    assert!(matches!(try_read(other.as_bytes()), Err(ReadError::UnknownFormat)));
    for bad in ["#separator \n", "#set_separator\t\n", "#unset_field\n"] {
        let (answers, report) = read_all(format!("{ZEEK_HEAD}{ZEEK_ROW}\n{bad}{ZEEK_ROW}"));
        assert_eq!(report.damaged, 1 + u64::from(answers.len() == 2), "{bad}: {report:?}");
    }
}

#[test]
fn zeek_writes_times_in_three_ways() {
    for (time, millis) in [
        ("1795000000.25", 1_795_000_000_250),
        ("1795000000", 1_795_000_000_000),
        ("1795000000250", 1_795_000_000_250),
        ("\"2026-11-18T11:06:40.250000Z\"", 1_795_000_000_250),
    ] {
        let (answers, report) = read_all(ZEEK_JSON.replace("1795000000.5", time));
        assert_eq!(report.format, Format::ZeekJson);
        assert_eq!(answers[0].first.as_millis(), millis, "{time}");
    }
}

#[test]
fn whoever_asked_is_in_no_value() {
    // Every way in which fields can slip by one, and lines that break off.
    let mut texts = Vec::new();
    for (head, good, separator) in
        [(ZEEK_HEAD, ZEEK_ROW, "\t"), ("", PASSIVEDNS, "||"), ("", ZEEK_JSON, ",")]
    {
        let fields: Vec<&str> = good.split(separator).collect();
        for at in 0..fields.len() {
            let (mut fewer, mut more, mut swapped) =
                (fields.clone(), fields.clone(), fields.clone());
            fewer.remove(at);
            more.insert(at, CLIENT);
            swapped.swap(at, 1);
            for line in [fewer, more, swapped, fields[..at].to_vec()] {
                texts.push(format!("{head}{good}\n{}\n", line.join(separator)));
            }
        }
    }
    let v6 = "2001:db8:77::77";
    let more: Vec<String> = texts.iter().map(|text| text.replace(CLIENT, v6)).collect();
    for (text, client) in
        texts.iter().map(|text| (text, CLIENT)).chain(more.iter().map(|text| (text, v6)))
    {
        let (answers, report) = read_all(text);
        for answer in &answers {
            // As the data of an address it is what the record then says.
            assert!(!answer.name.as_str().contains(client), "{text}");
            assert!(
                !matches!(&answer.data, AnswerData::Alias(a) if a.as_str() == client),
                "{text}"
            );
        }
        assert!(!format!("{report:?}").contains(client), "{text}: {report:?}");
    }
}

/// Gives one byte at a time, as a slow pipe does.
struct Slow<'a>(&'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(1);
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn an_array_is_read_object_by_object() {
    let quoted = COF.replace("a.example", r"\u0061.example").replace("}", r#","x":"]},{\"["}"#);
    for text in [
        format!("[{COF},{COF}]"),
        format!("\u{feff}[\n  {COF},\n  {}\n]\n", COF.replace(',', ",\n")),
        format!("[{quoted},{COF}] "),
    ] {
        for (answers, report) in [read_all(&text), try_read(Slow(text.as_bytes())).unwrap()] {
            assert_eq!((report.format, report.units), (Format::Cof, 2), "{text}");
            assert_eq!((answers.len(), &report.ending), (2, &Ending::Complete), "{text}");
        }
    }
    let (answers, report) = read_all("[]");
    assert_eq!((answers.len(), report.units, report.ending), (0, 0, Ending::Complete));
    let dnsdb = format!("[{{\"cond\":\"begin\"}},{{\"obj\":{COF}}}]");
    assert_eq!(read_all(dnsdb).0.len(), 1);
}

#[test]
fn a_damaged_array_keeps_what_is_good() {
    for (text, answers, damaged, ending) in [
        (format!("[{COF},\n5,{COF}]"), 2, 1, Ending::Complete),
        (format!("[{COF},\n{{\"rrname\":\"a\n{COF},{COF}]"), 3, 1, Ending::Complete),
        (format!("[{COF},\n{{}},{COF}]"), 2, 1, Ending::Complete),
        (format!("[{COF},\n{COF}"), 2, 0, Ending::CutOff),
        (format!("[{COF},\n{}", &COF[..30]), 1, 1, Ending::CutOff),
        (
            format!("[{COF},\n{{\"x\":\"{}\"}},{COF}]", "x".repeat(LONGEST_LINE)),
            2,
            1,
            Ending::Complete,
        ),
    ] {
        let (taken, report) = read_all(&text);
        let start = &text[..text.len().min(200)];
        assert_eq!((taken.len(), report.damaged), (answers, damaged), "{start}");
        assert_eq!(report.ending, ending, "{start}");
        assert!(report.problems.iter().all(|problem| problem.place == 2), "{start}: {report:?}");
    }
    assert!(matches!(try_read(&b"[{},{}]"[..]), Err(ReadError::UnknownFormat)));
    let many = format!("[{}", "{},".repeat(5_000));
    assert!(matches!(try_read(many.as_bytes()), Err(ReadError::UnknownFormat)));
}

#[test]
fn a_line_without_end_takes_no_memory_and_loses_nothing_beside_it() {
    let endless = io::repeat(b'x').take(50 * LONGEST_LINE as u64);
    let good = format!("{PASSIVEDNS}\n");
    let end = format!("\n{PASSIVEDNS}\n");
    let (answers, report) = try_read(good.as_bytes().chain(endless).chain(end.as_bytes())).unwrap();
    assert_eq!((answers.len(), report.damaged), (2, 1));
    assert!(report.problems[0].what.contains("longer than"));
}

#[test]
fn nothing_at_all_is_no_mistake() {
    for text in ["", "\n\r\n \n", "\u{feff}", "# only remarks\n[*] here\n"] {
        let (answers, report) = read_all(text);
        assert_eq!((answers.len(), report.units, report.format), (0, 0, Format::Empty), "{text:?}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    // With a checksum, as the program writes it.
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn packed_sources_are_read_as_if_they_were_not() {
    let text = format!("{COF}\n{COF}\n");
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], &zstd(text.as_bytes())[..]];
    for bytes in [
        gzip(text.as_bytes()),
        zstd(text.as_bytes()),
        [gzip(COF.as_bytes()), gzip(b"\n"), gzip(COF.as_bytes())].concat(),
        [zstd(COF.as_bytes()), zstd(b"\n"), zstd(COF.as_bytes())].concat(),
        xz(text.as_bytes()),
        [xz(COF.as_bytes()), xz(b"\n"), xz(COF.as_bytes())].concat(),
        skipped.concat(),
    ] {
        let (answers, report) = try_read(Slow(&bytes)).unwrap();
        assert_eq!((report.format, answers.len()), (Format::Cof, 2));
        assert_eq!(report.ending, Ending::Complete);
    }
    let (answers, report) = read_all(gzip(format!("[{COF}]").as_bytes()));
    assert_eq!((answers.len(), report.ending), (1, Ending::Complete));
    assert!(matches!(try_read(&gzip(&zstd(text.as_bytes()))[..]), Err(ReadError::PackedTwice)));
}

#[test]
fn what_cannot_be_unpacked_to_its_end_keeps_what_was_read() {
    // Lines that do not shrink much, so that half of the file holds many.
    let lines: String = (0..20_000_u32)
        .map(|n| {
            let label = n.wrapping_mul(2_654_435_761);
            let address = std::net::Ipv4Addr::from(0x0800_0000 | (label >> 8));
            COF.replace("a.example", &format!("{label:x}.example"))
                .replace("192.0.2.1", &address.to_string())
                + "\n"
        })
        .collect();
    for packed in [gzip(lines.as_bytes()), zstd(lines.as_bytes()), xz(lines.as_bytes())] {
        let (answers, report) = read_all(&packed[..packed.len() / 2]);
        assert!((5_000..15_000).contains(&answers.len()), "{}", answers.len());
        assert_eq!(report.ending, Ending::CutOff);
        let mut broken = packed.clone();
        let middle = packed.len() / 2;
        broken[middle..middle + 64].fill(0x55);
        let (answers, report) = read_all(&broken);
        assert!(!answers.is_empty() && report.ending != Ending::Complete, "{:?}", report.ending);
    }
    assert!(matches!(try_read(&b"\x1f\x8b\x08"[..]), Err(ReadError::Io(_))));
    assert!(matches!(try_read(&b"\x28\xb5\x2f\xfd\xff\xff"[..]), Err(ReadError::Io(_))));
}

#[test]
fn a_bomb_is_stopped() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(format!("{COF}\n").as_bytes()).unwrap();
    io::copy(&mut io::repeat(b'x').take(1 << 30), &mut encoder).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 17, "{}", bomb.len());
    let (answers, report) = read_all(&bomb);
    assert_eq!(answers.len(), 1);
    assert!(matches!(&report.ending, Ending::Failed(why) if why.contains("2000 times")));
}

proptest! {
    /// Lines of all formats, cut, joined and changed, keep the law and never
    /// a time of the future.
    #[test]
    fn every_line_is_accounted_for(
        first in 0..5_usize,
        lines in proptest::collection::vec((0..8_usize, 0..400_usize, any::<u8>(), 0..6_u8), 0..30),
    ) {
        let kinds = [COF, ZEEK_JSON, PASSIVEDNS, HOSTS, ZEEK_ROW, "#fields\tts", "", "[*] x"];
        let starts = [COF, ZEEK_JSON, PASSIVEDNS, HOSTS, ZEEK_HEAD];
        let mut text = format!("{}\n", starts[first]).into_bytes();
        for (kind, at, byte, change) in lines {
            let mut line = kinds[kind].as_bytes().to_vec();
            let at = at.min(line.len());
            match change {
                0 => line.truncate(at),
                1 => line.insert(at, byte),
                2 if at < line.len() => line[at] = byte,
                3 => line.splice(..at, []).for_each(drop),
                _ => {}
            }
            text.extend(line);
            text.push(b'\n');
        }
        match try_read(&text[..]) {
            Ok((answers, _)) => {
                for answer in answers {
                    prop_assert!(answer.first <= answer.last);
                    prop_assert!(answer.last.signed_since(NOW) <= 600_000);
                }
            }
            Err(error) => prop_assert!(matches!(error, ReadError::UnknownFormat), "{error}"),
        }
    }
}
