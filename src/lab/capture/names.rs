//! What a device was told about names: the answers of one capture.
//!
//! Some devices follow aliases themselves: they ask for a name, are told that it
//! is an alias, and ask for the target. Such a target stands for the name that
//! the device began with.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hashbrown::HashMap;

use crate::dns::AnswerData;
use crate::dns::answer::is_usable;
use crate::dns::message::read_message;
use crate::model::domain::DomainName;

/// Names kept, and addresses whose last name is kept.
const MOST_NAMES: usize = 100_000;
/// Addresses and aliases kept of a name.
const MOST_OF_A_NAME: usize = 1_000;

/// Aliases followed back to the name that was asked for.
const LONGEST_CHAIN: usize = 16;

/// What one name led to.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) aliases: Vec<DomainName>,
    pub(super) addresses: BTreeSet<IpAddr>,
}

/// The answers to one device.
#[derive(Debug, Default)]
pub(super) struct Names {
    last: HashMap<IpAddr, DomainName>,
    /// The name that the device asked for, by the target it was told.
    asked: HashMap<DomainName, DomainName>,
    pub(super) told: BTreeMap<DomainName, Told>,
    /// Answers for which there was no room.
    pub(super) unkept: u64,
}

impl Names {
    /// Takes a DNS message to the device; whether it could be read.
    ///
    /// What leads to no address in the Internet is of no use and left out, as
    /// are answers that rewrite a name to an address of the home.
    pub(super) fn take(&mut self, message: &[u8]) -> bool {
        let answers = match read_message(message) {
            Ok(Some(told)) => told.links,
            Ok(None) => return true,
            Err(_) => return false,
        };
        let Some((question, _)) = answers.first() else { return true };
        let question = self.began_with(question);
        let (mut aliases, mut addresses) = (Vec::new(), Vec::new());
        for (_, data) in answers {
            match data {
                AnswerData::Alias(name) => aliases.push(name),
                AnswerData::Address(address) if is_usable(address) => addresses.push(address),
                AnswerData::Address(_) => {}
            }
        }
        let full = self.told.len() >= MOST_NAMES && !self.told.contains_key(&question);
        if full || self.last.len().max(self.asked.len()) + addresses.len() > MOST_NAMES {
            self.unkept += 1;
            return true;
        }
        if let Some(target) = aliases.last().filter(|target| **target != question) {
            self.asked.insert(target.clone(), question.clone());
        }
        if addresses.is_empty() && !self.told.contains_key(&question) && aliases.is_empty() {
            return true;
        }
        let told = self.told.entry(question.clone()).or_default();
        for alias in aliases {
            if told.aliases.len() < MOST_OF_A_NAME && !told.aliases.contains(&alias) {
                told.aliases.push(alias);
            }
        }
        for address in addresses {
            if told.addresses.len() < MOST_OF_A_NAME {
                told.addresses.insert(address);
            }
            self.last.insert(address, question.clone());
        }
        true
    }

    /// The name that led the device to ask for `name`.
    fn began_with(&self, name: &DomainName) -> DomainName {
        let mut name = name;
        for _ in 0..LONGEST_CHAIN {
            let Some(above) = self.asked.get(name) else { break };
            name = above;
        }
        name.clone()
    }

    /// The name that was last answered for `address`.
    pub(super) fn last(&self, address: IpAddr) -> Option<&DomainName> {
        self.last.get(&address)
    }
}
