//! What `inspect` finds: a decoder, a full dump and the problems of a stream
//! of datagrams, put together in one report.

use std::fmt;

use serde::Serialize;

use super::dump::{Dump, DumpedRecord};
use super::{Datagram, DecodeCounts, DecodeSettings, Decoded, Decoder, ExporterReport, Queued};

/// Problems that are kept for the report; all are counted.
const MAX_PROBLEMS: usize = 100;

/// Inspects a stream of datagrams.
pub struct Inspection {
    decoder: Decoder,
    out: Decoded,
    counts: DecodeCounts,
    problems: Vec<String>,
    dump: Dump,
    kernel_drops: u64,
}

/// What the stream held.
#[derive(Clone, Debug, Serialize)]
pub struct InspectionReport {
    /// Datagrams.
    pub datagrams: u64,
    /// Datagrams that the kernel dropped before they could be read.
    pub kernel_drops: u64,
    /// Flow records; a sFlow flow sample is one.
    pub flow_records: u64,
    /// Options records.
    pub option_records: u64,
    /// sFlow flow samples, which are flow records too.
    pub sflow_flow_samples: u64,
    /// sFlow counter samples.
    pub sflow_counter_samples: u64,
    /// What the decoder counted.
    pub counts: DecodeCounts,
    /// What waits for templates at the end.
    pub queued: Queued,
    /// Every exporter and domain.
    pub exporters: Vec<ExporterReport>,
    /// The first problems.
    pub problems: Vec<String>,
    /// The first records of each template with all their fields.
    pub records: Vec<DumpedRecord>,
}

impl Inspection {
    /// An inspection that shows `records` records of each template.
    pub fn new(settings: DecodeSettings, records: usize) -> Self {
        Self {
            decoder: Decoder::new(settings),
            out: Decoded::default(),
            counts: DecodeCounts::default(),
            problems: Vec::new(),
            dump: Dump::new(records),
            kernel_drops: 0,
        }
    }

    /// Notes datagrams that the kernel dropped before they could be taken.
    pub fn note_kernel_drops(&mut self, drops: u64) {
        self.kernel_drops += drops;
    }

    /// How many datagrams the kernel dropped.
    pub fn kernel_drops(&self) -> u64 {
        self.kernel_drops
    }

    /// What was counted so far.
    pub fn counts(&self) -> &DecodeCounts {
        &self.counts
    }

    /// What is known of exporters so far.
    pub fn exporters(&self) -> Vec<ExporterReport> {
        self.decoder.exporters_in_brief()
    }

    /// Takes the next datagram.
    pub fn take(&mut self, datagram: Datagram<'_>) {
        self.decoder.decode(datagram, &mut self.out);
        self.counts += self.out.counts;
        let exporter = self.out.exporter;
        for problem in &self.out.problems {
            if self.problems.len() < MAX_PROBLEMS {
                self.problems.push(match exporter {
                    Some(exporter) => format!("{exporter}: {problem}"),
                    None => format!("{}: {problem}", datagram.source),
                });
            }
        }
        if let Some(exporter) = exporter {
            self.dump.take(&datagram, exporter, &self.out.flows);
        }
    }

    /// What was found.
    pub fn finish(self) -> InspectionReport {
        InspectionReport {
            datagrams: self.counts.datagrams_received,
            kernel_drops: self.kernel_drops,
            flow_records: self.counts.records_decoded,
            option_records: self.counts.option_records,
            sflow_flow_samples: self.counts.sflow_flow_samples,
            sflow_counter_samples: self.counts.sflow_counter_samples,
            counts: self.counts,
            queued: self.decoder.queued(),
            exporters: self.decoder.exporters(),
            problems: self.problems,
            records: self.dump.finish(),
        }
    }
}

impl fmt::Display for InspectionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for exporter in &self.exporters {
            writeln!(f, "{exporter}")?;
            for record in self.records.iter().filter(|record| record.exporter == exporter.exporter)
            {
                write!(f, "  record of {}", record.format)?;
                if let Some(template) = record.template {
                    write!(f, " template {template}")?;
                }
                writeln!(f)?;
                for (name, value) in &record.fields {
                    writeln!(f, "    {name}: {value}")?;
                }
            }
        }
        for problem in &self.problems {
            writeln!(f, "problem: {problem}")?;
        }
        for (name, count) in self.counts.iter().filter(|(_, count)| *count > 0) {
            writeln!(f, "{:>12} {}", count, name.replace('_', " "))?;
        }
        let Queued { datagrams, records, bytes } = self.queued;
        write!(f, "{datagrams:>12} datagrams wait for templates ({records} sets, {bytes} bytes)")
    }
}

impl fmt::Display for ExporterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let formats: Vec<&str> = self.formats.iter().map(|format| format.as_str()).collect();
        writeln!(
            f,
            "{}: {}, {} datagrams, {} flow records, {} options records, {} refused",
            self.exporter,
            formats.join(", "),
            self.datagrams,
            self.flow_records,
            self.option_records,
            self.rejected
        )?;
        for rate in &self.sampling {
            write!(f, "  sampling 1:{} for {} flows", rate.rate, rate.flows)?;
            match rate.field {
                Some(field) => writeln!(f, ", from {} ({})", field.as_str(), rate.source)?,
                None => writeln!(f)?,
            }
        }
        if self.unknown_sampling > 0 {
            writeln!(f, "  sampling unknown for {} flows", self.unknown_sampling)?;
        }
        for sampler in &self.samplers {
            let of =
                sampler.id.map_or_else(|| "all flows".to_owned(), |id| format!("sampler {id}"));
            writeln!(f, "  options say 1:{} for {of} in {}", sampler.rate, sampler.field.as_str())?;
        }
        if let Some(skew) = self.skew_ms {
            writeln!(f, "  clock {skew} ms from ours")?;
        }
        for sequence in &self.sequence {
            writeln!(
                f,
                "  sequence of {}: {} {} lost, {} restarts",
                sequence.format, sequence.lost, sequence.unit, sequence.restarts
            )?;
        }
        for unknown in &self.unknown_sets {
            writeln!(f, "  {} sets came before template {}", unknown.sets, unknown.template)?;
        }
        for template in &self.templates {
            write!(f, "  {} template {} ({}):", template.format, template.id, template.kind)?;
            for field in template.fields.iter() {
                let length =
                    field.length.map_or_else(|| "*".to_owned(), |length| length.to_string());
                match (field.name, field.enterprise) {
                    ("", 0) => write!(f, " {}[{length}]", field.id)?,
                    ("", enterprise) => write!(f, " {enterprise}/{}[{length}]", field.id)?,
                    (name, _) => write!(f, " {name}[{length}]")?,
                }
            }
            writeln!(f)?;
        }
        for advice in &self.advice {
            writeln!(f, "  -> {advice}")?;
            for router in advice.routers {
                writeln!(
                    f,
                    "       {}: {} ({})",
                    router.system,
                    router.lines.join("; "),
                    router.docs
                )?;
            }
        }
        Ok(())
    }
}
