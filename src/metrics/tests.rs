//! That every metric is declared once, and that the reference is current.

use super::*;

#[test]
fn every_metric_is_declared_once_and_fully() {
    let metrics = Metrics::new().unwrap();
    for row in &metrics.declared {
        assert!(row.name.starts_with("hayrake_"), "{}", row.name);
        assert_eq!(row.name.ends_with("_total"), row.kind == "counter", "{}", row.name);
        assert!(!row.unit.is_empty() && !row.help.is_empty(), "{}", row.name);
        assert!(!row.labels.contains(&"line"), "{}", row.name);
    }
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
