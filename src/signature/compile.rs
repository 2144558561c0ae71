//! From the files of a folder to a [`SignatureSet`]: each file for itself,
//! then what takes all of them to see.

use std::collections::HashMap;
use std::sync::Arc;

use super::class::{self, Draft};
use super::definition::{ClassDefinition, Owners, SignatureSet};
use super::fields::{Report, quote};
use super::finding::{Finding, Severity};
use super::review::{Freshness, review};
use super::tables::{Defaults, read_defaults, read_owners};
use crate::model::rules::Level;

/// Most classes in a folder.
pub(super) const MAX_CLASSES: usize = 10_000;
/// Most classes on the way from the topmost parent to a class.
const MAX_DEPTH: usize = 16;

/// One file of a signature folder.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Where it is in the folder, such as `product/kettle.yaml`.
    pub place: String,
    /// How findings call it, as the user would open it.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What a file is for, by where it is.
enum Use<'f> {
    Class { level: Level, class: &'f str },
    Defaults,
    Owners,
    Unknown,
}

/// The files of a folder, examined.
#[derive(Debug)]
pub struct Examined {
    /// The set, unless there is an error.
    pub set: Option<SignatureSet>,
    /// Errors and warnings, by file and line.
    pub findings: Vec<Finding>,
}

impl Examined {
    /// The set, or what keeps it from being used.
    pub fn into_result(self) -> Result<SignatureSet, Vec<Finding>> {
        self.set.ok_or_else(|| {
            let error = |finding: &Finding| finding.severity == Severity::Error;
            self.findings.into_iter().filter(error).collect()
        })
    }
}

/// Compiles the files of one folder, or says everything that is wrong.
pub fn compile(files: &[SourceFile]) -> Result<SignatureSet, Vec<Finding>> {
    examine(files, None).into_result()
}

/// Compiles the files of one folder and says all there is to say about them;
/// whether facts are stale only when it is told when they are.
pub fn examine(files: &[SourceFile], freshness: Option<Freshness>) -> Examined {
    let mut findings = Vec::new();
    let mut defaults = Defaults::default();
    let mut owners = Owners::default();
    // The two tables come first: classes are read with the defaults.
    for file in files {
        let mut report = Report::new(&file.path);
        match file.role() {
            Use::Defaults => defaults = read_defaults(&file.bytes, &mut report),
            Use::Owners => owners = read_owners(&file.bytes, &mut report),
            Use::Class { .. } => {}
            Use::Unknown => report.error(
                1,
                format!("file {} of no known use", quote(&file.place)),
                "defaults.yaml, owners.yaml, and classes as platform/*.yaml, manufacturer/*.yaml, product/*.yaml",
            ),
        }
        findings.extend(report.into_findings());
    }
    let mut drafts = Vec::new();
    for file in files {
        if let Use::Class { level, class } = file.role() {
            let mut report = Report::new(&file.path);
            let draft = class::read(&file.bytes, class, level, &defaults, &mut report);
            drafts.push((draft, report));
        }
    }
    drafts.sort_by(|(a, _), (b, _)| (a.level, &a.class).cmp(&(b.level, &b.class)));
    check_together(&mut drafts);
    if !drafts.iter().any(|(_, report)| report.has_errors()) {
        review(&mut drafts, freshness);
    }
    let mut classes = Vec::with_capacity(drafts.len());
    for (draft, report) in drafts {
        classes.extend(draft.definition);
        findings.extend(report.into_findings());
    }
    findings.sort();
    let fine = findings.iter().all(|finding| finding.severity == Severity::Warning);
    let set = fine.then(|| SignatureSet { classes: parents_first(classes), owners });
    Examined { set, findings }
}

impl SourceFile {
    fn role(&self) -> Use<'_> {
        let Some(stem) = self.place.strip_suffix(".yaml") else { return Use::Unknown };
        match stem.split_once('/') {
            None if stem == "defaults" => Use::Defaults,
            None if stem == "owners" => Use::Owners,
            None => Use::Unknown,
            Some((folder, class)) => Level::ALL
                .into_iter()
                .find(|level| level.as_str() == folder && !class.contains('/'))
                .map_or(Use::Unknown, |level| Use::Class { level, class }),
        }
    }
}

/// Checks that need more than one file: a class once, its parent there and no
/// finer than itself, no circle of parents, every group with its own identity.
fn check_together(drafts: &mut [(Draft, Report)]) {
    let mut levels: HashMap<Arc<str>, Level> = HashMap::new();
    for (draft, report) in drafts.iter_mut() {
        if let Some(first) = levels.get(&draft.class) {
            report.error(
                1,
                format!("class `{}` again, first in the folder `{first}`", draft.class),
                "every class in one folder",
            );
        } else {
            levels.insert(draft.class.clone(), draft.level);
        }
    }
    let parents: HashMap<Arc<str>, Arc<str>> = drafts
        .iter()
        .filter_map(|(draft, _)| Some((draft.class.clone(), draft.parent.as_ref()?.0.clone())))
        .collect();
    let mut identities = HashMap::new();
    for (draft, report) in drafts.iter_mut() {
        if let Some((parent, line)) = &draft.parent {
            match levels.get(parent) {
                None => report.error(
                    *line,
                    format!("unknown parent `{parent}`"),
                    "a class that has a file in this folder",
                ),
                Some(level) if *level > draft.level => report.error(
                    *line,
                    format!(
                        "parent `{parent}` of level {level} for a class of level {}",
                        draft.level
                    ),
                    "a parent of the same level or a coarser one",
                ),
                Some(_) => {
                    if let Some(problem) = endless(&draft.class, &parents) {
                        report.error(*line, problem, "a tree at most 16 classes deep");
                    }
                }
            }
        }
        let groups = draft.definition.iter().flat_map(|definition| &definition.groups);
        for (group, line) in groups.zip(&draft.group_lines) {
            let first = group.names.first().map(ToString::to_string).unwrap_or_default();
            if let Some(other) = identities.insert(group.id, format!("{} {first}", draft.class)) {
                report.error(
                    *line,
                    format!("group `{} {first}` with the identity of `{other}`", draft.class),
                    "another first name",
                );
            }
        }
    }
}

/// Why following the parents of `class` does not end, if it does not.
fn endless(class: &Arc<str>, parents: &HashMap<Arc<str>, Arc<str>>) -> Option<String> {
    let mut way = vec![class.clone()];
    loop {
        let parent = parents.get(way.last()?)?;
        if parent == class {
            way.push(parent.clone());
            return Some(format!("circle of parents: {}", way.join(" -> ")));
        }
        // A circle further up, without `class`, is its own members' finding.
        if way.contains(parent) {
            return None;
        }
        if way.len() == MAX_DEPTH {
            return Some(format!("parents above `{class}` deeper than {MAX_DEPTH} classes"));
        }
        way.push(parent.clone());
    }
}

/// Orders classes by depth below their topmost parent, then by name.
fn parents_first(mut classes: Vec<ClassDefinition>) -> Vec<ClassDefinition> {
    let parents: HashMap<Arc<str>, Arc<str>> = classes
        .iter()
        .filter_map(|class| Some((class.class.clone(), class.parent.clone()?)))
        .collect();
    let depth =
        |class: &Arc<str>| std::iter::successors(Some(class), |class| parents.get(*class)).count();
    classes.sort_by_cached_key(|class| (depth(&class.class), class.class.clone()));
    classes
}
