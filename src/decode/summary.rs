//! A short table of exporters for people who watch: one line each and below it
//! what to mend. `inspect --listen` shows it again and again.

use std::fmt::Write as _;

use hashbrown::HashMap;

use super::ExporterReport;
use crate::model::time::Timestamp;

/// Exporters shown; those that need mending first, then the busiest.
const SHOWN: usize = 30;
/// Things to mend shown below the table.
const ADVICE_SHOWN: usize = 8;

/// Makes summaries, each with what came since the one before.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Datagrams and flow records of each exporter at the last look.
    before: HashMap<String, (u64, u64)>,
    at: Option<Timestamp>,
}

impl Summary {
    /// The table of what is known `now`.
    pub fn table(&mut self, mut reports: Vec<ExporterReport>, now: Timestamp) -> String {
        let seconds = self.at.replace(now).map(|then| now.since(then).as_secs_f64());
        let before = std::mem::take(&mut self.before);
        let total = reports.len();
        for report in &reports {
            let totals = (report.datagrams, report.flow_records);
            self.before.insert(report.exporter.clone(), totals);
        }
        reports.sort_by_key(|report| {
            let came = before.get(&report.exporter).map_or(0, |totals| totals.0);
            let new = report.datagrams.saturating_sub(came);
            (report.advice.is_empty(), std::cmp::Reverse(new), report.exporter.clone())
        });
        let mut text = format!(
            "{:<28}{:<12}{:>9}{:>11}{:>6}  {:<24}{:>8}{:>9}{:>8}{:>7}\n",
            "exporter",
            "format",
            "dgrams/s",
            "records/s",
            "tmpl",
            "sampling",
            "lost",
            "skew",
            "waiting",
            "silent"
        );
        for report in reports.iter().take(SHOWN) {
            let then = before.get(&report.exporter).copied();
            row(&mut text, report, then.zip(seconds), now);
        }
        if total > SHOWN {
            let _ = writeln!(text, "... and {} more", total - SHOWN);
        }
        let mut advice = reports
            .iter()
            .flat_map(|report| report.advice.iter().map(|advice| (&report.exporter, advice)));
        for (exporter, advice) in advice.by_ref().take(ADVICE_SHOWN) {
            let _ = writeln!(text, "\n{exporter} -> {advice}");
            for router in advice.routers {
                let lines = router.lines.join("; ");
                let _ = writeln!(text, "    {}: {lines}", router.system);
            }
        }
        let more = advice.count();
        if more > 0 {
            let _ =
                writeln!(text, "\n... and {more} more things to mend, in the report at the end");
        }
        text
    }
}

fn row(
    text: &mut String,
    report: &ExporterReport,
    before: Option<((u64, u64), f64)>,
    now: Timestamp,
) {
    let formats: Vec<_> = report.formats.iter().map(|format| format.as_str()).collect();
    let pace = |total: u64, of: fn((u64, u64)) -> u64| match before {
        #[expect(clippy::cast_precision_loss, reason = "a pace, shown to people")]
        Some((then, seconds)) if seconds > 0.0 => {
            format!("{:.0}", total.saturating_sub(of(then)) as f64 / seconds)
        }
        _ => "-".to_owned(),
    };
    let lost: u64 = report.sequence.iter().map(|sequence| sequence.lost).sum();
    let skew = report.skew_ms.map_or_else(|| "-".to_owned(), |skew| format!("{skew} ms"));
    let _ = writeln!(
        text,
        "{:<28}{:<12}{:>9}{:>11}{:>6}  {:<24}{:>8}{:>9}{:>8}{:>7}",
        report.exporter,
        formats.join(","),
        pace(report.datagrams, |then| then.0),
        pace(report.flow_records, |then| then.1),
        report.templates_held,
        sampling(report),
        lost,
        skew,
        report.queued,
        format!("{} s", now.since(report.last_seen).as_secs()),
    );
}

/// The commonest rate and what told it.
fn sampling(report: &ExporterReport) -> String {
    let most = report.sampling.iter().max_by_key(|rate| rate.flows);
    match most {
        Some(rate) if rate.flows >= report.unknown_sampling => {
            let more = report.sampling.len() - 1;
            let more = if more > 0 { format!(", {more} more") } else { String::new() };
            format!("1:{} ({}{more})", rate.rate, rate.source)
        }
        None if report.unknown_sampling == 0 => "-".to_owned(),
        _ => "unknown".to_owned(),
    }
}
