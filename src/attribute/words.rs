//! An explanation in words, for a terminal.

use std::fmt;

use super::explain::{
    AddressMention, Explanation, GroupMention, NameMention, RootMention, SourceMention, Stretch,
};
use crate::dns::Coverage;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, as known on {}: {}", self.subject, self.day, self.why)?;
        if self.among_lines == Some(true) {
            writeln!(f, "  lies among the lines, so it is never an endpoint")?;
        }
        if let Some(range) = &self.range {
            writeln!(f, "  lies in {range}")?;
        }
        if self.valid_on_day == Some(false) {
            writeln!(f, "  none of its addresses is valid on the day")?;
        }
        if self.groups.is_empty() {
            writeln!(f, "  stands for no group")?;
        }
        for GroupMention { class, group, counted, ports, valid } in &self.groups {
            let counts = if *counted { "monitored" } else { "not monitored" };
            write!(f, "  stands for {group} of {class} ({counts})")?;
            for (place, port) in ports.iter().enumerate() {
                write!(f, "{}{port}", if place == 0 { " on " } else { ", " })?;
            }
            for stretch in valid {
                write!(f, ", {stretch}")?;
            }
            writeln!(f)?;
        }
        for address in &self.addresses {
            write!(f, "{address}")?;
        }
        for name in &self.names {
            write!(f, "{name}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.until)
    }
}

impl fmt::Display for AddressMention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.exclusive, self.valid.is_empty()) {
            (true, false) => "exclusive",
            (true, true) => "nobody else seen",
            (false, _) => "shared",
        };
        write!(f, "  {} {state}", self.address)?;
        for (place, name) in self.chain.iter().skip(1).enumerate() {
            write!(f, "{}{name}", if place == 0 { ", through " } else { " and " })?;
        }
        write!(f, ", seen {}", self.seen)?;
        write_sources(f, &self.sources)?;
        if self.among_lines {
            f.write_str(", among the lines and so no endpoint")?;
        }
        writeln!(f)?;
        if let Some(range) = self.range.as_ref().filter(|range| !range.shared_by_design) {
            writeln!(f, "    lies in {range}, where addresses change hands quickly")?;
        }
        for reason in &self.shared_because {
            writeln!(f, "    {reason}")?;
        }
        for stretch in &self.valid {
            writeln!(f, "    taken for the name {stretch}")?;
        }
        for foreign in &self.ignored {
            writeln!(f, "    seen too seldom to count: {foreign}")?;
        }
        Ok(())
    }
}

impl fmt::Display for NameMention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, roots, seen, count, days, sources } = self;
        write!(f, "  {name}")?;
        for RootMention { name: root, owner } in roots {
            if root == name {
                write!(f, " of {owner}")?;
            } else {
                write!(f, " for {root} of {owner}")?;
            }
        }
        write!(f, ", seen {seen}, count {count}, days {days}")?;
        write_sources(f, sources)?;
        writeln!(f)
    }
}

fn write_sources(f: &mut fmt::Formatter<'_>, sources: &[SourceMention]) -> fmt::Result {
    for (place, SourceMention { source, coverage }) in sources.iter().enumerate() {
        let gap = if place == 0 { ", by " } else { ", " };
        let sees = match coverage {
            Coverage::Population => "population",
            Coverage::Partial => "partial",
        };
        write!(f, "{gap}{source} ({sees})")?;
    }
    Ok(())
}
