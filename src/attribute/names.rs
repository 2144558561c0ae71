//! From the patterns of signatures to the concrete names they stand for.
//!
//! An exact name stands for itself, answered or not. A wildcard stands for
//! every name below it that was answered for by the end of the day; that such
//! a name is also the target of another changes nothing. A name that was only
//! ever a target, and never answered for itself, leads nowhere and is left
//! out. Within a class a name belongs to one group, the one that names it
//! most closely: exactly, else by the longest suffix, else the first in the
//! file. Else a wildcard beside an exact name would always merge with it.

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use crate::dns::{Knowledge, NameId};
use crate::model::domain::{DomainName, NamePattern};
use crate::model::time::Day;
use crate::signature::SignatureSet;

/// A name that a group stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConcreteName {
    pub(super) name: DomainName,
    /// Where answers for it are kept, if there are any.
    pub(super) id: Option<NameId>,
}

/// Place of a class and of a group in it.
type Place = (usize, usize);

/// The concrete names of every group: by class, by group, exact names in the
/// order of the file and then the others by name.
pub(super) fn concrete_names(
    signatures: &SignatureSet,
    dns: &Knowledge,
    day: Day,
) -> Vec<Vec<Vec<ConcreteName>>> {
    let patterns = Patterns::new(signatures);
    let mut found: Vec<Vec<Vec<ConcreteName>>> = Vec::with_capacity(signatures.classes.len());
    for class in &signatures.classes {
        let groups = class.groups.iter().map(|group| {
            let exact = group.names.iter().filter_map(|pattern| match pattern {
                NamePattern::Exact(name) => {
                    Some(ConcreteName { name: name.clone(), id: dns.find(name) })
                }
                NamePattern::Below(_) => None,
            });
            exact.collect()
        });
        found.push(groups.collect());
    }
    let mut wild: Vec<(Place, ConcreteName)> = Vec::new();
    if !patterns.below.is_empty() {
        for (id, name) in dns.names() {
            let places = patterns.groups_of_wildcards(name);
            if !places.is_empty() && dns.is_answered(id, day) {
                let concrete = ConcreteName { name: name.clone(), id: Some(id) };
                wild.extend(places.into_iter().map(|place| (place, concrete.clone())));
            }
        }
    }
    wild.sort_unstable_by(|(place, one), (other, two)| (place, &one.name).cmp(&(other, &two.name)));
    for ((class, group), concrete) in wild {
        found[class][group].push(concrete);
    }
    found
}

/// The groups that `name` belongs to, one a class at most.
pub(super) fn groups_of(signatures: &SignatureSet, name: &DomainName) -> Vec<Place> {
    let patterns = Patterns::new(signatures);
    let mut places = patterns.groups_of_wildcards(name).to_vec();
    for (class, definition) in signatures.classes.iter().enumerate() {
        let exact = |pattern: &NamePattern| *pattern == NamePattern::Exact(name.clone());
        let mut groups = definition.groups.iter();
        if let Some(group) = groups.position(|group| group.names.iter().any(exact)) {
            places.push((class, group));
        }
    }
    places.sort_unstable();
    places
}

/// The patterns of all signatures, by text.
struct Patterns<'a> {
    below: HashMap<&'a str, SmallVec<[Place; 2]>>,
    exact: HashSet<(usize, &'a str)>,
}

impl<'a> Patterns<'a> {
    fn new(signatures: &'a SignatureSet) -> Self {
        let mut patterns = Self { below: HashMap::new(), exact: HashSet::new() };
        for (class, definition) in signatures.classes.iter().enumerate() {
            for (group, definition) in definition.groups.iter().enumerate() {
                for pattern in &definition.names {
                    match pattern {
                        NamePattern::Exact(name) => {
                            patterns.exact.insert((class, name.as_str()));
                        }
                        NamePattern::Below(suffix) => {
                            let places = patterns.below.entry(suffix.as_str()).or_default();
                            places.push((class, group));
                        }
                    }
                }
            }
        }
        patterns
    }

    /// The groups that `name` belongs to by a wildcard, one a class at most.
    fn groups_of_wildcards(&self, name: &DomainName) -> SmallVec<[Place; 4]> {
        let mut places = SmallVec::<[Place; 4]>::new();
        for above in name.ancestors() {
            for (class, group) in self.below.get(above).into_iter().flatten() {
                let taken = places.iter().any(|(held, _)| held == class)
                    || self.exact.contains(&(*class, name.as_str()));
                if !taken {
                    places.push((*class, *group));
                }
            }
        }
        places
    }
}
