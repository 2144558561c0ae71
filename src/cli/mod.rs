//! The command line: one file a command, each of which opens what it needs,
//! calls one function and prints.
//!
//! Exit codes: 0 fine, 1 findings (something is wrong with what was checked),
//! 2 could not run.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod captures;
mod check;
mod demo;
mod detectable;
mod export;
mod hitlist;
mod inspect;
mod key;
mod lab;
mod packaging;
mod progress;
mod ready;
mod replay;
mod run;
mod signature;
mod simulate;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{self, Config};
use crate::signature::Finding;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Exit code 0.
    Fine,
    /// Exit code 1: the command ran and found something wrong.
    Findings,
}

/// Counts IoT platforms, manufacturers and products per subscriber line from
/// sampled NetFlow, IPFIX and sFlow.
#[derive(Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Start with `hayrake demo`: it needs no network, broker or database."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Run(run::Run),
    Check(check::Check),
    Ready(ready::Ready),
    Replay(replay::Replay),
    Inspect(inspect::Inspect),
    Simulate(simulate::Simulate),
    Signature(signature::Signature),
    Hitlist(hitlist::Hitlist),
    Export(export::Export),
    Key(key::Key),
    Lab(lab::Lab),
    #[command(hide = true)]
    Completions(packaging::Completions),
    #[command(hide = true)]
    Man(packaging::Man),
}

/// Reads the arguments, runs the command and returns its exit code.
pub fn run() -> ExitCode {
    let command = Arguments::parse().command;
    // A command whose output is piped into `head` ends quietly when the reader
    // does; the service must not, and counts what it could not write.
    if !matches!(command, Command::Run(_) | Command::Demo(_)) {
        sigpipe::reset();
    }
    let ended = match command {
        Command::Demo(command) => command.run(),
        Command::Run(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Ready(command) => command.run(),
        Command::Replay(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Simulate(command) => command.run(),
        Command::Signature(command) => command.run(),
        Command::Hitlist(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Key(command) => command.run(),
        Command::Lab(command) => command.run(),
        Command::Completions(command) => command.run(Arguments::command()),
        Command::Man(command) => command.run(Arguments::command()),
    };
    match ended {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Err(error) => {
            eprintln!("hayrake: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Reads a configuration; all that is wrong with it is one error.
fn config(path: &Path) -> anyhow::Result<Config> {
    config::load(path).map_err(findings)
}

/// Findings as one error, a line each.
fn findings(findings: Vec<Finding>) -> anyhow::Error {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    anyhow::Error::msg(lines.join("\n"))
}
