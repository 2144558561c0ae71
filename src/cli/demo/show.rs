//! What the demonstration prints.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use super::visit::Visit;
use crate::metrics::Metrics;
use crate::model::rules::ClassRule;
use crate::publish::view::Current;
use crate::service::Service;
use crate::service::clock::Stopwatch;
use crate::simulate::board::{Board, BoardRow, table};

/// What was sent.
#[derive(Default)]
pub(super) struct Traffic {
    /// Datagrams.
    pub(super) sent: u64,
    /// The most by which one left late, simulated time.
    pub(super) behind: Duration,
}

/// The printed side of the demonstration.
pub(super) struct Shown {
    current: Arc<Current>,
    metrics: Metrics,
    listeners: Vec<String>,
    json: bool,
    since_start: Stopwatch,
    heading: String,
    visit: Visit,
}

impl Shown {
    /// Says where the console and the API are.
    pub(super) fn new(service: &Service, json: bool, since_start: Stopwatch, visit: Visit) -> Self {
        let heading = visit.heading(service.http_address());
        if !json {
            println!("{heading}\nThe first hour window closes in about twelve seconds.");
        }
        Self {
            current: Arc::clone(service.current()),
            metrics: service.metrics().clone(),
            listeners: service.udp_addresses().iter().map(ToString::to_string).collect(),
            json,
            since_start,
            heading,
            visit,
        }
    }

    /// Shows the board after an hour window has closed.
    pub(super) fn hour(&mut self, board: &Board) {
        let home = self.visit.home(&self.current);
        self.heading.extend(home.clone());
        let rows = self.rows(board);
        if self.json {
            println!("{}", serde_json::json!({ "hour": board.last_hour(), "rows": rows }));
            return;
        }
        if io::stdout().is_terminal() {
            // Clear the screen and begin at its top.
            println!("\x1b[2J\x1b[H{}", self.heading);
        } else if let Some(home) = home {
            println!("{home}");
        }
        if let Some(hour) = board.last_hour() {
            let seconds = self.since_start.elapsed().as_secs_f64();
            println!("hour from {hour}, {seconds:.1} s after the start\n");
        }
        println!("{}", table(&rows));
    }

    /// Shows the board a last time, and what it comes to.
    pub(super) fn end(&mut self, board: &Board, traffic: &Traffic) {
        let received: u64 = self
            .listeners
            .iter()
            .map(|label| self.metrics.datagrams_received.with_label_values(&[label]).get())
            .sum();
        let rows = self.rows(board);
        if self.json {
            let hour = board.last_hour();
            let late = traffic.behind.as_secs_f64();
            let datagrams = serde_json::json!({
                "sent": traffic.sent, "received": received, "latest_seconds_late": late
            });
            let all = serde_json::json!({ "hour": hour, "rows": rows, "datagrams": datagrams });
            println!("{all}");
            return;
        }
        self.hour(board);
        let Some((all, classes)) = rows.split_last() else { return };
        let percent = |share: Option<f64>| {
            share.map_or_else(|| "none".to_owned(), |share| format!("{:.2} %", share * 100.0))
        };
        println!(
            "whole run: precision {}, recall {} ({} lines with a claim, {} with a wrong one, {} to be found)",
            percent(all.so_far.precision),
            percent(all.so_far.recall),
            all.so_far.claimed,
            all.so_far.wrong,
            all.so_far.lines
        );
        let hidden: Vec<&str> =
            classes.iter().filter(|row| row.groups == 0).map(|row| &*row.class).collect();
        if !hidden.is_empty() {
            println!(
                "not detectable, since all their servers share addresses with others: {}",
                hidden.join(", ")
            );
        }
        println!(
            "datagrams: {} sent, {received} received; the latest left {:.0} simulated seconds late",
            traffic.sent,
            traffic.behind.as_secs_f64()
        );
    }

    fn rows(&self, board: &Board) -> Vec<BoardRow> {
        let facts = self.current.facts();
        let classes = || facts.iter().flat_map(|facts| facts.rules.classes());
        board.rows(&|class| {
            classes().find(|rule| &*rule.class == class).map_or(0, ClassRule::monitored)
        })
    }
}
