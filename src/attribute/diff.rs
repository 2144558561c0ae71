//! What changed between two builds: the classes that gained or lost groups, and
//! the endpoints that came and went. Yesterday's against today's, in words.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::hitlist::Hitlist;
use super::report::{BuildReport, ClassReport, GroupReport};

/// Most groups that are named in the words of one class.
const MOST_NAMED: usize = 5;

/// What changed from one build to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildChange {
    /// Addresses that are endpoints now and were not.
    pub endpoints_added: usize,
    /// Addresses that were endpoints and are none now.
    pub endpoints_removed: usize,
    /// The classes that changed, in the order of the later build; those that
    /// are no longer defined come last.
    pub classes: Vec<ClassChange>,
}

/// What changed in one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassChange {
    /// The class.
    pub class: Arc<str>,
    /// N before; absent if the class is new.
    pub before: Option<usize>,
    /// N now; absent if the class is gone from the signatures.
    pub after: Option<usize>,
    /// Groups that are monitored now and were not.
    pub gained: Vec<String>,
    /// Groups that were monitored and are not now, with the reason.
    pub lost: Vec<(String, String)>,
    /// Groups that are now one with another, and that other.
    pub merged: Vec<(String, String)>,
    /// Groups that were one with another and stand alone now.
    pub parted: Vec<String>,
}

impl ClassChange {
    /// Whether the class, still defined, can no longer be detected.
    pub fn is_lost(&self) -> bool {
        self.before.is_some_and(|before| before > 0) && self.after == Some(0)
    }

    fn is_empty(&self) -> bool {
        self.before == self.after
            && self.gained.is_empty()
            && self.lost.is_empty()
            && self.merged.is_empty()
            && self.parted.is_empty()
    }
}

impl BuildChange {
    /// The classes that can no longer be detected.
    pub fn lost(&self) -> impl Iterator<Item = &ClassChange> {
        self.classes.iter().filter(|class| class.is_lost())
    }
}

/// Compares two builds, each its report and its hitlist.
pub fn diff(before: (&BuildReport, &Hitlist), after: (&BuildReport, &Hitlist)) -> BuildChange {
    let addresses = |list: &Hitlist| list.addresses().collect::<HashSet<IpAddr>>();
    let (old, new) = (addresses(before.1), addresses(after.1));
    let known: HashMap<&str, &ClassReport> =
        before.0.classes.iter().map(|class| (&*class.class, class)).collect();
    let defined: HashSet<&str> = after.0.classes.iter().map(|class| &*class.class).collect();
    let kept =
        after.0.classes.iter().map(|class| compare(known.get(&*class.class).copied(), class));
    let gone = before.0.classes.iter().filter(|class| !defined.contains(&*class.class));
    let gone = gone.map(|class| ClassChange {
        class: class.class.clone(),
        before: Some(class.monitored),
        after: None,
        gained: Vec::new(),
        lost: Vec::new(),
        merged: Vec::new(),
        parted: Vec::new(),
    });
    BuildChange {
        endpoints_added: new.difference(&old).count(),
        endpoints_removed: old.difference(&new).count(),
        classes: kept.chain(gone).filter(|change| !change.is_empty()).collect(),
    }
}

fn compare(before: Option<&ClassReport>, after: &ClassReport) -> ClassChange {
    let old: HashMap<&str, &GroupReport> = before
        .into_iter()
        .flat_map(|class| &class.groups)
        .map(|group| (group.group.as_str(), group))
        .collect();
    let mut change = ClassChange {
        class: after.class.clone(),
        before: before.map(|class| class.monitored),
        after: Some(after.monitored),
        gained: Vec::new(),
        lost: Vec::new(),
        merged: Vec::new(),
        parted: Vec::new(),
    };
    let mut defined = HashSet::new();
    for group in &after.groups {
        defined.insert(group.group.as_str());
        let was = old.get(group.group.as_str());
        let counted = was.is_some_and(|was| was.counted);
        let merged = was.and_then(|was| was.merged_into.as_ref());
        match (counted, group.counted) {
            (false, true) => change.gained.push(group.group.clone()),
            (true, false) => {
                let why = group.why_not.clone().unwrap_or_default();
                change.lost.push((group.group.clone(), why));
            }
            _ => {}
        }
        match &group.merged_into {
            Some(into) if merged != Some(into) => {
                change.merged.push((group.group.clone(), into.clone()));
            }
            None if merged.is_some() && group.counted => change.parted.push(group.group.clone()),
            _ => {}
        }
    }
    let groups = before.into_iter().flat_map(|class| &class.groups);
    for group in groups.filter(|group| group.counted && !defined.contains(group.group.as_str())) {
        change.lost.push((group.group.clone(), "no longer in the signature".to_owned()));
    }
    change
}

impl fmt::Display for ClassChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, before, after, gained, lost, merged, parted } = self;
        match (before, after) {
            (_, None) => write!(f, "{class}: no longer defined")?,
            (None, Some(now)) => write!(f, "{class}: new, {now} groups monitored")?,
            (Some(before), Some(0)) if *before > 0 => {
                write!(f, "{class}: can no longer be detected, it had {before} groups")?;
            }
            (Some(before), Some(now)) if before == now => {
                write!(f, "{class}: still {now} groups monitored")?;
            }
            (Some(before), Some(now)) => {
                write!(f, "{class}: {now} groups monitored instead of {before}")?;
            }
        }
        // The whole reason may fill a page; `hitlist explain` prints it.
        let first = |why: &str| why.split("; ").next().unwrap_or_default().to_owned();
        let lost = lost.iter().map(|(group, why)| format!("{group} ({})", first(why)));
        let merged = merged.iter().map(|(group, into)| format!("{group} is one with {into}"));
        list(f, "; lost ", lost)?;
        list(f, "; gained ", gained.iter().cloned())?;
        list(f, "; ", merged)?;
        list(f, "; standing alone again: ", parted.iter().cloned())
    }
}

/// Writes the first few, and how many more there are.
fn list(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    items: impl ExactSizeIterator<Item = String>,
) -> fmt::Result {
    let more = items.len().saturating_sub(MOST_NAMED);
    for (place, item) in items.take(MOST_NAMED).enumerate() {
        write!(f, "{}{item}", if place == 0 { before } else { ", " })?;
    }
    if more > 0 { write!(f, " and {more} more") } else { Ok(()) }
}
