//! That every metric is declared once, and that the reference is current.

use super::*;

#[test]
fn every_metric_is_declared_once_and_fully() {
    let metrics = Metrics::new().unwrap();
    for row in &metrics.declared {
        let own = row.name.starts_with("hayrake_");
        assert!(own || row.name.starts_with("process_"), "{}", row.name);
        assert_eq!(row.name.ends_with("_total"), row.kind == "counter", "{}", row.name);
        assert!(!row.unit.is_empty() && !row.help.is_empty(), "{}", row.name);
        assert!(!row.labels.contains(&"line"), "{}", row.name);
        let ends = |part: &str| row.name.trim_end_matches("_total").ends_with(part);
        if row.unit == "seconds" || row.unit == "bytes" || row.unit == "ratio" {
            assert!(ends(row.unit), "{} does not say that it is in {}", row.name, row.unit);
        }
        let scaled = ["milli", "micro", "kilo", "percent", "minutes", "hours"];
        assert!(!scaled.iter().any(|part| row.name.contains(part)), "{}", row.name);
        assert!(!row.help.ends_with('.'), "{}", row.name);
    }
    let mut names: Vec<_> = metrics.declared.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), metrics.declared.len());
}

/// Whatever the collectors show is in the reference, with its type. Vectors
/// without a value show nothing, so this sees only what has one.
#[test]
fn what_is_shown_is_declared_with_its_type() {
    let metrics = Metrics::new().unwrap();
    let text = metrics.text().unwrap();
    let mut shown = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let row = metrics.declared.iter().find(|row| row.name == name);
        assert_eq!(row.map(|row| row.kind), Some(kind), "{name}");
        shown += 1;
    }
    assert!(shown > 20);
    if cfg!(target_os = "linux") {
        for row in metrics.declared.iter().filter(|row| row.name.starts_with("process_")) {
            assert!(text.contains(&format!("\n{} ", row.name)), "{} is not shown", row.name);
        }
    }
}

#[test]
fn a_withheld_row_is_shown_to_holders_of_the_token_only() {
    let metrics = Metrics::new().unwrap();
    let labels = ["kettle", "product", "1h", "north"];
    let row = |value: u32| {
        format!(
            "hayrake_lines{{class=\"kettle\",level=\"product\",region=\"north\",window=\"1h\"}} {value}\n"
        )
    };
    metrics.lines.lines.set(&labels, 3.0, true);
    metrics.lines.lines.set(&["kettle", "product", "1h", "south"], 30.0, false);
    let (open, all) = (metrics.open_text(5).unwrap(), metrics.text().unwrap());
    assert!(!open.contains(&row(3)) && all.contains(&row(3)));
    assert_eq!(all.matches("# TYPE hayrake_lines gauge").count(), 1);
    // It grows to k: now all see it, once.
    metrics.lines.lines.set(&labels, 5.0, false);
    let (open, all) = (metrics.open_text(5).unwrap(), metrics.text().unwrap());
    assert!(open.contains(&row(5)) && all.contains(&row(5)) && !all.contains(&row(3)));
    metrics.lines.lines.remove(&labels);
    assert!(!metrics.text().unwrap().contains("north"));
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");

#[test]
fn the_reference_is_current() {
    let reference = Metrics::new().unwrap().reference();
    let committed = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        committed == reference,
        "docs/metrics.md differs from src/metrics.rs; write it with\n\
         cargo test --lib metrics::tests::write_the_reference -- --ignored"
    );
}

#[test]
#[ignore = "writes docs/metrics.md"]
fn write_the_reference() {
    std::fs::write(PAGE, Metrics::new().unwrap().reference()).unwrap();
}
