//! A YAML text as a tree in which every node knows its line.
//!
//! People mend files by line, and all at once. A deserializer stops at the
//! first thing it does not like, so the parser's events are gathered into a
//! tree first and the tree is checked as a whole ([`super::fields`]). Scalars
//! stay text as written: `0.4` is an exact decimal and `2026-11-21` a date to
//! whoever reads them, never a binary fraction.
//!
//! What a configuration has no use for is refused where it stands: aliases
//! (an alias bomb is a small file that grows without bound), tags, several
//! documents in a file, keys that are not plain text. Size and nesting are
//! bounded, so a hostile file costs no more than its own length.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::fields::{Report, quote};

/// Largest file that is read, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of blocks, and of brackets, in a file.
const MAX_NESTING: usize = 16;

/// A value and the line it starts on, counted from 1.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Value {
    /// Text, a number, a date: as written, without quotes.
    Scalar {
        text: String,
        /// Not in quotes: only then `null` and nothing at all mean no value.
        plain: bool,
    },
    Sequence(Vec<Node>),
    /// Entries in the order of the file, every key once.
    Mapping(Vec<Entry>),
    /// Something that was refused and reported; nothing more is said of it.
    Refused,
}

/// One `key: value`.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) node: Node,
}

/// Reads one document. Problems of the text go to `report`; `None` when no
/// tree can be made of it.
pub(crate) fn parse(bytes: &[u8], report: &mut Report) -> Option<Node> {
    if bytes.len() > MAX_BYTES {
        report.error(1, format!("{} bytes", bytes.len()), format!("at most {MAX_BYTES} bytes"));
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
            report.error(line, "bytes that are not UTF-8", "text in UTF-8");
            return None;
        }
    };
    let options = serde_saphyr::granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_NESTING,
        block_nesting_limit: MAX_NESTING,
    };
    let mut builder = Builder { events: Parser::new_from_str_with_options(text, options), report };
    match builder.document() {
        // An empty file is a document without a value, which its reader judges.
        Ok(root) => Some(root.unwrap_or(Node {
            line: 1,
            value: Value::Scalar { text: String::new(), plain: true },
        })),
        Err(error) => {
            report.error(error.marker().line().max(1), syntax(&error), "YAML 1.2");
            None
        }
    }
}

fn syntax(error: &ScanError) -> String {
    let info = error.info();
    let column = error.marker().col() + 1;
    if info.is_empty() {
        format!("text that cannot be read as YAML at column {column}")
    } else {
        format!("text that cannot be read as YAML at column {column} ({info})")
    }
}

struct Builder<'r, E> {
    events: E,
    report: &'r mut Report,
}

type Next<'t> = (Event<'t>, Span);

impl<'t, E: Iterator<Item = Result<Next<'t>, ScanError>>> Builder<'_, E> {
    /// The next event that is no comment; after the last one the stream's end.
    fn next(&mut self) -> Result<Next<'t>, ScanError> {
        match self.events.next() {
            Some(event) => event,
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Option<Node>, ScanError> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(..) if root.is_some() => {
                    self.report.error(
                        span.start.line(),
                        "a second document in the file",
                        "one document in a file",
                    );
                    return Ok(root);
                }
                Event::DocumentStart(..) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span)?);
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, ScanError> {
        let line = span.start.line().max(1);
        let (anchor, tagged) = match &event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(_, anchor, tag)
            | Event::MappingStart(_, anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if anchor != 0 {
            self.report.error(line, "an anchor (&)", "every value written out where it belongs");
        }
        if tagged {
            self.report.error(line, "a tag (!)", "values without tags");
        }
        let value = match event {
            Event::Scalar(text, style, ..) => {
                Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => self.sequence()?,
            Event::MappingStart(..) => self.mapping()?,
            _ => {
                self.report.error(line, "an alias (*)", "every value written out where it belongs");
                Value::Refused
            }
        };
        Ok(Node { line, value })
    }

    fn sequence(&mut self) -> Result<Value, ScanError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Value::Sequence(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, ScanError> {
        let mut entries = Vec::new();
        let mut lines = HashMap::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, _) => return Ok(Value::Mapping(entries)),
                (event, span) => self.node(event, span)?,
            };
            let (event, span) = self.next()?;
            let mut node = self.node(event, span)?;
            let line = key.line;
            // An absent value has no place of its own; the reader looks at the key.
            if node.is_absent() {
                node.line = line;
            }
            match key.value {
                Value::Scalar { text: key, .. } => match lines.insert(key.clone(), line) {
                    None => entries.push(Entry { key, line, node }),
                    Some(first) => self.report.error(
                        line,
                        format!("key {} again, first in line {first}", quote(&key)),
                        "every key once",
                    ),
                },
                Value::Refused => {}
                Value::Sequence(_) | Value::Mapping(_) => {
                    self.report.error(line, "a key that is a list or a mapping", "a key of text");
                }
            }
        }
    }
}

impl Node {
    /// Nothing stands here, or a plain `null` or `~`.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What stands here, in words that follow a noun.
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            _ if self.is_absent() => "without a value".to_owned(),
            Value::Scalar { text, .. } => quote(text),
            Value::Sequence(_) => "that is a list".to_owned(),
            Value::Mapping(_) => "that is a mapping".to_owned(),
            Value::Refused => "that is refused".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let mut report = Report::new("f");
        parse(text.as_bytes(), &mut report);
        report.into_findings().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn scalars_stay_as_written_and_know_their_line() {
        let mut report = Report::new("f");
        let node =
            parse(b"# note\na: 0.40\nb:\n  - yes\n  - 'null'\nc:\nd: 1\n", &mut report).unwrap();
        let Value::Mapping(entries) = &node.value else { panic!("{node:?}") };
        assert_eq!(entries[0].node.describe(), "`0.40`");
        assert_eq!((entries[0].line, entries[1].line, entries[3].line), (2, 3, 7));
        let Value::Sequence(items) = &entries[1].node.value else { panic!("{node:?}") };
        assert_eq!((items[0].line, items[1].line), (4, 5));
        assert!(!items[1].is_absent());
        assert_eq!(
            (entries[2].node.describe().as_str(), entries[2].node.line),
            ("without a value", 6)
        );
        assert!(report.into_findings().is_empty());
    }

    #[test]
    fn every_refused_construct_is_named_with_its_line() {
        let text = "a: &x 1\nb: *x\nc: !t 2\na: 3\n? [k]\n: 4\n---\nd: 5\n";
        assert_eq!(
            problems(text),
            [
                "f:1: an anchor (&); allowed: every value written out where it belongs",
                "f:2: an alias (*); allowed: every value written out where it belongs",
                "f:3: a tag (!); allowed: values without tags",
                "f:4: key `a` again, first in line 1; allowed: every key once",
                "f:5: a key that is a list or a mapping; allowed: a key of text",
                "f:7: a second document in the file; allowed: one document in a file",
            ]
        );
    }

    #[test]
    fn a_syntax_error_has_its_line() {
        let found = problems("a: 1\nb: [1, 2\nc: 3\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("f:3: text that cannot be read as YAML"), "{found:?}");
    }

    #[test]
    fn hostile_texts_are_refused_and_cost_little() {
        let bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n";
        assert!(problems(bomb).iter().all(|line| line.contains("(&)") || line.contains("(*)")));
        for deep in ["[".repeat(100_000), "{a: ".repeat(50_000), "- ".repeat(100_000)] {
            assert_eq!(problems(&deep).len(), 1);
        }
        let huge = "a".repeat(MAX_BYTES + 1);
        assert_eq!(problems(&huge), ["f:1: 1048577 bytes; allowed: at most 1048576 bytes"]);
        let mut report = Report::new("f");
        assert!(parse(b"a: 1\nb: \xff\n", &mut report).is_none());
        assert_eq!(
            report.into_findings()[0].to_string(),
            "f:2: bytes that are not UTF-8; allowed: text in UTF-8"
        );
    }
}
