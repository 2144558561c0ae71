//! `hayrake lab domains`: what each domain of a device is worth, and why.

use super::input::{Evidence, Traffic};
use crate::cli::Outcome;
use crate::lab::domains::{Role, judge, template};

/// Tell which domains are the maker's own, somebody else's or everybody's.
///
/// Every verdict comes with its evidence. What the evidence does not decide is
/// for a person, in a file that --decisions names; --template prints one with
/// all that is to be decided. Ends with 1 while something is undecided.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake lab domains traffic.json
  hayrake lab domains traffic.json --template > decisions.yaml")]
pub(super) struct Domains {
    #[command(flatten)]
    traffic: Traffic,
    #[command(flatten)]
    evidence: Evidence,
    /// Print a file of decisions in which what is undecided waits for a role.
    #[arg(long, conflicts_with = "json")]
    template: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Domains {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let known = self.evidence.read()?;
        let judged = judge(&self.traffic.read()?, known.grounds());
        if self.json {
            println!("{}", serde_json::to_string_pretty(&judged)?);
        } else if self.template {
            print!("{}", template(&judged));
        } else {
            print!("{judged}");
        }
        let mut domains = judged.devices.iter().flat_map(|device| &device.domains);
        let undecided = domains.any(|domain| domain.role == Role::Undecided);
        Ok(if undecided { Outcome::Findings } else { Outcome::Fine })
    }
}
