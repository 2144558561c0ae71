//! What a signature folder says, once it is checked: classes, their groups
//! and who owns which registrable name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::domain::NamePattern;
use crate::model::endpoint::Port;
use crate::model::group::GroupId;
use crate::model::rules::{Level, PacketRate, Role, Threshold};

/// One class: a platform, a manufacturer or a product.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassDefinition {
    /// The class, as its file is called.
    pub class: Arc<str>,
    /// The name for people.
    pub name: Arc<str>,
    /// How much it says, as its folder is called.
    pub level: Level,
    /// Who sells the devices or runs the platform.
    pub vendor: Arc<str>,
    /// The class that must be detected on the same line and window.
    pub parent: Option<Arc<str>>,
    /// The share D of the groups that must be seen.
    pub threshold: Threshold,
    /// Sampled packets per hour at 1:550 that mean somebody uses it.
    pub in_use_packets: Option<u32>,
    /// The groups of the class, in the order of the file, never empty.
    pub groups: Vec<GroupDefinition>,
    /// Where the facts come from, one line each, never empty.
    pub sources: Vec<String>,
    /// The day somebody last looked at the facts.
    pub checked: jiff::civil::Date,
}

/// One group: names that count once as evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDefinition {
    /// Its identity, made of the class and the first name.
    pub id: GroupId,
    /// The names, in the order of the file, never empty.
    pub names: Vec<NamePattern>,
    /// Who runs the names.
    pub role: Role,
    /// The ports on which traffic counts; empty stands for any.
    pub ports: Vec<Port>,
    /// Expected traffic of one device, if it is known.
    pub packets_per_hour: Option<PacketRate>,
}

/// All signatures of a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignatureSet {
    /// The classes, parents before their children, else by class name.
    pub classes: Vec<ClassDefinition>,
    /// Which registrable names belong to one owner.
    pub owners: Owners,
}

impl SignatureSet {
    /// The class called `class`, as its file is.
    pub fn class(&self, class: &str) -> Option<&ClassDefinition> {
        self.classes.iter().find(|known| &*known.class == class)
    }
}

/// Who owns a registrable name, for makers that use several of them.
///
/// A name that no line of `owners.yaml` has is its own owner. A line may have a
/// suffix of the Public Suffix List's private section, which stands for every
/// name right below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owners(BTreeMap<String, Arc<str>>);

impl Owners {
    /// The table in which each `(registrable name, owner)` stands.
    pub fn new(entries: impl IntoIterator<Item = (String, Arc<str>)>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// The owner of a registrable name, which is in lower case.
    pub fn owner<'a>(&'a self, registrable: &'a str) -> &'a str {
        // What is above a registrable name is a public suffix.
        let above = || self.0.get(registrable.split_once('.')?.1);
        self.0.get(registrable).or_else(above).map_or(registrable, |owner| owner)
    }

    /// Every registrable name that has an owner, with the owner, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, owner)| (name.as_str(), &**owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_an_alias_owns_itself() {
        let owners = Owners::new([("meethue.com".to_owned(), "philips-hue".into())]);
        assert_eq!(owners.owner("meethue.com"), "philips-hue");
        assert_eq!(owners.owner("example.com"), "example.com");
    }

    #[test]
    fn an_alias_of_a_suffix_stands_for_the_names_below_it() {
        let owners = Owners::new([("googleapis.com".to_owned(), "google".into())]);
        assert_eq!(owners.owner("update.googleapis.com"), "google");
        assert_eq!(owners.owner("googleapis.com"), "google");
        assert_eq!(owners.owner("googleapis.example"), "googleapis.example");
    }
}
