//! `hayrake completions` and `hayrake man`: what packages install beside the
//! program, made from the command line itself so that it cannot lag behind.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::Outcome;

/// Print the completions of a shell.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake completions bash > /usr/share/bash-completion/completions/hayrake
  hayrake completions zsh > /usr/share/zsh/vendor-completions/_hayrake
  hayrake completions fish > /usr/share/fish/vendor_completions.d/hayrake.fish")]
pub(super) struct Completions {
    /// The shell.
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(self, mut program: clap::Command) -> anyhow::Result<Outcome> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut program, "hayrake", &mut text);
        std::io::stdout().write_all(&text)?;
        Ok(Outcome::Fine)
    }
}

/// Write the manual pages of all commands.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake man --out /usr/share/man/man1")]
pub(super) struct Man {
    /// Folder for the pages; without it the page of the program is printed.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, program: clap::Command) -> anyhow::Result<Outcome> {
        match self.out {
            None => clap_mangen::Man::new(program).render(&mut std::io::stdout())?,
            Some(out) => std::fs::create_dir_all(&out)
                .and_then(|()| clap_mangen::generate_to(program, &out))
                .with_context(|| out.display().to_string())?,
        }
        Ok(Outcome::Fine)
    }
}
