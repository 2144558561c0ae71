//! `hayrake lab`: from captures of devices to signatures, and how good these
//! are. One file a step.

mod capture;
mod derive;
mod domains;
mod evaluate;
mod infrastructure;
mod input;
mod mud;

use super::Outcome;

/// Make signatures from captures of devices and judge them.
#[derive(clap::Args)]
#[command(arg_required_else_help = true, after_help = STEPS)]
pub(super) struct Lab {
    #[command(subcommand)]
    action: Action,
}

const STEPS: &str = "The steps, each of which reads what the one before it wrote:

  hayrake lab capture --manifest devices.yaml --json > traffic.json
      what each device did, from captures of it
  hayrake lab domains traffic.json --template > decisions.yaml
      which domains are the maker's own; what is undecided waits in the file
  hayrake lab infrastructure traffic.json --dns pdns.jsonl
      which of them are on infrastructure of their own
  hayrake lab derive traffic.json --decisions decisions.yaml --checked DAY --out candidates
      candidate signatures
  hayrake lab mud PROFILE.json
      candidates from what makers publish about their devices, if they do
  hayrake lab evaluate --manifest devices.yaml --signatures candidates
      how well signatures find devices in sampled flows

docs/lab.md shows each with its output.";

#[derive(clap::Subcommand)]
enum Action {
    Capture(capture::Capture),
    Mud(mud::Mud),
    Domains(domains::Domains),
    Infrastructure(infrastructure::Infrastructure),
    Derive(derive::Derive),
    Evaluate(evaluate::Evaluate),
}

impl Lab {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        match self.action {
            Action::Capture(command) => command.run(),
            Action::Mud(command) => command.run(),
            Action::Domains(command) => command.run(),
            Action::Infrastructure(command) => command.run(),
            Action::Derive(command) => command.run(),
            Action::Evaluate(command) => command.run(),
        }
    }
}
