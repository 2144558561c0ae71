//! `docs/signatures.md`: what the shipped signatures can and cannot tell, as
//! far as the files alone say it.
//!
//! Whether a class is detectable in some network today depends on DNS answers
//! there; the page says what stands against it wherever that is.

use std::fmt::Write;

use super::definition::{ClassDefinition, GroupDefinition, SignatureSet};
use super::describe::role;
use super::tenants::is_shared;
use crate::model::domain::NamePattern;
use crate::model::rules::{Level, Role};

const HEAD: &str = "\
# The shipped signatures

This page is generated from `signatures/`; it is not written by hand.
[Writing and updating a signature](signatures-howto.md) says how to change them.

N is the number of groups when all of them can be monitored, *needed* how many of
them must be seen on a line in a window: `max(1, floor(D × N))`, at least one of
them primary. *Detectable* is what the signature itself says. Whether a class is
detectable in your network today depends on the DNS answers there, and
`hayrake signature list -c hayrake.yaml` tells it.
";

/// The page about all classes of `set`.
pub fn page(set: &SignatureSet) -> String {
    let mut page = HEAD.to_owned();
    for level in Level::ALL {
        let mut classes: Vec<_> = set.classes.iter().filter(|class| class.level == level).collect();
        classes.sort_by(|a, b| a.class.cmp(&b.class));
        let possible = classes.iter().filter(|class| outlook(set, class).detectable).count();
        let _ = writeln!(
            page,
            "\n## Level {level}\n\n{} classes, {possible} of them detectable.\n",
            classes.len()
        );
        page.push_str("| class | name | vendor | parent | N | needed | detectable |\n|---|---|---|---|---|---|---|\n");
        for class in &classes {
            row(&mut page, set, class);
        }
        for class in &classes {
            section(&mut page, class);
        }
    }
    page
}

/// What a signature says of its own chances.
struct Outlook {
    detectable: bool,
    /// Why not, or what the class hangs on.
    because: Vec<String>,
}

fn outlook(set: &SignatureSet, class: &ClassDefinition) -> Outlook {
    let only =
        |group: &GroupDefinition, kind: fn(&NamePattern) -> bool| group.names.iter().all(kind);
    let no = |reason: String| Outlook { detectable: false, because: vec![reason] };
    let usable: Vec<_> = class.groups.iter().filter(|group| !only(group, is_shared)).collect();
    let primary: Vec<_> = usable.iter().filter(|group| group.role == Role::Primary).collect();
    if primary.is_empty() {
        return no(
            "its primary names lead to addresses that all customers of a platform share".to_owned()
        );
    }
    let parent = class.parent.as_deref().and_then(|parent| set.class(parent));
    if let Some(parent) = parent.filter(|parent| !outlook(set, parent).detectable) {
        return no(format!("its parent `{}` is not", parent.class));
    }
    let mut because = Vec::new();
    match (usable.len(), primary.len()) {
        (1, _) if matches!(&primary[0].names[..], [NamePattern::Exact(_)]) => {
            because.push(format!("rests on one name, {}", first(primary[0])));
        }
        (1, _) => because.push("rests on one group".to_owned()),
        (_, 1) => because.push(format!("rests on one primary group, {}", first(primary[0]))),
        _ => {}
    }
    if primary.iter().all(|group| only(group, |name| matches!(name, NamePattern::Below(_)))) {
        because
            .push("needs a DNS feed: the resolver cannot guess names below a wildcard".to_owned());
    }
    let cloud = class.groups.len() - usable.len();
    if cloud > 0 {
        because.push(format!(
            "groups on addresses that a platform's customers share, which do not count: {cloud}"
        ));
    }
    Outlook { detectable: true, because }
}

fn row(page: &mut String, set: &SignatureSet, class: &ClassDefinition) {
    let Outlook { detectable, because } = outlook(set, class);
    let mut told = if detectable { "yes" } else { "no" }.to_owned();
    if !because.is_empty() {
        told.extend([": ", &because.join("; ")]);
    }
    let parent = class.parent.as_deref().map_or("-".to_owned(), link);
    let (name, groups) = (&class.class, class.groups.len());
    let _ = writeln!(
        page,
        "| {} | {} | {} | {parent} | {groups} | {} | {told} |",
        link(name),
        plain(&class.name),
        plain(&class.vendor),
        class.threshold.required(groups)
    );
}

fn section(page: &mut String, class: &ClassDefinition) {
    let _ = writeln!(
        page,
        "\n### {}\n\n{} by {}.",
        class.class,
        plain(&class.name),
        plain(&class.vendor)
    );
    let _ = writeln!(page, "D = {}, checked {}.\n\nGroups:\n", class.threshold, class.checked);
    for group in &class.groups {
        let names: Vec<_> = group.names.iter().map(code).collect();
        let ports: Vec<_> = group.ports.iter().map(ToString::to_string).collect();
        let on = if ports.is_empty() { String::new() } else { format!(" on {}", ports.join(", ")) };
        let _ = writeln!(page, "- {}{on}: {}", role(group.role), names.join(", "));
    }
    page.push_str("\nSources:\n\n");
    for source in &class.sources {
        let _ = writeln!(page, "- {}", plain(source));
    }
}

fn first(group: &GroupDefinition) -> String {
    group.names.first().map(code).unwrap_or_default()
}

fn code(name: &NamePattern) -> String {
    format!("`{name}`")
}

fn link(class: &str) -> String {
    format!("[{class}](#{class})")
}

/// Text with the characters escaped that Markdown would take for its own.
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '|' | '#') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::compile::{SourceFile, compile};
    use super::super::folder::load;
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/signatures.md");
    const SIGNATURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/signatures");

    #[test]
    fn the_page_is_current() {
        let committed = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(
            committed == page(&load(SIGNATURES.as_ref()).unwrap()),
            "docs/signatures.md differs from signatures/; write it with\n\
             cargo test --lib signature::page::tests::write_the_page -- --ignored"
        );
    }

    #[test]
    #[ignore = "writes docs/signatures.md"]
    fn write_the_page() {
        std::fs::write(PAGE, page(&load(SIGNATURES.as_ref()).unwrap())).unwrap();
    }

    /// The last cell of the row of the kettle, whose groups are `groups`.
    fn told(keys: &str, groups: &[&str]) -> String {
        let file = |class: &str, keys: &str, groups: &[&str]| {
            let groups: String = groups.iter().map(|group| format!("  - {{{group}}}\n")).collect();
            let text = format!(
                "class: {class}\nname: \"A|b\"\nlevel: product\nvendor: X\n{keys}groups:\n{groups}sources: [x]\nchecked: 2026-11-21\n"
            );
            let place = format!("product/{class}.yaml");
            SourceFile { path: place.clone(), place, bytes: text.into_bytes() }
        };
        let cloud = file("cloud", "", &["names: [x.azure-devices.net], role: primary"]);
        let page = page(&compile(&[file("kettle", keys, groups), cloud]).unwrap());
        let row =
            page.lines().find(|line| line.starts_with("| [kettle](#kettle) | A\\|b |")).unwrap();
        row.rsplit(" | ").next().unwrap().trim_end_matches(" |").to_owned()
    }

    #[test]
    fn what_a_class_hangs_on_is_told() {
        let (a, b) = ("names: [a.x.com], role: primary", "names: [b.x.com], role: primary");
        let tenant = "names: [k.azure-devices.net], role: primary";
        assert_eq!(told("", &[a, b]), "yes");
        assert_eq!(told("", &[a]), "yes: rests on one name, `a.x.com`");
        assert_eq!(
            told("", &["names: [a.x.com, b.x.com], role: primary"]),
            "yes: rests on one group"
        );
        let support = "names: [c.x.com], role: support";
        assert_eq!(told("", &[a, support]), "yes: rests on one primary group, `a.x.com`");
        assert!(
            told("", &[tenant, support]).starts_with("no: its primary names lead to addresses")
        );
        assert_eq!(
            told("", &[a, b, tenant]),
            "yes: groups on addresses that a platform's customers share, which do not count: 1"
        );
        let wild = "names: [\"*.x.com\"], role: primary";
        assert!(
            told("", &[wild])
                .ends_with("needs a DNS feed: the resolver cannot guess names below a wildcard")
        );
        assert_eq!(told("parent: cloud\n", &[a, b]), "no: its parent `cloud` is not");
    }
}
