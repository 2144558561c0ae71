//! The API over a real connection, with a view made by hand.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::*;
use crate::model::detection::Detection;
use crate::model::evidence::{LineEvidence, TouchedGroup};
use crate::model::group::GroupId;
use crate::model::line::Regions;
use crate::model::rules::{ClassRule, GroupRule, Level, Role, Rules, Threshold};
use crate::model::time::Window;
use crate::publish::tally::Complete;
use crate::publish::token::Token;
use crate::publish::view::Facts;
use crate::publish::wire::{
    GroupAnswer, GroupState, HitlistAnswer, ReadyAnswer, SignatureAnswer, detection_for_tests,
};

pub(super) const TOKEN: &str = "correct-horse";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn rule(class: &str, groups: usize) -> ClassRule {
    let group = |i: usize| GroupRule {
        id: GroupId::new(class, &i.to_string()),
        name: format!("g{i}.example.com").into(),
        role: Role::Primary,
        packets_per_hour: None,
    };
    ClassRule {
        class: class.into(),
        name: class.into(),
        level: Level::Product,
        parent: None,
        threshold: Threshold::DEFAULT,
        in_use_packets: None,
        groups: (0..groups).map(group).collect(),
    }
}

/// A signature that names two of the groups of the rule.
fn signature() -> SignatureAnswer {
    let group = |names: &[&str]| GroupAnswer {
        names: names.iter().map(ToString::to_string).collect(),
        role: Role::Primary,
        ports: Vec::new(),
    };
    SignatureAnswer {
        class: "amazon-fire-tv".into(),
        name: "Fire TV".into(),
        level: Level::Product,
        vendor: "Amazon".into(),
        parent: None,
        threshold: "0.4".to_owned(),
        in_use_packets: None,
        groups: vec![group(&["g0.example.com", "*.g0.example.com"]), group(&["h.example.com"])],
        sources: vec!["made up".to_owned()],
        checked: "2026-11-20".to_owned(),
    }
}

/// A group that is one with the first of the rule.
fn merged() -> GroupState {
    GroupState {
        group: "h.example.com".to_owned(),
        role: Role::Primary,
        verdict: "dedicated",
        counted: true,
        merged_into: Some("g0.example.com".to_owned()),
        endpoints: 2,
        why_not: None,
    }
}

/// What the worker says of a line: a claim, and two groups of its class seen in
/// the hour and one in the day.
fn open_line() -> OpenLine {
    let claim = detection_for_tests();
    let touched = |group: &str, packets| TouchedGroup {
        group: GroupId::new("amazon-fire-tv", group),
        packets,
        bytes: 100,
        first: claim.first,
        last: claim.last,
    };
    let window = |window, touched| LineEvidence { window, start: claim.start, touched };
    let evidence = vec![
        window(Window::Hour, vec![touched("0", 3), touched("1", 1)]),
        window(Window::Day, vec![touched("0", 3), touched("gone", 9)]),
    ];
    OpenLine { claims: vec![claim], evidence }
}

fn facts() -> Facts {
    let mut regions = Regions::default();
    regions.intern("north");
    regions.intern("south");
    Facts {
        rules: Arc::new(Rules::new(vec![rule("amazon-fire-tv", 8), rule("kettle", 0)], &[])),
        regions: Arc::new(regions),
        reasons: [("kettle".into(), "group a.example.com is shared".to_owned())].into(),
        signatures: Arc::new(vec![signature()]),
        groups: Arc::new([("amazon-fire-tv".into(), vec![merged()])].into()),
        hitlist: HitlistAnswer {
            v: 1,
            day: "2026-11-21".to_owned(),
            built: at("2026-11-21T09:00:00Z"),
            age_seconds: 0,
            endpoints: 3,
            verdicts: [("dedicated".to_owned(), 8)].into(),
            classes: Vec::new(),
        },
    }
}

/// A server on loopback with a view in which 9 lines in the north, 6 in the
/// south and 2 elsewhere have a Fire TV in the last hour.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) api: Api,
    runtime: tokio::runtime::Runtime,
    /// Of the history.
    folder: Option<tempfile::TempDir>,
}

fn server() -> Server {
    server_with(Times::default())
}

/// The same with other times.
pub(super) fn server_with(times: Times) -> Server {
    let began = at("2026-11-21T08:00:00Z");
    let current = Current::new(1, Duration::from_secs(300), began, 5);
    let detections: Vec<_> = [(9, 1), (6, 2), (2, 0)]
        .into_iter()
        .flat_map(|(lines, region)| (0..lines).map(move |line| (line, region)))
        .map(|(line, region)| Detection {
            line: LineId(u128::from(region) << 64 | line),
            region: crate::model::line::RegionId(region),
            ..detection_for_tests()
        })
        .collect();
    current.set_token(Some(Token::from_file_content(TOKEN).unwrap()));
    let (complete, left_out) = current.record(0, at("2026-11-21T11:05:00Z"), &detections);
    assert_eq!((complete.len(), left_out), (1, 0));
    let api = Api {
        doors: Arc::new(Doors::new(None, times)),
        current: Arc::new(current),
        metrics: Metrics::new().unwrap(),
        now: Arc::new(|| "2026-11-21T11:10:00Z".parse().unwrap()),
        ask_line: Arc::new(|line| {
            let (answer, asked) = oneshot::channel();
            let known = line != LineId(0xff);
            answer.send(if known { open_line() } else { OpenLine::default() }).unwrap();
            asked
        }),
        name_line: Arc::new(|address| {
            (address == "198.51.100.7").then_some(Named { line: LineId(7), before: None })
        }),
        speed: 1,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(serve(listener, api.clone(), std::future::pending()));
    Server { address, api, runtime, folder: None }
}

impl Server {
    pub(super) fn ready() -> Self {
        let mut server = Self::without_history();
        let folder = tempfile::tempdir().unwrap();
        server.api.current.set_history(super::history::tests::history(&folder));
        server.folder = Some(folder);
        server
    }

    pub(super) fn without_history() -> Self {
        let server = server();
        server.api.current.set_facts(facts());
        server
    }

    pub(super) fn send(&self, request: &str) -> (u16, String) {
        let (status, _, body) = self.send_whole(request);
        (status, String::from_utf8(body).unwrap())
    }

    /// Sends a request; gives the answer's status, head and body.
    pub(super) fn send_whole(&self, request: &str) -> (u16, String, Vec<u8>) {
        let _guard = self.runtime.enter();
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), answer[end + 4..].to_vec())
    }

    pub(super) fn get(&self, path: &str, token: Option<&str>) -> (u16, Value) {
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let (status, body) = self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\n{authorization}Connection: close\r\n\r\n"
        ));
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }
}

#[test]
fn counts_under_k_and_what_would_reveal_them_need_the_token() {
    let server = Server::ready();
    let lines = |answer: &Value| -> Vec<(String, Value, bool)> {
        let row = |row: &Value| {
            let region = row["region"].as_str().unwrap().to_owned();
            (region, row["lines"].clone(), row["withheld"].as_bool().unwrap())
        };
        answer["counts"].as_array().unwrap().iter().map(row).collect()
    };
    let (status, open) = server.get("/api/v1/counts", None);
    assert_eq!(status, 200);
    assert_eq!(
        lines(&open),
        [
            (String::new(), Value::Null, true),
            ("north".to_owned(), 9.into(), false),
            ("south".to_owned(), Value::Null, true),
        ],
        "17 in all, 2 in no region: 6 in the south is kept back so that 17 - 9 - 6 does not tell 2"
    );
    let (_, all) = server.get("/api/v1/counts", Some(TOKEN));
    let shown: Vec<_> = lines(&all).into_iter().map(|(_, lines, _)| lines).collect();
    assert_eq!(shown, [Value::from(2), 9.into(), 6.into()]);
    let (_, narrowed) = server.get("/api/v1/counts?region=south&window=1h&level=product", None);
    assert_eq!(lines(&narrowed), [("south".to_owned(), Value::Null, true)]);
    assert_eq!(server.get("/api/v1/counts", Some("wrong")).0, 401);
}

#[test]
fn a_query_that_is_not_understood_is_told_what_is_allowed() {
    let server = Server::ready();
    for path in [
        "counts?window=2h",
        "counts?level=brand",
        "counts?colour=red",
        "counts?class=nothing",
        "counts?region=west",
        "classes?class=kettle",
        "hitlist?day=1",
        "lines/00000000000000010000000000000003?window=1h",
    ] {
        let (status, answer) = server.get(&format!("/api/v1/{path}"), None);
        assert_eq!(status, 400, "{path}");
        assert!(answer["error"].as_str().unwrap().contains("allowed"), "{answer}");
    }
}

#[test]
fn a_class_says_why_it_cannot_be_detected() {
    let server = Server::ready();
    let (_, answer) = server.get("/api/v1/classes", None);
    let [fire, kettle] = &answer["classes"].as_array().unwrap()[..] else { panic!("{answer}") };
    assert_eq!((&fire["of"], &fire["required"]), (&8.into(), &3.into()));
    assert_eq!(fire["detectable"], true);
    assert_eq!(fire["lines"]["1h"]["lines"], 17);
    assert_eq!(fire["lines"]["24h"], Value::Null, "no day is complete yet");
    assert_eq!(kettle["detectable"], false);
    assert_eq!(kettle["reason"], "group a.example.com is shared");
    assert_eq!(kettle["required"], Value::Null);
}

#[test]
fn single_lines_need_the_token_and_are_off_without_one() {
    let server = Server::ready();
    let path = "/api/v1/lines/00000000000000010000000000000003";
    assert_eq!(server.get(path, None).0, 401);
    assert_eq!(server.get(path, Some("correct-hors")).0, 401);
    let (status, answer) = server.get(path, Some(TOKEN));
    assert_eq!(status, 200);
    assert_eq!(answer["detections"][0]["class"], "amazon-fire-tv");
    assert_eq!(answer["detections"][0]["region"], "north");
    assert_eq!(answer["current"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/api/v1/lines/192.0.2.1", Some(TOKEN)).0, 400);
    // Nobody claims anything on this one.
    let (status, answer) =
        server.get("/api/v1/lines/000000000000000000000000000000ff", Some(TOKEN));
    assert_eq!(status, 404);
    assert!(answer["error"].as_str().unwrap().contains("000ff"), "{answer}");
    server.api.current.set_token(None);
    let (status, answer) = server.get(path, Some(TOKEN));
    assert_eq!(status, 403);
    assert!(answer["error"].as_str().unwrap().contains("token_file"));
}

#[test]
fn ready_means_that_a_hitlist_is_in_force() {
    let server = server();
    assert_eq!(server.get("/healthz", None).0, 200);
    let (status, answer) = server.get("/readyz", None);
    assert_eq!((status, &answer["ready"]), (503, &false.into()));
    assert_eq!(answer["waiting_for"][0], "the first hitlist");
    let (status, answer) = server.get("/api/v1/classes", None);
    assert_eq!(status, 503);
    assert!(answer["error"].as_str().unwrap().contains("the first hitlist"));
    server.api.current.set_ready(ReadyAnswer {
        ready: true,
        waiting_for: Vec::new(),
        warnings: Vec::new(),
    });
    assert_eq!(server.get("/readyz", None).0, 200);
}

#[test]
fn every_path_of_the_document_answers_and_other_paths_say_so() {
    let server = Server::ready();
    let (_, document) = server.get("/openapi.json", None);
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 14);
    for (path, operations) in paths {
        // OpenAPI 3.1 §4.8.17.1: every response must have one.
        for operation in operations.as_object().unwrap().values() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(response["description"].is_string(), "{path} {status}");
            }
        }
        if operations["get"].is_null() {
            continue;
        }
        let path = path.replace("{line}", "00000000000000010000000000000003");
        let path = path.replace("{class}", "kettle");
        assert!([200, 503].contains(&server.get(&path, Some(TOKEN)).0), "{path}");
    }
    assert_eq!(server.get("/", None).0, 200);
    let (status, answer) = server.get("/api/v2/classes", None);
    assert_eq!(status, 404);
    assert!(answer["error"].as_str().unwrap().contains("/api/v2/classes"));
    let post =
        "POST /api/v1/counts HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(server.send(post).0, 405);
}

/// A report of an exporter `192.0.2.1#7` that sent one template and data of an
/// unknown rate.
fn exporter() -> crate::publish::wire::ExporterAnswer {
    let mut decoder = crate::decode::Decoder::default();
    let mut payload = vec![0, 9, 0, 2];
    payload.extend([[0; 4], 1_000u32.to_be_bytes(), [0; 4], 7u32.to_be_bytes()].concat());
    payload.extend([0, 0, 0, 16, 1, 0, 0, 2, 0, 8, 0, 4, 0, 12, 0, 4]);
    payload.extend([1, 0, 0, 12, 198, 51, 100, 7, 203, 0, 113, 9]);
    decoder.decode(
        crate::decode::Datagram {
            source: [192, 0, 2, 1].into(),
            source_port: 4_000,
            received: at("2026-11-21T11:09:00Z"),
            payload: &payload,
        },
        &mut crate::decode::Decoded::default(),
    );
    crate::publish::wire::ExporterAnswer {
        report: decoder.exporters().remove(0),
        pace: crate::publish::wire::Pace {
            datagrams_per_second: Some(1.5),
            records_per_second: None,
        },
        silent_seconds: 0,
    }
}

#[test]
fn the_doctor_says_what_an_exporter_sends_and_what_to_mend() {
    let server = Server::ready();
    server.api.current.set_exporters(vec![exporter()]);
    let metrics = &server.api.metrics;
    metrics.datagrams_received.with_label_values(&["0.0.0.0:2055"]).inc_by(10);
    metrics.kernel_drops.with_label_values(&["0.0.0.0:2055"]).inc_by(3);
    let (status, answer) = server.get("/api/v1/exporters", None);
    assert_eq!(status, 200);
    assert_eq!(answer["listeners"][0]["listener"], "0.0.0.0:2055");
    assert_eq!(answer["listeners"][0]["kernel_drops"], 3);
    assert_eq!(answer["heard"], 1);
    let exporter = &answer["exporters"][0];
    assert_eq!((&exporter["address"], &exporter["domain"]), (&"192.0.2.1".into(), &7.into()));
    assert_eq!(exporter["silent_seconds"], 60);
    assert_eq!(exporter["datagrams_per_second"], 1.5);
    assert_eq!(exporter["records_per_second"], Value::Null);
    assert_eq!(exporter["templates"][0]["fields"][0]["name"], "sourceIPv4Address");
    assert_eq!(exporter["templates"][0]["sent"], "2026-11-21T11:09:00Z");
    let kinds: Vec<_> =
        exporter["advice"].as_array().unwrap().iter().map(|advice| &advice["kind"]).collect();
    assert_eq!(kinds, ["sampling_unknown", "clock"]);
    assert_eq!(exporter["advice"][0]["setting"], r#"default_sampling: {"192.0.2.1/32": RATE}"#);
    let router = &exporter["advice"][1]["routers"][0];
    assert_eq!(router["lines"][0], "ntp server 192.0.2.20");
    assert_eq!(router["docs"], "routers.md#when-its-clock-is-off");
}

#[test]
fn the_doctor_is_asked_about_one_exporter_or_in_short() {
    let server = Server::ready();
    server.api.current.set_exporters(vec![exporter()]);
    for (query, shown) in [("exporter=192.0.2.1%237", 1), ("exporter=::ffff:192.0.2.1", 1)] {
        let (_, answer) = server.get(&format!("/api/v1/exporters?{query}"), None);
        assert_eq!(answer["exporters"].as_array().map_or(0, Vec::len), shown, "{query}");
    }
    let (_, answer) = server.get("/api/v1/exporters?detail=summary&exporter=192.0.2.1", None);
    assert_eq!(answer["exporters"][0]["templates"], Value::Array(Vec::new()));
    assert_eq!(answer["exporters"][0]["templates_held"], 1);
    assert_eq!(server.get("/api/v1/exporters?exporter=192.0.2.2", None).0, 404);
    let (status, answer) = server.get("/api/v1/exporters?detail=some", None);
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("full, summary"), "{answer}");
    let (_, document) = server.get("/openapi.json", None);
    let properties = &document["components"]["schemas"];
    assert!(properties["ExporterReport"]["properties"]["advice"].is_object(), "{properties}");
    assert!(properties["Advice"].is_object() && properties["RouterLines"].is_object());
}

#[test]
fn metrics_show_lines_but_none_under_k() {
    let server = Server::ready();
    let facts = server.api.current.facts().unwrap();
    let complete = server.api.current.complete(crate::model::time::Window::Hour).unwrap();
    crate::publish::prometheus::show_lines(&server.api.metrics, &facts, &complete, 5);
    let (_, text) = server.get("/metrics", None);
    let text = text.as_str().unwrap();
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("hayrake_lines{")).collect();
    assert_eq!(
        lines,
        [r#"hayrake_lines{class="amazon-fire-tv",level="product",region="north",window="1h"} 9"#]
    );
    let (_, all) = server.get("/metrics", Some(TOKEN));
    let rows = |name: &str| {
        let name = format!("{name}{{");
        all.as_str().unwrap().lines().filter(|line| line.starts_with(&name)).count()
    };
    assert_eq!(rows("hayrake_lines"), 3, "the token shows the other two");
    assert_eq!(rows("hayrake_detection_confidence_ratio"), 1, "over all regions");
}

#[test]
fn the_number_in_use_is_withheld_where_it_or_the_rest_is_small() {
    let server = Server::ready();
    let facts = server.api.current.facts().unwrap();
    let complete = server.api.current.complete(crate::model::time::Window::Hour).unwrap();
    // North has 9 lines. With a k of 2 none of the three counts is withheld.
    for (in_use, shown) in [(0, true), (1, false), (2, true), (7, true), (8, false), (9, true)] {
        let mut complete = (*complete).clone();
        for (row, evidence) in &mut complete.evidence {
            let north = complete.lines[row] == 9;
            evidence.in_use = if north { in_use } else { 0 };
        }
        crate::publish::prometheus::show_lines(&server.api.metrics, &facts, &complete, 2);
        let north = format!(
            r#"hayrake_lines_in_use{{class="amazon-fire-tv",level="product",region="north",window="1h"}} {in_use}"#
        );
        let seen = |token| server.get("/metrics", token).1.as_str().unwrap().contains(&north);
        assert_eq!(seen(None), shown, "{in_use} of 9 in use");
        assert!(seen(Some(TOKEN)));
    }
}

#[test]
fn sums_of_detections_tell_no_small_count_without_the_token() {
    let server = Server::ready();
    let metrics = &server.api.metrics;
    metrics.detections.with_label_values(&["product", "1h"]).inc_by(103);
    metrics.sink_written.with_label_values(&["jsonl"]).inc_by(49);
    metrics.sink_errors.with_label_values(&["jsonl"]).inc_by(1);
    metrics.queue_dropped.with_label_values(&["detections"]).inc_by(51);
    metrics.queue_dropped.with_label_values(&["datagrams"]).inc_by(7);
    metrics.evidence.set(3);
    let values = |token| {
        let (_, text) = server.get("/metrics", token);
        let text = text.as_str().unwrap().to_owned();
        [
            r#"hayrake_detections_total{level="product",window="1h"} "#,
            r#"hayrake_sink_written_total{sink="jsonl"} "#,
            r#"hayrake_sink_errors_total{sink="jsonl"} "#,
            r#"hayrake_queue_dropped_total{queue="detections"} "#,
            r#"hayrake_queue_dropped_total{queue="datagrams"} "#,
            "hayrake_evidence_touches ",
        ]
        .map(|series| {
            let line = text.lines().find_map(|line| line.strip_prefix(series)).unwrap();
            line.parse::<u64>().unwrap()
        })
    };
    assert_eq!(values(None), [100, 0, 50, 100, 7, 0], "k is 5, so steps are 50");
    assert_eq!(values(Some(TOKEN)), [103, 49, 1, 51, 7, 3]);
    assert_eq!(server.get("/metrics", Some("wrong")).0, 401);
}

#[test]
fn lines_in_no_region_are_shown_only_where_there_are_some() {
    let server = Server::ready();
    let facts = server.api.current.facts().unwrap();
    let complete = server.api.current.complete(crate::model::time::Window::Hour).unwrap();
    let shown = |metrics: &Metrics, facts: &Facts, complete: &Complete| {
        crate::publish::prometheus::show_lines(metrics, facts, complete, 0);
        let series = metrics.text().unwrap();
        let lines = series.lines().filter(|line| line.starts_with("hayrake_lines{"));
        lines.filter(|line| line.contains(r#"region="""#)).count()
    };
    let metrics = &server.api.metrics;
    assert_eq!(shown(metrics, &facts, &complete), 1, "two lines are there");
    let nobody = Complete { lines: BTreeMap::new(), ..complete.as_ref().clone() };
    assert_eq!(shown(metrics, &facts, &nobody), 0, "every prefix has a region");
    let facts = Facts { regions: Arc::new(Regions::default()), ..(*facts).clone() };
    assert_eq!(shown(metrics, &facts, &nobody), 1, "no prefix has one, so this is all");
}
