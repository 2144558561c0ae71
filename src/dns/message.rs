//! One DNS message: the chain from its question to the addresses.

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::{DNSClass, Name, RData, Record};

use super::answer::AnswerData;
use super::chain::LONGEST_CHAIN;
use crate::model::domain::DomainName;

/// What a message says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Every link of the chain from the question to its addresses.
    pub(crate) links: Vec<(DomainName, AnswerData)>,
    /// Records of the answer that do not belong to the question.
    pub(crate) unrelated: u64,
    /// Names that no signature could name.
    pub(crate) unusable: u64,
}

/// Reads a message; `None` if it is a question.
pub(crate) fn read_message(bytes: &[u8]) -> Result<Option<Told>, String> {
    let message = Message::from_vec(bytes).map_err(|error| error.to_string())?;
    if message.metadata.message_type != MessageType::Response {
        return Ok(None);
    }
    let Some(question) = message.queries.first() else { return Ok(Some(Told::default())) };
    Ok(Some(chain(question.name(), &message.answers)))
}

/// The links that lead from `question` to addresses. Whatever else the records
/// say is no answer to it and may have been slipped in.
pub(super) fn chain(question: &Name, records: &[Record]) -> Told {
    let mut told = Told::default();
    let mut names = vec![question];
    let mut taken = vec![false; records.len()];
    // Names are appended while they are gone through: each alias adds its
    // target once, so a loop of aliases ends.
    let mut next = 0;
    while let Some(name) = names.get(next).copied().filter(|_| next <= LONGEST_CHAIN) {
        next += 1;
        for (record, taken) in records.iter().zip(&mut taken) {
            if *taken || record.name != *name || record.dns_class != DNSClass::IN {
                continue;
            }
            let data = match &record.data {
                RData::A(address) => Ok(AnswerData::Address(address.0.into())),
                RData::AAAA(address) => Ok(AnswerData::Address(address.0.into())),
                RData::CNAME(target) => {
                    if !names.contains(&&target.0) {
                        names.push(&target.0);
                    }
                    domain(&target.0).map(AnswerData::Alias)
                }
                _ => continue,
            };
            *taken = true;
            match (domain(name), data) {
                (Ok(name), Ok(data)) => told.links.push((name, data)),
                _ => told.unusable += 1,
            }
        }
    }
    let leads =
        |record: &Record| matches!(record.data, RData::A(_) | RData::AAAA(_) | RData::CNAME(_));
    let left = records.iter().zip(&taken).filter(|(record, taken)| !**taken && leads(record));
    told.unrelated = left.count() as u64;
    told
}

fn domain(name: &Name) -> Result<DomainName, String> {
    name.to_ascii().parse()
}
