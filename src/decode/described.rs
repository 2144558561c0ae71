//! What an exporter's options and the configuration say about sampling.
//!
//! It changes seldom and every flow is read with it, here or on another worker
//! (`apart`), so it is shared and copied when it changes.

use smallvec::SmallVec;

use super::Protocol;
use super::exporter::{MAX_SAMPLER_PORTS, Rated};
use super::sampling::{Sampler, SamplerKey, Samplers, Set};

/// Everything that gives flows their rate, apart from the flows themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Described {
    /// Described samplers by the port that described them, and by nobody's.
    pub(crate) by_port: SmallVec<[(Protocol, u16, Samplers); 1]>,
    pub(crate) samplers: Samplers,
    /// Some flow template carries a sampler id.
    pub(crate) ids_in_flows: bool,
    /// The configured rate of this exporter.
    pub(crate) configured: Rated,
}

impl Described {
    /// Whether an options record from `port` would change nothing: most repeat
    /// what was told.
    pub(crate) fn knows(
        &self,
        protocol: Protocol,
        port: u16,
        key: SamplerKey,
        sampler: Sampler,
    ) -> bool {
        self.of_port(protocol, port).is_some_and(|own| own.get(key) == Some(sampler))
            && self.samplers.get(key) == Some(sampler)
    }

    /// Remembers a sampler that an options record from `port` describes.
    pub(crate) fn set_sampler(
        &mut self,
        protocol: Protocol,
        port: u16,
        key: SamplerKey,
        sampler: Sampler,
    ) -> Set {
        let of_port = |of: &(Protocol, u16, Samplers)| of.0 == protocol && of.1 == port;
        let place = self.by_port.iter().position(of_port).unwrap_or_else(|| {
            if self.by_port.len() >= MAX_SAMPLER_PORTS {
                self.by_port.remove(0);
            }
            self.by_port.push((protocol, port, Samplers::default()));
            self.by_port.len() - 1
        });
        self.samplers.set(key, sampler);
        match self.by_port.get_mut(place) {
            Some((_, _, own)) => own.set(key, sampler),
            None => Set::Same,
        }
    }

    /// The rate of a flow from `port` with the sampler id `id`, from options,
    /// else from the configuration. Options sent from the flow's own port go
    /// first, because two exporters may share an address and a domain; options
    /// from any other port hold too, because one exporter may use several.
    pub(crate) fn rate(&self, protocol: Protocol, port: u16, id: Option<u64>) -> Rated {
        let look_up = |samplers: &Samplers| match id {
            Some(id) => samplers.by_id(id),
            None => samplers.without_id(self.ids_in_flows),
        };
        self.of_port(protocol, port)
            .and_then(look_up)
            .or_else(|| look_up(&self.samplers))
            .map_or(self.configured, Rated::options)
    }

    fn of_port(&self, protocol: Protocol, port: u16) -> Option<&Samplers> {
        let own = self.by_port.iter().find(|of| of.0 == protocol && of.1 == port);
        own.map(|(_, _, own)| own)
    }
}
