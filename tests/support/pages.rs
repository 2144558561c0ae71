//! README.md and the pages of docs/, taken apart: fenced blocks and prose.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A page and its text.
pub struct Page {
    pub path: PathBuf,
    pub text: String,
}

/// README.md and every page in docs/.
pub fn pages() -> Vec<Page> {
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).unwrap();
    let mut paths: Vec<_> = docs
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    paths.push(Path::new(ROOT).join("README.md"));
    paths.sort();
    assert!(paths.len() >= 5, "the pages were found");
    let page = |path: PathBuf| Page { text: fs::read_to_string(&path).unwrap(), path };
    paths.into_iter().map(page).collect()
}

/// A fenced block: the line it begins in, its language, its text, and why its
/// commands are not run, if the line before it says so.
pub struct Block {
    pub place: String,
    pub language: String,
    pub text: String,
    pub not_run: Option<String>,
}

impl Page {
    pub fn name(&self) -> String {
        self.path.strip_prefix(ROOT).unwrap_or(&self.path).display().to_string()
    }

    pub fn place(&self, line: usize) -> String {
        format!("{}:{}", self.name(), line + 1)
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        let mut before = "";
        for (number, line) in self.text.lines().enumerate() {
            match (&mut open, line.trim_start().strip_prefix("```")) {
                (None, Some(language)) => {
                    let language = language.trim().to_owned();
                    let place = self.place(number);
                    let not_run = before.strip_prefix("<!-- not run: ");
                    let not_run = not_run.and_then(|why| why.strip_suffix(" -->"));
                    let not_run = not_run.map(str::to_owned);
                    open = Some(Block { place, language, text: String::new(), not_run });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
            if !line.trim().is_empty() {
                before = line.trim();
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.path.display());
        blocks
    }

    /// The lines outside of fenced blocks.
    pub fn prose(&self) -> Vec<(String, &str)> {
        let mut fenced = false;
        let mut prose = Vec::new();
        for (number, line) in self.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                prose.push((self.place(number), line));
            }
        }
        prose
    }
}
