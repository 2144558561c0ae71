//! What holds for every command: examples that parse, and JSON beside tables.

use super::*;

/// Commands that print a sentence or what another program reads, and no table.
const NO_TABLE: &[&str] = &[
    "hayrake run",
    "hayrake replay", // detections are JSON lines
    "hayrake simulate",
    "hayrake key rotate",
    "hayrake export", // its table is CSV or Parquet
    "hayrake completions",
    "hayrake man",
];

fn leaves(command: &clap::Command, name: String, found: &mut Vec<(String, clap::Command)>) {
    if !command.has_subcommands() {
        found.push((name, command.clone()));
        return;
    }
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        leaves(below, format!("{name} {}", below.get_name()), found);
    }
}

fn commands() -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    leaves(&Arguments::command(), "hayrake".to_owned(), &mut found);
    assert!(found.len() > 15, "the commands were found");
    found
}

#[test]
fn every_command_has_examples_that_parse() {
    for (name, command) in commands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = help.split_once("Examples:").unwrap_or_else(|| panic!("{name}")).1;
        let mut own = 0;
        for line in examples.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let line = line.split(" > ").next().unwrap_or(line);
            let line = line.split("   (").next().unwrap_or(line);
            if let Err(error) = Arguments::try_parse_from(line.split_whitespace()) {
                panic!("{line}: {error}");
            }
            own += usize::from(line == name || line.starts_with(&format!("{name} ")));
        }
        assert!(own > 0, "{name} has an example of its own");
    }
}

#[test]
fn every_table_is_there_as_json() {
    for (name, command) in commands() {
        let json = command.get_arguments().any(|one| one.get_long() == Some("json"));
        assert_ne!(json, NO_TABLE.contains(&name.as_str()), "{name}");
    }
}
