//! The rules of ARCHITECTURE.md as tests: which folder may import which, how
//! long a file may be, and that every file says what it is.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A file should be shorter than this; `Cargo.toml` says nothing about it, so
/// the list of those that are not is kept here, and it only shrinks.
const SOFT_LINES: usize = 400;
/// No file may be longer.
const HARD_LINES: usize = 700;
/// Files over the soft limit, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Which parts of the crate each part may import. A part may always import
/// itself. This is the table of ARCHITECTURE.md.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("bytes", &[]),
    ("model", &[]),
    ("receive", &["model"]),
    ("decode", &["model", "bytes"]),
    ("orient", &["model"]),
    ("dns", &["model", "receive", "signature", "bytes"]),
    ("infrastructure", &["model", "dns", "signature"]),
    ("signature", &["model"]),
    ("attribute", &["model", "dns", "infrastructure", "signature"]),
    ("detect", &["model", "bytes"]),
    ("pipeline", &["model", "decode", "orient", "attribute", "detect"]),
    ("replay", &["model", "decode", "detect", "receive", "pipeline"]),
    ("publish", &["model", "metrics", "attribute", "decode", "signature"]),
    ("metrics", &["model"]),
    ("config", &["model", "signature", "dns", "attribute", "infrastructure"]),
    (
        "service",
        &[
            "bytes",
            "model",
            "receive",
            "decode",
            "orient",
            "dns",
            "infrastructure",
            "signature",
            "attribute",
            "detect",
            "pipeline",
            "metrics",
            "publish",
            "config",
        ],
    ),
    ("simulate", &["model", "signature", "orient"]),
    (
        "lab",
        &[
            "model",
            "receive",
            "decode",
            "orient",
            "dns",
            "infrastructure",
            "signature",
            "attribute",
            "detect",
            "pipeline",
            "replay",
            "simulate",
        ],
    ),
    (
        "cli",
        &[
            "bytes",
            "model",
            "receive",
            "decode",
            "orient",
            "dns",
            "infrastructure",
            "signature",
            "attribute",
            "detect",
            "pipeline",
            "replay",
            "metrics",
            "publish",
            "config",
            "service",
            "simulate",
            "lab",
        ],
    ),
];

/// Words that must not occur in the pure middle, with what to do instead.
const IMPURE: &[(&str, &str)] = &[
    ("std::fs", "files are opened in cli, config and service"),
    ("std::net::UdpSocket", "sockets are made in receive and service"),
    ("std::thread", "threads are made in service"),
    ("std::env", "the environment is read in cli"),
    ("SystemTime", "time comes in as an argument"),
    ("Instant::now", "time comes in as an argument"),
    ("tracing::", "problems go out as values"),
    ("prometheus::", "counts go out as values"),
    ("rand::", "seeds come in as arguments"),
    ("println!", "printing is for cli"),
];

/// The parts that have no side effects.
const PURE: &[&str] = &[
    "bytes",
    "model",
    "decode",
    "orient",
    "infrastructure",
    "attribute",
    "detect",
    "pipeline",
    "replay",
    "lab",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file by its path below `src/`.
fn files() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(source()).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(found.len() > 20, "the source tree was found");
    found
}

/// The part a file belongs to: its first folder, or its own name.
fn part(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The code of a file without its unit tests and comments.
fn code(text: &str) -> String {
    let before_tests = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    before_tests
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_test_file(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

/// The parts of the crate that some code names as `crate::part`.
fn imports(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (_, rest) in
        code.match_indices("crate::").map(|(at, found)| (at, &code[at + found.len()..]))
    {
        if let Some(list) = rest.strip_prefix('{') {
            let inside = list.split('}').next().unwrap_or("");
            named.extend(inside.split(',').map(|name| first_word(name.trim())));
        } else {
            named.push(first_word(rest));
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[test]
fn imports_go_one_way() {
    let mut wrong = Vec::new();
    for (file, text) in files() {
        let part = part(&file);
        if matches!(part, "lib" | "main") || is_test_file(&file) {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == part) else {
            wrong.push(format!("src/{file}: `{part}` is not in the table of parts"));
            continue;
        };
        for import in imports(&code(&text)) {
            if import != part && !allowed.contains(&import.as_str()) {
                wrong
                    .push(format!("src/{file}: `{part}` imports `{import}`, allowed: {allowed:?}"));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_names_only_parts_that_exist() {
    let parts: Vec<String> = files().keys().map(|file| part(file).to_owned()).collect();
    for (part, allowed) in MAY_IMPORT {
        assert!(parts.iter().any(|known| known == part), "no part `{part}`");
        for import in *allowed {
            assert!(parts.iter().any(|known| known == import), "no part `{import}`");
        }
    }
}

/// What `ARCHITECTURE.md` says a part may import, by the rows of its table.
fn table_of_the_page() -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(source().with_file_name("ARCHITECTURE.md")).unwrap();
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let ["", part, _, imports, ""] = cells[..] else { continue };
        let part = part.trim_matches('`').trim_end_matches('/').trim_end_matches(".rs");
        let above = || rows.iter().map(|(part, _)| part.clone());
        let imports = match imports.strip_prefix("everything above") {
            Some("") => above().collect(),
            Some(but) => {
                let but = but.strip_prefix(" but ").expect("`everything above but PART`");
                above().filter(|part| part != but).collect()
            }
            None if imports == "nothing" => Vec::new(),
            None => imports.split(", ").map(str::to_owned).collect(),
        };
        rows.push((part.to_owned(), imports));
    }
    rows
}

#[test]
fn the_page_has_the_same_table() {
    let page = table_of_the_page();
    assert_eq!(page.len(), MAY_IMPORT.len(), "rows of ARCHITECTURE.md and MAY_IMPORT");
    for (part, allowed) in MAY_IMPORT {
        let (_, mut on_the_page) = page.iter().find(|(name, _)| name == part).unwrap().clone();
        let mut allowed = allowed.to_vec();
        on_the_page.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(on_the_page, allowed, "`{part}` in ARCHITECTURE.md and in MAY_IMPORT");
    }
}

#[test]
fn the_middle_is_pure() {
    let mut wrong = Vec::new();
    for (file, text) in files() {
        if !PURE.contains(&part(&file)) || is_test_file(&file) {
            continue;
        }
        for (word, instead) in IMPURE {
            // Evaluation draws with seeds, and clippy bans all other ways.
            let drawn = part(&file) == "lab" && *word == "rand::";
            if !drawn && code(&text).contains(word) {
                wrong.push(format!("src/{file}: has `{word}`; {instead}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn threads_are_made_in_one_place() {
    for (file, text) in files() {
        if part(&file) != "service" {
            let code = code(&text);
            for word in ["thread::spawn", "thread::Builder", "thread::scope"] {
                assert!(!code.contains(word), "src/{file} makes threads with `{word}`");
            }
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for (file, text) in files() {
        let lines = text.lines().count();
        let excused = LONG_FILES.iter().any(|(name, _)| *name == file) || is_test_file(&file);
        if lines > HARD_LINES {
            wrong.push(format!("src/{file}: {lines} lines, allowed: {HARD_LINES}"));
        } else if lines > SOFT_LINES && !excused {
            wrong.push(format!("src/{file}: {lines} lines, over {SOFT_LINES} without a reason"));
        }
        if file.starts_with("cli/") && lines > 150 {
            wrong.push(format!("src/{file}: {lines} lines, allowed in cli: 150"));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("src/{file}: does not begin with `//!`"));
        }
    }
    for (file, reason) in LONG_FILES {
        assert!(
            !reason.is_empty() && source().join(file).exists(),
            "{file} is excused for nothing"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_drawer_for_odds_and_ends() {
    for file in files().keys() {
        for name in ["util", "utils", "common", "helpers", "manager", "misc"] {
            let drawer = file.split('/').any(|part| part.trim_end_matches(".rs") == name);
            assert!(!drawer, "src/{file}: name it for what it does");
        }
    }
}
