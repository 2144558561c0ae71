//! The history's answers over a real connection.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::model::line::LineId;
use crate::model::rules::Level;
use crate::model::time::{Timestamp, Window};
use crate::publish::history::sqlite::Sqlite;
use crate::publish::history::{Claim, Detectable, History, News, Retention};
use crate::publish::http::tests::{Server, TOKEN};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn claims(class: &str, region: &str, lines: u128, in_use: u128) -> Vec<Claim> {
    let claim = |line| Claim {
        window: Window::Hour,
        start: at("2026-11-21T10:00:00Z"),
        line: LineId(line),
        region: region.into(),
        class: class.into(),
        level: Level::Product,
        in_use: line % 1_000 < in_use,
        confidence: 0.999_99,
        seen: 2,
        of: 8,
    };
    let base = if region == "north" { 0 } else { (1 << 64) + 1 };
    (base..base + lines).map(claim).collect()
}

/// 60 Fire TVs in the north and three in the south, seven of them in use.
pub(in crate::publish::http) fn history(folder: &tempfile::TempDir) -> Arc<dyn History> {
    let forever = Retention { counts: Duration::MAX, lines: Duration::MAX };
    let history = Sqlite::new(folder.path(), forever, |_| {});
    let classes = ["amazon-fire-tv", "toaster"].map(|class| (class.into(), Level::Product));
    let mut all = claims("amazon-fire-tv", "north", 60, 7);
    all.extend(claims("amazon-fire-tv", "south", 3, 0));
    let news = News {
        claims: all,
        there: Some((at("2026-11-21T09:30:00Z"), at("2026-11-21T11:30:00Z"))),
        closed: Some(at("2026-11-21T11:00:00Z")),
        detectable: vec![Detectable { from: Timestamp::EPOCH, classes: classes.to_vec() }],
        lost: Vec::new(),
    };
    history.write(&news).unwrap();
    Arc::new(history)
}

fn ask(server: &Server, query: &str, token: Option<&str>) -> (u16, Value) {
    server.get(&format!("/api/v1/history{query}"), token)
}

#[test]
fn a_trend_has_a_point_for_every_window_in_which_the_service_was_there() {
    let server = Server::ready();
    let (status, answer) = ask(&server, "?class=amazon-fire-tv", None);
    assert_eq!(status, 200, "{answer}");
    let expected = json!({
        "v": 1, "window": "1h", "from": "2026-11-20T11:00:00Z", "to": "2026-11-21T11:00:00Z", "k": 5,
        "series": [{"class": "amazon-fire-tv", "level": "product", "region": null, "points": [
            {"start": "2026-11-21T09:00:00Z", "lines": 0, "in_use": 0, "confidence": null,
             "seen": null, "of": null, "partial": true},
            {"start": "2026-11-21T10:00:00Z", "lines": 63, "in_use": 7, "confidence": 0.9999,
             "seen": 2.0, "of": 8.0},
        ]}],
    });
    assert_eq!(answer, expected);
    let (_, answer) = ask(&server, "", Some(TOKEN));
    let classes: Vec<_> =
        answer["series"].as_array().unwrap().iter().map(|s| &s["class"]).collect();
    assert_eq!(classes, ["amazon-fire-tv", "toaster"]);
    assert_eq!(answer["any_class"][0]["points"][1]["lines"], 63);
    let (_, days) = ask(&server, "?window=24h", None);
    assert_eq!((&days["window"], &days["series"]), (&json!("24h"), &json!([])), "no day is over");
    let query = "?from=2026-11-21T10:00:00Z&to=2026-11-21T10:00:01Z&class=toaster";
    let (_, one) = ask(&server, query, None);
    assert_eq!(one["series"][0]["points"].as_array().unwrap().len(), 1, "{one}");
}

#[test]
fn small_counts_and_what_would_tell_them_need_the_token() {
    let server = Server::ready();
    let ten = |answer: &Value| -> Vec<Value> {
        let series = answer["series"].as_array().unwrap();
        series.iter().map(|series| series["points"][1].clone()).collect()
    };
    let by_region = "?by=region&class=amazon-fire-tv";
    let (_, answer) = ask(&server, by_region, None);
    let regions: Vec<_> =
        answer["series"].as_array().unwrap().iter().map(|s| &s["region"]).collect();
    assert_eq!(regions, ["north", "south"]);
    for point in ten(&answer) {
        assert_eq!((&point["lines"], &point["withheld"]), (&Value::Null, &json!(true)), "{point}");
        assert_eq!((&point["in_use"], &point["confidence"]), (&Value::Null, &Value::Null));
    }
    let (_, answer) = ask(&server, by_region, Some(TOKEN));
    let shown: Vec<_> = ten(&answer).iter().map(|point| point["lines"].clone()).collect();
    assert_eq!(shown, [60, 3]);
    let (_, answer) = ask(&server, "?region=south", Some(TOKEN));
    assert_eq!(ten(&answer)[0]["lines"], 3);
    let (_, answer) = ask(&server, "?region=south", None);
    assert_eq!(ten(&answer)[0]["lines"], Value::Null, "decided over all regions");
    // Any class less one class would tell another: steps of 50.
    let any = |token| ask(&server, "", token).1["any_class"][0]["points"][1]["lines"].clone();
    assert_eq!((any(None), any(Some(TOKEN))), (json!(50), json!(63)));
    assert_eq!(ask(&server, "", Some("wrong")).0, 401);
}

#[test]
fn what_cannot_be_asked_is_said() {
    let server = Server::ready();
    for (query, said) in [
        ("?window=2h", "allowed: class, window"),
        ("?from=yesterday", "RFC 3339"),
        ("?by=class", "by (region)"),
        ("?colour=red", "unknown field"),
        ("?class=kettle", "class `kettle` is in no window"),
        ("?region=west", "region `west` is unknown"),
        ("?region=south&by=region", "one of them"),
        ("?from=2026-11-21T10:00:00Z&to=2026-11-21T10:00:00Z", "from before to"),
    ] {
        let (status, answer) = ask(&server, query, None);
        assert_eq!(status, 400, "{query}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(said), "{query}: {answer}");
    }
    // What was asked for is far from what there is, and costs nothing.
    let (status, answer) = ask(&server, "?from=1970-01-01T00:00:00Z&to=9999-01-01T00:00:00Z", None);
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn the_days_of_a_line_need_the_token() {
    let server = Server::ready();
    let path = "/lines/00000000000000000000000000000003";
    assert_eq!(ask(&server, path, None).0, 401);
    let (status, answer) = ask(&server, path, Some(TOKEN));
    assert_eq!(status, 200);
    let class = json!({"class": "amazon-fire-tv", "level": "product", "region": "north",
        "day": false, "hours": [10], "in_use_hours": [10], "confidence": 0.9999});
    let days = json!([{"day": "2026-11-21", "classes": [class]}]);
    assert_eq!(answer, json!({"v": 1, "line": "00000000000000000000000000000003", "days": days}));
    assert_eq!(ask(&server, "/lines/192.0.2.1", Some(TOKEN)).0, 400);
    assert_eq!(ask(&server, "/lines/000000000000000000000000000000ff", Some(TOKEN)).0, 404);
    server.api.current.set_token(None);
    assert_eq!(ask(&server, path, Some(TOKEN)).0, 403);
}

#[test]
fn without_a_history_it_is_said_how_to_get_one() {
    let server = Server::without_history();
    let (status, answer) = ask(&server, "", None);
    assert_eq!(status, 404);
    assert!(answer["error"].as_str().unwrap().contains("`history` is off"), "{answer}");
}
