//! The verdict by certificate, on a name of which DNS answers say too little.

use std::net::IpAddr;
use std::sync::Arc;

use super::certificates::{Certified, Scans};
use super::judge::{Judge, JudgedAddress, NameJudgement};
use super::owner::owner_of;
use super::verdict::{Sharing, Verdict};
use crate::dns::chain::{Interval, Reached, united};
use crate::model::domain::DomainName;
use crate::model::hosting;

impl Judge<'_> {
    /// The judgement on a name that no answer has.
    pub fn unanswered(&self, name: &DomainName) -> NameJudgement {
        let owner: Arc<str> = owner_of(self.owners(), name).into();
        NameJudgement { owner, verdict: Verdict::Unresolvable, addresses: Vec::new() }
    }

    /// The judgement on `name` by the certificates of its servers, where
    /// `known`, the one by DNS answers, found too little to decide.
    ///
    /// Addresses of the name that do not show its certificate are left out.
    /// Whoever DNS has seen on the others still counts.
    pub fn by_certificate(
        &mut self,
        name: &DomainName,
        known: &NameJudgement,
    ) -> Option<NameJudgement> {
        if !matches!(known.verdict, Verdict::Undecided { .. } | Verdict::Unresolvable) {
            return None;
        }
        // A platform's certificate is the tenant's, its addresses are not.
        if hosting::shared_by_design(name).is_some() {
            return None;
        }
        let scans: &Scans = self.signals().scans?;
        let held: Vec<IpAddr> =
            known.addresses.iter().map(|judged| judged.reached.address).collect();
        let (owner, day) = (known.owner.clone(), self.day());
        let Certified { fingerprint, shown } =
            scans.addresses(name, &owner, self.owners(), &held, day)?;
        let mut addresses: Vec<JudgedAddress> = Vec::with_capacity(shown.len());
        for (address, times) in shown {
            let hold = self.hold_of(address);
            let (Some(first), Some(last)) = (times.first(), times.last()) else { continue };
            let presence = Interval { from: *first, until: *last };
            let valid = times.iter().map(|at| Interval { from: *at, until: at.plus(hold) });
            let mut reached = Reached {
                address,
                presence,
                valid: valid.collect(),
                population: false,
                afar: false,
                chain: Vec::new(),
            };
            let answered = known.addresses.iter().find(|judged| judged.reached.address == address);
            if let Some(JudgedAddress { reached: answered, .. }) = answered {
                reached.presence.from = presence.from.min(answered.presence.from);
                reached.presence.until = presence.until.max(answered.presence.until);
                reached.valid.extend(&answered.valid);
                reached.chain.clone_from(&answered.chain);
            }
            reached.valid = united(reached.valid);
            addresses.push(self.judged(reached, &owner));
        }
        let reasons: Vec<Sharing> =
            addresses.iter().flat_map(|judged| judged.sharing.clone()).collect();
        let verdict = if reasons.is_empty() {
            let addresses = addresses.len();
            Verdict::Certified { owner: owner.clone(), certificate: fingerprint, addresses }
        } else {
            Verdict::shared(reasons)
        };
        Some(NameJudgement { owner, verdict, addresses })
    }
}
