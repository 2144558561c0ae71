//! The service inside a program, with a clock that is sped up: windows close
//! while one watches, and counts, metrics and the observer agree.

mod support;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use hayrake::config::load;
use hayrake::model::detection::Detection;
use hayrake::model::time::{Timestamp, Window};
use hayrake::service::clock::Clock;
use hayrake::service::{OpenWindows, Options, Service};
use support::{CLASS, Exporter, KETTLE, Site, eventually, get, line, metric, now};

#[test]
fn windows_close_by_the_clock_and_are_counted() {
    let site = Site::new();
    site.configure("k: 3\nlateness: 1m\n");
    // 15 minutes before the full hour and 720 times as fast: the hour is over
    // in a second and a quarter, and the next one takes five.
    let hour = Window::Hour.start(Timestamp::from_secs(now()));
    let from = hour.plus(std::time::Duration::from_secs(45 * 60));
    let clock = Clock::sped_up(from, NonZeroU32::new(720).unwrap());
    let seen: Arc<Mutex<Vec<Detection>>> = Arc::default();
    let observer = {
        let seen = seen.clone();
        Arc::new(move |detections: &[Detection]| seen.lock().unwrap().extend_from_slice(detections))
    };
    let windows = OpenWindows::Close;
    let options = Options { clock, config_path: None, observer: Some(observer), windows };
    let config = load(&site.path("hayrake.yaml")).unwrap();
    let service = Service::start(config, options).unwrap();
    let http = service.http_address();
    let mut exporter = Exporter::new(service.udp_addresses()[0]);
    exporter.send_template();
    exporter.send_flows(&[1, 2, 3, 4].map(line), &KETTLE);

    eventually("an hour with detections is complete", || {
        let hour = service.current().complete(Window::Hour);
        hour.is_some_and(|hour| hour.lines.values().sum::<u64>() == 4)
    });
    let series = format!(
        "hayrake_lines{{class=\"{CLASS}\",level=\"product\",region=\"north\",window=\"1h\"}}"
    );
    eventually("the metric shows it", || metric(http, &series) == 4);
    let (_, counts) = get(http, "/api/v1/counts?window=1h", None);
    assert_eq!(counts["counts"][0]["lines"], 4, "{counts}");
    assert_eq!(counts["counts"][0]["class"], CLASS);
    assert_eq!(counts["counts"][0]["region"], "north");
    let hours = |seen: &Mutex<Vec<Detection>>| {
        seen.lock().unwrap().iter().filter(|d| d.window == Window::Hour).count()
    };
    assert_eq!(hours(&seen), 4, "the observer was told");

    // Two lines only: under k, so the count is withheld.
    exporter.send_flows(&[1, 2].map(line), &KETTLE);
    eventually("the next hour with detections is complete", || {
        let hour = service.current().complete(Window::Hour);
        hour.is_some_and(|hour| hour.lines.values().sum::<u64>() == 2) && metric(http, &series) == 0
    });
    let (_, metrics) = get(http, "/metrics", None);
    assert!(!metrics.as_str().unwrap().contains(&series), "absent, not 0");

    service.shutdown().unwrap();
    let days = seen.lock().unwrap().iter().filter(|d| d.window == Window::Day).count();
    assert!(days >= 4, "the open day was closed at the end");
    assert_eq!(site.detections().len(), seen.lock().unwrap().len(), "all were written");
}

/// A clock that goes a day forward and back, as a wrong time server makes it.
#[test]
fn a_clock_that_jumps_stops_no_detection_and_is_said() {
    use std::sync::atomic::{AtomicI64, Ordering};
    const DAY: i64 = 86_400_000;
    const MADE: &str = "hayrake_sightings_total{outcome=\"in_day\"}";
    let site = Site::new();
    site.configure("k: 3\nlateness: 1m\n");
    let by: &'static AtomicI64 = Box::leak(Box::new(AtomicI64::new(0)));
    let (clock, windows) = (Clock::Moved(by), OpenWindows::Close);
    let options = Options { clock, config_path: None, observer: None, windows };
    let service = Service::start(load(&site.path("hayrake.yaml")).unwrap(), options).unwrap();
    let http = service.http_address();
    let mut exporter = Exporter::new(service.udp_addresses()[0]);
    exporter.send_template();
    // Answers come as they do from a resolver, which has the clock of the service.
    let mut seen = 0;
    let mut see = |number: u8| {
        exporter.send_flows(&[line(number)], &KETTLE);
        seen += 2;
        eventually("it is seen", || metric(http, MADE) == seen);
    };
    see(1);
    for (way, millis) in [("back", -DAY), ("forward", 0), ("forward", DAY / 24), ("back", 0)] {
        let name = format!("hayrake_clock_jumps_total{{direction=\"{way}\"}}");
        let before = metric(http, &name);
        by.store(millis, Ordering::Relaxed);
        eventually("the jump is counted", || metric(http, &name) == before + 1);
        let told = format!("s {way} to");
        eventually("it is told", || {
            get(http, "/readyz", None).1["warnings"].to_string().contains(&told)
        });
        assert_eq!(get(http, "/readyz", None).1["ready"], true);
        see(2);
    }
    assert_eq!(metric(http, "hayrake_sightings_total{outcome=\"late_for_day\"}"), 0);
    service.shutdown().unwrap();
    assert!(site.detections().iter().any(|detection| detection["window"] == "24h"));
}
