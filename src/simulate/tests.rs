//! The synthetic ISP as a whole.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;

use super::*;
use crate::signature::{SignatureSet, SourceFile, compile};

/// A small signature set with a hierarchy, a support group, ports, a wildcard
/// and a class of many groups.
pub(super) fn signatures() -> SignatureSet {
    let class = |level: &str, class: &str, extra: &str, groups: &str| SourceFile {
        place: format!("{level}/{class}.yaml"),
        path: format!("{level}/{class}.yaml"),
        bytes: format!(
            "class: {class}\nname: {class}\nlevel: {level}\nvendor: Maker\n{extra}groups:\n{groups}\
             sources: [\"a test\"]\nchecked: 2026-01-01\n"
        )
        .into_bytes(),
    };
    let primary = |names: &str| format!("  - {{names: [{names}], role: primary}}\n");
    let many: String = (0..12).map(|i| primary(&format!("g{i}.product.test"))).collect();
    compile(&[
        class("platform", "alexa-voice", "", &primary("voice.voice.test")),
        class("manufacturer", "amazon-maker", "parent: alexa-voice\n", &many),
        class(
            "product",
            "amazon-fire-tv",
            "parent: amazon-maker\n",
            &(primary("tv.tv.test") + &primary("\"*.edge.tv.test\"")),
        ),
        class(
            "product",
            "lamp",
            "",
            "  - {names: [api.lamp.test], role: primary, ports: [8883/tcp]}\n  \
             - {names: [push.helper.test], role: support}\n",
        ),
    ])
    .unwrap()
}

pub(super) fn settings(lines: u32, hours: u32, sampling: u32, seed: u64) -> Settings {
    Settings {
        lines,
        hours,
        sampling: sampling.try_into().unwrap(),
        seed,
        start: "2026-01-05T00:00:00Z".parse().unwrap(),
        other_packets: OTHER_PACKETS,
    }
}

/// Everything a simulation makes, as bytes.
fn all_bytes(settings: Settings) -> (Vec<u8>, Vec<u8>, Vec<u8>, String) {
    let mut isp = Isp::new(&signatures(), settings).unwrap();
    let mut capture = capture::Capture::new(Vec::new()).unwrap();
    while isp.next_hour(|sent| capture.write(&sent)).unwrap() {}
    let (mut dns, mut csv) = (Vec::new(), Vec::new());
    names::write_cof(isp.names(), &mut dns).unwrap();
    truth::write_csv(isp.truth(), settings.hours, &mut csv).unwrap();
    (capture.into_inner(), dns, csv, configuration(&isp, None))
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let settings = settings(300, 3, 100, 1);
    let first = all_bytes(settings);
    assert_eq!(first, all_bytes(settings));
    let other = all_bytes(Settings { seed: 2, ..settings });
    assert_ne!(first.0, other.0);
    assert_ne!(first.1, other.1);
    assert_ne!(first.2, other.2);
}

#[test]
fn drawing_an_hour_in_parts_changes_nothing() {
    let datagrams = |part: usize| {
        let mut isp = Isp::new(&signatures(), settings(200, 2, 100, 9)).unwrap();
        let mut all = Vec::new();
        loop {
            while part > 0 && isp.prepare(part) {}
            let sink = |sent: Sent<'_>| {
                all.push((sent.at, sent.payload.to_vec()));
                Ok::<(), Infallible>(())
            };
            if !isp.next_hour(sink).unwrap() {
                return all;
            }
        }
    };
    assert_eq!(datagrams(7), datagrams(0));
}

#[test]
fn datagrams_leave_in_the_order_of_time_and_none_before_its_flows() {
    let mut isp = Isp::new(&signatures(), settings(500, 3, 50, 3)).unwrap();
    let mut last = isp.settings().start;
    let mut routers = HashSet::new();
    while isp
        .next_hour(|sent| {
            assert!(sent.at >= last);
            last = sent.at;
            routers.insert(sent.router);
            Ok::<(), Infallible>(())
        })
        .unwrap()
    {}
    assert_eq!(routers.len(), 6, "every router has something to say");
}

#[test]
fn a_line_with_a_class_has_every_class_above_it() {
    let set = signatures();
    let isp = Isp::new(&set, settings(5_000, 1, 100, 4)).unwrap();
    let mut classes: HashMap<String, BTreeMap<String, bool>> = HashMap::new();
    for entry in isp.truth() {
        let known = classes.entry(entry.line_text()).or_default();
        assert_eq!(known.insert(entry.class.to_string(), entry.row.device), None, "one row each");
    }
    let mut deepest = 0;
    for known in classes.values() {
        for class in known.keys() {
            let definition = set.class(class).unwrap();
            if let Some(parent) = &definition.parent {
                assert!(known.contains_key(&**parent), "{class} without {parent}");
            }
        }
        if known.get("amazon-fire-tv") == Some(&true) {
            deepest += 1;
            assert!(known.len() >= 3);
        }
        assert!(known.values().any(|device| *device), "somebody owns something");
    }
    assert!(deepest > 0);
    // One line in five has devices; four standard errors either side.
    let share = classes.len() as f64 / 5_000.0;
    assert!((0.177..0.223).contains(&share), "{share}");
}

/// Thinning keeps means: the same homes at 1:10 and 1:1000 show a hundred
/// times fewer packets, within what Poisson numbers of that size allow.
#[test]
fn sampling_thins_as_poisson_numbers_do() {
    let packets = |sampling| {
        let settings = Settings { other_packets: 0.0, ..settings(2_000, 6, sampling, 5) };
        let mut isp = Isp::new(&signatures(), settings).unwrap();
        while isp.next_hour(|_| Ok::<(), Infallible>(())).unwrap() {}
        isp.truth().map(|entry| entry.row.packets).sum::<u64>() as f64
    };
    let (many, few) = (packets(10), packets(1_000));
    // Which hours a device is used in is drawn anew, so a tenth is allowed on
    // top of four standard errors.
    let expected = many / 100.0;
    let allowed = 4.0 * expected.sqrt() + 0.1 * expected;
    assert!((few - expected).abs() < allowed, "{few} of {expected} expected");
    assert!(few > 1_000.0, "the test has something to count");
}

#[test]
fn the_csv_says_when_packets_were_sampled() {
    let settings = settings(400, 4, 20, 6);
    let (_, _, csv, _) = all_bytes(settings);
    let text = String::from_utf8(csv).unwrap();
    let mut rows = text.lines();
    assert_eq!(
        rows.next().unwrap(),
        "line,region,class,level,device,sampled_packets,first_packet,last_packet,hours"
    );
    let mut sampled = 0;
    for row in rows {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells.len(), 9);
        assert_eq!(cells[8].len(), 4, "a bit for each hour");
        assert_eq!(cells[5] == "0", cells[6].is_empty() && !cells[8].contains('1'));
        sampled += usize::from(cells[5] != "0");
    }
    assert!(sampled > 50);
}

#[test]
fn too_many_lines_are_refused() {
    for lines in [0, MOST_LINES + 1] {
        let refused = Isp::new(&signatures(), settings(lines, 1, 1, 1)).unwrap_err();
        assert_eq!(refused, SimulateError::Lines { found: lines, allowed: MOST_LINES });
    }
}

#[test]
fn some_names_share_addresses_with_strangers_and_some_change_hands() {
    let isp = Isp::new(&signatures(), settings(10, 24, 100, 8)).unwrap();
    let mut names: HashMap<_, HashSet<&str>> = HashMap::new();
    for record in isp.names() {
        if let names::NameData::Address(address) = record.data {
            names.entry(address).or_default().insert(record.name.as_str());
        }
    }
    assert!(names.values().any(|names| names.len() > 10), "a content network's address");
    assert!(isp.names().iter().all(|record| record.from < record.until));
}
