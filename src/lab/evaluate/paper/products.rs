//! The testbed's products and where they stand: the paper's table 1 over its
//! rules (§2.1, §2.2, §4.2.3).
//!
//! There are 96 devices of 56 products at two sites, one in Europe and one in the
//! United States. Which product stands where is not published; 96 over 56 without
//! any difference between products is 40 of them at both sites and 16 at one. Every
//! run draws which.

use super::classes::{CLASSES, PaperClass};
use super::lineage;
use crate::simulate::testbed::some;
use crate::simulate::visibility::Equipment;

/// Devices of the testbed.
const DEVICES: usize = 96;
/// Products of it.
const PRODUCTS: usize = 56;
/// Products that no rule detects: Google Home and its Mini, Apple TV and Lefun
/// (all servers shared), LG TV, `WeMo` and Wink (too little left), and `SwitchBot`
/// and Smarter Brewer, which the paper's figure 10 does not have.
const UNDETECTED: usize = 9;
/// Names that a product asks for beside the groups of its rule. Of 524 names that
/// the testbed's 56 products asked for 217 are dedicated and may be in a rule; the
/// other 307 make five to six a product (§4.1, §4.2.1).
const MORE_NAMES: [u32; 2] = [5, 6];
/// Samsung's appliances have 14 monitored groups of which one decides (§4.3.2).
const MORE_OF_SAMSUNG: u32 = 13;
/// Numbers of names, far enough from each other.
const OF_CLASS: u32 = 1_000;
const OF_SAMSUNG: u32 = 500;
const OF_PRODUCT: u32 = 1_000_000;

/// One product at one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its number.
    pub product: usize,
    /// The place in [`CLASSES`] of the lowest class that it has, if any.
    pub class: Option<usize>,
    /// The site.
    pub site: u32,
}

/// How many products have this class and none below it.
fn products_of(class: &PaperClass) -> usize {
    match class.class {
        // Hub, strip, plug and rice cooker.
        "xiaomi" => 4,
        // Echo Dot, Spot and Plus.
        "amazon-product" => 3,
        // Hub and camera; bulb and remote; bulb and plug; Hue and bulb; dryer and
        // fridge.
        "blink" | "smartlife" | "tp-link" | "philips" | "samsung-iot" => 2,
        _ => 1,
    }
}

/// Whether its products were left out of the active experiments (table 1).
fn is_idle_only(class: &PaperClass) -> bool {
    class.class == "samsung-iot"
}

/// The devices of the testbed of a seed, those that were used or all.
pub fn devices(seed: u64, used: bool) -> Vec<Standing> {
    let of_class = CLASSES.iter().enumerate();
    let of_class = of_class.flat_map(|(place, class)| vec![Some(place); products_of(class)]);
    let classes: Vec<Option<usize>> = of_class.chain([None; UNDETECTED]).collect();
    let at_both = some(seed, DEVICES - PRODUCTS, PRODUCTS);
    let mut next = 0;
    let mut standing = Vec::with_capacity(DEVICES);
    for (product, (class, at_both)) in classes.into_iter().zip(at_both).enumerate() {
        let sites = if at_both {
            0..2
        } else {
            // Those at one site stand now here, now there.
            next += 1;
            next % 2..next % 2 + 1
        };
        if !(used && class.is_some_and(|class| is_idle_only(&CLASSES[class]))) {
            standing.extend(sites.map(|site| Standing { product, class, site }));
        }
    }
    standing
}

/// For every class the devices that have it, those of classes below it
/// included, as the places of their own classes in [`CLASSES`].
pub fn of_classes(seed: u64, used: bool) -> Vec<Vec<usize>> {
    let devices = devices(seed, used);
    let has = |class: usize, own: usize| {
        lineage(&CLASSES[own]).iter().any(|known| known.class == CLASSES[class].class)
    };
    let of = |class| {
        devices.iter().filter_map(move |device| device.class.filter(|own| has(class, *own)))
    };
    (0..CLASSES.len()).map(|class| of(class).collect()).collect()
}

/// The names that each device asks for, for [`crate::simulate::visibility`].
pub fn equipment(seed: u64, used: bool) -> Vec<Equipment> {
    devices(seed, used).into_iter().map(equip).collect()
}

fn equip(standing: Standing) -> Equipment {
    let Standing { product, class, site } = standing;
    let mut names = Vec::new();
    let family = class.map(|class| lineage(&CLASSES[class])).unwrap_or_default();
    for class in family.into_iter().rev() {
        let place = CLASSES.iter().position(|known| known.class == class.class).unwrap_or(0);
        let first = number(place) * OF_CLASS;
        names.extend((0..class.own_groups()).map(|group| (first + group, group == 0)));
        if class.class == "samsung-iot" {
            let first = first + OF_SAMSUNG;
            names.extend((first..first + MORE_OF_SAMSUNG).map(|name| (name, false)));
        }
    }
    let first = OF_PRODUCT + number(product) * OF_CLASS;
    let has_no_main = names.is_empty();
    let more = MORE_NAMES[product % MORE_NAMES.len()];
    names.extend((first..first + more).map(|name| (name, has_no_main && name == first)));
    Equipment { site, names }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
