//! The templates of one exporter and domain, bounded.
//!
//! RFC 7011 keys templates by transport session, that is by UDP source port
//! too. In the field both strictness and laxness break: some routers send
//! templates from one port and data from another, and two routers behind one
//! address translator share address, domain and template ids with different
//! layouts (docs/exporters.md 10). So a template is held by the port that sent it;
//! a port that never sent it borrows the latest one of its exporter, unless
//! ports disagreed about it lately or the data cannot be records of it.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::model::time::Timestamp;

use super::Protocol;
use super::template::Template;

/// Templates held per exporter and domain, all ports together.
pub(crate) const MAX_TEMPLATES: usize = 1_024;
/// What the templates of all exporters may cost together, in fields of 16
/// bytes: 128 MB.
pub(crate) const MAX_FIELDS_HELD: usize = 8_000_000;
/// Above this, who holds more than a fair share sheds what was used longest ago:
/// what is left of [`MAX_FIELDS_HELD`] is more than one datagram can ask for.
pub(crate) const NEARLY_ALL: usize = MAX_FIELDS_HELD / 8 * 7;
/// What fair shares add up to.
pub(crate) const SHARED: usize = MAX_FIELDS_HELD / 4 * 3;
/// What a template costs beside its fields, in fields.
const TEMPLATE_COST: usize = 48;
/// Source ports per exporter and domain that templates are held for.
pub(crate) const MAX_PORTS: usize = 16;
/// A template neither sent nor used for this long is forgotten. Exporters
/// resend within an hour at most; forgetting early blinds (docs/exporters.md 18).
pub(crate) const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// Two ports that send one template id with different layouts within this
/// time are two exporters behind one address.
const DISAGREEMENT: Duration = Duration::from_secs(600);
/// How often forgotten templates are looked for.
const SWEEP: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    protocol: Protocol,
    port: u16,
    id: u16,
}

/// A template that is held.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) template: Arc<Template>,
    /// When it was last sent.
    pub(crate) sent: Timestamp,
    /// When data was last read with it.
    pub(crate) used: Timestamp,
}

/// How [`Templates::insert`] ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inserted {
    /// It replaced one of another layout or kind.
    pub(crate) redefined: bool,
    /// How many others had to go for it.
    pub(crate) evicted: u64,
    /// It was not taken, because [`MAX_FIELDS_HELD`] are held.
    pub(crate) refused: bool,
}

/// The templates of one exporter and domain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Templates {
    held: HashMap<Key, Held>,
    ports: SmallVec<[u16; 4]>,
    swept: Timestamp,
}

impl Templates {
    /// Takes a template that came from `port`. `budget` is what the templates
    /// of all exporters cost now.
    pub(crate) fn insert(
        &mut self,
        protocol: Protocol,
        port: u16,
        template: Arc<Template>,
        now: Timestamp,
        budget: &mut usize,
    ) -> Inserted {
        let key = Key { protocol, port, id: template.id };
        let mut inserted = Inserted::default();
        if let Some(held) = self.held.get_mut(&key)
            && held.template.kind == template.kind
            && held.template.fields == template.fields
        {
            held.sent = now;
            held.used = now;
            return inserted;
        }
        if let Some(old) = self.held.remove(&key) {
            release(budget, &old);
            inserted.redefined = true;
        }
        if *budget + cost(&template) > MAX_FIELDS_HELD {
            inserted.refused = true;
            return inserted;
        }
        if self.held.len() >= MAX_TEMPLATES
            && let Some(oldest) = self.least_used(|_| true)
        {
            inserted.evicted += self.remove(&oldest, budget);
        }
        if !self.ports.contains(&port) {
            if self.ports.len() >= MAX_PORTS {
                inserted.evicted += self.forget_a_port(budget);
            }
            self.ports.push(port);
        }
        *budget += cost(&template);
        self.held.insert(key, Held { template, sent: now, used: now });
        inserted
    }

    /// The template for data set `id` from `port`, whose body is `body`.
    pub(crate) fn find(
        &mut self,
        protocol: Protocol,
        port: u16,
        id: u16,
        body: &[u8],
        now: Timestamp,
    ) -> Option<Arc<Template>> {
        if let Some(held) = self.held.get_mut(&Key { protocol, port, id }) {
            held.used = now;
            return Some(Arc::clone(&held.template));
        }
        let (lender, sent) = self
            .ports
            .iter()
            .filter_map(|port| {
                let key = Key { protocol, port: *port, id };
                Some((key, self.held.get(&key)?.sent))
            })
            .max_by_key(|(_, sent)| *sent)?;
        if self.is_disputed(&lender, sent) {
            return None;
        }
        let held = self.held.get_mut(&lender)?;
        if !held.template.fits(body) {
            return None;
        }
        held.used = now;
        Some(Arc::clone(&held.template))
    }

    /// Whether another port sent a different template with the same id
    /// shortly before `sent`.
    fn is_disputed(&self, lender: &Key, sent: Timestamp) -> bool {
        let Some(lent) = self.held.get(lender) else { return false };
        self.ports.iter().any(|port| {
            self.held.get(&Key { port: *port, ..*lender }).is_some_and(|other| {
                other.template != lent.template && sent.since(other.sent) < DISAGREEMENT
            })
        })
    }

    /// Withdraws the template `id` of `port`; all of the kind if `id` is
    /// `None`. Returns how many there were.
    pub(crate) fn withdraw(
        &mut self,
        protocol: Protocol,
        port: u16,
        wanted: impl Fn(&Template) -> bool,
        budget: &mut usize,
    ) -> u64 {
        let before = self.held.len();
        self.held.retain(|key, held| {
            let keep = key.protocol != protocol || key.port != port || !wanted(&held.template);
            if !keep {
                release(budget, held);
            }
            keep
        });
        (before - self.held.len()) as u64
    }

    /// Forgets what was neither sent nor used for [`LIFETIME`]; looks only
    /// once in [`SWEEP`]. Returns how many were forgotten.
    pub(crate) fn expire(&mut self, now: Timestamp, budget: &mut usize) -> u64 {
        if self.swept == Timestamp::EPOCH {
            self.swept = now;
        }
        if now.since(self.swept) < SWEEP {
            return 0;
        }
        self.swept = now;
        let before = self.held.len();
        self.held.retain(|_, held| {
            let keep = now.since(held.used) < LIFETIME;
            if !keep {
                release(budget, held);
            }
            keep
        });
        (before - self.held.len()) as u64
    }

    /// Forgets the templates that were used longest ago until the rest costs no
    /// more than `share`. Returns how many were forgotten.
    pub(crate) fn shed(&mut self, share: usize, budget: &mut usize) -> u64 {
        let mut costs: usize = self.held.values().map(|held| cost(&held.template)).sum();
        if costs <= share {
            return 0;
        }
        let mut oldest: Vec<_> = self.held.iter().map(|(key, held)| (held.used, *key)).collect();
        oldest.sort_unstable();
        let mut shed = 0;
        for (_, key) in oldest {
            if costs <= share {
                break;
            }
            if let Some(held) = self.held.remove(&key) {
                costs -= cost(&held.template);
                release(budget, &held);
                shed += 1;
            }
        }
        shed
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, budget: &mut usize) {
        for held in self.held.values() {
            release(budget, held);
        }
        self.held.clear();
    }

    /// The `most` templates used last with protocol and port, in the order of
    /// these and their id.
    pub(crate) fn listed(&self, most: usize) -> Vec<(Protocol, u16, &Held)> {
        let mut all: Vec<_> = self.held.iter().collect();
        if all.len() > most {
            all.select_nth_unstable_by_key(most, |(key, held)| (Reverse(held.used), **key));
            all.truncate(most);
        }
        all.sort_unstable_by_key(|(key, _)| **key);
        all.into_iter().map(|(key, held)| (key.protocol, key.port, held)).collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// How many template ids are held with different layouts for several ports
    /// that send them still.
    pub(crate) fn disputed(&self) -> usize {
        if self.ports.len() < 2 {
            return 0;
        }
        let mut seen: HashMap<(Protocol, u16), (&Held, bool)> = HashMap::new();
        for (key, held) in &self.held {
            let (first, disputed) =
                seen.entry((key.protocol, key.id)).or_insert_with(|| (held, false));
            let apart = first.sent.since(held.sent).max(held.sent.since(first.sent));
            *disputed |= first.template != held.template && apart < DISAGREEMENT;
        }
        seen.values().filter(|(_, disputed)| *disputed).count()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Every template with protocol and port, and when it was sent and used:
    /// in the order in which [`Self::restore`] makes the same of them.
    pub(crate) fn saved(&self) -> Vec<(Protocol, u16, &Template, Timestamp, Timestamp)> {
        let mut all: Vec<_> = self.held.iter().collect();
        let place = |port: u16| self.ports.iter().position(|known| *known == port);
        all.sort_unstable_by_key(|(key, _)| (place(key.port), **key));
        all.into_iter()
            .map(|(key, held)| (key.protocol, key.port, &*held.template, held.sent, held.used))
            .collect()
    }

    /// Takes back a template that was saved, if it fits within the bounds.
    pub(crate) fn restore(
        &mut self,
        protocol: Protocol,
        port: u16,
        template: Arc<Template>,
        (sent, used): (Timestamp, Timestamp),
        budget: &mut usize,
    ) -> bool {
        let key = Key { protocol, port, id: template.id };
        let inserted = self.insert(protocol, port, template, sent, budget);
        if let Some(held) = self.held.get_mut(&key) {
            held.used = used;
        }
        !inserted.refused && inserted.evicted == 0
    }

    fn least_used(&self, wanted: impl Fn(&Key) -> bool) -> Option<Key> {
        self.held
            .iter()
            .filter(|(key, _)| wanted(key))
            .min_by_key(|(key, held)| (held.used, **key))
            .map(|(key, _)| *key)
    }

    fn remove(&mut self, key: &Key, budget: &mut usize) -> u64 {
        match self.held.remove(key) {
            Some(held) => {
                release(budget, &held);
                1
            }
            None => 0,
        }
    }

    /// Forgets the port whose templates were not used for longest.
    fn forget_a_port(&mut self, budget: &mut usize) -> u64 {
        let last_use = |port: u16| {
            self.held.iter().filter(|(key, _)| key.port == port).map(|(_, held)| held.used).max()
        };
        let Some(port) = self.ports.iter().copied().min_by_key(|port| last_use(*port)) else {
            return 0;
        };
        self.ports.retain(|known| *known != port);
        let before = self.held.len();
        self.held.retain(|key, held| {
            if key.port == port {
                release(budget, held);
            }
            key.port != port
        });
        (before - self.held.len()) as u64
    }
}

fn release(budget: &mut usize, held: &Held) {
    *budget = budget.saturating_sub(cost(&held.template));
}

fn cost(template: &Template) -> usize {
    TEMPLATE_COST + template.fields.len()
}
