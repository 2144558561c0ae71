//! Keeps README.md and docs/ honest: commands parse, YAML loads, JSON parses,
//! metrics exist and relative links lead somewhere.
//!
//! What a page says beyond that is checked by people. Commands that stand in
//! sentences are not run: the command line is asked for its help instead, in which
//! every option of the page must stand. Those in blocks are run by
//! docs_commands.rs.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/pages.rs"]
mod pages;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use hayrake::lab::domains::Decisions;
use pages::{Page, ROOT, pages};

/// The pieces of a line that stand between backticks.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The arguments after `hayrake`, if the line is such a command: up to a pipe,
/// a redirection or a comment, without prompt and quotes.
fn hayrake_arguments(line: &str) -> Option<Vec<String>> {
    let line = line.trim();
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let rest = ["hayrake ", "./hayrake ", "cargo run --release -- ", "target/release/hayrake "]
        .iter()
        .find_map(|start| line.strip_prefix(start))?;
    let ends = ["|", ">", "2>", "&", "&&", ";", "#", "<"];
    let words = rest.split_whitespace().take_while(|word| !ends.contains(word));
    Some(words.map(|word| word.trim_matches(['"', '\'']).to_owned()).collect())
}

/// Every `hayrake` command of the pages, with continued lines joined.
fn commands() -> Vec<(String, Vec<String>)> {
    let mut commands = Vec::new();
    for page in pages() {
        for block in page.blocks() {
            let joined = block.text.replace("\\\n", " ");
            let found = joined.lines().filter_map(hayrake_arguments);
            commands.extend(found.map(|arguments| (block.place.clone(), arguments)));
        }
        for (place, line) in page.prose() {
            // In a table a `|` is written `\|`.
            let line = line.replace("\\|", "|");
            let found = code_spans(&line).filter_map(hayrake_arguments);
            commands.extend(found.map(|arguments| (place.clone(), arguments)));
        }
    }
    assert!(commands.len() >= 10, "the commands were found");
    commands
}

/// What the program says to `hayrake <subcommands> --help`, or why it refuses.
fn help(subcommands: &[String]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .args(subcommands)
        .arg("--help")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Whether `option` stands in `help` as a word.
fn offers(help: &str, option: &str) -> bool {
    let end = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    help.split(end).any(|word| word == option)
}

#[test]
fn commands_parse() {
    let mut wrong = BTreeSet::new();
    for (place, arguments) in commands() {
        let nested = matches!(
            arguments.first().map(String::as_str),
            Some("signature" | "hitlist" | "key" | "lab")
        );
        let depth = if nested { 2 } else { 1 };
        let words = arguments.iter().take_while(|word| !word.starts_with('-'));
        let subcommands: Vec<_> = words.take(depth).cloned().collect();
        // `check|list|show` in a sentence stands for three commands.
        let alternatives: Vec<Vec<String>> = match subcommands.last() {
            Some(last) => last
                .split('|')
                .map(|word| {
                    let mut one = subcommands.clone();
                    one.pop();
                    one.push(word.to_owned());
                    one
                })
                .collect(),
            None => vec![Vec::new()],
        };
        for subcommands in alternatives {
            let help = match help(&subcommands) {
                Ok(help) => help,
                Err(refusal) => {
                    wrong.insert(format!("{place}: hayrake {}: {refusal}", subcommands.join(" ")));
                    continue;
                }
            };
            for option in arguments.iter().filter(|word| word.starts_with('-')) {
                let option = option.split('=').next().unwrap_or(option);
                if !offers(&help, option) {
                    let command = subcommands.join(" ");
                    wrong.insert(format!("{place}: `hayrake {command}` has no option `{option}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", Vec::from_iter(wrong).join("\n"));
}

/// The first key of a YAML text, after comments.
fn first_key(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'))?;
    line.split_once(':').map(|(key, _)| key)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let there = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &there);
        } else {
            fs::copy(&path, &there).unwrap();
        }
    }
}

#[test]
fn signatures_and_configurations_load() {
    let (mut signatures, mut configurations) = (0, 0);
    for block in pages().iter().flat_map(Page::blocks) {
        if block.language != "yaml" {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let read = match first_key(&block.text) {
            Some("devices") => {
                hayrake::lab::manifest::read("manifest", block.text.as_bytes()).err()
            }
            Some("decisions") => Decisions::read("decisions", block.text.as_bytes()).err(),
            _ => None,
        };
        if let Some(findings) = read {
            panic!("{}: {}", block.place, shown(&findings));
        }
        if matches!(first_key(&block.text), Some("devices" | "decisions")) {
            continue;
        }
        let has_lines = block.text.lines().any(|line| line.starts_with("lines:"));
        if first_key(&block.text) == Some("class") {
            // Beside the shipped ones, among which its parent may be.
            copy_folder(&Path::new(ROOT).join("signatures"), folder.path());
            let value = |key: &str| {
                let mut lines = block.text.lines();
                let line = lines.find_map(|line| line.strip_prefix(key)).unwrap();
                line.split('#').next().unwrap().trim().to_owned()
            };
            let file = format!("{}/{}.yaml", value("level:"), value("class:"));
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &block.text).unwrap();
            if let Err(findings) = hayrake::signature::load(folder.path()) {
                panic!("{}: {}", block.place, shown(&findings));
            }
            signatures += 1;
        } else {
            // A part of a configuration lacks only the one key that must be there.
            let lines = "\nlines: {prefixes: [{net: 198.51.100.0/24}]}\n";
            let text = format!("{}{}", block.text, if has_lines { "" } else { lines });
            let file = folder.path().join("hayrake.yaml");
            fs::write(&file, text).unwrap();
            if let Err(findings) = hayrake::config::load(&file) {
                panic!("{}: {}", block.place, shown(&findings));
            }
            configurations += 1;
        }
    }
    assert!(signatures > 0 && configurations > 0, "the blocks were found");
}

fn shown(findings: &[hayrake::signature::Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn json_parses() {
    let mut found = 0;
    for block in pages().iter().flat_map(Page::blocks).filter(|block| block.language == "json") {
        let values = serde_json::Deserializer::from_str(&block.text).into_iter();
        for value in values {
            let value: serde_json::Value =
                value.unwrap_or_else(|error| panic!("{}: {error}", block.place));
            assert!(value.is_object(), "{}: {value}", block.place);
            found += 1;
        }
    }
    assert!(found > 0, "a detection is shown");
}

#[test]
fn metrics_exist() {
    let reference = hayrake::metrics::Metrics::new().unwrap().reference();
    let known: BTreeSet<_> = metric_names(&reference).collect();
    let mut wrong = Vec::new();
    for page in pages() {
        for (number, line) in page.text.lines().enumerate() {
            let unknown = metric_names(line).filter(|name| !known.contains(name));
            wrong.extend(unknown.map(|name| format!("{}: no metric `{name}`", page.place(number))));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words that begin like a metric's name; `hayrake_` alone is none.
fn metric_names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.strip_prefix("hayrake_").is_some_and(|rest| !rest.is_empty()))
}

/// What a heading is called in a link, as the usual viewers make it.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn relative_links_lead_somewhere() {
    let mut wrong = Vec::new();
    let mut found = 0;
    for page in pages() {
        for (place, line) in page.prose() {
            for (at, _) in line.match_indices("](") {
                let target = line[at + 2..].split(')').next().unwrap_or_default();
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                found += 1;
                let (file, heading) = target.split_once('#').unwrap_or((target, ""));
                let file = match file {
                    "" => page.path.clone(),
                    file => page.path.parent().unwrap().join(file),
                };
                if !file.exists() {
                    wrong.push(format!("{place}: {target} does not exist"));
                } else if !heading.is_empty() {
                    let text = fs::read_to_string(&file).unwrap();
                    let mut headings = text.lines().filter(|line| line.starts_with('#'));
                    if !headings.any(|line| anchor(line) == heading) {
                        wrong.push(format!("{place}: {target} has no such heading"));
                    }
                }
            }
        }
    }
    assert!(found > 0, "the links were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The tests that docs/exporters.md names are there.
#[test]
fn the_tests_that_are_named_exist() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/exporters.md")).unwrap();
    let (_, table) = page.split_once("the test that shows we hold").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let mut code = String::new();
    let mut folders = vec![Path::new(ROOT).join("src"), Path::new(ROOT).join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                code += &fs::read_to_string(&path).unwrap();
            }
        }
    }
    let mut named = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        for name in code_spans(row).filter(|name| name.matches('_').count() > 2) {
            named += 1;
            assert!(code.contains(&format!("fn {name}(")), "no test `{name}`");
        }
    }
    assert!(named > 50, "{named}");
}

/// What the doctor tells people to type stands on the page it points to, under
/// the heading it points to.
#[test]
fn lines_of_router_configuration_stand_where_they_are_said_to() {
    for router in hayrake::decode::ROUTER_LINES.iter().copied().flatten() {
        let (file, heading) = router.docs.split_once('#').unwrap();
        let text = fs::read_to_string(Path::new(ROOT).join("docs").join(file)).unwrap();
        let mut under = text
            .split("\n## ")
            .filter(|section| anchor(section.lines().next().unwrap_or_default()) == heading);
        let section = under.next().unwrap_or_else(|| panic!("{} is no heading", router.docs));
        for line in router.lines {
            assert!(section.contains(line), "{}: `{line}` is not there", router.docs);
        }
    }
}

/// Every page is in the book's contents once, and the contents list nothing else.
#[test]
fn the_book_lists_every_page() {
    let summary = fs::read_to_string(Path::new(ROOT).join("docs/SUMMARY.md")).unwrap();
    let links = summary.lines().filter_map(|line| line.split_once("](")?.1.split(')').next());
    let mut listed: Vec<_> = links.filter(|link| link.ends_with(".md")).collect();
    listed.sort_unstable();
    let names: Vec<_> = pages().iter().map(Page::name).collect();
    let mut there: Vec<_> = names.iter().filter_map(|name| name.strip_prefix("docs/")).collect();
    there.retain(|name| *name != "SUMMARY.md");
    there.sort_unstable();
    assert_eq!(listed, there);
    // What the book cannot show, being outside of it, only the summary may name.
    let book = fs::read_to_string(Path::new(ROOT).join("docs/book.toml")).unwrap();
    assert!(book.contains("src = \".\""), "pages stay where README.md links them");
}

/// The page that shows every key is the file that has every key.
#[test]
fn the_configuration_page_is_the_configuration() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/configuration.md")).unwrap();
    let file = fs::read_to_string(Path::new(ROOT).join("deploy/hayrake.yaml")).unwrap();
    assert!(page.contains(&format!("```yaml\n{file}```")), "copy deploy/hayrake.yaml into it");
}

#[test]
fn the_checks_see_what_they_should() {
    let arguments = |line| hayrake_arguments(line).map(|words| words.join(" "));
    assert_eq!(arguments("$ hayrake check -c a.yaml | head"), Some("check -c a.yaml".to_owned()));
    assert_eq!(arguments("cargo run --release -- demo # try"), Some("demo".to_owned()));
    assert_eq!(arguments("hayrake_lines{class=\"x\"}"), None);
    assert!(offers("  -c, --config <FILE>", "--config") && offers("  -c, --config", "-c"));
    assert!(!offers("--dir-name <DIR>", "--dir"));
    assert_eq!(anchor("## Cisco IOS-XE"), "cisco-ios-xe");
    assert!(help(&["no-such-command".to_owned()]).is_err());
    assert_eq!(
        metric_names("rate(hayrake_lines[1h]) hayrake_").collect::<Vec<_>>(),
        ["hayrake_lines"]
    );
}
