//! Where in a record the fields that we read stand, and reading them.
//!
//! A template is turned once into a table of slots. A slot is the end of a
//! field and a mask: eight bytes are loaded that END where the field ends and
//! the mask cuts off what belongs to its neighbours. So every length from one
//! to eight bytes (reduced-size encoding, RFC 7011 §6.2, and the odd lengths
//! that some exporters send) is read by one load without a branch, and an
//! absent field has the mask zero. For that the reader is given eight bytes
//! before the record, which are there anyway: headers precede records.
//!
//! Records with variable-length fields have no fixed slots; the same table is
//! then made for each record, without allocating.

use super::fields::{Meaning, SamplingField, TimeEncoding};
use super::sampling::SamplingValues;

/// How many bytes before the record a window begins.
pub(crate) const LEAD: usize = 8;

/// A numeric field of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Offset in the record of the first byte after the field. Sixteen bits are
    /// enough for what fits in a datagram, and let one comparison do.
    end: u16,
    /// The bits that belong to the field; zero when it is absent.
    mask: u64,
}

impl Slot {
    /// The slot of a field of `length` bytes at `offset`. Of a longer number
    /// the low eight bytes are read. A field beyond the end of any datagram is
    /// none.
    fn new(offset: usize, length: usize) -> Self {
        let mask = match length {
            0 => 0,
            1..=7 => (1 << (8 * length)) - 1,
            _ => u64::MAX,
        };
        u16::try_from(offset + length).map_or(Self::default(), |end| Self { end, mask })
    }

    /// Whether the template has the field.
    pub(crate) fn is_present(self) -> bool {
        self.mask != 0
    }

    /// Length of the field in bytes, at most eight.
    pub(crate) fn length(self) -> usize {
        self.mask.count_ones() as usize / 8
    }

    /// The field's value; zero when it is absent. `window` begins [`LEAD`]
    /// bytes before the record.
    #[inline]
    pub(crate) fn read(self, window: &[u8]) -> u64 {
        let end = usize::from(self.end);
        match window.get(end..end + LEAD).and_then(<[u8]>::first_chunk::<LEAD>) {
            Some(bytes) => u64::from_be_bytes(*bytes) & self.mask,
            None => 0,
        }
    }
}

/// The two halves of an IPv6 address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot128 {
    high: Slot,
    low: Slot,
}

impl Slot128 {
    fn new(offset: usize) -> Self {
        Self { high: Slot::new(offset, 8), low: Slot::new(offset + 8, 8) }
    }

    /// Whether the template has the field.
    pub(crate) fn is_present(self) -> bool {
        self.low.is_present()
    }

    /// The address as a number; zero when it is absent.
    #[inline]
    pub(crate) fn read(self, window: &[u8]) -> u128 {
        (u128::from(self.high.read(window)) << 64) | u128::from(self.low.read(window))
    }
}

/// Where the fields of one kind of record stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) source4: Slot,
    pub(crate) destination4: Slot,
    pub(crate) source6: Slot128,
    pub(crate) destination6: Slot128,
    pub(crate) source_port: Slot,
    pub(crate) destination_port: Slot,
    pub(crate) protocol: Slot,
    pub(crate) tcp_flags: Slot,
    pub(crate) packets: Slot,
    pub(crate) bytes: Slot,
    pub(crate) direction: Slot,
    pub(crate) start: Slot,
    pub(crate) start_encoding: TimeEncoding,
    pub(crate) end: Slot,
    pub(crate) end_encoding: TimeEncoding,
    pub(crate) system_init: Slot,
    pub(crate) sampler: Slot,
    pub(crate) sampling: SamplingSlots,
    /// The first scope field of an options record.
    pub(crate) scope: Slot,
    /// The counters are totals over the flow's life.
    pub(crate) totals: bool,
}

/// Where the fields about sampling stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SamplingSlots {
    interval: Slot,
    random_interval: Slot,
    algorithm: Slot,
    packet_interval: Slot,
    packet_space: Slot,
    size: Slot,
    population: Slot,
    probability: Slot,
    /// Whether the template has one of them.
    pub(crate) is_present: bool,
}

impl SamplingSlots {
    /// The values in a record.
    pub(crate) fn read(&self, window: &[u8]) -> SamplingValues {
        let value = |slot: Slot| slot.is_present().then(|| (slot.read(window), slot.length()));
        SamplingValues {
            interval: value(self.interval),
            random_interval: value(self.random_interval),
            algorithm: value(self.algorithm).map(|(algorithm, _)| algorithm),
            packet_interval: value(self.packet_interval),
            packet_space: value(self.packet_space),
            size: value(self.size),
            population: value(self.population),
            probability: value(self.probability),
        }
    }
}

/// One field of a template, with its place in a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    /// What it means, if we read it.
    pub(crate) meaning: Option<Meaning>,
    /// Whether it is part of an options record's scope.
    pub(crate) is_scope: bool,
    /// Offset in the record.
    pub(crate) offset: usize,
    /// Length in bytes.
    pub(crate) length: usize,
}

/// The best rank taken so far for each meaning that several fields can have.
#[derive(Default)]
struct Ranks {
    source_port: Option<u8>,
    destination_port: Option<u8>,
    packets: Option<u8>,
    bytes: Option<u8>,
    start: Option<u8>,
    end: Option<u8>,
}

/// Takes the place for `rank` if none as good is taken.
fn outranks(taken: &mut Option<u8>, rank: u8) -> bool {
    if taken.is_some_and(|taken| taken <= rank) {
        return false;
    }
    *taken = Some(rank);
    true
}

impl Layout {
    /// Whether there is no room for an IPv6 address.
    pub(crate) fn is_v4_only(&self) -> bool {
        !self.source6.is_present() && !self.destination6.is_present()
    }

    /// The layout of a record with these fields.
    pub(crate) fn new(fields: impl Iterator<Item = Placed>) -> Self {
        let mut layout = Self::default();
        let mut ranks = Ranks::default();
        let mut packets_total = None;
        let mut bytes_total = None;
        for field in fields {
            let slot = Slot::new(field.offset, field.length);
            if field.is_scope && !layout.scope.is_present() {
                layout.scope = slot;
            }
            // A field of no length says nothing and must not hide another.
            let Some(meaning) = field.meaning.filter(|_| field.length > 0) else { continue };
            match meaning {
                Meaning::Packets(rank, total) if outranks(&mut ranks.packets, rank) => {
                    layout.packets = slot;
                    packets_total = Some(total);
                }
                Meaning::Bytes(rank, total) if outranks(&mut ranks.bytes, rank) => {
                    layout.bytes = slot;
                    bytes_total = Some(total);
                }
                _ => layout.place(meaning, slot, &field, &mut ranks),
            }
        }
        layout.totals = packets_total.or(bytes_total).unwrap_or(false)
            || bytes_total.or(packets_total).unwrap_or(false);
        layout
    }

    fn place(&mut self, meaning: Meaning, slot: Slot, field: &Placed, ranks: &mut Ranks) {
        // Of two fields with the same number the first is the outermost or
        // first observed one (RFC 7011 §8): it is read.
        let first = |place: &mut Slot, slot: Slot| {
            if !place.is_present() {
                *place = slot;
            }
        };
        match meaning {
            // An address of another length is something else.
            Meaning::Source4 if field.length == 4 => first(&mut self.source4, slot),
            Meaning::Destination4 if field.length == 4 => first(&mut self.destination4, slot),
            Meaning::Source6 if field.length == 16 && !self.source6.is_present() => {
                self.source6 = Slot128::new(field.offset);
            }
            Meaning::Destination6 if field.length == 16 && !self.destination6.is_present() => {
                self.destination6 = Slot128::new(field.offset);
            }
            Meaning::Source4
            | Meaning::Destination4
            | Meaning::Source6
            | Meaning::Destination6
            | Meaning::Packets(..)
            | Meaning::Bytes(..) => {}
            Meaning::SourcePort(rank) => {
                if outranks(&mut ranks.source_port, rank) {
                    self.source_port = slot;
                }
            }
            Meaning::DestinationPort(rank) => {
                if outranks(&mut ranks.destination_port, rank) {
                    self.destination_port = slot;
                }
            }
            Meaning::Protocol => first(&mut self.protocol, slot),
            Meaning::TcpFlags => first(&mut self.tcp_flags, slot),
            Meaning::Direction => first(&mut self.direction, slot),
            Meaning::Start(rank, encoding) => {
                if outranks(&mut ranks.start, rank) {
                    self.start = slot;
                    self.start_encoding = encoding;
                }
            }
            Meaning::End(rank, encoding) => {
                if outranks(&mut ranks.end, rank) {
                    self.end = slot;
                    self.end_encoding = encoding;
                }
            }
            Meaning::SystemInit => first(&mut self.system_init, slot),
            Meaning::SamplerId => first(&mut self.sampler, slot),
            Meaning::Sampling(which) => {
                self.sampling.is_present = true;
                let place = match which {
                    SamplingField::Interval => &mut self.sampling.interval,
                    SamplingField::RandomInterval => &mut self.sampling.random_interval,
                    SamplingField::Algorithm => &mut self.sampling.algorithm,
                    SamplingField::PacketInterval => &mut self.sampling.packet_interval,
                    SamplingField::PacketSpace => &mut self.sampling.packet_space,
                    SamplingField::Size => &mut self.sampling.size,
                    SamplingField::Population => &mut self.sampling.population,
                    SamplingField::Probability => &mut self.sampling.probability,
                };
                first(place, slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::meaning;
    use super::*;

    fn layout(fields: &[(u16, usize)]) -> Layout {
        let mut offset = 0;
        Layout::new(fields.iter().map(|(id, length)| {
            let placed = Placed { meaning: meaning(*id), is_scope: false, offset, length: *length };
            offset += length;
            placed
        }))
    }

    fn window(record: &[u8]) -> Vec<u8> {
        [&[0xee; LEAD], record].concat()
    }

    #[test]
    fn every_length_is_read_by_the_same_load() {
        for length in 1..=8 {
            let layout = layout(&[(4, 1), (1, length), (6, 1)]);
            let mut record = vec![6];
            record.extend(1..=u8::try_from(length).unwrap());
            record.push(0x12);
            let expected = (1..=length as u64).fold(0, |sum, byte| sum << 8 | byte);
            assert_eq!(layout.bytes.read(&window(&record)), expected, "{length} bytes");
            assert_eq!(layout.tcp_flags.read(&window(&record)), 0x12);
        }
    }

    #[test]
    fn a_field_that_is_absent_or_without_length_is_zero() {
        let layout = layout(&[(1, 0), (2, 4)]);
        let window = window(&[0, 0, 0, 9]);
        assert_eq!(layout.bytes.read(&window), 0);
        assert_eq!(layout.packets.read(&window), 9);
        assert_eq!(layout.source6.read(&window), 0);
    }

    #[test]
    fn totals_are_marked_only_where_no_delta_is_sent() {
        assert!(layout(&[(85, 8), (86, 8)]).totals);
        assert!(!layout(&[(85, 8), (86, 8), (1, 8), (2, 8)]).totals);
        assert!(layout(&[(1, 8), (86, 8)]).totals, "half a total cannot be summed");
    }

    #[test]
    fn a_millisecond_time_outranks_an_uptime_in_either_order() {
        let one = layout(&[(21, 4), (153, 8)]);
        let other = layout(&[(153, 8), (21, 4)]);
        assert_eq!(one.end_encoding, TimeEncoding::Millis);
        assert_eq!(other.end_encoding, TimeEncoding::Millis);
    }
}
