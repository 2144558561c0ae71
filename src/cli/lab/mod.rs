//! `hayrake lab`: from captures of devices to signatures, and how good these
//! are. One file a step.

mod capture;
mod mud;

use super::Outcome;

/// Make signatures from captures of devices and judge them.
#[derive(clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Lab {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    Capture(capture::Capture),
    Mud(mud::Mud),
}

impl Lab {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        match self.action {
            Action::Capture(command) => command.run(),
            Action::Mud(command) => command.run(),
        }
    }
}
