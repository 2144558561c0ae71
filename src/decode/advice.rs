//! What is wrong with an exporter, and what mends it.
//!
//! One [`Advice`] a thing to mend: what was found, what to do, the lines of
//! router configuration that do it and, where Hayrake's own configuration can
//! stand in, the setting. Numbers in it grow from look to look; `kind` stays.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use super::exporter::Exporter;
use super::mend::{self, RouterLines};
use super::report::ExporterReport;

/// A clock further off than this is worth a sentence, in milliseconds.
const NOTABLE_SKEW: i64 = 60_000;
/// Sampler ids named in one sentence.
const IDS_SAID: usize = 8;

/// What an advice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdviceKind {
    /// Flows name a sampler that no options record describes.
    SamplerTable,
    /// Nobody told the sampling rate.
    SamplingUnknown,
    /// Options about sampling tell no count rate.
    SamplingAmbiguous,
    /// A rate that no router has.
    SamplingImplausible,
    /// A rate in the wrong byte order.
    SamplingReversed,
    /// Samplers changed their rate.
    SamplingChanged,
    /// Data waits for its template.
    TemplateMissing,
    /// Source ports send one template id with different layouts.
    SharedAddress,
    /// The address is that of a bridge or a translator.
    RewrittenAddress,
    /// The clock is off.
    Clock,
    /// Export packets were lost.
    Lost,
    /// Flows ended at impossible times.
    Times,
    /// Flows had impossible counters.
    Counters,
    /// Something could not be read.
    Unreadable,
}

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Advice {
    /// What it is about; a word for programs.
    pub kind: AdviceKind,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub mend: String,
    /// The lines that do it, by system; empty where none would.
    #[schema(value_type = Vec<RouterLines>)]
    pub routers: &'static [RouterLines],
    /// What to write under `exporters` in Hayrake's configuration where that
    /// helps until the router is mended; `RATE` is to be replaced.
    pub setting: Option<String>,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.found, self.mend)?;
        match &self.setting {
            Some(setting) => write!(f, ", or set exporters.{setting}"),
            None => Ok(()),
        }
    }
}

impl Advice {
    fn new(kind: AdviceKind, found: String, mend: &str, routers: &'static [RouterLines]) -> Self {
        Self { kind, found, mend: mend.to_owned(), routers, setting: None }
    }

    fn or_set(mut self, setting: String) -> Self {
        self.setting = Some(setting);
        self
    }

    /// Advice for exporters that all come from one bridge's address.
    pub fn rewritten(address: &str) -> Self {
        Self::new(
            AdviceKind::RewrittenAddress,
            format!(
                "every exporter has the address {address}, which is what a container's bridge makes of all of them"
            ),
            "let the collector see the routers' own addresses (host networking)",
            mend::OWN_SOURCE,
        )
    }
}

/// One advice for each thing to mend.
pub(super) fn of(exporter: &Exporter, report: &ExporterReport) -> Vec<Advice> {
    let mut advice = Vec::new();
    sampling(exporter, report, &mut advice);
    if report.queued > 0 {
        let ids: Vec<String> =
            report.unknown_sets.iter().map(|set| set.template.to_string()).collect();
        let (sets, ids) = (report.queued, ids.join(", "));
        advice.push(Advice::new(
            AdviceKind::TemplateMissing,
            format!("{sets} sets wait for a template (ids seen without one: {ids})"),
            "lower the router's template refresh interval (one minute is fine)",
            mend::SEND_TEMPLATES,
        ));
    }
    if report.disputed_templates > 0 {
        let disputed = report.disputed_templates;
        advice.push(Advice::new(
            AdviceKind::SharedAddress,
            format!(
                "{disputed} template ids come from several source ports with different layouts"
            ),
            "several exporters share this address: give each a source address of its own and leave out address translation between them and the collector",
            mend::OWN_SOURCE,
        ));
    }
    if let Some(skew) = report.skew_ms.filter(|skew| skew.abs() >= NOTABLE_SKEW) {
        let (word, seconds) = (if skew > 0 { "ahead" } else { "behind" }, skew.abs() / 1_000);
        advice.push(Advice::new(
            AdviceKind::Clock,
            format!("its clock is {seconds} s {word} of ours"),
            "set up NTP on it",
            mend::SET_CLOCK,
        ));
    }
    for sequence in report.sequence.iter().filter(|sequence| sequence.lost > 0) {
        let (lost, format, unit) = (sequence.lost, sequence.format, sequence.unit);
        advice.push(Advice::new(
            AdviceKind::Lost,
            format!("{lost} {format} {unit} were lost on the way"),
            "look for drops on the path and at our socket buffer",
            mend::MORE_ROOM,
        ));
    }
    content(exporter, report, &mut advice);
    advice
}

/// What is to be said about rates.
fn sampling(exporter: &Exporter, report: &ExporterReport, advice: &mut Vec<Advice>) {
    let address = exporter.id.address;
    let setting = || format!("default_sampling: {{\"{address}/{}\": RATE}}", address_bits(address));
    let missing = exporter.missing_samplers();
    if !missing.is_empty() {
        let ids: Vec<String> = missing.iter().take(IDS_SAID).map(u64::to_string).collect();
        let (ids, more) = (ids.join(", "), missing.len().saturating_sub(IDS_SAID));
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        advice.push(
            Advice::new(
                AdviceKind::SamplerTable,
                format!(
                    "flows name sampler {ids}{more} (field 48 or 302) but no options record describes it"
                ),
                "export the sampler table (IOS-XR `options sampler-table`, IOS-XE `option sampler-table`)",
                mend::TELL_SAMPLING,
            )
            .or_set(setting()),
        );
    } else if report.unknown_sampling > 0 {
        advice.push(
            Advice::new(
                AdviceKind::SamplingUnknown,
                format!("the sampling rate of {} flows is unknown", report.unknown_sampling),
                "export sampling options",
                mend::TELL_SAMPLING,
            )
            .or_set(setting()),
        );
    }
    if exporter.ambiguous_sampling > 0 {
        advice.push(
            Advice::new(
                AdviceKind::SamplingAmbiguous,
                "sampling options came that do not tell a count rate (selector algorithm by \
                 time, or samplingPacketInterval 1 without samplingPacketSpace or \
                 samplingPopulation)"
                    .to_owned(),
                "sample by a count of packets",
                mend::SAMPLE_BY_COUNT,
            )
            .or_set(setting()),
        );
    }
    if exporter.implausible_sampling > 0 {
        advice.push(Advice::new(
            AdviceKind::SamplingImplausible,
            "sampling options came with a rate that no router has, which was not used".to_owned(),
            "check the length of the sampling field in the options template, or update the firmware",
            &[],
        ));
    }
    if exporter.reversed_sampling > 0 {
        advice.push(Advice::new(
            AdviceKind::SamplingReversed,
            "the sampling rate comes in little-endian byte order and was read that way".to_owned(),
            "update the router's software",
            &[],
        ));
    }
    if exporter.sampling_changes > 0 {
        advice.push(Advice::new(
            AdviceKind::SamplingChanged,
            format!("samplers changed their rate {} times", exporter.sampling_changes),
            "several exporters may share this address, or several interfaces one sampler id",
            mend::OWN_SOURCE,
        ));
    }
}

/// What is to be said about what records hold.
fn content(exporter: &Exporter, report: &ExporterReport, advice: &mut Vec<Advice>) {
    if exporter.implausible_time > 0 {
        let flows = exporter.implausible_time;
        advice.push(Advice::new(
            AdviceKind::Times,
            format!("{flows} flows ended at impossible times"),
            "they were placed by receive time; check the router's clock and software",
            mend::SET_CLOCK,
        ));
    }
    if exporter.implausible_counters > 0 {
        let flows = exporter.implausible_counters;
        advice.push(Advice::new(
            AdviceKind::Counters,
            format!("{flows} flows had more bytes or packets than possible, which were cut"),
            "check the router's software",
            &[],
        ));
    }
    if report.rejected > 0 {
        advice.push(Advice::new(
            AdviceKind::Unreadable,
            format!("{} records or sets could not be read", report.rejected),
            "the problems listed by `hayrake inspect` and in the log say where",
            &[],
        ));
    }
}

fn address_bits(address: std::net::IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
