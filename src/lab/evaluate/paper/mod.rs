//! The paper's own experiment: its 37 rules over a testbed with one device of
//! each, seen through sampling.
//!
//! [`classes`] are the rules, [`mod@run`] takes them through the chain and [`report`]
//! prints what came out beside the paper's figures. The devices' traffic is the
//! simulator's model, whose parameters rest on the visibility figures of the
//! paper's §3 alone.

pub mod classes;
pub mod report;
pub mod run;
#[cfg(test)]
mod tests;

use crate::simulate::visibility::Contacts;
use classes::{CLASSES, PaperClass};

/// Servers that a device contacts beside the groups of its rule. Of 524 names
/// that the testbed's 56 products asked for 217 are dedicated and may be in a
/// rule; the other 307 make five to six a product (paper §4.1, §4.2.1).
const MORE_SERVERS: [u32; 2] = [5, 6];
/// Samsung's appliances have 14 monitored groups of which one decides (§4.3.2).
const MORE_OF_SAMSUNG: u32 = 13;

/// What the testbed's devices contact, for [`crate::simulate::visibility`].
pub fn contacts() -> Vec<Contacts> {
    CLASSES
        .iter()
        .zip(MORE_SERVERS.into_iter().cycle())
        .map(|(class, more)| {
            let family = lineage(class);
            let main = u32::try_from(family.len()).unwrap_or(u32::MAX);
            let groups: u32 = family.iter().map(|class| class.own_groups()).sum();
            let samsung = family.iter().any(|class| class.class == "samsung-iot");
            let more = more + if samsung { MORE_OF_SAMSUNG } else { 0 };
            Contacts { main, other: groups - main + more }
        })
        .collect()
}

/// The class and every class above it.
fn lineage(class: &'static PaperClass) -> Vec<&'static PaperClass> {
    let mut family = vec![class];
    let mut at = class;
    while let Some(parent) =
        at.parent.and_then(|parent| CLASSES.iter().find(|class| class.class == parent))
    {
        family.push(parent);
        at = parent;
    }
    family
}
