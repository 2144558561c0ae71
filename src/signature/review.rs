//! What is worth a look in signatures that can be used: names that do not
//! tell two classes apart, names that cover one another, facts gone stale.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::civil::Date;

use super::class::Draft;
use super::fields::Report;
use crate::model::domain::NamePattern;

/// Days after which somebody should look at a class again: makers move, close
/// and rename their services.
const STALE_DAYS: i32 = 365;

/// A group, by class and place in it.
type Place<'d> = (&'d Arc<str>, usize);

/// Adds warnings to the reports of checked classes.
pub(super) fn review(drafts: &mut [(Draft, Report)], today: Option<Date>) {
    let mut warnings = Vec::new();
    {
        let holders = holders(drafts);
        let parents: HashMap<_, _> = drafts
            .iter()
            .filter_map(|(draft, _)| Some((&draft.class, &draft.parent.as_ref()?.0)))
            .collect();
        for (index, (draft, _)) in drafts.iter().enumerate() {
            for (line, found, allowed) in doubts(draft, &holders, &parents, today) {
                warnings.push((index, line, found, allowed));
            }
        }
    }
    for (index, line, found, allowed) in warnings {
        drafts[index].1.warning(line, found, allowed);
    }
}

/// Which groups have each pattern.
fn holders(drafts: &[(Draft, Report)]) -> HashMap<&NamePattern, Vec<Place<'_>>> {
    let mut holders: HashMap<_, Vec<_>> = HashMap::new();
    for (draft, _) in drafts {
        let groups = draft.definition.iter().flat_map(|definition| &definition.groups);
        for (place, group) in groups.enumerate() {
            for name in &group.names {
                holders.entry(name).or_default().push((&draft.class, place));
            }
        }
    }
    holders
}

fn doubts(
    draft: &Draft,
    holders: &HashMap<&NamePattern, Vec<Place<'_>>>,
    parents: &HashMap<&Arc<str>, &Arc<str>>,
    today: Option<Date>,
) -> Vec<(usize, String, &'static str)> {
    let mut doubts = Vec::new();
    let Some(definition) = &draft.definition else { return doubts };
    for ((place, group), line) in definition.groups.iter().enumerate().zip(&draft.group_lines) {
        for name in &group.names {
            let mut classes = BTreeSet::new();
            for cover in covers(name) {
                for (class, other) in holders.get(&cover).into_iter().flatten() {
                    if **class != draft.class {
                        classes.insert(*class);
                    } else if *other != place {
                        doubts.push((
                            *line,
                            format!("name `{name}`, which `{cover}` in another group covers"),
                            "groups whose names do not cover one another",
                        ));
                    }
                }
            }
            for class in classes {
                if !above(&draft.class, class, parents) && !above(class, &draft.class, parents) {
                    doubts.push((
                        *line,
                        format!("name `{name}`, which the class `{class}` has too"),
                        "names that tell the class apart from others",
                    ));
                }
            }
        }
    }
    if let Some(today) = today {
        let age = today.since(definition.checked).map_or(0, |span| span.get_days());
        if age > STALE_DAYS {
            doubts.push((
                draft.checked_line,
                format!("facts last checked on {}, {age} days ago", definition.checked),
                "a look at the facts at least once a year",
            ));
        } else if age < 0 {
            doubts.push((
                draft.checked_line,
                format!("facts checked on {}, a day to come", definition.checked),
                "a day not later than today",
            ));
        }
    }
    doubts
}

/// Every pattern that stands for all names that `name` stands for.
fn covers(name: &NamePattern) -> Vec<NamePattern> {
    let (NamePattern::Exact(domain) | NamePattern::Below(domain)) = name;
    let above = domain.ancestors().filter_map(|above| above.parse().ok().map(NamePattern::Below));
    std::iter::once(name.clone()).chain(above).collect()
}

/// Whether `upper` is above `lower` in the tree of classes, which has no circle.
fn above(upper: &Arc<str>, lower: &Arc<str>, parents: &HashMap<&Arc<str>, &Arc<str>>) -> bool {
    std::iter::successors(parents.get(lower), |class| parents.get(**class))
        .any(|class| *class == upper)
}
