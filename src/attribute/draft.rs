//! Every group with its verdict and its endpoints, before groups are merged.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use hashbrown::HashMap;

use super::BuildInput;
use super::names::{ConcreteName, concrete_names};
use crate::dns::NameId;
use crate::dns::chain::{Interval, united};
use crate::infrastructure::{Judge, NameJudgement, Verdict};
use crate::model::endpoint::Port;
use crate::model::time::Day;
use crate::signature::GroupDefinition;

/// Where scans look for certificates and banners.
const HTTPS: Port = Port { number: 443, protocol: 6 };

/// Addresses of a group and when each counts for it.
pub(super) type Endpoints = BTreeMap<IpAddr, Vec<Interval>>;

/// A group before merging.
pub(super) struct GroupDraft {
    pub(super) names: Vec<(ConcreteName, Verdict)>,
    pub(super) endpoints: Endpoints,
    /// Addresses left out for lying among the lines.
    pub(super) excluded: usize,
}

impl GroupDraft {
    /// Whether one name is dedicated.
    pub(super) fn is_dedicated(&self) -> bool {
        self.names.iter().any(|(_, verdict)| verdict.is_dedicated())
    }

    /// How many of its addresses are valid at some time of `day`.
    pub(super) fn reachable_on(&self, day: Day) -> usize {
        let on_day = |valid: &Interval| valid.from < day.end() && valid.until >= day.start();
        self.endpoints.values().filter(|intervals| intervals.iter().any(on_day)).count()
    }
}

/// Drafts of all groups, by class and group. With `frozen_names`, a name whose
/// addresses turned shared only today keeps those that did not.
pub(super) fn drafts(input: &BuildInput<'_>, frozen_names: bool) -> Vec<Vec<GroupDraft>> {
    let judge = |others: Day| {
        let owners = &input.signatures.owners;
        Judge::new(input.dns, owners, &input.settings, input.day, input.signals)
            .with_others_upto(others)
    };
    let yesterday = input.day.0.checked_sub(1).map(Day).filter(|_| frozen_names);
    let mut desk =
        Desk { now: judge(input.day), before: yesterday.map(judge), judged: HashMap::new() };
    let names = concrete_names(input.signatures, input.dns, input.day);
    let classes = names.into_iter().zip(&input.signatures.classes).map(|(groups, class)| {
        let groups = groups.into_iter().zip(&class.groups);
        groups.map(|(names, group)| draft(input, &mut desk, names, https(group))).collect()
    });
    classes.collect()
}

/// Judges each name once, though several classes may name it.
struct Desk<'a> {
    now: Judge<'a>,
    before: Option<Judge<'a>>,
    judged: HashMap<NameId, Rc<Judged>>,
}

struct Judged {
    judgement: NameJudgement,
    eligible: bool,
}

impl Desk<'_> {
    fn judge(&mut self, name: &ConcreteName, https: bool) -> Rc<Judged> {
        let answered = match name.id {
            Some(id) => self.by_answers(id),
            None => {
                let judgement = self.now.unanswered(&name.name);
                Rc::new(Judged { judgement, eligible: false })
            }
        };
        let judgement = (https && !answered.eligible)
            .then(|| self.now.by_certificate(&name.name, &answered.judgement))
            .flatten();
        judgement.map_or(answered, |judgement| {
            let eligible = judgement.verdict.is_dedicated();
            Rc::new(Judged { judgement, eligible })
        })
    }

    fn by_answers(&mut self, name: NameId) -> Rc<Judged> {
        if let Some(known) = self.judged.get(&name) {
            return known.clone();
        }
        let judgement = self.now.name(name);
        let eligible = judgement.verdict.is_dedicated()
            || self.before.as_mut().is_some_and(|before| before.name(name).verdict.is_dedicated());
        let judged = Rc::new(Judged { judgement, eligible });
        self.judged.insert(name, judged.clone());
        judged
    }
}

/// Whether the servers of a group speak HTTPS, as far as its ports say.
pub(super) fn https(group: &GroupDefinition) -> bool {
    group.ports.is_empty() || group.ports.contains(&HTTPS)
}

fn draft(
    input: &BuildInput<'_>,
    desk: &mut Desk<'_>,
    names: Vec<ConcreteName>,
    https: bool,
) -> GroupDraft {
    let mut draft = GroupDraft {
        names: Vec::with_capacity(names.len()),
        endpoints: BTreeMap::new(),
        excluded: 0,
    };
    for name in names {
        let judged = desk.judge(&name, https);
        draft.names.push((name, judged.judgement.verdict.clone()));
        if !judged.eligible {
            continue;
        }
        for address in judged.judgement.addresses.iter().filter(|judged| judged.is_exclusive()) {
            let reached = &address.reached;
            if (input.excluded)(reached.address) {
                draft.excluded += 1;
            } else if !reached.valid.is_empty() {
                draft.endpoints.entry(reached.address).or_default().extend(&reached.valid);
            }
        }
    }
    for intervals in draft.endpoints.values_mut() {
        *intervals = united(std::mem::take(intervals));
    }
    draft
}
