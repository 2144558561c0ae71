//! `hayrake run` as a user runs it: the real binary, real datagrams, HTTP.

mod support;

use std::net::Ipv4Addr;
use std::process::Command;

use support::{CLASS, Exporter, KETTLE, Site, eventually, line};

/// A server that is nobody's endpoint.
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);

#[test]
fn every_datagram_and_record_is_accounted_for() {
    let site = Site::new();
    let hayrake = site.run();
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_template();
    for _ in 0..100 {
        exporter.send_flows(&[line(1), line(2)], &[OTHER, KETTLE[0]]);
    }
    // Five datagrams wait for a template that never comes, three are garbage.
    for _ in 0..5 {
        exporter.send_flows_of(999, &[line(1)], &[OTHER]);
    }
    for _ in 0..3 {
        exporter.send_raw(b"not an export");
    }
    let received = || hayrake.metric_sum("hayrake_datagrams_received_total");
    let outcome =
        |name: &str| hayrake.metric(&format!("hayrake_datagrams_total{{outcome=\"{name}\"}}"));
    eventually("all datagrams are worked off", || {
        received() == 109 && outcome("decoded") + outcome("rejected") == 104
    });
    assert_eq!(outcome("decoded"), 101);
    assert_eq!(outcome("rejected"), 3);
    assert_eq!(outcome("unknown_template"), 0);
    assert_eq!(hayrake.metric("hayrake_datagrams_queued"), 5);
    let records =
        |name: &str| hayrake.metric(&format!("hayrake_records_total{{outcome=\"{name}\"}}"));
    assert_eq!(records("decoded"), 400);
    assert_eq!(records("rejected"), 3);
    assert_eq!(hayrake.metric("hayrake_records_queued"), 5);
    assert_eq!(hayrake.metric("hayrake_records_received_total"), 408);
    assert_eq!(hayrake.metric_sum("hayrake_kernel_drops_total"), 0);
    assert_eq!(hayrake.metric_sum("hayrake_queue_dropped_total"), 0);
    assert_eq!(hayrake.metric("hayrake_flows_total{orientation=\"from_line\"}"), 400);
    assert_eq!(hayrake.metric("hayrake_sightings_total{outcome=\"made\"}"), 200);
    eventually("the exporter is reported with what it lacks", || {
        let (_, answer) = hayrake.get("/api/v1/exporters");
        answer["exporters"][0]["queued"] == 5
    });
    // The template comes: what waited under its id is decoded.
    exporter.send_template_as(999);
    eventually("nothing waits any more", || hayrake.metric("hayrake_datagrams_queued") == 0);
    assert_eq!(received(), 110);
    assert_eq!(outcome("decoded") + outcome("rejected"), 110);
    assert_eq!(hayrake.metric("hayrake_records_received_total"), 408);
    assert_eq!(records("decoded") + records("rejected"), 408);
    eventually("no gap is seen in the sequence", || {
        hayrake.metric("hayrake_sequence_lost_total{exporter=\"127.0.0.1#7\",unit=\"packets\"}")
            == 0
    });
    assert!(hayrake.terminate().success());
}

#[test]
fn in_a_flood_every_datagram_is_received_or_counted_as_lost() {
    let site = Site::new();
    let hayrake = site.run();
    let mut exporter = Exporter::new(hayrake.udp);
    let lines: Vec<_> = (1..=13).map(line).collect();
    exporter.send_template();
    const FLOOD: u64 = 20_000;
    for _ in 0..FLOOD {
        exporter.send_flows(&lines, &[OTHER, KETTLE[0]]);
    }
    // What the kernel dropped it tells with the next datagram it delivers.
    let sum = |name: &str| hayrake.metric_sum(name);
    let done = || {
        sum("hayrake_datagrams_total")
            + sum("hayrake_datagrams_queued")
            + hayrake.metric("hayrake_queue_dropped_total{queue=\"datagrams\"}")
    };
    let (mut sent, mut looks) = (FLOOD + 1, 0);
    eventually("everything received is accounted for", || {
        if looks % 5 == 0 {
            exporter.send_template();
            sent += 1;
        }
        looks += 1;
        let received = sum("hayrake_datagrams_received_total");
        received + sum("hayrake_kernel_drops_total") == sent && done() == received
    });
    let decoded = hayrake.metric("hayrake_datagrams_total{outcome=\"decoded\"}");
    assert!(decoded > 1000, "{decoded} decoded");
    let sightings = |outcome: &str| {
        hayrake.metric(&format!("hayrake_sightings_total{{outcome=\"{outcome}\"}}"))
    };
    eventually("no sighting is lost on the way to its worker", || {
        sightings("made") > 0 && sightings("in_hour") == sightings("made")
    });
}

#[test]
fn an_exporter_that_is_not_allowed_is_rejected_and_counted() {
    let site = Site::new();
    site.configure("exporters: {allow: [192.0.2.0/24]}\n");
    let hayrake = site.run();
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_template();
    exporter.send_flows(&[line(1)], &KETTLE);
    eventually("both are rejected", || {
        hayrake.metric("hayrake_datagrams_total{outcome=\"rejected\"}") == 2
    });
    assert_eq!(hayrake.metric("hayrake_sightings_total{outcome=\"made\"}"), 0);
}

#[test]
fn ending_writes_what_was_received_and_a_line_keeps_its_name() {
    let site = Site::new();
    site.configure("http: {listen: 127.0.0.1:0, token_file: token}\n");
    site.write("token", "correct-horse\n");
    let hayrake = site.run_and_close();
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_template();
    exporter.send_flows(&[line(1)], &KETTLE);
    exporter.send_flows(&[line(2)], &[OTHER]);
    // Told to end at once: what the socket holds is still worked off.
    assert!(hayrake.terminate().success());
    let detections = site.detections();
    let windows: Vec<_> = detections.iter().map(|d| d["window"].as_str().unwrap()).collect();
    assert_eq!(windows, ["1h", "24h"], "one line, one class, both windows: {detections:?}");
    assert!(detections.iter().all(|d| d["class"] == CLASS && d["region"] == "north"));
    assert_eq!(detections[0]["seen"], 2);
    assert_eq!(detections[0]["packets"], 10);
    let name = detections[0]["line"].as_str().unwrap().to_owned();

    let hayrake = site.run();
    let mut exporter = Exporter::new(hayrake.udp);
    let path = format!("/api/v1/lines/{name}");
    exporter.send_template();
    exporter.send_flows(&[line(1)], &KETTLE);
    eventually("the open windows claim the class on the line of that name", || {
        let (status, answer) = hayrake.get_with(&path, "correct-horse");
        // Nothing is claimed before the flows are worked off.
        assert!([200, 404].contains(&status), "{answer}");
        answer["current"].as_array().is_some_and(|current| current.len() == 2)
    });
    assert_eq!(hayrake.get(&path).0, 401);
    assert_eq!(hayrake.get_with(&path, "wrong-horse").0, 401);
}

#[test]
fn single_lines_are_off_without_a_token_file() {
    let site = Site::new();
    let hayrake = site.run();
    let (status, answer) = hayrake.get_with("/api/v1/lines/0", "anything");
    assert_eq!(status, 403);
    assert!(answer["error"].as_str().unwrap().contains("token_file"));
}

#[test]
fn a_running_service_tells_what_it_knows() {
    let site = Site::new();
    let hayrake = site.run();
    let (status, ready) = hayrake.get("/readyz");
    assert_eq!((status, ready["ready"].as_bool()), (200, Some(true)));
    let (_, classes) = hayrake.get("/api/v1/classes");
    assert_eq!(classes["classes"][0]["class"], CLASS);
    assert_eq!(classes["classes"][0]["detectable"], true);
    assert_eq!(classes["classes"][0]["of"], 2);
    let (_, hitlist) = hayrake.get("/api/v1/hitlist");
    assert_eq!(hitlist["endpoints"], 2);
    assert_eq!(hitlist["verdicts"]["dedicated"], 2);
    let (_, signatures) = hayrake.get("/api/v1/signatures");
    assert_eq!(signatures["signatures"][0]["groups"][0]["names"][0], "api.kettle.example");
    let detectable = format!("hayrake_class_detectable{{class=\"{CLASS}\",level=\"product\"}}");
    assert_eq!(hayrake.metric(&detectable), 1);
}

#[test]
fn a_changed_signature_is_taken_and_a_bad_one_is_refused_whole() {
    let site = Site::new();
    let mut hayrake = site.run();
    let required = |hayrake: &support::Hayrake| {
        hayrake.get("/api/v1/classes").1["classes"][0]["required"].as_u64()
    };
    assert_eq!(required(&hayrake), Some(1));
    site.write_signature("1");
    hayrake.signal("-HUP");
    eventually("the new threshold is in force", || required(&hayrake) == Some(2));
    eventually("it is counted", || {
        hayrake.metric("hayrake_reload_total{outcome=\"accepted\"}") == 1
    });

    // Nobody asks for this one: the change itself is seen.
    site.write_signature("9.9");
    let refused = hayrake.wait_for_log("reload refused");
    assert!(refused.contains("test-kettle.yaml:5"), "file and line: {refused}");
    eventually("it is counted", || {
        hayrake.metric("hayrake_reload_total{outcome=\"refused\"}") == 1
    });
    assert_eq!(required(&hayrake), Some(2), "the old one stays in force");
    let (status, ready) = hayrake.get("/readyz");
    assert_eq!(status, 200, "still ready");
    let warning = ready["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("test-kettle.yaml:5"), "{ready}");

    site.write_signature("0.5");
    hayrake.signal("-HUP");
    eventually("mended", || required(&hayrake) == Some(1));
    eventually("no warning is left", || {
        hayrake.get("/readyz").1["warnings"].as_array().unwrap().is_empty()
    });
}

#[test]
fn what_was_refused_is_taken_once_everything_is_there_again() {
    let site = Site::new();
    let hayrake = site.run();
    let required = || hayrake.get("/api/v1/classes").1["classes"][0]["required"].as_u64();
    let refused = || hayrake.metric("hayrake_reload_total{outcome=\"refused\"}");
    let answers = std::fs::read_to_string(site.path("dns.jsonl")).unwrap();
    std::fs::remove_file(site.path("dns.jsonl")).unwrap();
    eventually("the missing file is seen", || refused() == 1);
    site.write_signature("1");
    eventually("nothing is taken while it is missing", || refused() == 2);
    assert_eq!(required(), Some(1));
    // Only the answers change now, but the signature must be taken with them.
    site.write("dns.jsonl", &answers);
    eventually("the new threshold is in force", || required() == Some(2));
}

#[test]
fn a_file_that_only_a_refused_configuration_names_is_followed() {
    let site = Site::new();
    let hayrake = site.run();
    let config = std::fs::read_to_string(site.path("hayrake.yaml")).unwrap();
    site.write("hayrake.yaml", &config.replace("dns.jsonl", "later.jsonl"));
    eventually("the missing file is seen", || {
        hayrake.metric("hayrake_reload_total{outcome=\"refused\"}") == 1
    });
    std::fs::rename(site.path("dns.jsonl"), site.path("later.jsonl")).unwrap();
    eventually("the file that has come is read", || {
        hayrake.metric("hayrake_reload_total{outcome=\"accepted\"}") == 1
    });
}

#[test]
fn a_class_says_why_it_is_not_detectable_and_is_once_answers_come() {
    let site = Site::new();
    let answers = std::fs::read_to_string(site.path("dns.jsonl")).unwrap();
    // Elsewhere, or they would share the kettle's addresses.
    let of_others =
        answers.replace("kettle.example", "other.example").replace("203.0.113.", "203.0.114.");
    site.write("dns.jsonl", &of_others);
    let hayrake = site.run();
    let (_, classes) = hayrake.get("/api/v1/classes");
    let reason = classes["classes"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("2 unresolvable") && reason.contains("api.kettle.example"), "{reason}");
    let (status, ready) = hayrake.get("/readyz");
    assert_eq!(status, 200);
    assert!(ready["warnings"][0].as_str().unwrap().contains("no class can be detected"));

    // Nobody asks for it: the file has grown.
    site.write("dns.jsonl", &format!("{of_others}{answers}"));
    eventually("the class is detectable", || {
        hayrake.get("/api/v1/classes").1["classes"][0]["of"] == 2
    });
    eventually("no warning is left", || {
        hayrake.get("/readyz").1["warnings"].as_array().unwrap().is_empty()
    });
}

#[test]
fn a_class_that_loses_its_last_group_is_counted_told_and_explained() {
    let site = Site::new();
    let mut hayrake = site.run();
    let lost = || format!("hayrake_class_lost_total{{class=\"{CLASS}\"}}");
    assert_eq!(hayrake.metric(&lost()), 0);
    let today = hayrake.get("/api/v1/classes").1["day"].as_str().unwrap().to_owned();

    // A shop moves in with both groups.
    let answers = std::fs::read_to_string(site.path("dns.jsonl")).unwrap();
    let of_a_shop = answers.replace("kettle.example", "shop.example");
    site.write("dns.jsonl", &format!("{answers}{of_a_shop}"));
    hayrake.signal("-HUP");
    let told = hayrake.wait_for_log("class_lost");
    for part in
        [CLASS, "can no longer be detected", "api.kettle.example", "203.0.113.1 also serves"]
    {
        assert!(told.contains(part), "{part} is missing in: {told}");
    }
    eventually("it is counted", || hayrake.metric(&lost()) == 1);
    let class = || hayrake.get("/api/v1/classes").1["classes"][0].clone();
    eventually("the API says why, and until when", || class()["detectable"] == false);
    let reason = class()["reason"].as_str().unwrap().to_owned();
    for part in ["2 shared", "api.shop.example", &format!("could be detected until {today}")] {
        assert!(reason.contains(part), "{part} is missing in: {reason}");
    }
    let detectable = format!("hayrake_class_detectable{{class=\"{CLASS}\",level=\"product\"}}");
    assert_eq!(hayrake.metric(&detectable), 0);

    // The shop moves out: nothing is lost any more, and the count stays.
    site.write("dns.jsonl", &answers);
    hayrake.signal("-HUP");
    eventually("the class is back", || class()["detectable"] == true);
    assert!(class()["reason"].is_null());
    assert_eq!(hayrake.metric(&lost()), 1);
}

#[test]
fn new_prefixes_and_answers_count_from_the_reload_on() {
    let site = Site::new();
    let hayrake = site.run();
    let mut exporter = Exporter::new(hayrake.udp);
    let elsewhere = Ipv4Addr::new(192, 0, 2, 200);
    let moved = Ipv4Addr::new(203, 0, 113, 77);
    let made = || hayrake.metric("hayrake_sightings_total{outcome=\"made\"}");
    exporter.send_template();
    exporter.send_flows(&[elsewhere], &KETTLE);
    exporter.send_flows(&[line(1)], &[moved]);
    eventually("all flows are decoded", || {
        hayrake.metric("hayrake_records_total{outcome=\"decoded\"}") == 3
    });
    assert_eq!(made(), 0);

    let config = std::fs::read_to_string(site.path("hayrake.yaml")).unwrap();
    let more = "prefixes: [{net: 192.0.2.192/26, region: new}, ";
    site.write("hayrake.yaml", &config.replace("prefixes: [", more));
    let answers = std::fs::read_to_string(site.path("dns.jsonl")).unwrap();
    let moved_answer = answers.lines().next().unwrap().replace("203.0.113.1", "203.0.113.77");
    site.write("dns.jsonl", &format!("{answers}{moved_answer}\n"));
    hayrake.signal("-HUP");
    eventually("the reload is taken", || {
        hayrake.metric("hayrake_reload_total{outcome=\"accepted\"}") >= 1
    });
    exporter.send_flows(&[elsewhere], &KETTLE);
    exporter.send_flows(&[line(1)], &[moved]);
    eventually("all three are sightings now", || made() == 3);
}

#[test]
fn a_configuration_that_cannot_be_used_ends_with_every_reason() {
    let site = Site::new();
    site.configure("workers: {front: 0}\nk: many\ncolour: red\n");
    let ended = Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .args(["run", "-c"])
        .arg(site.path("hayrake.yaml"))
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let told = String::from_utf8(ended.stderr).unwrap();
    for wrong in ["front", "k", "colour"] {
        assert!(told.contains(wrong), "{wrong} is not named in:\n{told}");
    }
    assert!(told.matches("hayrake.yaml:").count() >= 3, "{told}");
}
