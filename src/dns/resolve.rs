//! Asks resolvers for every exact name of every signature.
//!
//! What they say adds addresses and nothing more ([`Coverage::Partial`]): who
//! asks only for a maker's names never meets the others on an address.
//! Wildcards stand for names that nobody knows beforehand, so they cannot be
//! asked for and are listed instead.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::rr::{Name, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use serde::Serialize;
use tokio::task::JoinSet;

use super::answer::{Answer, Coverage};
use super::message::{Told, chain};
use super::report::MOST_PROBLEMS;
use crate::model::domain::{DomainName, NamePattern};
use crate::model::time::Timestamp;
use crate::signature::SignatureSet;

/// Whom to ask, and how patiently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveSettings {
    /// The resolvers, each of which is asked for every name; empty stands for
    /// those of the system.
    pub servers: Vec<SocketAddr>,
    /// Most questions under way at once, at least one.
    pub concurrency: usize,
    /// How long one packet may take.
    pub timeout: Duration,
    /// How often a packet is sent again.
    pub retries: usize,
}

impl Default for ResolveSettings {
    fn default() -> Self {
        Self { servers: Vec::new(), concurrency: 32, timeout: Duration::from_secs(3), retries: 1 }
    }
}

/// What resolvers answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Every answer once, however many resolvers gave it.
    pub answers: Vec<Answer>,
    /// How it went.
    pub report: ResolveReport,
}

/// How asking went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ResolveReport {
    /// Different names asked for.
    pub names: usize,
    /// Questions: each name, for both address families, to each resolver.
    pub questions: u64,
    /// Questions that led to an address.
    pub answered: u64,
    /// Questions to which the answer is that there is no such address.
    pub empty: u64,
    /// Questions without an answer.
    pub failed: u64,
    /// Absurd answers and names.
    pub refused: u64,
    /// Wildcards, which cannot be asked for.
    pub skipped: Vec<String>,
    /// The first questions without an answer: whom, what and why.
    pub problems: Vec<String>,
}

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No resolver was configured, and the system tells none.
    #[error("the system's resolvers cannot be told: {0}")]
    NoServers(NetError),
    /// A resolver cannot be set up.
    #[error("resolver {0} cannot be used: {1}")]
    Unusable(String, NetError),
}

/// Asks for all exact names of `signatures`. The answers are dated `at`.
pub async fn resolve(
    signatures: &SignatureSet,
    settings: &ResolveSettings,
    at: Timestamp,
) -> Result<Resolved, ResolveError> {
    let resolvers = resolvers(settings)?;
    let (names, skipped) = names(signatures);
    let mut report = ResolveReport { names: names.len(), skipped, ..ResolveReport::default() };
    let mut questions = VecDeque::new();
    for (server, _) in resolvers.iter().enumerate() {
        for name in &names {
            questions.push_back((server, name.clone(), RecordType::A));
            questions.push_back((server, name.clone(), RecordType::AAAA));
        }
    }
    let mut found = BTreeSet::new();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < settings.concurrency.max(1) {
            let Some((server, name, kind)) = questions.pop_front() else { break };
            let resolver = resolvers[server].1.clone();
            let patience = patience(settings);
            under_way.spawn(async move {
                let told = ask(&resolver, &name, kind, patience).await;
                (server, name, kind, told)
            });
        }
        match under_way.join_next().await {
            None => break,
            Some(Err(error)) => {
                report.questions += 1;
                fail(&mut report, error.to_string());
            }
            Some(Ok((server, name, kind, told))) => {
                report.questions += 1;
                match told {
                    Ok(told) if told.links.is_empty() => report.empty += 1,
                    Ok(told) => {
                        report.answered += 1;
                        report.refused += told.unusable;
                        found.extend(told.links);
                    }
                    Err(why) => {
                        let server = &resolvers[server].0;
                        fail(&mut report, format!("{server}: {name} {kind}: {why}"));
                    }
                }
            }
        }
    }
    // Problems come in the order of the network; sorted they can be compared.
    report.problems.sort();
    let mut answers = Vec::with_capacity(found.len());
    for (name, data) in found {
        let coverage = Coverage::Partial;
        let answer = Answer { name, data, first: at, last: at, count: 1, coverage };
        match answer.screened(at) {
            Ok(answer) => answers.push(answer),
            Err(_) => report.refused += 1,
        }
    }
    Ok(Resolved { answers, report })
}

fn fail(report: &mut ResolveReport, what: String) {
    report.failed += 1;
    if report.problems.len() < MOST_PROBLEMS {
        report.problems.push(what);
    }
}

/// Every exact name once, and the wildcards.
fn names(signatures: &SignatureSet) -> (BTreeSet<DomainName>, Vec<String>) {
    let mut exact = BTreeSet::new();
    let mut wild = BTreeSet::new();
    let groups = signatures.classes.iter().flat_map(|class| &class.groups);
    for pattern in groups.flat_map(|group| &group.names) {
        match pattern {
            NamePattern::Exact(name) => {
                exact.insert(name.clone());
            }
            NamePattern::Below(_) => {
                wild.insert(pattern.to_string());
            }
        }
    }
    (exact, wild.into_iter().collect())
}

/// Longest time for one question: a chain of aliases may take several packets.
fn patience(settings: &ResolveSettings) -> Duration {
    let packets = u32::try_from(settings.retries).unwrap_or(u32::MAX).saturating_add(1);
    settings.timeout.saturating_mul(packets).saturating_mul(4)
}

async fn ask(
    resolver: &TokioResolver,
    name: &DomainName,
    kind: RecordType,
    patience: Duration,
) -> Result<Told, String> {
    // With the final dot, or the search domains of the system would be tried.
    let question = Name::from_ascii(format!("{name}.")).map_err(|error| error.to_string())?;
    match tokio::time::timeout(patience, resolver.lookup(question.clone(), kind)).await {
        Ok(Ok(lookup)) => Ok(chain(&question, lookup.answers())),
        Ok(Err(error)) if error.is_no_records_found() => Ok(Told::default()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// One resolver for each server, with the name it goes by in problems.
fn resolvers(settings: &ResolveSettings) -> Result<Vec<(String, TokioResolver)>, ResolveError> {
    if settings.servers.is_empty() {
        let mut builder = TokioResolver::builder_tokio().map_err(ResolveError::NoServers)?;
        tune(builder.options_mut(), settings);
        let resolver = builder.build().map_err(ResolveError::NoServers)?;
        return Ok(vec![("system".to_owned(), resolver)]);
    }
    let made = settings.servers.iter().map(|server| {
        let connections =
            [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
        let server_config = NameServerConfig::new(server.ip(), true, connections.to_vec());
        let config = ResolverConfig::from_name_servers(vec![server_config]);
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        tune(builder.options_mut(), settings);
        match builder.build() {
            Ok(resolver) => Ok((server.to_string(), resolver)),
            Err(error) => Err(ResolveError::Unusable(server.to_string(), error)),
        }
    });
    made.collect()
}

fn tune(options: &mut ResolverOpts, settings: &ResolveSettings) {
    options.timeout = settings.timeout;
    options.attempts = settings.retries;
    // Only what a resolver says now is an answer of now.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.preserve_intermediates = true;
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
    use hickory_proto::rr::rdata::{A, AAAA, CNAME};
    use hickory_proto::rr::{RData, Record};
    use tokio::net::UdpSocket;

    use super::*;
    use crate::dns::AnswerData;
    use crate::model::group::GroupId;
    use crate::model::rules::{Level, Role, Threshold};
    use crate::signature::{ClassDefinition, GroupDefinition};

    fn signatures(names: &[&str]) -> SignatureSet {
        let group = GroupDefinition {
            id: GroupId::new("maker", names[0]),
            names: names.iter().map(|name| name.parse().unwrap()).collect(),
            role: Role::Primary,
            ports: Vec::new(),
            packets_per_hour: None,
        };
        let class = ClassDefinition {
            class: "maker".into(),
            name: "Maker".into(),
            level: Level::Manufacturer,
            vendor: "Maker".into(),
            parent: None,
            threshold: Threshold::DEFAULT,
            in_use_packets: None,
            groups: vec![group],
            sources: vec!["a test".to_owned()],
            checked: jiff::civil::date(2026, 11, 21),
        };
        SignatureSet { classes: vec![class], ..SignatureSet::default() }
    }

    /// What the little server knows. An alias is answered alone, as many
    /// authoritative servers do, so the resolver has to go on by itself.
    fn zone(name: &str, kind: RecordType) -> Vec<RData> {
        let alias = |target: &str| vec![RData::CNAME(CNAME(Name::from_str(target).unwrap()))];
        match (name, kind) {
            ("dev.example.com.", _) => alias("mid.example.com."),
            ("mid.example.com.", _) => alias("vm.cloud.example."),
            ("vm.cloud.example.", RecordType::A) => vec![
                RData::A(A([198, 51, 100, 1].into())),
                RData::A(A([198, 51, 100, 2].into())),
                RData::A(A([10, 0, 0, 1].into())),
            ],
            ("vm.cloud.example." | "six.example.com.", RecordType::AAAA) => {
                vec![RData::AAAA(AAAA("2001:db8::1".parse().unwrap()))]
            }
            _ => Vec::new(),
        }
    }

    /// Starts a name server on a free port; it serves until the test ends.
    async fn serve() -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let asked = Message::from_vec(&buffer[..length]).unwrap();
                let question = asked.queries[0].clone();
                let mut reply =
                    Message::new(asked.metadata.id, MessageType::Response, OpCode::Query);
                reply.metadata.recursion_desired = true;
                reply.metadata.recursion_available = true;
                let name = question.name().to_ascii().to_ascii_lowercase();
                let data = zone(&name, question.query_type());
                if data.is_empty() && name.starts_with("gone.") {
                    reply.metadata.response_code = ResponseCode::NXDomain;
                }
                let records = data
                    .into_iter()
                    .map(|data| Record::from_rdata(question.name().clone(), 60, data));
                reply.add_answers(records);
                reply.add_query(question);
                socket.send_to(&reply.to_vec().unwrap(), from).await.unwrap();
            }
        });
        address
    }

    fn settings(servers: Vec<SocketAddr>, timeout: Duration) -> ResolveSettings {
        ResolveSettings { servers, concurrency: 3, timeout, retries: 0 }
    }

    #[tokio::test]
    async fn every_exact_name_is_followed_to_its_addresses() {
        let set = signatures(&[
            "dev.example.com",
            "six.example.com",
            "gone.example.com",
            "*.edge.example.com",
        ]);
        let servers = vec![serve().await, serve().await];
        let at = Timestamp::from_secs(1_795_000_000);
        let resolved =
            resolve(&set, &settings(servers, Duration::from_secs(10)), at).await.unwrap();
        let told: Vec<String> = resolved
            .answers
            .iter()
            .map(|answer| match &answer.data {
                AnswerData::Address(address) => format!("{} {address}", answer.name),
                AnswerData::Alias(target) => format!("{} -> {target}", answer.name),
            })
            .collect();
        assert_eq!(
            told,
            [
                "dev.example.com -> mid.example.com",
                "mid.example.com -> vm.cloud.example",
                "six.example.com 2001:db8::1",
                "vm.cloud.example 198.51.100.1",
                "vm.cloud.example 198.51.100.2",
                "vm.cloud.example 2001:db8::1",
            ]
        );
        assert!(resolved.answers.iter().all(|answer| {
            answer.coverage == Coverage::Partial && answer.first == at && answer.last == at
        }));
        let report = resolved.report;
        assert_eq!((report.names, report.questions), (3, 12));
        assert_eq!((report.answered, report.empty, report.failed), (6, 6, 0));
        assert_eq!(report.refused, 1, "the private address, told by both");
        assert_eq!(report.skipped, ["*.edge.example.com"]);
    }

    #[tokio::test]
    async fn a_resolver_that_is_silent_fails_and_loses_nothing_of_the_other() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let servers = vec![silent.local_addr().unwrap(), serve().await];
        let set = signatures(&["six.example.com"]);
        let resolved =
            resolve(&set, &settings(servers, Duration::from_millis(500)), Timestamp::from_secs(9))
                .await
                .unwrap();
        assert_eq!(resolved.answers.len(), 1);
        let report = resolved.report;
        assert_eq!((report.questions, report.answered, report.empty, report.failed), (4, 1, 1, 2));
        let silent = silent.local_addr().unwrap().to_string();
        assert!(report.problems.iter().all(|what| what.starts_with(&silent)), "{report:?}");
    }
}
