//! Keeps `dashboards/` and `deploy/prometheus/` honest without Grafana and without
//! Prometheus: every metric that is asked for exists, every panel says what it
//! means, every alert is explained and tested, and the JSON has the shape that
//! Grafana 11 reads. Whether queries work is for `tests/real/grafana.sh`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The panels we use, of those that come with Grafana.
const PANELS: [&str; 5] = ["row", "stat", "timeseries", "bargauge", "table"];
/// Units of Grafana that we use.
const UNITS: [&str; 5] = ["short", "percentunit", "s", "bytes", "dateTimeAsIso"];

fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == end))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{folder} holds no .{end}");
    found
}

fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn dashboards() -> Vec<(String, Value)> {
    let read = |path: PathBuf| {
        let value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        (name(&path), value)
    };
    files("dashboards", "json").into_iter().map(read).collect()
}

/// Rules of all files: alerts and recordings.
fn rules() -> Vec<Value> {
    let groups = |path: PathBuf| list(&yaml(&path), "groups").to_vec();
    files("deploy/prometheus/rules", "yaml")
        .into_iter()
        .flat_map(groups)
        .flat_map(|group| list(&group, "rules").to_vec())
        .collect()
}

fn alerts() -> Vec<Value> {
    rules().into_iter().filter(|rule| !rule["alert"].is_null()).collect()
}

/// Words of a query that are metrics of ours or of the process, or recordings.
fn metrics_of(expr: &str) -> impl Iterator<Item = &str> {
    expr.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).filter(|word| {
        word.starts_with("hayrake_") || word.starts_with("process_") || word.contains(":hayrake")
    })
}

#[test]
fn every_metric_that_is_asked_for_exists() {
    let reference = hayrake::metrics::Metrics::new().unwrap().reference();
    let declared = reference.split('`');
    let mut known: BTreeSet<String> = declared.skip(1).step_by(2).map(str::to_owned).collect();
    known.extend(rules().iter().map(|rule| text(rule, "record").to_owned()));
    let mut asked = 0;
    let mut wrong = BTreeSet::new();
    let mut look = |place: &str, expr: &str| {
        for metric in metrics_of(expr) {
            asked += 1;
            if !known.contains(metric) {
                wrong.insert(format!("{place}: no metric `{metric}`"));
            }
        }
    };
    for (file, dashboard) in dashboards() {
        for panel in list(&dashboard, "panels") {
            for target in list(panel, "targets") {
                look(&file, text(target, "expr"));
            }
        }
        for variable in list(&dashboard["templating"], "list") {
            look(&file, text(&variable["query"], "query"));
        }
    }
    for rule in rules() {
        look("rules", text(&rule, "expr"));
    }
    for path in files("deploy/prometheus/tests", "yaml") {
        for test in list(&yaml(&path), "tests") {
            for series in list(test, "input_series") {
                look(&name(&path), text(series, "series"));
            }
        }
    }
    assert!(asked > 200, "the queries were found");
    assert!(wrong.is_empty(), "{}", Vec::from_iter(wrong).join("\n"));
}

/// What is wrong with the shape of one panel.
fn problems_of(panel: &Value, variables: &BTreeSet<&str>) -> Vec<String> {
    let mut wrong = Vec::new();
    let kind = text(panel, "type");
    if !PANELS.contains(&kind) {
        wrong.push(format!("panel type `{kind}`, allowed are {PANELS:?}"));
    }
    if text(panel, "title").is_empty() {
        wrong.push("no title".to_owned());
    }
    if kind == "row" {
        return wrong;
    }
    if text(panel, "description").split(' ').count() < 8 {
        wrong.push("no description that says what it means".to_owned());
    }
    let unit = text(&panel["fieldConfig"]["defaults"], "unit");
    if !UNITS.contains(&unit) {
        wrong.push(format!("unit `{unit}`, allowed are {UNITS:?}"));
    }
    if !panel["options"].is_object() || list(panel, "targets").is_empty() {
        wrong.push("no options or no query".to_owned());
    }
    let mut names = BTreeSet::new();
    for target in list(panel, "targets") {
        let expr = text(target, "expr");
        for of in [panel, target] {
            if text(&of["datasource"], "uid") != "${datasource}" {
                wrong.push("its data source is not the variable".to_owned());
            }
        }
        if expr.is_empty() || !names.insert(text(target, "refId")) {
            wrong.push("a query is empty, or its refId is used twice".to_owned());
        }
        // Every page is narrowed to the services chosen; alerts have no instance.
        if !expr.contains("instance=~\"$instance\"") && !expr.contains("ALERTS") {
            wrong.push(format!("not narrowed to $instance: {expr}"));
        }
        for used in expr.split('$').skip(1) {
            let word: String =
                used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let is_replacement = word.chars().all(|c| c.is_ascii_digit());
            if !is_replacement && word != "__rate_interval" && !variables.contains(&*word) {
                wrong.push(format!("the variable ${word} is not declared"));
            }
        }
    }
    wrong
}

/// The square that a panel takes: left, top, right, bottom.
fn square(panel: &Value) -> [i64; 4] {
    let at = |key: &str| panel["gridPos"][key].as_i64().unwrap();
    [at("x"), at("y"), at("x") + at("w"), at("y") + at("h")]
}

fn overlap(a: &Value, b: &Value) -> bool {
    let (a, b) = (square(a), square(b));
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

#[test]
fn dashboards_have_the_shape_that_grafana_reads() {
    let all = dashboards();
    let uids: BTreeSet<_> = all.iter().map(|(_, dashboard)| text(dashboard, "uid")).collect();
    assert_eq!(uids.len(), all.len(), "a uid is used twice");
    let mut wrong = Vec::new();
    for (file, dashboard) in &all {
        assert_eq!(text(dashboard, "uid"), format!("hayrake-{}", file.trim_end_matches(".json")));
        assert!(dashboard["schemaVersion"].as_i64().unwrap() >= 39, "{file}");
        assert!(dashboard["time"]["from"].is_string() && dashboard["refresh"].is_string());
        assert!(text(dashboard, "title").starts_with("Hayrake: "), "{file}");
        assert!(!text(dashboard, "description").is_empty(), "{file}");
        let variables = list(&dashboard["templating"], "list");
        assert_eq!(text(&variables[0], "type"), "datasource", "{file}");
        assert_eq!(text(&variables[0], "query"), "prometheus", "{file}");
        let declared: BTreeSet<_> = variables.iter().map(|of| text(of, "name")).collect();
        assert_eq!(declared.len(), variables.len(), "{file}: a variable twice");
        let panels = list(dashboard, "panels");
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{file}: an id is used twice");
        for (place, panel) in panels.iter().enumerate() {
            let title = text(panel, "title");
            let problems = problems_of(panel, &declared);
            wrong.extend(problems.into_iter().map(|what| format!("{file}: {title}: {what}")));
            let [left, top, right, bottom] = square(panel);
            if left < 0 || top < 0 || right > 24 || left >= right || top >= bottom {
                wrong.push(format!("{file}: {title}: outside of the grid"));
            }
            for other in &panels[place + 1..] {
                if overlap(panel, other) {
                    wrong.push(format!("{file}: {title} lies over {}", text(other, "title")));
                }
            }
        }
        for link in dashboard.to_string().split("/d/").skip(1) {
            let uid = link.split(['?', '"']).next().unwrap();
            if !uids.contains(uid) {
                wrong.push(format!("{file}: a link leads to {uid}, which is no dashboard"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_shape_test_sees_what_is_wrong() {
    let (_, dashboard) = dashboards().remove(0);
    let panels = list(&dashboard, "panels");
    let good = panels.iter().find(|panel| text(panel, "type") == "stat").unwrap();
    let declared = list(&dashboard["templating"], "list").iter().map(|of| text(of, "name"));
    let declared: BTreeSet<_> = declared.collect();
    assert_eq!(problems_of(good, &declared), Vec::<String>::new());
    for (path, value) in [
        ("/type", "nosuchpanel"),
        ("/description", "Short."),
        ("/fieldConfig/defaults/unit", "furlongs"),
        ("/datasource/uid", "prometheus"),
        ("/targets/0/expr", "sum(hayrake_lines)"),
        ("/targets/0/expr", "hayrake_lines{instance=~\"$instance\", class=\"$nobody\"}"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = value.into();
        assert!(!problems_of(&bad, &declared).is_empty(), "{path} {value}");
    }
    assert!(overlap(good, good) && !overlap(good, &panels[panels.len() - 1]));
}

#[test]
fn dashboards_are_as_they_are_made() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: python3 is not installed");
        return;
    }
    let made = Command::new("python3")
        .args(["-B", "-m", "make", "--check"])
        .current_dir(Path::new(ROOT).join("dashboards"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn every_alert_is_explained() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/alerts.md")).unwrap();
    let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let alerts = alerts();
    let names: Vec<_> = alerts.iter().map(|alert| text(alert, "alert")).collect();
    assert_eq!(headings, names, "docs/alerts.md has every alert, in the order of the rules");
    for alert in &alerts {
        let (name, annotations) = (text(alert, "alert"), &alert["annotations"]);
        assert!(!text(annotations, "summary").is_empty(), "{name} has no summary");
        assert!(text(annotations, "description").ends_with('.'), "{name} has no description");
        let anchor = format!("docs/alerts.md#{}", name.to_lowercase());
        assert_eq!(text(annotations, "runbook"), anchor);
        let severity = text(&alert["labels"], "severity");
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
    }
    let sections = page.split("\n### ").skip(1);
    for section in sections {
        let name = section.lines().next().unwrap();
        assert!(section.contains("\n- See: ") && section.contains("\n- Do: "), "{name}");
    }
}

/// Whether a selector of `ALERTS` takes in the alert `name`.
fn takes_in(expr: &str, name: &str) -> bool {
    let operand = |operator: &str| {
        let (_, rest) = expr.split_once(&format!("alertname{operator}\""))?;
        Some(rest.split('"').next().unwrap().split('|').any(|word| word == name))
    };
    expr.contains("ALERTS")
        && operand("=").is_none_or(|named| named)
        && operand("!=").is_none_or(|named| !named)
        && operand("!~").is_none_or(|named| !named)
}

#[test]
fn every_alert_has_a_firing_and_a_quiet_case() {
    let names: Vec<_> = alerts().iter().map(|alert| text(alert, "alert").to_owned()).collect();
    // By alert: fires somewhere; is quiet in a test of the same file.
    let mut cases: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for path in files("deploy/prometheus/tests", "yaml") {
        let file = yaml(&path);
        for name in &names {
            let (mut fires, mut quiet) = (false, false);
            for test in list(&file, "tests") {
                for case in list(test, "alert_rule_test") {
                    if text(case, "alertname") == name {
                        let expected = list(case, "exp_alerts");
                        fires |= !expected.is_empty();
                        quiet |= expected.is_empty();
                    }
                }
                for case in list(test, "promql_expr_test") {
                    let (expr, expected) = (text(case, "expr"), list(case, "exp_samples"));
                    let alone = expr.contains(&format!("alertname=\"{name}\""));
                    let named = |of: &Value| {
                        alone || text(of, "labels").contains(&format!("alertname=\"{name}\""))
                    };
                    fires |= takes_in(expr, name) && expected.iter().any(named);
                    quiet |= takes_in(expr, name) && expected.is_empty();
                }
            }
            let known = cases.entry(name).or_default();
            known.0 |= fires;
            known.1 |= fires && quiet;
        }
    }
    let missing: Vec<_> = cases.iter().filter(|(_, case)| **case != (true, true)).collect();
    assert!(missing.is_empty(), "(fires, quiet): {missing:?}");
    assert!(takes_in("ALERTS{alertname!~\"A|B\"}", "C"));
    assert!(
        !takes_in("ALERTS{alertname!~\"A|B\"}", "B") && !takes_in("ALERTS{alertname=\"A\"}", "B")
    );
}

#[test]
fn provisioning_fits_together() {
    let file = |path: &str| yaml(&Path::new(ROOT).join(path));
    let prometheus = file("deploy/prometheus/prometheus.yml");
    assert_eq!(text(&prometheus["scrape_configs"][0], "job_name"), "hayrake");
    let source = &file("dashboards/provisioning/datasources/prometheus.yaml")["datasources"][0];
    assert_eq!(text(source, "type"), "prometheus");
    let interval = text(&source["jsonData"], "timeInterval");
    assert_eq!(interval, text(&prometheus["global"], "scrape_interval"), "rates need it");
    let provider = &file("dashboards/provisioning/dashboards/hayrake.yaml")["providers"][0];
    assert_eq!(text(provider, "type"), "file");
    assert!(text(&provider["options"], "path").starts_with('/'));
}
