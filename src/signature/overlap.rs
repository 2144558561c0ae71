//! Classes that tell the same: names that two of them have, wildcards that
//! stand for another's names, children that say no more than their parents.
//!
//! A class above another is claimed with it by intention, so a name that both
//! have is no finding by itself; the lower one needs evidence that the upper
//! one's does not bring along.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::class::Draft;
use super::definition::{ClassDefinition, GroupDefinition};
use super::review::Doubt;
use crate::model::domain::NamePattern;
use crate::model::rules::Role;

/// Most classes that one finding names.
const NAMED: usize = 3;

/// A group, by its class and its place there.
#[derive(Clone, Copy)]
struct Held<'d> {
    class: usize,
    place: usize,
    group: &'d GroupDefinition,
}

/// The classes of a folder, with who has which name.
pub(super) struct Folder<'d> {
    classes: Vec<(&'d Draft, &'d ClassDefinition)>,
    by_name: HashMap<&'d str, usize>,
    holders: HashMap<&'d NamePattern, Vec<Held<'d>>>,
    /// For each class the others that a wildcard of it stands for whole, with
    /// the wildcard's place.
    swallowed: HashMap<usize, Vec<(usize, Spot)>>,
    /// The classes that have the same groups, by what these are.
    alike: HashMap<Evidence<'d>, Vec<usize>>,
    /// For each class above another: the names that stand for one of its own.
    above: HashMap<usize, HashMap<NamePattern, Vec<&'d GroupDefinition>>>,
}

/// A name, by the place of its group and its place there.
type Spot = (usize, usize);

/// What a class looks for, in no order: names and ports of each group.
pub(super) type Evidence<'d> = BTreeSet<(BTreeSet<&'d NamePattern>, BTreeSet<String>)>;

impl<'d> Folder<'d> {
    /// Looks at classes that are right each for itself.
    pub(super) fn new(drafts: impl Iterator<Item = &'d Draft>) -> Self {
        let classes: Vec<_> =
            drafts.filter_map(|draft| Some((draft, draft.definition.as_ref()?))).collect();
        let mut folder = Self {
            by_name: classes
                .iter()
                .enumerate()
                .map(|(at, (draft, _))| (&*draft.class, at))
                .collect(),
            holders: HashMap::new(),
            swallowed: HashMap::new(),
            alike: HashMap::new(),
            above: HashMap::new(),
            classes,
        };
        for (class, (_, definition)) in folder.classes.iter().enumerate() {
            for (place, group) in definition.groups.iter().enumerate() {
                for name in &group.names {
                    folder.holders.entry(name).or_default().push(Held { class, place, group });
                }
            }
            folder.alike.entry(evidence(definition)).or_default().push(class);
        }
        for class in 0..folder.classes.len() {
            for upper in folder.uppers(class) {
                let definition = folder.classes[upper].1;
                folder.above.entry(upper).or_insert_with(|| standing_for(definition));
            }
            for (by, spot) in folder.swallowing(class) {
                folder.swallowed.entry(by).or_default().push((class, spot));
            }
        }
        folder
    }

    /// What is to be said about one class, whose name is `class`.
    pub(super) fn doubts(&self, class: &str) -> Vec<Doubt> {
        let Some(&class) = self.by_name.get(class) else { return Vec::new() };
        let mut doubts = Vec::new();
        self.doubt_names(class, &mut doubts);
        let (draft, definition) = self.classes[class];
        for (other, (group, name)) in self.swallowed.get(&class).into_iter().flatten() {
            doubts.push(Doubt::new(
                draft.name_lines[*group][*name],
                format!(
                    "name `{}`, with which the class has every name of the class `{}`",
                    definition.groups[*group].names[*name], self.classes[*other].0.class
                ),
                "a narrower name, or this class as the parent of the other",
            ));
        }
        let alike: Vec<_> = self.alike[&evidence(definition)]
            .iter()
            .copied()
            .filter(|other| *other != class)
            .collect();
        if alike.is_empty() {
            self.doubt_ownness(class, &mut doubts);
        } else {
            doubts.push(Doubt::new(
                draft.group_lines[0],
                format!("the same groups as {}", self.named(&alike)),
                "groups that tell the classes apart, or one class for all",
            ));
        }
        doubts
    }

    /// Names that another group has, or that a wildcard elsewhere covers.
    fn doubt_names(&self, class: usize, doubts: &mut Vec<Doubt>) {
        let (draft, definition) = self.classes[class];
        for (place, group) in definition.groups.iter().enumerate() {
            for (name, line) in group.names.iter().zip(&draft.name_lines[place]) {
                let mut others = BTreeMap::<NamePattern, Vec<usize>>::new();
                for (cover, held) in self.covering(name, group) {
                    if held.class == class {
                        if held.place != place {
                            doubts.push(Doubt::new(
                                *line,
                                format!("name `{name}`, which `{cover}` in another group covers"),
                                "groups whose names do not cover one another",
                            ));
                        }
                    } else if !self.related(class, held.class) {
                        let classes = others.entry(cover).or_default();
                        if classes.last() != Some(&held.class) {
                            classes.push(held.class);
                        }
                    }
                }
                for (cover, classes) in others {
                    let how = if cover == *name {
                        format!("which {} has too", self.named(&classes))
                    } else {
                        format!("which `{cover}` of {} covers", self.named(&classes))
                    };
                    doubts.push(Doubt::new(
                        *line,
                        format!("name `{name}`, {how}"),
                        "names that tell the class apart from others",
                    ));
                }
            }
        }
    }

    /// Whether the evidence of the classes above is enough for this one.
    fn doubt_ownness(&self, class: usize, doubts: &mut Vec<Doubt>) {
        let (draft, definition) = self.classes[class];
        let uppers = self.uppers(class);
        let comes_along = |group: &&GroupDefinition| {
            uppers.iter().any(|upper| {
                group.names.iter().any(|name| {
                    let groups = self.above[upper].get(name).into_iter().flatten();
                    groups.into_iter().any(|of_upper| ports_meet(group, of_upper))
                })
            })
        };
        let shared: Vec<_> = definition.groups.iter().filter(comes_along).collect();
        let of = definition.groups.len();
        let required = definition.threshold.required(of);
        let line = draft.parent.as_ref().map_or(1, |(_, line)| *line);
        if shared.len() == of && of > 0 {
            doubts.push(Doubt::new(
                line,
                "no group of its own: each has a name that a class above has too",
                "a group of names that only this class has, or no class beside its parent",
            ));
        } else if shared.len() >= required && shared.iter().any(|group| group.role == Role::Primary)
        {
            doubts.push(Doubt::new(
                line,
                format!(
                    "groups with names of a class above: {} of {of}, and {required} are enough for a claim",
                    shared.len()
                ),
                "a higher threshold, or more groups of names that only this class has",
            ));
        }
    }

    /// Every group with a pattern that stands for all that `name` stands for,
    /// on a port of `group`.
    fn covering(
        &self,
        name: &NamePattern,
        group: &'d GroupDefinition,
    ) -> impl Iterator<Item = (NamePattern, Held<'d>)> {
        covers(name).into_iter().flat_map(move |cover| {
            let held = self.holders.get(&cover).into_iter().flatten();
            let held = held.filter(|held| ports_meet(held.group, group));
            held.map(|held| (cover.clone(), *held)).collect::<Vec<_>>()
        })
    }

    /// The classes that stand for every name of `class` thanks to a wildcard,
    /// which one and are not meant to.
    fn swallowing(&self, class: usize) -> Vec<(usize, Spot)> {
        let definition = self.classes[class].1;
        let mut covered = HashMap::<usize, (usize, Option<Spot>)>::new();
        let mut names = 0;
        for group in &definition.groups {
            for name in &group.names {
                names += 1;
                let mut by = BTreeMap::new();
                for (cover, held) in self.covering(name, group) {
                    let wide = cover != *name;
                    let spot = held.group.names.iter().position(|own| *own == cover);
                    let spot = spot.filter(|_| wide).map(|at| (held.place, at));
                    let first = by.entry(held.class).or_insert(spot);
                    *first = first.or(spot);
                }
                for (other, spot) in by {
                    let (count, first) = covered.entry(other).or_default();
                    *count += 1;
                    *first = first.or(spot);
                }
            }
        }
        let whole = |(other, (count, spot)): (usize, (usize, Option<Spot>))| {
            (count == names && other != class && !self.is_above(other, class))
                .then_some((other, spot?))
        };
        let mut by: Vec<_> = covered.into_iter().filter_map(whole).collect();
        by.sort_unstable();
        by
    }

    /// The classes above `class`, nearest first; there is no circle.
    fn uppers(&self, class: usize) -> Vec<usize> {
        let parent = |class: &usize| {
            let (parent, _) = self.classes[*class].0.parent.as_ref()?;
            self.by_name.get(&**parent).copied()
        };
        std::iter::successors(parent(&class), parent).collect()
    }

    fn is_above(&self, upper: usize, lower: usize) -> bool {
        self.uppers(lower).contains(&upper)
    }

    fn related(&self, one: usize, other: usize) -> bool {
        self.is_above(one, other) || self.is_above(other, one)
    }

    /// `the class a`, or `the classes a, b, c and 7 more`.
    fn named(&self, classes: &[usize]) -> String {
        let shown: Vec<_> = classes
            .iter()
            .take(NAMED)
            .map(|class| format!("`{}`", self.classes[*class].0.class))
            .collect();
        let more = classes.len() - shown.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let noun = if classes.len() == 1 { "class" } else { "classes" };
        format!("the {noun} {}{more}", shown.join(", "))
    }
}

/// What `class` looks for.
pub(super) fn evidence(class: &ClassDefinition) -> Evidence<'_> {
    let of_group = |group: &'_ GroupDefinition| {
        group.ports.iter().map(ToString::to_string).collect::<BTreeSet<_>>()
    };
    class.groups.iter().map(|group| (group.names.iter().collect(), of_group(group))).collect()
}

/// Every pattern that stands for all names of some pattern of `class`.
fn standing_for(class: &ClassDefinition) -> HashMap<NamePattern, Vec<&GroupDefinition>> {
    let mut all: HashMap<_, Vec<_>> = HashMap::new();
    for group in &class.groups {
        for cover in group.names.iter().flat_map(covers) {
            all.entry(cover).or_default().push(group);
        }
    }
    all
}

/// Every pattern that stands for all names that `name` stands for.
fn covers(name: &NamePattern) -> Vec<NamePattern> {
    let (NamePattern::Exact(domain) | NamePattern::Below(domain)) = name;
    let above = domain.ancestors().filter_map(|above| above.parse().ok().map(NamePattern::Below));
    std::iter::once(name.clone()).chain(above).collect()
}

/// Whether some port counts for both groups; none given stands for any.
fn ports_meet(one: &GroupDefinition, other: &GroupDefinition) -> bool {
    one.ports.is_empty()
        || other.ports.is_empty()
        || one.ports.iter().any(|port| other.ports.contains(port))
}

#[cfg(test)]
mod tests;
