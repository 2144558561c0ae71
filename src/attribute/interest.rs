//! Which answers can change the hitlist. A resolver tells thousands of answers
//! a second, and nearly all are about names and addresses that no device uses.

use super::Hitlist;
use crate::dns::chain::LONGEST_CHAIN;
use crate::dns::{Answer, AnswerData, Knowledge, Sieve};
use crate::model::domain::DomainName;
use crate::model::time::Day;
use crate::signature::SignatureSet;

/// Most names looked at on the way back along aliases. Behind more than that
/// stands a service shared by very many, where a device's name decides nothing
/// that could not wait.
const MOST_BEHIND: usize = 64;

/// What an answer is to the hitlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Nothing.
    None,
    /// It is about a name of a signature, or about one that such a name leads
    /// to.
    Own,
    /// It is about another name on an address in the hitlist.
    Foreign,
}

/// The names of signatures, to be asked about answers.
#[derive(Debug, Default)]
pub struct Interest(Sieve);

impl Interest {
    /// The names of these signatures.
    pub fn new(signatures: &SignatureSet) -> Self {
        Self(Sieve::new(signatures))
    }

    /// What `answer`, which `dns` holds already, is to `hitlist` on `day`.
    pub fn concern(
        &self,
        answer: &Answer,
        dns: &Knowledge,
        hitlist: &Hitlist,
        day: Day,
    ) -> Concern {
        let target = match &answer.data {
            AnswerData::Alias(target) => Some(target),
            AnswerData::Address(_) => None,
        };
        if self.leads_to(&answer.name, dns, day)
            || target.is_some_and(|target| self.leads_to(target, dns, day))
        {
            return Concern::Own;
        }
        match answer.data {
            AnswerData::Address(address) if hitlist.entries_of(address).next().is_some() => {
                Concern::Foreign
            }
            _ => Concern::None,
        }
    }

    /// Whether a signature's name is `name` or an alias that leads to it.
    fn leads_to(&self, name: &DomainName, dns: &Knowledge, day: Day) -> bool {
        if self.0.matches(name) {
            return true;
        }
        let Some(id) = dns.find(name) else { return false };
        let (mut behind, mut next) = (vec![(id, 0)], 0);
        while let Some((id, steps)) = behind.get(next).copied() {
            next += 1;
            if steps == LONGEST_CHAIN {
                continue;
            }
            for (from, _) in dns.pointing(id, day).take(MOST_BEHIND) {
                if self.0.matches(dns.name(from)) {
                    return true;
                }
                if behind.len() < MOST_BEHIND && !behind.iter().any(|(held, _)| *held == from) {
                    behind.push((from, steps + 1));
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::attribute::HitlistEntry;
    use crate::dns::Coverage;
    use crate::model::group::GroupId;
    use crate::model::rules::{Level, Role, Threshold};
    use crate::model::time::Timestamp;
    use crate::signature::{ClassDefinition, GroupDefinition};

    fn signatures(names: &[&str]) -> SignatureSet {
        let group = GroupDefinition {
            id: GroupId::new("kettle", names[0]),
            names: names.iter().map(|name| name.parse().unwrap()).collect(),
            role: Role::Primary,
            ports: Vec::new(),
            packets_per_hour: None,
        };
        let class = ClassDefinition {
            class: "kettle".into(),
            name: "Kettle".into(),
            level: Level::Product,
            vendor: "Kettle".into(),
            parent: None,
            threshold: Threshold::DEFAULT,
            in_use_packets: None,
            groups: vec![group],
            sources: Vec::new(),
            checked: jiff::civil::date(2026, 11, 21),
        };
        SignatureSet { classes: vec![class], ..SignatureSet::default() }
    }

    fn answer(name: &str, data: &str) -> Answer {
        let at = Day(5).start();
        let data = match data.parse() {
            Ok(address) => AnswerData::Address(address),
            Err(_) => AnswerData::Alias(data.parse().unwrap()),
        };
        let coverage = Coverage::Population;
        Answer { name: name.parse().unwrap(), data, first: at, last: at, count: 1, coverage }
    }

    #[test]
    fn what_leads_from_a_signature_and_what_shares_its_addresses_matters() {
        let interest = Interest::new(&signatures(&["api.kettle.example", "*.edge.example"]));
        let listed = HitlistEntry {
            address: [198, 51, 100, 1].into(),
            group: GroupId::new("kettle", "api.kettle.example"),
            ports: Vec::new(),
            from: Timestamp::EPOCH,
            until: Timestamp::EPOCH.plus(Duration::from_secs(9)),
        };
        let hitlist = Hitlist::new(vec![listed]);
        let mut dns = Knowledge::new();
        let told = [
            ("vm.cloud.example", "203.0.113.9", Concern::None),
            ("api.kettle.example", "mid.example.net", Concern::Own),
            ("mid.example.net", "vm.cloud.example", Concern::Own),
            ("vm.cloud.example", "203.0.113.9", Concern::Own),
            ("a.b.edge.example", "203.0.113.1", Concern::Own),
            ("edge.example", "203.0.113.1", Concern::None),
            ("www.other.example", "198.51.100.1", Concern::Foreign),
            ("www.other.example", "198.51.100.2", Concern::None),
            // Somebody else's alias for a name that a signature leads to.
            ("cdn.other.example", "vm.cloud.example", Concern::Own),
            // A knot of aliases has an end.
            ("x.example.net", "y.example.net", Concern::None),
            ("y.example.net", "x.example.net", Concern::None),
        ];
        for (name, data, concern) in told {
            let answer = answer(name, data);
            dns.insert(answer.clone(), "a feed").unwrap();
            assert_eq!(interest.concern(&answer, &dns, &hitlist, Day(5)), concern, "{name} {data}");
        }
    }
}
