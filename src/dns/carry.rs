//! Taking what live sources told over into a new table.
//!
//! When configuration or files change, the table is made anew from the files.
//! What resolvers told live is in no file, so it comes from the old table.

use super::answer::{Answer, AnswerData, Refused};
use super::knowledge::{Knowledge, NameId};
use super::seen::Span;
use crate::model::domain::DomainName;
use crate::model::time::Day;

/// All of time, for a table that is read whole.
const ALWAYS: Day = Day(u32::MAX);

/// Adds to `into` all that sources whose name is `wanted` have told `from`.
/// Returns how much of it was refused.
pub fn carry(from: &Knowledge, into: &mut Knowledge, wanted: impl Fn(&str) -> bool) -> u64 {
    let mut refused = 0;
    let mut add = |name: &DomainName, data: AnswerData, span: Span| {
        let (source, _) = from.source_of(&span);
        if wanted(source) {
            refused += u64::from(insert(into, name, data, span, source).is_err());
        }
    };
    for (id, name) in from.names() {
        for (address, _) in from.addresses(id, ALWAYS) {
            for span in from.address_history(id, address, ALWAYS) {
                add(name, AnswerData::Address(address), span);
            }
        }
        let targets: Vec<NameId> = from.aliases(id, ALWAYS).map(|(target, _)| target).collect();
        for target in targets {
            for span in from.alias_history(id, target, ALWAYS) {
                add(name, AnswerData::Alias(from.name(target).clone()), span);
            }
        }
    }
    // Names that were not kept go with the traces.
    into.take_traces(from, wanted);
    refused
}

fn insert(
    into: &mut Knowledge,
    name: &DomainName,
    data: AnswerData,
    span: Span,
    source: &str,
) -> Result<(), Refused> {
    let Span { first, last, count, coverage, .. } = span;
    into.insert(Answer { name: name.clone(), data, first, last, count, coverage }, source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Coverage;
    use crate::model::time::Timestamp;

    #[test]
    fn what_is_carried_is_told_as_before_and_the_rest_is_left() {
        let mut old = Knowledge::new();
        let answer = |name: &str, data: AnswerData, at: u64, coverage| Answer {
            name: name.parse().unwrap(),
            data,
            first: Timestamp::from_secs(at),
            last: Timestamp::from_secs(at + 5),
            count: 3,
            coverage,
        };
        let address = |last: u8| AnswerData::Address([198, 51, 100, last].into());
        let alias = AnswerData::Alias("edge.example.net".parse().unwrap());
        let (all, some) = (Coverage::Population, Coverage::Partial);
        for (source, answer) in [
            ("live", answer("a.example.com", alias, 200_000, all)),
            ("live", answer("edge.example.net", address(1), 100_000, all)),
            ("live", answer("edge.example.net", address(1), 200_000, some)),
            ("file", answer("edge.example.net", address(1), 300_000, all)),
            ("file", answer("edge.example.net", address(2), 200_000, all)),
        ] {
            old.insert(answer, source).unwrap();
        }
        let mut new = Knowledge::new();
        assert_eq!(carry(&old, &mut new, |source| source == "live"), 0);
        assert_eq!((new.size().facts, new.size().sources), (2, 1));
        let find = |name: &str| new.find(&name.parse().unwrap()).unwrap();
        let (name, edge) = (find("a.example.com"), find("edge.example.net"));
        assert_eq!(new.aliases(name, Day(9)).next().unwrap().0, edge);
        let spans: Vec<_> = new.address_history(edge, [198, 51, 100, 1].into(), Day(9)).collect();
        let told: Vec<_> = spans
            .iter()
            .map(|span| (span.first.as_secs(), span.last.as_secs(), span.count))
            .collect();
        assert_eq!(told, [(100_000, 100_005, 3), (200_000, 200_005, 3)]);
        let seen: Vec<_> = spans.iter().map(|span| span.coverage).collect();
        assert_eq!(seen, [all, some]);
    }
}
