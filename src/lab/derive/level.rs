//! Which class a group belongs to: what its devices have in common.

use std::collections::{BTreeMap, BTreeSet};

use super::LeftOut;
use super::group::Group;
use crate::infrastructure::owner_of;
use crate::lab::traffic::Captured;
use crate::model::rules::Level;
use crate::signature::{SignatureSet, class_name};

/// Characters of a class name that leave room for a level and a number: a
/// signature takes 64.
const LONGEST_NAME: usize = 48;
/// Characters of a name for people: a signature takes 300.
const LONGEST_TEXT: usize = 200;

/// A class in the making.
#[derive(Debug)]
pub(super) struct Drawer {
    pub(super) level: Level,
    pub(super) class: String,
    pub(super) name: String,
    pub(super) vendor: String,
    /// By first name, never empty, at least one of them primary.
    pub(super) groups: Vec<Group>,
}

/// What a class is made for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// By the owner of its names.
    Platform(String),
    /// One that has a signature, by its class.
    Known(String),
    Manufacturer(String),
    Product(String, String),
}

/// The classes of `groups`. Groups of devices without a maker are in none.
pub(super) fn drawers(
    captured: &Captured,
    groups: Vec<Group>,
    signatures: &SignatureSet,
    left_out: &mut Vec<LeftOut>,
) -> Vec<Drawer> {
    let devices = &captured.devices;
    let owners = &signatures.owners;
    // The products of each maker that have evidence: one that contacted nobody
    // in its capture is nothing to compare with.
    let mut products: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let having: BTreeSet<usize> = groups.iter().flat_map(|group| &group.devices).copied().collect();
    for device in having.iter().filter_map(|place| devices.get(*place)) {
        products.entry(&device.maker).or_default().insert(&device.product);
    }
    let mut subjects: BTreeMap<Subject, Vec<Group>> = BTreeMap::new();
    for group in groups {
        let having = group.devices.iter().filter_map(|place| devices.get(*place));
        let having: BTreeSet<(&str, &str)> = having
            .filter(|device| !device.maker.is_empty())
            .map(|device| (device.maker.as_str(), device.product.as_str()))
            .collect();
        let makers: BTreeSet<&str> = having.iter().map(|(maker, _)| *maker).collect();
        let all = |maker: &str| products.get(maker).map_or(0, BTreeSet::len);
        let subject = match (makers.first(), makers.len(), having.first()) {
            _ if group.platform.is_some() => {
                Subject::Known(group.platform.clone().unwrap_or_default())
            }
            (Some(maker), 1, Some((_, product)))
                if having.len() == 1 && !product.is_empty() && all(maker) > 1 =>
            {
                Subject::Product((*maker).to_owned(), (*product).to_owned())
            }
            (Some(maker), 1, _) => Subject::Manufacturer((*maker).to_owned()),
            (Some(_), _, _) => {
                let name = group.names.first();
                let owner = name.map_or("", |name| owner_of(owners, name));
                Subject::Platform(owner.to_owned())
            }
            _ => continue,
        };
        subjects.entry(subject).or_default().push(group);
    }
    let mut used = BTreeSet::new();
    let mut drawers = Vec::new();
    for (subject, groups) in subjects {
        let drawer = drawer(signatures, &subject, groups, &mut used);
        if drawer.groups.iter().any(|group| group.primary) {
            drawers.push(drawer);
        } else {
            let first = |group: &Group| group.names.first().map(ToString::to_string);
            let groups = drawer.groups.iter().filter_map(first).collect();
            left_out.push(LeftOut::NoPrimary { class: drawer.class, groups });
        }
    }
    drawers
}

fn drawer(
    signatures: &SignatureSet,
    subject: &Subject,
    groups: Vec<Group>,
    used: &mut BTreeSet<String>,
) -> Drawer {
    let (level, name, vendor) = match subject {
        Subject::Platform(owner) => {
            (Level::Platform, owner.split('.').next().unwrap_or(owner).to_owned(), owner.clone())
        }
        Subject::Known(class) => {
            let known = signatures.class(class);
            let name = known.map_or(class.clone(), |known| known.name.to_string());
            (Level::Platform, name, known.map_or(class.clone(), |known| known.vendor.to_string()))
        }
        Subject::Manufacturer(maker) => (Level::Manufacturer, maker.clone(), maker.clone()),
        Subject::Product(maker, product) => (Level::Product, product.clone(), maker.clone()),
    };
    let class = free_name(subject, &name, &vendor, used);
    let text = |text: String| {
        let line = one_line(&text, LONGEST_TEXT);
        if line.is_empty() { class.clone() } else { line }
    };
    let (name, vendor) = (text(name), text(vendor));
    Drawer { level, class, name, vendor, groups }
}

/// `text` on one line of at most `longest` characters.
pub(super) fn one_line(text: &str, longest: usize) -> String {
    let plain = |c: char| if c.is_control() || c.is_whitespace() { ' ' } else { c };
    let line: String = text.trim().chars().map(plain).take(longest).collect();
    line.trim_end().to_owned()
}

/// A class name that no other class has. A product's begins with its maker's.
fn free_name(subject: &Subject, name: &str, vendor: &str, used: &mut BTreeSet<String>) -> String {
    let name = if let Subject::Known(class) = subject { class } else { name };
    let short: String = name.chars().take(LONGEST_NAME).collect();
    let own = class_name(&short).unwrap_or_else(|| "unnamed".to_owned());
    let base = match (subject, class_name(vendor)) {
        (Subject::Product(..), Some(maker)) if !own.starts_with(&maker) => {
            let both: String = format!("{maker} {own}").chars().take(LONGEST_NAME).collect();
            class_name(&both).unwrap_or(own)
        }
        _ => own,
    };
    let level = match subject {
        Subject::Platform(_) | Subject::Known(_) => "platform",
        Subject::Manufacturer(_) => "maker",
        Subject::Product(..) => "product",
    };
    let numbered = (2_u32..).map(|number| format!("{base}-{level}-{number}"));
    let mut names = [base.clone(), format!("{base}-{level}")].into_iter().chain(numbered);
    let free = names.find(|name| !used.contains(name)).unwrap_or(base);
    used.insert(free.clone());
    free
}
