//! The sampling rates of a set's records, and the samplers that options
//! records describe.

use crate::model::sampling::{Sampling, SamplingSource};

use super::Protocol;
use super::described::Described;
use super::exporter::Rated;
use super::layout::Layout;
use super::problem::ProblemKind;
use super::reader::{Reader, Tally};
use super::sampling::{Reading, Sampler, SamplerKey, Set};
use super::session::{Place, Session};

impl Session<'_> {
    /// Takes a sampler that an options record describes.
    pub(crate) fn sampler(
        &mut self,
        protocol: Protocol,
        port: u16,
        window: &[u8],
        layout: &Layout,
        place: Place,
    ) {
        let key = if layout.sampler.is_present() {
            SamplerKey::Id(layout.sampler.read(window))
        } else {
            SamplerKey::Scope(layout.scope.read(window))
        };
        let reading = layout.sampling.read(window).reading();
        let mut tally = Tally::default();
        let sampling = &self.exporter.sampling;
        let counts = &mut self.out.counts;
        let rate = Reader { sampling, tally: &mut tally, counts }.rate(reading);
        self.exporter.add(&tally);
        let Some(sampler) = rate else {
            if let (SamplerKey::Id(id), Reading::Ambiguous | Reading::ByTime) = (key, reading) {
                self.exporter.note_ambiguous_sampler(id);
            }
            return;
        };
        match self.exporter.set_sampler(protocol, port, key, sampler) {
            Set::Same => {}
            Set::Refused => self.out.counts.samplers_refused += 1,
            Set::Changed { from } => {
                self.out.counts.sampling_changes += 1;
                self.exporter.sampling_changes += 1;
                let (from, to) = (from.get(), sampler.rate.get());
                self.note(place, ProblemKind::SamplingChanged { from, to });
            }
        }
    }
}

/// The rates of a set's records. Neighbours nearly always have the same, so
/// the last one is remembered.
pub(crate) struct Rates {
    protocol: Protocol,
    port: u16,
    last: Option<(Option<u64>, Rated, bool)>,
    run: u64,
}

impl Rates {
    pub(crate) fn new(protocol: Protocol, port: u16) -> Self {
        Self { protocol, port, last: None, run: 0 }
    }

    #[inline]
    pub(crate) fn of(&mut self, reader: &mut Reader<'_>, window: &[u8], layout: &Layout) -> Rated {
        let id = sampler_id(window, layout);
        if !layout.sampling.is_present
            && let Some((last, rated, _)) = self.last
            && last == id
        {
            self.run += 1;
            return rated;
        }
        self.change(reader, window, layout, id)
    }

    #[cold]
    fn change(
        &mut self,
        reader: &mut Reader<'_>,
        window: &[u8],
        layout: &Layout,
        id: Option<u64>,
    ) -> Rated {
        let (rated, reading) = rated(reader.sampling, (self.protocol, self.port), window, layout);
        reader.rate(reading);
        let described = matches!(
            rated.sampling,
            Sampling::Known { source: SamplingSource::Record | SamplingSource::Options, .. }
        );
        self.finish(reader);
        self.last = Some((id, rated, described));
        self.run = 1;
        if let Some(id) = id.filter(|_| !described) {
            reader.tally.note_unknown_sampler(id);
        }
        rated
    }

    /// Counts the records since the last change.
    pub(crate) fn finish(&mut self, reader: &mut Reader<'_>) {
        if let Some((id, rated, described)) = self.last {
            reader.tally(rated, self.run);
            if id.is_some() && !described {
                reader.counts.unknown_samplers += self.run;
            }
        }
        self.run = 0;
    }
}

/// The rate of one record, and what its own fields say of it.
pub(crate) fn rated(
    sampling: &Described,
    (protocol, port): (Protocol, u16),
    window: &[u8],
    layout: &Layout,
) -> (Rated, Reading) {
    let reading = match layout.sampling.is_present {
        true => layout.sampling.read(window).reading(),
        false => Reading::Silent,
    };
    let own = reading.sampler().map_or(Rated::default(), |Sampler { rate, field }| {
        Rated::new(rate.get(), SamplingSource::Record, field)
    });
    (own.or(sampling.rate(protocol, port, sampler_id(window, layout))), reading)
}

#[inline]
fn sampler_id(window: &[u8], layout: &Layout) -> Option<u64> {
    layout.sampler.is_present().then(|| layout.sampler.read(window))
}
