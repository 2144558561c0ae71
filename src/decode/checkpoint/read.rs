//! Reading back. Whatever the bytes are, reading ends with decoders or with
//! the reason, and takes no more memory than decoders' own bounds allow.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use super::{
    BY_ID, BY_SCOPE, CheckpointError, END, ENTERPRISE, EXPORTER, EXPORTER_V6, FIELDS, IDS_IN_FLOWS,
    KINDS, PROTOCOLS, SCOPE, SEALED, waiting,
};
use crate::bytes::Input;
use crate::decode::counts::DecodeCounts;
use crate::decode::exporter::MAX_SAMPLER_PORTS;
use crate::decode::sampling::{MAX_SAMPLERS, Sampler, SamplerKey, Samplers, Set};
use crate::decode::template::{Field, Kind, MAX_FIELDS, Template};
use crate::decode::templates::MAX_TEMPLATES;
use crate::decode::{Decoder, Protocol};
use crate::model::exporter::ExporterId;
use crate::model::time::Timestamp;

/// What was read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Exporters and domains.
    pub exporters: u64,
    /// Templates of them.
    pub templates: u64,
    /// Samplers, of all ports together.
    pub samplers: u64,
    /// Exporters and templates beyond the bounds of a decoder.
    pub refused: u64,
    /// Data sets that waited for a template.
    pub sets: u64,
    /// Datagrams they are of.
    pub datagrams: u64,
    /// What became of those that wait no longer: they could not be opened, have
    /// waited too long, or are beyond the bounds of a decoder. They were received
    /// before, and are not here.
    pub counts: DecodeCounts,
    /// When the last datagram of all came.
    pub last: Timestamp,
}

/// Adds what was written to the decoders that own it by `owner` of the exporter's
/// address, as it is known `now`. `open` is given what goes with a seal, and the
/// seal. After an error some of it may have been added, and the decoders are to be
/// thrown away.
pub fn restore(
    from: impl Read,
    now: Timestamp,
    decoders: &mut [Decoder],
    owner: impl Fn(IpAddr) -> usize,
    mut open: impl FnMut(&[u8], &[u8]) -> Option<Vec<u8>>,
) -> Result<Restored, CheckpointError> {
    let mut reader = Reader { input: Input::new(from), now, restored: Restored::default() };
    let mut read = 0;
    loop {
        let address: IpAddr = match reader.input.byte()? {
            END => break,
            EXPORTER => Ipv4Addr::from(reader.input.array::<4>()?).into(),
            EXPORTER_V6 => Ipv6Addr::from(reader.input.array::<16>()?).into(),
            SEALED => {
                read += 1;
                reader.sealed(decoders, &owner, &mut open)?;
                continue;
            }
            tag => return reader.input.damaged(format!("a record with the tag {tag:#04x}")),
        };
        let id = ExporterId::new(address, reader.input.small("a domain")?);
        if id.address != address {
            return reader.input.damaged("an IPv4 address written as IPv6");
        }
        read += 1;
        let Some(decoder) = decoders.get_mut(owner(address)) else {
            return reader.input.damaged("an exporter without a decoder");
        };
        reader.exporter(id, decoder)?;
    }
    let said = reader.input.number()?;
    if said != read {
        let what = format!("{read} records were found, and {said} were written");
        return reader.input.damaged(what);
    }
    if !reader.input.is_at_end()? {
        return reader.input.damaged("more bytes after the end");
    }
    decoders.iter_mut().for_each(|decoder| decoder.queue.put_in_order());
    // They were received and put to wait before.
    reader.restored.counts.records_received = 0;
    reader.restored.counts.sets_queued = 0;
    Ok(reader.restored)
}

pub(super) struct Reader<R> {
    pub(super) input: Input<R>,
    pub(super) now: Timestamp,
    pub(super) restored: Restored,
}

impl<R: Read> Reader<R> {
    fn sealed(
        &mut self,
        decoders: &mut [Decoder],
        owner: &impl Fn(IpAddr) -> usize,
        open: &mut impl FnMut(&[u8], &[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), CheckpointError> {
        let sets = self.input.below(waiting::LONGEST, "a number of sets of")?;
        let datagrams = self.input.below(sets + 1, "a number of datagrams of")?;
        let length = self.input.below(waiting::LONGEST, "a seal of length")?;
        let mut sealed = vec![0; length];
        self.input.exact(&mut sealed)?;
        let said = (sets as u64, datagrams as u64);
        self.restored.sets += said.0;
        self.restored.datagrams += said.1;
        let context = waiting::context(said.0, said.1);
        let Some(opened) = open(&context, &sealed) else {
            let counts = &mut self.restored.counts;
            counts.sets_unopened += said.0;
            counts.records_unknown_template += said.0;
            counts.datagrams_unknown_template += said.1;
            return Ok(());
        };
        let (now, counts) = (self.now, &mut self.restored.counts);
        match waiting::restore(&opened, said, now, (decoders, owner), counts) {
            Ok(()) => Ok(()),
            Err(error) => self.input.damaged(format!("in what was sealed: {error}")),
        }
    }

    fn exporter(&mut self, id: ExporterId, decoder: &mut Decoder) -> Result<(), CheckpointError> {
        let last_seen = self.time()?;
        let system_init = self.input.number()?;
        let ids_in_flows = match self.input.byte()? {
            0 => false,
            IDS_IN_FLOWS => true,
            other => return self.input.damaged(format!("flags {other:#04x} of an exporter")),
        };
        let (exporter, fields_held, evicted) = decoder.exporters.get(id, &decoder.settings);
        self.restored.refused += evicted;
        self.restored.exporters = (self.restored.exporters + 1).saturating_sub(evicted);
        self.restored.last = self.restored.last.max(last_seen);
        exporter.last_seen = last_seen;
        exporter.system_init = system_init;
        let sampling = Arc::make_mut(&mut exporter.sampling);
        sampling.ids_in_flows = ids_in_flows;
        sampling.samplers = self.samplers()?;
        sampling.by_port.clear();
        for _ in 0..self.input.below(MAX_SAMPLER_PORTS + 1, "a number of ports of")? {
            let protocol = self.one_of(&PROTOCOLS, "a protocol")?;
            let port = self.input.small("a port")?;
            sampling.by_port.push((protocol, port, self.samplers()?));
        }
        for _ in 0..self.input.below(MAX_TEMPLATES + 1, "a number of templates of")? {
            let protocol = self.one_of(&PROTOCOLS, "a protocol")?;
            let port = self.input.small("a port")?;
            let template = Arc::new(self.template(protocol)?);
            let (sent, used) = (self.time()?, self.time()?);
            let held = &mut exporter.templates;
            if held.restore(protocol, port, template, (sent, used), fields_held) {
                self.restored.templates += 1;
            } else {
                self.restored.refused += 1;
            }
        }
        Ok(())
    }

    /// An instant of ours; one that has not come yet, by a clock that was set back, is
    /// now.
    pub(super) fn time(&mut self) -> Result<Timestamp, CheckpointError> {
        Ok(self.instant()?.min(self.now))
    }

    /// An instant by anybody's clock.
    pub(super) fn instant(&mut self) -> Result<Timestamp, CheckpointError> {
        let millis = self.input.number()?;
        if millis > Timestamp::MAX.as_millis() {
            return self.input.damaged("a time after the year 9999");
        }
        Ok(Timestamp::from_millis(millis))
    }

    pub(super) fn one_of<T: Copy>(&mut self, all: &[T], what: &str) -> Result<T, CheckpointError> {
        let number = self.input.byte()?;
        match all.get(usize::from(number)) {
            Some(known) => Ok(*known),
            None => self.input.damaged(format!("{what} {number}, allowed: below {}", all.len())),
        }
    }

    fn samplers(&mut self) -> Result<Samplers, CheckpointError> {
        let mut samplers = Samplers::default();
        for _ in 0..self.input.below(MAX_SAMPLERS + 1, "a number of samplers of")? {
            let kind = self.input.byte()?;
            let id = self.input.number()?;
            let key = match kind {
                BY_ID => SamplerKey::Id(id),
                BY_SCOPE => SamplerKey::Scope(id),
                other => return self.input.damaged(format!("a sampler of kind {other}")),
            };
            let Some(rate) = NonZeroU32::new(self.input.small("a sampling rate")?) else {
                return self.input.damaged("a sampling rate of 0");
            };
            let field = self.one_of(&FIELDS, "a field of a rate")?;
            if samplers.set(key, Sampler { rate, field }) != Set::Same {
                return self.input.damaged("a sampler that was given before");
            }
            self.restored.samplers += 1;
        }
        Ok(samplers)
    }

    fn template(&mut self, protocol: Protocol) -> Result<Template, CheckpointError> {
        let id = self.input.small("a template")?;
        let kind: Kind = self.one_of(&KINDS, "a kind of template")?;
        let number = self.input.below(MAX_FIELDS + 1, "a number of fields of")?;
        let mut fields = Vec::new();
        for _ in 0..number {
            let (id, length) = (self.input.small("a field")?, self.input.small("a length")?);
            let flags = self.input.byte()?;
            if flags & !(SCOPE | ENTERPRISE) != 0 {
                return self.input.damaged(format!("flags {flags:#04x} of a field"));
            }
            let enterprise =
                if flags & ENTERPRISE == 0 { 0 } else { self.input.small("an enterprise")? };
            let is_scope = flags & SCOPE != 0;
            fields.push(match protocol {
                Protocol::Netflow9 if is_scope && enterprise == 0 => Field::v9_scope(id, length),
                _ => Field::new(id, enterprise, length, is_scope),
            });
        }
        match Template::new(id, kind, fields) {
            Ok(template) => Ok(template),
            Err(bad) => self.input.damaged(format!("template {id}: {bad}")),
        }
    }
}
