//! Why each class was or was not claimed on one line, in words.
//!
//! `replay --explain` follows one line: what it touched, and for every window
//! and class what the rule asked for and what was there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::Event;
use crate::model::line::LineId;
use crate::model::rules::{Role, Rules};
use crate::model::sighting::Sighting;
use crate::model::time::{Timestamp, Window};

/// The most sightings listed one by one; all are counted.
const MOST_LISTED: usize = 1_000;

/// What happened on one line.
pub struct Explanation {
    line: LineId,
    listed: Vec<Seen>,
    sightings: u64,
    windows: BTreeMap<(Timestamp, Window, Arc<str>), ClassInWindow>,
}

struct Seen {
    at: Timestamp,
    class: Arc<str>,
    group: Arc<str>,
    packets: u64,
    sampling: String,
}

#[derive(Default)]
struct ClassInWindow {
    groups: BTreeSet<Arc<str>>,
    primary: bool,
    required: usize,
    of: usize,
    parent: Option<Arc<str>>,
    claimed: bool,
}

impl Explanation {
    /// An explanation of `line`, empty so far.
    pub fn new(line: LineId) -> Self {
        Self { line, listed: Vec::new(), sightings: 0, windows: BTreeMap::new() }
    }

    /// Takes note of an event if it is about the line.
    pub fn follow(&mut self, event: &Event<'_>) {
        match event {
            Event::Sighting(sighting, view) if sighting.line == self.line => {
                self.see(sighting, &view.rules);
            }
            Event::Detection(detection, ..) if detection.line == self.line => {
                let key = (detection.start, detection.window, detection.class.clone());
                self.windows.entry(key).or_default().claimed = true;
            }
            _ => {}
        }
    }

    fn see(&mut self, sighting: &Sighting, rules: &Rules) {
        let Some(place) = rules.place(sighting.group) else { return };
        let class = &rules.classes()[place.class];
        let group = &class.groups[place.group];
        self.sightings += 1;
        if self.listed.len() < MOST_LISTED {
            self.listed.push(Seen {
                at: sighting.at,
                class: class.class.clone(),
                group: group.name.clone(),
                packets: sighting.packets,
                sampling: sighting.sampling.to_string(),
            });
        }
        for window in Window::ALL {
            let key = (window.start(sighting.at), window, class.class.clone());
            let in_window = self.windows.entry(key).or_default();
            in_window.groups.insert(group.name.clone());
            in_window.primary |= group.role == Role::Primary;
            in_window.required = class.required();
            in_window.of = class.monitored();
            in_window.parent = class.parent.map(|parent| rules.classes()[parent].class.clone());
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sightings == 0 {
            return writeln!(
                f,
                "line {}: no flow to or from an endpoint on the hitlist; `hitlist explain` says what is on it",
                self.line
            );
        }
        writeln!(f, "line {}, sightings: {}", self.line, self.sightings)?;
        for seen in &self.listed {
            writeln!(
                f,
                "  {}  {}  {}  packets sampled: {}, sampling {}",
                seen.at, seen.class, seen.group, seen.packets, seen.sampling
            )?;
        }
        if self.sightings > self.listed.len() as u64 {
            writeln!(f, "  and {} more", self.sightings - self.listed.len() as u64)?;
        }
        for ((start, window, class), in_window) in &self.windows {
            let groups: Vec<&str> = in_window.groups.iter().map(|name| &**name).collect();
            writeln!(f, "{window} from {start}, {class}: {}", in_window.verdict())?;
            writeln!(f, "  {}", groups.join(", "))?;
        }
        Ok(())
    }
}

impl ClassInWindow {
    fn verdict(&self) -> String {
        let Self { groups, required, of, .. } = self;
        let counted =
            format!("{} groups seen of {of} monitored, {required} required", groups.len());
        match (self.claimed, &self.parent) {
            (true, _) => format!("claimed ({counted})"),
            (false, _) if groups.len() < *required => format!("not claimed ({counted})"),
            (false, _) if !self.primary => format!("not claimed ({counted}, but none is primary)"),
            (false, Some(parent)) => {
                format!("not claimed ({counted}, but its parent {parent} is not claimed)")
            }
            (false, None) => format!(
                "not claimed ({counted}, but the sightings came too late or their groups were dropped)"
            ),
        }
    }
}
