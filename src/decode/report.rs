//! What is known of an exporter, for people: `inspect` and `/exporters`.

use serde::Serialize;

use crate::model::sampling::Sampling;
use crate::model::time::Timestamp;

use super::exporter::{Exporter, Rated};
use super::fields;
use super::queue::WaitingQueue;
use super::sampling::{RateField, SamplerKey};
use super::template::{Field, Kind, Template};
use super::{Format, Protocol};

/// A clock further off than this is worth a sentence, in milliseconds.
const NOTABLE_SKEW: i64 = 60_000;

/// One exporter and domain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExporterReport {
    /// Address and domain, `192.0.2.1#0`.
    pub exporter: String,
    /// Formats seen.
    pub formats: Vec<Format>,
    /// Datagrams; IPFIX messages where a datagram holds several.
    pub datagrams: u64,
    /// Flow records decoded; a sFlow flow sample is one.
    pub flow_records: u64,
    /// Options records decoded.
    pub option_records: u64,
    /// sFlow flow samples.
    pub sflow_flow_samples: u64,
    /// sFlow counter samples.
    pub sflow_counter_samples: u64,
    /// Records, sets and samples refused.
    pub rejected: u64,
    /// Sets that wait for their template now.
    pub queued: u64,
    /// Template ids of sets that came before their template, with how many.
    pub unknown_sets: Vec<UnknownSet>,
    /// Templates held.
    pub templates: Vec<TemplateReport>,
    /// Flow records per rate.
    pub sampling: Vec<RateReport>,
    /// Flow records whose rate nobody told.
    pub unknown_sampling: u64,
    /// Samplers that options describe.
    pub samplers: Vec<SamplerReport>,
    /// The exporter's clock minus ours, milliseconds; sFlow tells no time.
    pub skew_ms: Option<i64>,
    /// What was lost on the way here, per format.
    pub sequence: Vec<SequenceReport>,
    /// When its last datagram came.
    pub last_seen: Timestamp,
    /// One plain sentence for each thing to mend.
    pub advice: Vec<String>,
}

/// Sets that came without template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownSet {
    /// The template they need.
    pub template: u16,
    /// How many came before it.
    pub sets: u64,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TemplateReport {
    /// Its id.
    pub id: u16,
    /// The format that it is of.
    pub format: Format,
    /// The source port that sent it.
    pub port: u16,
    /// `data` or `options`.
    pub kind: &'static str,
    /// Its fields in order.
    pub fields: Vec<FieldReport>,
}

/// A field of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FieldReport {
    /// Its number.
    pub id: u16,
    /// Its enterprise; zero for the registry's own fields.
    pub enterprise: u32,
    /// Its length in bytes; `None` when it varies.
    pub length: Option<u16>,
    /// The registry's name, empty when we have none.
    pub name: &'static str,
    /// Whether it belongs to the scope of an options template.
    pub scope: bool,
}

/// A rate and the flows that had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RateReport {
    /// Packets for one exported packet.
    pub rate: u32,
    /// `record`, `options`, `header` or `configured`.
    pub source: &'static str,
    /// The field that gave it.
    pub field: Option<RateField>,
    /// Flow records.
    pub flows: u64,
}

/// A sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SamplerReport {
    /// Its id in flow records; `None` when it holds for all of them.
    pub id: Option<u64>,
    /// Packets for one exported packet.
    pub rate: u32,
    /// The field that gave it.
    pub field: RateField,
}

/// What sequence numbers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SequenceReport {
    /// The format.
    pub format: Format,
    /// What is counted: `flows`, `packets`, `records` or `datagrams`.
    pub unit: &'static str,
    /// How many did not come.
    pub lost: u64,
    /// Of these, how many may only be late: their gaps are that recent.
    pub open: u64,
    /// How often the exporter began anew.
    pub restarts: u64,
}

impl Format {
    /// What the sequence numbers of the format count.
    pub const fn sequence_unit(self) -> &'static str {
        match self {
            Self::Netflow5 | Self::Netflow7 => "flows",
            Self::Netflow9 => "packets",
            Self::Ipfix => "records",
            Self::Sflow5 => "datagrams",
        }
    }
}

/// The report of one exporter.
pub(super) fn exporter(exporter: &Exporter, queue: &WaitingQueue) -> ExporterReport {
    let formats = Format::ALL
        .into_iter()
        .zip(exporter.datagrams)
        .filter(|(_, datagrams)| *datagrams > 0)
        .map(|(format, _)| format)
        .collect();
    let mut report = ExporterReport {
        exporter: exporter.id.to_string(),
        formats,
        datagrams: exporter.datagrams.iter().sum(),
        flow_records: exporter.flow_records,
        option_records: exporter.option_records,
        sflow_flow_samples: exporter.sflow_flow_samples,
        sflow_counter_samples: exporter.sflow_counter_samples,
        rejected: exporter.rejected,
        queued: queue.queued_of(exporter.id),
        unknown_sets: exporter
            .unknown_sets
            .iter()
            .map(|(template, sets)| UnknownSet { template: *template, sets: *sets })
            .collect(),
        templates: exporter
            .templates
            .sorted()
            .into_iter()
            .map(|(protocol, port, held)| template(protocol, port, &held))
            .collect(),
        sampling: exporter.rates.iter().filter_map(rate).collect(),
        unknown_sampling: exporter
            .rates
            .iter()
            .filter(|(rated, _)| rated.sampling == Sampling::Unknown)
            .map(|(_, flows)| flows)
            .sum(),
        samplers: exporter
            .samplers
            .sorted()
            .into_iter()
            .map(|(key, sampler)| SamplerReport {
                id: match key {
                    SamplerKey::Id(id) => Some(id),
                    SamplerKey::Scope(_) => None,
                },
                rate: sampler.rate.get(),
                field: sampler.field,
            })
            .collect(),
        skew_ms: exporter.skew_ms,
        sequence: exporter
            .sequences()
            .iter()
            .map(|(format, sequence)| SequenceReport {
                format: *format,
                unit: format.sequence_unit(),
                lost: sequence.missing(),
                open: sequence.open(),
                restarts: sequence.restarts,
            })
            .collect(),
        last_seen: exporter.last_seen,
        advice: Vec::new(),
    };
    report.advice = advice(exporter, &report);
    report
}

fn rate((rated, flows): &(Rated, u64)) -> Option<RateReport> {
    match rated.sampling {
        Sampling::Unknown => None,
        Sampling::Known { rate, source } => Some(RateReport {
            rate: rate.get(),
            source: source.as_str(),
            field: rated.field,
            flows: *flows,
        }),
    }
}

fn template(protocol: Protocol, port: u16, template: &Template) -> TemplateReport {
    TemplateReport {
        id: template.id,
        format: protocol.into(),
        port,
        kind: match template.kind {
            Kind::Data => "data",
            Kind::Options => "options",
        },
        fields: template.fields.iter().map(|held| field(protocol, held)).collect(),
    }
}

fn field(protocol: Protocol, field: &Field) -> FieldReport {
    FieldReport {
        id: field.id,
        enterprise: field.enterprise,
        length: field.fixed_length(),
        name: match (protocol, field.is_scope, field.enterprise) {
            (Protocol::Netflow9, true, _) => fields::v9_scope_name(field.id),
            (_, _, 0) => fields::name(field.id),
            _ => "",
        },
        scope: field.is_scope,
    }
}

/// One sentence for each thing to mend.
fn advice(exporter: &Exporter, report: &ExporterReport) -> Vec<String> {
    let mut advice = Vec::new();
    let missing = exporter.missing_samplers();
    if !missing.is_empty() {
        let ids: Vec<String> = missing.iter().map(u64::to_string).collect();
        advice.push(format!(
            "flows name sampler {} (field 48 or 302) but no options record describes it: \
             export the sampler table (IOS-XR `options sampler-table`, IOS-XE `option sampler-table`) \
             or set exporters.default_sampling",
            ids.join(", ")
        ));
    } else if report.unknown_sampling > 0 {
        advice.push(format!(
            "the sampling rate of {} flows is unknown: export sampling options, or set \
             exporters.default_sampling for {}",
            report.unknown_sampling, exporter.id.address
        ));
    }
    if exporter.ambiguous_sampling > 0 {
        advice.push(
            "sampling options came that do not tell a count rate (selector algorithm by time, or \
             samplingPacketInterval 1 without samplingPacketSpace or samplingPopulation): \
             set exporters.default_sampling"
                .to_owned(),
        );
    }
    if exporter.implausible_sampling > 0 {
        advice.push(
            "sampling options came with a rate that no router has, which was not used: check the \
             length of the sampling field in the options template, or update the firmware"
                .to_owned(),
        );
    }
    if exporter.reversed_sampling > 0 {
        advice.push(
            "the sampling rate comes in little-endian byte order and was read that way: update \
             the router's software"
                .to_owned(),
        );
    }
    if exporter.sampling_changes > 0 {
        advice.push(format!(
            "samplers changed their rate {} times: several exporters may share this address, \
             or several interfaces one sampler id",
            exporter.sampling_changes
        ));
    }
    if report.queued > 0 {
        let ids: Vec<String> =
            report.unknown_sets.iter().map(|set| set.template.to_string()).collect();
        advice.push(format!(
            "{} sets wait for a template (ids seen without one: {}): lower the router's template \
             refresh interval (one minute is fine)",
            report.queued,
            ids.join(", ")
        ));
    }
    if let Some(skew) = report.skew_ms.filter(|skew| skew.abs() >= NOTABLE_SKEW) {
        let (word, seconds) = (if skew > 0 { "ahead" } else { "behind" }, skew.abs() / 1_000);
        advice.push(format!("its clock is {seconds} s {word} of ours: set up NTP on it"));
    }
    for sequence in report.sequence.iter().filter(|sequence| sequence.lost > 0) {
        advice.push(format!(
            "{} {} {} were lost on the way: look for drops on the path and at our socket buffer",
            sequence.lost, sequence.format, sequence.unit
        ));
    }
    if exporter.implausible_time > 0 {
        advice.push(format!(
            "{} flows ended at impossible times and were placed by receive time",
            exporter.implausible_time
        ));
    }
    if exporter.implausible_counters > 0 {
        advice.push(format!(
            "{} flows had more bytes or packets than possible, which were cut: check the \
             router's software",
            exporter.implausible_counters
        ));
    }
    if report.rejected > 0 {
        advice.push(format!(
            "{} records or sets could not be read: the problems listed say where",
            report.rejected
        ));
    }
    advice
}
