//! Groups of one class that sit on one address are one group (the paper's
//! grouped domains): whoever touches it touches both, so they count once.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::draft::GroupDraft;
use crate::dns::chain::Interval;
use crate::model::endpoint::Port;
use crate::model::rules::PacketRate;

/// For each group the first group, in the order of the file, that it is one
/// with; itself if it stands alone. Only groups that are `counted` take part.
pub(super) fn merge(groups: &[GroupDraft], counted: &[bool]) -> Vec<usize> {
    let mut leaders: Vec<usize> = (0..groups.len()).collect();
    let mut on: HashMap<IpAddr, Vec<(usize, Interval)>> = HashMap::new();
    for (group, draft) in groups.iter().enumerate().filter(|(group, _)| counted[*group]) {
        for (address, intervals) in &draft.endpoints {
            let here = on.entry(*address).or_default();
            for interval in intervals {
                // An address that one group left before the other came joins
                // nothing: clouds hand addresses on.
                for (other, theirs) in here.iter() {
                    if interval.shares_a_day(*theirs) {
                        unite(&mut leaders, group, *other);
                    }
                }
            }
            here.extend(intervals.iter().map(|interval| (group, *interval)));
        }
    }
    (0..groups.len()).map(|group| leader(&leaders, group)).collect()
}

fn leader(leaders: &[usize], mut group: usize) -> usize {
    while leaders[group] != group {
        group = leaders[group];
    }
    group
}

fn unite(leaders: &mut [usize], one: usize, two: usize) {
    let (one, two) = (leader(leaders, one), leader(leaders, two));
    leaders[one.max(two)] = one.min(two);
}

/// The ports on which any of `members` counts; empty stands for any.
pub(super) fn united_ports<'a>(members: impl Iterator<Item = &'a [Port]>) -> Vec<Port> {
    let mut ports = Vec::new();
    for member in members {
        if member.is_empty() {
            return Vec::new();
        }
        ports.extend_from_slice(member);
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Expected traffic of a merged group: the sum of what is known, which is the
/// least there is.
pub(super) fn united_rate(members: impl Iterator<Item = Option<PacketRate>>) -> Option<PacketRate> {
    members.flatten().reduce(|one, two| PacketRate {
        idle: one.idle + two.idle,
        active: one.active + two.active,
    })
}
