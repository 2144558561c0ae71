//! Every field of the first records of each template, for `inspect`.
//!
//! The hot path reads some twenty fields; this one reads all of them, by
//! `netflow_parser`, which knows the whole registry. What it does not read,
//! sFlow and some enterprise templates, is shown as the flow records that we
//! make of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use netflow_parser::variable_versions::{ipfix, v9};
use netflow_parser::{AutoScopedParser, NetflowPacket};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::exporter::ExporterId;
use crate::model::flow::FlowRecord;

use super::{Datagram, Format};

/// Templates whose records are shown; further ones are left out.
const MAX_TEMPLATES: usize = 4_096;

/// One record with all its fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DumpedRecord {
    /// Address and domain of its exporter.
    pub exporter: String,
    /// Its format.
    pub format: Format,
    /// Its template; `None` in formats without templates.
    pub template: Option<u16>,
    /// Its fields by name, repeated names numbered.
    pub fields: Map<String, Value>,
}

/// Gathers the first records of each template.
pub(super) struct Dump {
    parser: AutoScopedParser,
    per_template: usize,
    seen: BTreeMap<(ExporterId, Format, Option<u16>), usize>,
    records: Vec<DumpedRecord>,
}

impl Dump {
    /// A dump of at most `per_template` records of each template.
    pub(super) fn new(per_template: usize) -> Self {
        Self {
            parser: AutoScopedParser::new(),
            per_template,
            seen: BTreeMap::new(),
            records: Vec::new(),
        }
    }

    /// Takes a datagram and what the decoder made of it.
    pub(super) fn take(
        &mut self,
        datagram: &Datagram<'_>,
        exporter: ExporterId,
        flows: &[FlowRecord],
    ) {
        if self.per_template == 0 {
            return;
        }
        let Ok(format) = Format::of(datagram.payload) else { return };
        let mut found = false;
        if format != Format::Sflow5 {
            let source = SocketAddr::new(exporter.address, datagram.source_port);
            for packet in self.parser.parse_from_source(source, datagram.payload).packets {
                found |= self.packet(exporter, packet);
            }
        }
        if !found {
            for flow in flows {
                self.add(exporter, format, None, || flow_fields(flow));
            }
        }
    }

    /// The records gathered.
    pub(super) fn finish(self) -> Vec<DumpedRecord> {
        self.records
    }

    /// Takes the records of a packet; `false` when it holds none.
    fn packet(&mut self, exporter: ExporterId, packet: NetflowPacket) -> bool {
        let mut found = false;
        match packet {
            NetflowPacket::V5(packet) => {
                for record in &packet.flowsets {
                    found = true;
                    self.add(exporter, Format::Netflow5, None, || object(record));
                }
            }
            NetflowPacket::V7(packet) => {
                for record in &packet.flowsets {
                    found = true;
                    self.add(exporter, Format::Netflow7, None, || object(record));
                }
            }
            NetflowPacket::V9(packet) => {
                for set in &packet.flowsets {
                    let template = Some(set.header.flowset_id);
                    match &set.body {
                        v9::FlowSetBody::Data(data) => {
                            for record in &data.fields {
                                found = true;
                                self.add(exporter, Format::Netflow9, template, || pairs(record));
                            }
                        }
                        v9::FlowSetBody::OptionsData(data) => {
                            for record in &data.fields {
                                found = true;
                                self.add(exporter, Format::Netflow9, template, || {
                                    let mut fields = Map::new();
                                    for scope in &record.scope_fields {
                                        insert(&mut fields, "Scope".to_owned(), plain(scope));
                                    }
                                    fields.extend(pairs(&record.options_fields));
                                    fields
                                });
                            }
                        }
                        _ => {}
                    }
                }
            }
            NetflowPacket::IPFix(message) => {
                // One datagram may hold messages of several domains.
                let exporter =
                    ExporterId { domain: message.header.observation_domain_id, ..exporter };
                for set in &message.flowsets {
                    let template = Some(set.header.header_id);
                    let records = match &set.body {
                        ipfix::FlowSetBody::Data(data) => &data.fields,
                        ipfix::FlowSetBody::OptionsData(data) => &data.fields,
                        _ => continue,
                    };
                    for record in records {
                        found = true;
                        self.add(exporter, Format::Ipfix, template, || pairs(record));
                    }
                }
            }
            _ => {}
        }
        found
    }

    fn add(
        &mut self,
        exporter: ExporterId,
        format: Format,
        template: Option<u16>,
        fields: impl FnOnce() -> Map<String, Value>,
    ) {
        let key = (exporter, format, template);
        if self.seen.len() >= MAX_TEMPLATES && !self.seen.contains_key(&key) {
            return;
        }
        let seen = self.seen.entry(key).or_default();
        if *seen < self.per_template {
            *seen += 1;
            let exporter = exporter.to_string();
            self.records.push(DumpedRecord { exporter, format, template, fields: fields() });
        }
    }
}

/// The fields of a template-based record by name.
fn pairs<N: std::fmt::Debug, V: Serialize>(record: &[(N, V)]) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in record {
        let name = format!("{name:?}");
        // `IANA(SourceIpv4Address)` says more than is needed.
        let name =
            name.strip_prefix("IANA(").and_then(|name| name.strip_suffix(')')).unwrap_or(&name);
        insert(&mut fields, name.to_owned(), plain(value));
    }
    fields
}

/// A template may hold a field twice.
fn insert(fields: &mut Map<String, Value>, name: String, value: Value) {
    let mut free = name.clone();
    let mut number = 2;
    while fields.contains_key(&free) {
        free = format!("{name} {number}");
        number += 1;
    }
    fields.insert(free, value);
}

/// A value without the names of the types around it: 5 for `{"DataNumber":
/// {"U32": 5}}`.
fn plain(value: impl Serialize) -> Value {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    while let Value::Object(object) = &mut value {
        let mut values = std::mem::take(object).into_iter();
        match (values.next(), values.next()) {
            (Some((_, only)), None) => value = only,
            (first, second) => {
                return Value::Object(first.into_iter().chain(second).chain(values).collect());
            }
        }
    }
    value
}

fn object(record: impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// The fields of a flow record by name.
fn flow_fields(flow: &FlowRecord) -> Map<String, Value> {
    [
        ("source", Value::from(flow.source.to_string())),
        ("destination", flow.destination.to_string().into()),
        ("source_port", flow.source_port.into()),
        ("destination_port", flow.destination_port.into()),
        ("protocol", flow.protocol.into()),
        ("tcp_flags", flow.tcp_flags.into()),
        ("packets", flow.packets.into()),
        ("bytes", flow.bytes.into()),
        ("sampling", flow.sampling.to_string().into()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
