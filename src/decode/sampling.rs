//! The sampling rate of flows: what records, options and configuration say.
//!
//! Exporters tell the rate in five ways and get several of them wrong
//! (docs/exporters.md 4 to 9, 11, 13, 30). The order in which fields are believed:
//!
//! 1. 309/310, n packets out of N (RFC 5477 §8.2.6), when the selector
//!    algorithm (304) is 3 or not told,
//! 2. 305+306, an interval and the space after it,
//! 3. 311, a probability,
//! 4. 50, the random interval of a v9 sampler,
//! 5. 34, the sampling interval.
//!
//! What stays ambiguous is unknown, and unknown is never 1.

use std::num::NonZeroU32;

use hashbrown::HashMap;
use serde::Serialize;

/// Selector algorithms (IANA PSAMP registry).
mod algorithm {
    pub(super) const SYSTEMATIC_TIME: u64 = 2;
    pub(super) const RANDOM_N_OUT_OF_N: u64 = 3;
}

/// Coarsest rate that router documentation offers, rounded up. A coarser one
/// whose bytes reversed are a usual rate was sent little-endian (RouterOS 6).
const COARSEST_USUAL: u64 = 100_000;
/// No rate above this is believed at all.
const COARSEST: u64 = (1 << 24) - 1;
/// Samplers held per exporter; further ones are refused and counted.
pub(crate) const MAX_SAMPLERS: usize = 256;

/// A field's value and its length in bytes.
type Sized = (u64, usize);

/// The fields about sampling in one record, as far as its template has them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SamplingValues {
    pub(crate) interval: Option<Sized>,
    pub(crate) random_interval: Option<Sized>,
    pub(crate) algorithm: Option<u64>,
    pub(crate) packet_interval: Option<Sized>,
    pub(crate) packet_space: Option<Sized>,
    pub(crate) size: Option<Sized>,
    pub(crate) population: Option<Sized>,
    pub(crate) probability: Option<Sized>,
}

/// The field that told a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RateField {
    /// 34.
    Interval,
    /// 50.
    RandomInterval,
    /// 305 and 306.
    PacketInterval,
    /// 309 and 310.
    Population,
    /// 311.
    Probability,
    /// The v5 header or the sFlow sample header.
    Header,
    /// `exporters.default_sampling`.
    Configured,
}

impl RateField {
    /// The name and number of the field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interval => "samplingInterval (34)",
            Self::RandomInterval => "samplerRandomInterval (50)",
            Self::PacketInterval => "samplingPacketInterval and samplingPacketSpace (305, 306)",
            Self::Population => "samplingSize and samplingPopulation (309, 310)",
            Self::Probability => "samplingProbability (311)",
            Self::Header => "header",
            Self::Configured => "configuration",
        }
    }
}

impl Serialize for RateField {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What the sampling fields of one record come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A rate, the field that gave it, and whether its bytes were reversed.
    Rate { rate: NonZeroU32, field: RateField, reversed: bool },
    /// Packets are picked by time, so no packet count gives a rate.
    ByTime,
    /// Fields are there, but they do not say the rate.
    Ambiguous,
    /// A rate that no router has.
    Implausible,
    /// No field, or zeros only.
    Silent,
}

impl Reading {
    /// The rate that was read.
    pub(crate) fn sampler(self) -> Option<Sampler> {
        match self {
            Self::Rate { rate, field, .. } => Some(Sampler { rate, field }),
            _ => None,
        }
    }
}

impl SamplingValues {
    /// The rate that these fields tell.
    pub(crate) fn reading(&self) -> Reading {
        if self.algorithm == Some(algorithm::SYSTEMATIC_TIME) {
            return Reading::ByTime;
        }
        let told = self.candidates(|(value, _)| value);
        let Some((rate, field)) = told.rate else {
            return if told.ambiguous { Reading::Ambiguous } else { Reading::Silent };
        };
        if self.is_unusual() {
            let reversed = self.candidates(reverse).rate;
            if let Some((rate, field)) = reversed
                && rate <= COARSEST_USUAL
                && let Some(rate) = narrow(rate)
            {
                return Reading::Rate { rate, field, reversed: true };
            }
        }
        match narrow(rate) {
            Some(rate) if u64::from(rate.get()) <= COARSEST => {
                Reading::Rate { rate, field, reversed: false }
            }
            _ => Reading::Implausible,
        }
    }

    /// Whether some field holds a number that no usual rate comes from.
    fn is_unusual(&self) -> bool {
        [
            self.interval,
            self.random_interval,
            self.packet_interval,
            self.packet_space,
            self.size,
            self.population,
        ]
        .into_iter()
        .flatten()
        .any(|(value, _)| value > COARSEST_USUAL)
    }

    fn candidates(&self, value: fn(Sized) -> u64) -> Candidates {
        let read = |field: Option<Sized>| field.map(value);
        let nonzero = |field: Option<Sized>| read(field).filter(|value| *value != 0);
        let random = self.algorithm == Some(algorithm::RANDOM_N_OUT_OF_N);
        let mut ambiguous = false;

        let population = nonzero(self.population)
            .zip(nonzero(self.size))
            .map(|(population, size)| (divide(population, size), RateField::Population));
        let interval = nonzero(self.packet_interval).and_then(|interval| {
            let told = match read(self.packet_space) {
                Some(0) | None if interval == 1 && random => None,
                Some(0) => (interval == 1).then_some(1),
                Some(space) => Some(divide(interval.saturating_add(space), interval)),
                // Without a space the interval is used like that of v9.
                None => (interval > 1).then_some(interval),
            };
            ambiguous |= told.is_none();
            told.map(|rate| (rate, RateField::PacketInterval))
        });
        let probability =
            self.probability.and_then(inverse).map(|rate| (rate, RateField::Probability));
        let random_interval =
            nonzero(self.random_interval).map(|rate| (rate, RateField::RandomInterval));
        let plain = nonzero(self.interval).map(|rate| (rate, RateField::Interval));

        let first = if random || self.algorithm.is_none() { population } else { None };
        let rate = first.or(interval).or(probability).or(population).or(random_interval).or(plain);
        Candidates { rate: rate.filter(|(rate, _)| *rate != 0), ambiguous }
    }
}

struct Candidates {
    rate: Option<(u64, RateField)>,
    ambiguous: bool,
}

/// `population / size`, rounded to the nearest.
fn divide(population: u64, size: u64) -> u64 {
    population.saturating_add(size / 2).checked_div(size).unwrap_or(0)
}

fn narrow(rate: u64) -> Option<NonZeroU32> {
    u32::try_from(rate).ok().and_then(NonZeroU32::new)
}

/// The value of a field of `length` bytes with its bytes in the other order.
fn reverse((value, length): Sized) -> u64 {
    value.swap_bytes().checked_shr(u32::try_from(64 - 8 * length.min(8)).unwrap_or(0)).unwrap_or(0)
}

/// The rate that a probability between 0 and 1 stands for.
fn inverse((bits, length): Sized) -> Option<u64> {
    let probability = match length {
        4 => f64::from(f32::from_bits(u32::try_from(bits).ok()?)),
        8 => f64::from_bits(bits),
        _ => return None,
    };
    if !(probability > 0.0 && probability <= 1.0) {
        return None;
    }
    let rate = (1.0 / probability).round().min(f64::from(u32::MAX));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and u32::MAX, as checked above"
    )]
    Some(rate as u64)
}

/// What a sampler is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SamplerKey {
    /// The id in 48 or 302: holds for the flows that carry it.
    Id(u64),
    /// An options record without sampler id, by the value of its scope: holds
    /// for flows that carry no known id.
    Scope(u64),
}

/// A sampler as an options record described it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sampler {
    pub(crate) rate: NonZeroU32,
    pub(crate) field: RateField,
}

/// How [`Samplers::set`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// It was known with this rate, or is new.
    Same,
    /// It was known with another rate: the last writer wins.
    Changed { from: NonZeroU32 },
    /// Too many samplers.
    Refused,
}

/// The samplers of one exporter and domain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samplers {
    known: HashMap<SamplerKey, Sampler>,
    /// The one rate of all samplers known by scope.
    unscoped: Option<Sampler>,
    /// The one rate of all samplers known by id.
    single: Option<Sampler>,
}

impl Samplers {
    /// Remembers a sampler.
    pub(crate) fn set(&mut self, key: SamplerKey, sampler: Sampler) -> Set {
        if let Some(known) = self.known.get(&key) {
            if *known == sampler {
                return Set::Same;
            }
        } else if self.known.len() >= MAX_SAMPLERS {
            return Set::Refused;
        }
        let before = self.known.insert(key, sampler);
        self.unscoped = self.agreed(|key| matches!(key, SamplerKey::Scope(_)));
        self.single = self.agreed(|key| matches!(key, SamplerKey::Id(_)));
        match before {
            Some(before) if before.rate != sampler.rate => Set::Changed { from: before.rate },
            _ => Set::Same,
        }
    }

    /// The sampler described by `key`.
    pub(crate) fn get(&self, key: SamplerKey) -> Option<Sampler> {
        self.known.get(&key).copied()
    }

    /// The sampler of a flow that carries the sampler id `id`.
    pub(crate) fn by_id(&self, id: u64) -> Option<Sampler> {
        self.known.get(&SamplerKey::Id(id)).copied().or(self.unscoped)
    }

    /// The sampler of a flow without sampler id. `ids_in_flows` says whether
    /// other flows of the exporter carry ids: then the described samplers are
    /// theirs, and this flow was not sampled by one of them.
    pub(crate) fn without_id(&self, ids_in_flows: bool) -> Option<Sampler> {
        self.unscoped.or(if ids_in_flows { None } else { self.single })
    }

    /// Whether none was described.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Every sampler, in the order of keys.
    pub(crate) fn sorted(&self) -> Vec<(SamplerKey, Sampler)> {
        let mut all: Vec<_> = self.known.iter().map(|(key, sampler)| (*key, *sampler)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    fn agreed(&self, wanted: impl Fn(&SamplerKey) -> bool) -> Option<Sampler> {
        let mut of_kind = self.known.iter().filter(|(key, _)| wanted(key)).map(|(_, s)| *s);
        let first = of_kind.next()?;
        of_kind.all(|other| other.rate == first.rate).then_some(first)
    }
}
