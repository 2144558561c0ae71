//! Asking resolvers for the names of the signatures, round after round, where
//! the configuration says so. The answers go to the keeper.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_channel::Sender;

use super::clock::Clock;
use super::keeper::Command;
use crate::config::Resolve;
use crate::dns::Answer;
use crate::dns::resolve::{ResolveSettings, resolve};
use crate::signature::SignatureSet;

/// How long the start waits for the first round. Without it every class would
/// begin the day as unresolvable, and verdicts are made once a day.
const FIRST_ROUND: Duration = Duration::from_secs(30);

/// The signatures in force, which the keeper replaces.
pub(super) type Followed = Arc<ArcSwap<SignatureSet>>;

/// Whom to ask about what.
#[derive(Clone)]
pub(super) struct Resolver {
    pub(super) resolve: Resolve,
    pub(super) signatures: Followed,
    pub(super) clock: Clock,
}

impl Resolver {
    /// The first round, or nothing when it takes too long.
    pub(super) async fn first_round(&self) -> Vec<Answer> {
        match tokio::time::timeout(FIRST_ROUND, self.round()).await {
            Ok(answers) => answers,
            Err(_) => {
                tracing::warn!("resolvers take long to answer, starting without them");
                Vec::new()
            }
        }
    }

    /// Goes on asking until the keeper is gone.
    pub(super) async fn run(self, commands: Sender<Command>) {
        loop {
            tokio::time::sleep(self.resolve.every).await;
            let answers = self.round().await;
            // A full queue means a keeper that is busy reloading; the next
            // round brings the same names again.
            if commands.try_send(Command::Answers(answers)).is_err() {
                tracing::warn!("the answers of a round could not be taken in");
            }
        }
    }

    async fn round(&self) -> Vec<Answer> {
        let signatures = self.signatures.load_full();
        let settings =
            ResolveSettings { servers: self.resolve.servers.clone(), ..ResolveSettings::default() };
        match resolve(&signatures, &settings, self.clock.now()).await {
            Ok(resolved) => {
                let report = &resolved.report;
                tracing::info!(
                    names = report.names,
                    answered = report.answered,
                    empty = report.empty,
                    failed = report.failed,
                    "asked resolvers for the names of the signatures"
                );
                if let Some(problem) = report.problems.first() {
                    tracing::warn!("the first question without an answer: {problem}");
                }
                resolved.answers
            }
            Err(error) => {
                tracing::error!("resolvers cannot be asked: {error}");
                Vec::new()
            }
        }
    }
}
