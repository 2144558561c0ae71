//! A class as the text of its file: what tools that derive signatures print.
//!
//! The text depends on the class alone, so a second run over the same facts is
//! an empty diff, and it reads back as the same class. `threshold` is always
//! written, because what a class without it gets depends on the folder; for
//! the same reason a class without `in_use_packets` reads back so only in a
//! folder whose defaults have none. Comments are not part of a class and are
//! not kept.

use std::fmt::Write;

use super::class::{MAX_CLASS, is_class_name};
use super::definition::{ClassDefinition, GroupDefinition};
use super::describe::role;
use crate::model::domain::NamePattern;

/// Longest line on which a list is written in brackets, in characters.
const WIDTH: usize = 100;

/// The text of the file of `class`.
pub fn write(class: &ClassDefinition) -> String {
    let mut text = String::new();
    let mut entry = |key: &str, value: &str| {
        text.extend([key, ": ", value, "\n"]);
    };
    entry("class", &class.class);
    entry("name", &scalar(&class.name));
    entry("level", class.level.as_str());
    entry("vendor", &scalar(&class.vendor));
    if let Some(parent) = &class.parent {
        entry("parent", parent);
    }
    entry("threshold", &class.threshold.to_string());
    if let Some(packets) = class.in_use_packets {
        entry("in_use_packets", &packets.to_string());
    }
    text.push_str("groups:\n");
    for group in &class.groups {
        write_group(&mut text, group);
    }
    text.push_str("sources:\n");
    for source in &class.sources {
        text.extend(["  - ", &scalar(source), "\n"]);
    }
    text.extend(["checked: ", &class.checked.to_string(), "\n"]);
    text
}

/// The name of a class and of its file that `text` for people gives, such as
/// `fire-tv-4k` for `Fire TV (4K)`; `None` if nothing of it can stand there.
pub fn class_name(text: &str) -> Option<String> {
    let ascii = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(ascii).collect();
    let parts: Vec<_> = name.split('-').filter(|part| !part.is_empty()).collect();
    let mut name = parts.join("-");
    name.truncate(MAX_CLASS);
    let name = name.trim_end_matches('-');
    is_class_name(name).then(|| name.to_owned())
}

fn write_group(text: &mut String, group: &GroupDefinition) {
    write_list(text, "  - names:", group.names.iter().map(pattern).collect());
    text.extend(["    role: ", role(group.role), "\n"]);
    if !group.ports.is_empty() {
        write_list(text, "    ports:", group.ports.iter().map(ToString::to_string).collect());
    }
    if let Some(rate) = group.packets_per_hour {
        // A float prints as the shortest decimal that reads back as itself.
        let (idle, active) = (rate.idle, rate.active);
        let _ = writeln!(text, "    packets_per_hour: {{idle: {idle}, active: {active}}}");
    }
}

/// A list in brackets where that fits on a line, else an item a line.
fn write_list(text: &mut String, key: &str, items: Vec<String>) {
    let line = format!("{key} [{}]\n", items.join(", "));
    if line.chars().count() <= WIDTH {
        text.push_str(&line);
        return;
    }
    text.extend([key, "\n"]);
    for item in items {
        text.extend(["      - ", &item, "\n"]);
    }
}

/// Names need quotes only where they begin with `*`, which YAML takes for an
/// alias, or with a hyphen.
fn pattern(name: &NamePattern) -> String {
    let text = name.to_string();
    if text.starts_with(['*', '-']) { format!("\"{text}\"") } else { text }
}

/// One line of text, in quotes if it could be read as anything but itself.
fn scalar(text: &str) -> String {
    let words = ["null", "true", "false", "yes", "no", "on", "off"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !words.iter().any(|word| text.eq_ignore_ascii_case(word))
        && text.parse::<f64>().is_err()
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && text.chars().all(|c| !c.is_control() && !is_format(c));
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || is_format(c) => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that some readers of YAML take for the end of a line, or drop.
fn is_format(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::civil::date;
    use proptest::prelude::*;

    use super::super::compile::{SourceFile, compile};
    use super::super::folder::shipped;
    use super::*;
    use crate::model::group::GroupId;
    use crate::model::rules::{Level, PacketRate, Role};

    /// The class that `text` is read as, in a folder with its parents only.
    fn read(class: &ClassDefinition, text: &str) -> ClassDefinition {
        let file = |class: &ClassDefinition, bytes: Vec<u8>| {
            let place = format!("{}/{}.yaml", class.level, class.class);
            SourceFile { path: place.clone(), place, bytes }
        };
        let mut files = vec![file(class, text.as_bytes().to_vec())];
        if let Some(name) = &class.parent {
            let level = Level::Platform;
            let parent = ClassDefinition { class: name.clone(), parent: None, level, ..kettle() };
            files.push(file(&parent, write(&parent).into_bytes()));
        }
        compile(&files).unwrap().class(&class.class).unwrap().clone()
    }

    fn kettle() -> ClassDefinition {
        let group = |names: &[&str], role| GroupDefinition {
            id: GroupId::new("kettle", names[0]),
            names: names.iter().map(|name| name.parse().unwrap()).collect(),
            role,
            ports: Vec::new(),
            packets_per_hour: None,
        };
        let mut groups = vec![
            group(&["api.kettle.example", "*.edge.kettle.example"], Role::Primary),
            group(&["-odd_.kettle.example"], Role::Support),
        ];
        groups[0].ports = ["443/tcp", "123/udp"].map(|port| port.parse().unwrap()).to_vec();
        groups[0].packets_per_hour = Some(PacketRate { idle: 120.0, active: 400.125 });
        ClassDefinition {
            class: "kettle".into(),
            name: "Kettle: \"4K\"".into(),
            level: Level::Product,
            vendor: "Acme".into(),
            parent: Some("acme".into()),
            threshold: "0.35".parse().unwrap(),
            in_use_packets: Some(10),
            groups,
            sources: vec!["Own capture, 2026".to_owned(), "a # b".to_owned()],
            checked: date(2026, 11, 21),
        }
    }

    #[test]
    fn the_text_is_what_a_person_would_write() {
        let text = "\
class: kettle
name: \"Kettle: \\\"4K\\\"\"
level: product
vendor: Acme
parent: acme
threshold: 0.35
in_use_packets: 10
groups:
  - names: [api.kettle.example, \"*.edge.kettle.example\"]
    role: primary
    ports: [443/tcp, 123/udp]
    packets_per_hour: {idle: 120, active: 400.125}
  - names: [\"-odd_.kettle.example\"]
    role: support
sources:
  - Own capture, 2026
  - \"a # b\"
checked: 2026-11-21
";
        let mut class = kettle();
        assert_eq!(write(&class), text);
        // The identity of a group is its class and first name.
        class.groups[1].id = GroupId::new("kettle", "-odd_.kettle.example");
        assert_eq!(read(&class, text), class);
    }

    #[test]
    fn the_shipped_classes_read_back_and_are_written_the_same_again() {
        for class in shipped().unwrap().classes {
            let text = write(&class);
            let again = read(&class, &text);
            assert_eq!(again, class, "{text}");
            assert_eq!(write(&again), text);
            assert!(text.lines().all(|line| line.chars().count() <= 320), "{text}");
        }
    }

    #[test]
    fn text_for_people_gives_a_name_for_the_class() {
        for (text, name) in [
            ("Fire TV (4K)", Some("fire-tv-4k")),
            ("  TP-Link__Kasa ", Some("tp-link-kasa")),
            ("东芝", None),
            ("", None),
        ] {
            assert_eq!(class_name(text).as_deref(), name, "{text}");
        }
        assert_eq!(class_name(&"ab-".repeat(40)).unwrap().len(), 64);
        assert!(is_class_name(&class_name(&"abc ".repeat(40)).unwrap()));
    }

    proptest! {
        #[test]
        fn whatever_a_file_may_say_is_written_so_that_it_reads_back(
            name in any::<String>(),
            source in "[-#:'\"\\\\&*!|>%@`{}\\[\\],? a-c\u{2028}]{1,40}",
            labels in prop::collection::vec("[a-z0-9_-]{1,20}", 1..30),
            idle in 0.0..=1e9f64,
        ) {
            let fit = |text: &str| !text.trim().is_empty() && text.chars().count() <= 300
                && !text.chars().any(char::is_control);
            prop_assume!(fit(&name) && fit(&source));
            let mut class = kettle();
            class.name = Arc::from(name.trim());
            class.sources = vec![source.trim().to_owned()];
            let mut names: Vec<NamePattern> =
                labels.iter().map(|label| format!("{label}.kettle.example").parse().unwrap()).collect();
            names.sort();
            names.dedup();
            class.groups.truncate(1);
            class.groups[0].id = GroupId::new("kettle", &names[0].to_string());
            class.groups[0].names = names;
            class.groups[0].packets_per_hour = Some(PacketRate { idle, active: idle / 3.0 });
            let text = write(&class);
            prop_assert_eq!(read(&class, &text), class);
        }
    }
}
