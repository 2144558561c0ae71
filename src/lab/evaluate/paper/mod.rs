//! The paper's own experiment: its 37 rules over its testbed of 96 devices, seen
//! through sampling.
//!
//! [`classes`] are the rules, [`products`] the devices, [`mod@run`] takes them through the chain and [`report`]
//! prints what came out beside the paper's figures. The devices' traffic is the
//! simulator's model, whose parameters rest on the visibility figures of the
//! paper's §3 alone.

pub mod classes;
pub mod products;
pub mod report;
pub mod run;
#[cfg(test)]
mod tests;

use classes::{CLASSES, PaperClass};

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
