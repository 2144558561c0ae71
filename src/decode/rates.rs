//! The sampling rates of a set's records, and the samplers that options
//! records describe.

use crate::model::sampling::{Sampling, SamplingSource};

use super::Protocol;
use super::exporter::Rated;
use super::layout::Layout;
use super::problem::ProblemKind;
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
        let Some(sampler) = self.rate(reading) else {
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

    /// Counts what is odd about a reading and returns its rate.
    fn rate(&mut self, reading: Reading) -> Option<Sampler> {
        let counts = &mut self.out.counts;
        match reading {
            Reading::Rate { rate, field, reversed } => {
                counts.reversed_sampling += u64::from(reversed);
                self.exporter.reversed_sampling += u64::from(reversed);
                return Some(Sampler { rate, field });
            }
            Reading::Ambiguous | Reading::ByTime => {
                counts.ambiguous_sampling += 1;
                self.exporter.ambiguous_sampling += 1;
            }
            Reading::Implausible => {
                counts.implausible_sampling += 1;
                self.exporter.implausible_sampling += 1;
            }
            Reading::Silent => {}
        }
        None
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
    pub(crate) fn of(
        &mut self,
        session: &mut Session<'_>,
        window: &[u8],
        layout: &Layout,
    ) -> Rated {
        let id = layout.sampler.is_present().then(|| layout.sampler.read(window));
        if !layout.sampling.is_present
            && let Some((last, rated, _)) = self.last
            && last == id
        {
            self.run += 1;
            return rated;
        }
        self.change(session, window, layout, id)
    }

    #[cold]
    fn change(
        &mut self,
        session: &mut Session<'_>,
        window: &[u8],
        layout: &Layout,
        id: Option<u64>,
    ) -> Rated {
        let mut rated = Rated::default();
        if layout.sampling.is_present {
            let reading = layout.sampling.read(window).reading();
            if let Some(sampler) = session.rate(reading) {
                rated = Rated::new(sampler.rate.get(), SamplingSource::Record, sampler.field);
            }
        }
        rated = rated.or(session.exporter.rate(self.protocol, self.port, id));
        let described = matches!(
            rated.sampling,
            Sampling::Known { source: SamplingSource::Record | SamplingSource::Options, .. }
        );
        self.finish(session);
        self.last = Some((id, rated, described));
        self.run = 1;
        if let Some(id) = id.filter(|_| !described) {
            session.exporter.note_unknown_sampler(id);
        }
        rated
    }

    /// Counts the records since the last change.
    pub(crate) fn finish(&mut self, session: &mut Session<'_>) {
        if let Some((id, rated, described)) = self.last {
            session.tally(rated, self.run);
            if id.is_some() && !described {
                session.out.counts.unknown_samplers += self.run;
            }
        }
        self.run = 0;
    }
}
