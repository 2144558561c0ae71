//! What is known of an exporter, for people: `inspect` and `/exporters`.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::sampling::Sampling;
use crate::model::time::Timestamp;

use super::advice::{self, Advice};
use super::exporter::{Exporter, Rated};
use super::fields;
use super::queue::WaitingQueue;
use super::sampling::{RateField, SamplerKey};
use super::template::{Field, Kind, Template};
use super::templates::Held;
use super::{Format, Protocol};

/// Templates listed of one exporter in a report that is made every second: who
/// churns templates must not make it long.
pub(crate) const TEMPLATES_LISTED: usize = 64;

/// One exporter and domain.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExporterReport {
    /// Address and domain, `192.0.2.1#0`.
    pub exporter: String,
    /// Its address: the source's, or sFlow's agent.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Its observation domain, source id, sub-agent or engine.
    pub domain: u32,
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
    /// Templates held now.
    pub templates_held: usize,
    /// Template ids that several source ports send with different layouts.
    pub disputed_templates: usize,
    /// Templates held; a running service lists at most 64, those used last.
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
    /// When the first datagram came that is counted here; `null` when nothing
    /// came since the start of the program.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_seen: Option<Timestamp>,
    /// When its last datagram came.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
    /// What to mend.
    pub advice: Vec<Advice>,
}

/// Sets that came without template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnknownSet {
    /// The template they need.
    pub template: u16,
    /// How many came before it.
    pub sets: u64,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TemplateReport {
    /// Its id.
    pub id: u16,
    /// The format that it is of.
    pub format: Format,
    /// The source port that sent it.
    pub port: u16,
    /// `data` or `options`.
    pub kind: &'static str,
    /// When it was last sent.
    #[schema(value_type = String, format = DateTime)]
    pub sent: Timestamp,
    /// When data was last read with it, or it was sent.
    #[schema(value_type = String, format = DateTime)]
    pub used: Timestamp,
    /// Its fields in order.
    #[schema(value_type = Vec<FieldReport>)]
    pub fields: TemplateFields,
}

/// The fields of a template, spelled out only for whoever asks: reports are
/// made every second for metrics that need none of them.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateFields {
    protocol: Protocol,
    template: Arc<Template>,
}

impl TemplateFields {
    /// Each field in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = FieldReport> + '_ {
        self.template.fields.iter().map(|held| field(self.protocol, held))
    }
}

impl Serialize for TemplateFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// A field of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RateReport {
    /// Packets for one exported packet.
    pub rate: u32,
    /// `record`, `options`, `header` or `configured`.
    pub source: &'static str,
    /// The field that gave it.
    #[schema(value_type = Option<String>)]
    pub field: Option<RateField>,
    /// Flow records.
    pub flows: u64,
}

/// A sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SamplerReport {
    /// Its id in flow records; `None` when it holds for all of them.
    pub id: Option<u64>,
    /// Packets for one exported packet.
    pub rate: u32,
    /// The field that gave it.
    #[schema(value_type = String)]
    pub field: RateField,
}

/// What sequence numbers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
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

/// The report of one exporter with as many of its templates.
pub(super) fn exporter(
    exporter: &Exporter,
    queue: &WaitingQueue,
    templates_listed: usize,
) -> ExporterReport {
    let formats = Format::ALL
        .into_iter()
        .zip(exporter.datagrams)
        .filter(|(_, datagrams)| *datagrams > 0)
        .map(|(format, _)| format)
        .collect();
    let mut report = ExporterReport {
        exporter: exporter.id.to_string(),
        address: exporter.id.address,
        domain: exporter.id.domain,
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
        templates_held: exporter.templates.len(),
        disputed_templates: exporter.templates.disputed(),
        templates: exporter
            .templates
            .listed(templates_listed)
            .into_iter()
            .map(|(protocol, port, held)| template(protocol, port, held))
            .collect(),
        sampling: exporter.rates.iter().filter_map(rate).collect(),
        unknown_sampling: exporter
            .rates
            .iter()
            .filter(|(rated, _)| rated.sampling == Sampling::Unknown)
            .map(|(_, flows)| flows)
            .sum(),
        samplers: exporter
            .sampling
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
        first_seen: (exporter.first_seen != Timestamp::EPOCH).then_some(exporter.first_seen),
        last_seen: exporter.last_seen,
        advice: Vec::new(),
    };
    report.advice = advice::of(exporter, &report);
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

fn template(protocol: Protocol, port: u16, held: &Held) -> TemplateReport {
    let template = Arc::clone(&held.template);
    TemplateReport {
        id: template.id,
        format: protocol.into(),
        port,
        kind: match template.kind {
            Kind::Data => "data",
            Kind::Options => "options",
        },
        sent: held.sent,
        used: held.used,
        fields: TemplateFields { protocol, template },
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
