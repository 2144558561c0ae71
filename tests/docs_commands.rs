//! Runs every command that stands in a block of README.md and docs/, against real
//! files and a real service.
//!
//! A block of language `sh` is run by a shell. In one of language `console` lines
//! after `$ ` are commands, and what stands under them must come out, in this
//! order, whatever its numbers; `[...]` stands for lines left out. What cannot be
//! run here (a router, a container engine, root) says so in the line before the
//! block: `<!-- not run: why -->`. Nothing else may have commands in it.
//!
//! All blocks of a page share a folder, which has what the pages speak of: a
//! simulated provider's configuration, exports and DNS answers, a folder of
//! signatures, and a service that runs and has been sent those exports.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and the paths of programs are in the environment"
)]

#[path = "support/pages.rs"]
mod pages;
#[path = "support/stage.rs"]
mod stage;
mod support;

use pages::{Block, Page, pages};
use stage::Stage;

/// Programs that pages use and that may be missing here.
const OTHERS: &[&str] = &["curl", "jq"];

/// What a block may be, with the languages that hold no commands.
const LANGUAGES: &[&str] = &["sh", "console", "text", "yaml", "json"];

#[test]
fn blocks_say_what_they_are_and_hide_no_command() {
    let mut wrong = Vec::new();
    for block in pages().iter().flat_map(Page::blocks) {
        if !LANGUAGES.contains(&&*block.language) {
            wrong.push(format!(
                "{}: language `{}`; allowed: {LANGUAGES:?}",
                block.place, block.language
            ));
        }
        let is_command = |line: &str| {
            let commands =
                ["$ ", "hayrake ", "curl ", "systemctl ", "docker ", "kubectl ", "sudo "];
            commands.iter().any(|start| line.starts_with(start))
        };
        let runs = matches!(&*block.language, "sh" | "console");
        if !runs && block.not_run.is_none() && block.text.lines().any(is_command) {
            wrong.push(format!("{}: commands in a block of `{}`", block.place, block.language));
        }
        if block.not_run.as_ref().is_some_and(|why| why.len() < 8) {
            wrong.push(format!("{}: not run, for what reason?", block.place));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn commands_run_and_say_what_the_page_shows() {
    let missing: Vec<_> = OTHERS.iter().copied().filter(|name| !installed(name)).collect();
    let stage = Stage::new();
    let (mut ran, mut wrong) = (0, Vec::new());
    for page in pages() {
        let blocks = page.blocks();
        let runs = |block: &&Block| {
            matches!(&*block.language, "sh" | "console") && block.not_run.is_none()
        };
        let blocks: Vec<_> = blocks.iter().filter(runs).collect();
        if blocks.is_empty() {
            continue;
        }
        if let Some(why) = stage.enter(&page) {
            println!("skipped: {}: {why}", page.name());
            continue;
        }
        for block in blocks {
            let words: Vec<_> = block.text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
            if let Some(name) = missing.iter().find(|name| words.contains(name)) {
                println!("skipped: {}: {name} is not installed", block.place);
                continue;
            }
            ran += 1;
            if let Err(why) = run(&stage, block) {
                wrong.push(format!("{}: {why}", block.place));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran >= 10, "{ran} blocks were run");
}

fn installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).exists())
}

fn run(stage: &Stage, block: &Block) -> Result<(), String> {
    if block.language == "sh" {
        return stage.shell(&block.text).map(drop);
    }
    for (command, shown) in transcript(&block.text) {
        let said = stage.shell(&command)?;
        comes_out(&shown, &said)
            .map_err(|line| format!("`{command}` says no `{line}`:\n{said}"))?;
    }
    Ok(())
}

/// The commands of a console with the lines shown under each.
fn transcript(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut continued = false;
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push((command.to_owned(), Vec::new()));
        } else if let Some((command, shown)) = found.last_mut() {
            if continued {
                command.push('\n');
                command.push_str(line);
            } else {
                shown.push(line.to_owned());
            }
        }
        let in_command = found.last().is_some_and(|(_, shown)| shown.is_empty());
        continued = in_command && (line.ends_with('\\') || line.ends_with('|'));
    }
    found
}

/// Whether the lines shown are among those said, in this order; else the first
/// that is not.
fn comes_out(shown: &[String], said: &str) -> Result<(), String> {
    let mut said = said.lines().map(pattern);
    for line in shown.iter().filter(|line| line.trim() != "[...]" && !line.trim().is_empty()) {
        let is_there = match line.trim_end().strip_suffix("[...]") {
            Some(start) => {
                let start = pattern(start);
                said.any(|said| said.starts_with(&start))
            }
            None => said.any(|said| said == pattern(line)),
        };
        if !is_there {
            return Err(line.clone());
        }
    }
    Ok(())
}

/// A line without its numbers, dates, addresses, pseudonyms and spaces, which are
/// others each time.
fn pattern(line: &str) -> String {
    let mut words = Vec::new();
    for word in line.split_whitespace() {
        let mut kept = String::new();
        let mut digits = false;
        let hexadecimal =
            |part: &str| part.len() == 32 && part.bytes().all(|b| b.is_ascii_hexdigit());
        for part in word.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let bare = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if hexadecimal(bare) {
                kept.push('#');
                kept.push_str(&part[bare.len()..]);
                continue;
            }
            for c in part.chars() {
                if !c.is_ascii_digit() {
                    kept.push(c);
                } else if !digits {
                    kept.push('0');
                }
                digits = c.is_ascii_digit();
            }
        }
        words.push(kept);
    }
    words.join(" ")
}

#[test]
fn a_transcript_is_taken_apart_and_compared() {
    let text = "$ hayrake check \\\n  -c a.yaml\nfine\n[...]\n12 lines of aa\n$ curl x |\n  jq .\n";
    let parts = transcript(text);
    assert_eq!(parts[0].0, "hayrake check \\\n  -c a.yaml");
    assert_eq!(parts[0].1, ["fine", "[...]", "12 lines of aa"]);
    assert_eq!(parts[1], ("curl x |\n  jq .".to_owned(), vec![]));
    let shown = &parts[0].1;
    assert!(comes_out(shown, "fine\nother\n7   lines of aa\n").is_ok());
    assert!(comes_out(shown, "7 lines of aa\nfine\n").is_err(), "the order is another");
    assert!(comes_out(shown, "fine\n7 lines of bb\n").is_err());
    assert_eq!(pattern("line 01043429610ce0a8f798c34c48af62bf, 192.0.2.1"), "line #, 0.0.0.0");
    let start = ["received [...]".to_owned()];
    assert!(comes_out(&start, "received 7 decoded").is_ok());
}
