//! What the resolvers of a simulated ISP answered, as a table.

use hayrake::dns::{Answer, AnswerData, Coverage, Knowledge};
use hayrake::simulate::Isp;
use hayrake::simulate::names::NameData;

/// Every answer of `isp`, from a source that sees the whole population.
pub(crate) fn knowledge(isp: &Isp) -> Knowledge {
    let mut dns = Knowledge::new();
    for day in isp.names().iter().flat_map(|record| record.days()) {
        let answer = Answer {
            name: day.record.name.clone(),
            data: match &day.record.data {
                NameData::Address(address) => AnswerData::Address(*address),
                NameData::Alias(name) => AnswerData::Alias(name.clone()),
            },
            first: day.first,
            last: day.last,
            count: day.count,
            coverage: Coverage::Population,
        };
        dns.insert(answer, "simulated").unwrap();
    }
    dns
}
