//! What is worth a look in signatures that can be used: facts gone stale,
//! names that all customers of a cloud have, and, in [`super::overlap`],
//! classes that cannot be told apart.

use jiff::civil::Date;

use super::class::Draft;
use super::fields::Report;
use super::overlap::Folder;
use super::tenants::zone_of;
use crate::model::rules::Level;

/// When facts are stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The day it is.
    pub today: Date,
    /// Days after which somebody should look at a class again.
    pub days: u32,
}

impl Freshness {
    /// A year, since makers move, close and rename their services.
    pub const DAYS: u32 = 365;

    /// What holds on the day `today`.
    pub fn on(today: Date) -> Self {
        Self { today, days: Self::DAYS }
    }
}

/// One thing that somebody should look at.
pub(super) struct Doubt {
    line: usize,
    found: String,
    allowed: &'static str,
}

impl Doubt {
    pub(super) fn new(line: usize, found: impl Into<String>, allowed: &'static str) -> Self {
        Self { line, found: found.into(), allowed }
    }
}

/// Adds warnings to the reports of checked classes.
pub(super) fn review(drafts: &mut [(Draft, Report)], freshness: Option<Freshness>) {
    let folder = Folder::new(drafts.iter().map(|(draft, _)| draft));
    let mut all = Vec::with_capacity(drafts.len());
    for (draft, _) in drafts.iter() {
        let mut doubts = folder.doubts(&draft.class);
        doubts.extend(customers(draft));
        doubts.extend(freshness.and_then(|freshness| stale(draft, freshness)));
        all.push(doubts);
    }
    for ((_, report), doubts) in drafts.iter_mut().zip(all) {
        for Doubt { line, found, allowed } in doubts {
            report.warning(line, found, allowed);
        }
    }
}

/// Names that stand for all customers of a cloud. A platform may be just
/// that: the devices of all makers that are customers of one service.
fn customers(draft: &Draft) -> Vec<Doubt> {
    let groups = draft.definition.iter().flat_map(|definition| &definition.groups);
    let names =
        groups.zip(&draft.name_lines).flat_map(|(group, lines)| group.names.iter().zip(lines));
    names
        .filter_map(|(name, line)| {
            let zone = zone_of(name, draft.level == Level::Platform)?;
            Some(Doubt::new(
                *line,
                format!("name `{name}`, which stands for all customers of `{zone}`"),
                "the maker's own names there, or the level platform",
            ))
        })
        .collect()
}

fn stale(draft: &Draft, Freshness { today, days }: Freshness) -> Option<Doubt> {
    let checked = draft.definition.as_ref()?.checked;
    let age = today.since(checked).map_or(0, |span| span.get_days());
    if i64::from(age) > i64::from(days) {
        Some(Doubt::new(
            draft.checked_line,
            format!("facts last checked on {checked}, {age} days ago"),
            "facts looked at again in time, and the day of that",
        ))
    } else if age < 0 {
        Some(Doubt::new(
            draft.checked_line,
            format!("facts checked on {checked}, a day to come"),
            "a day not later than today",
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::compile::{SourceFile, examine};
    use super::*;

    fn told(level: &str, names: &str, freshness: Freshness) -> Vec<String> {
        let text = format!(
            "class: kettle\nname: X\nlevel: {level}\nvendor: X\ngroups:\n  - names:\n      - k.x.com\n      - \"{names}\"\n    role: primary\nsources: [x]\nchecked: 2026-11-21\n"
        );
        let place = format!("{level}/kettle.yaml");
        let file = SourceFile { path: "k".to_owned(), place, bytes: text.into_bytes() };
        let examined = examine(&[file], Some(freshness));
        examined.findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn facts_are_stale_after_the_days_that_are_given() {
        let on = |day, days| told("product", "l.x.com", Freshness { today: day, days });
        assert_eq!(on(date(2027, 11, 21), Freshness::DAYS), [""; 0]);
        assert_eq!(
            on(date(2027, 11, 22), Freshness::DAYS),
            [
                "k:11: warning: facts last checked on 2026-11-21, 366 days ago; allowed: facts looked at again in time, and the day of that"
            ]
        );
        assert!(on(date(2026, 12, 2), 10)[0].contains("11 days ago"));
        assert_eq!(on(date(2026, 12, 1), 10), [""; 0]);
        assert!(on(date(2026, 11, 20), 10)[0].contains("a day to come"));
        assert_eq!(on(date(9999, 1, 1), u32::MAX), [""; 0]);
    }

    #[test]
    fn names_that_stand_for_all_customers_of_a_cloud_are_told_of() {
        let on = |level, names| told(level, names, Freshness::on(date(2026, 11, 21)));
        let start = |names: &str, zone: &str| {
            format!(
                "k:8: warning: name `{names}`, which stands for all customers of `{zone}`; allowed"
            )
        };
        for (names, zone) in [
            ("*.azure-devices.net", "azure-devices.net"),
            ("*.iot.eu-west-1.amazonaws.com", "iot.*.amazonaws.com"),
            ("iotcplatform.com", "iotcplatform.com"),
            ("*.amazonaws.com", "s3.amazonaws.com"),
        ] {
            assert!(on("product", names)[0].starts_with(&start(names, zone)), "{names}");
        }
        // A platform may be one service's customers, but not a cloud's.
        assert_eq!(on("platform", "*.azure-devices.net"), [""; 0]);
        assert!(on("platform", "*.amazonaws.com")[0].starts_with("k:8: warning"));
        assert_eq!(on("product", "kettle.azure-devices.net"), [""; 0]);
        let error = on("product", "*.compute.amazonaws.com");
        assert!(
            error[0].starts_with("k:8: `*.compute.amazonaws.com`, above suffixes under which"),
            "{error:?}"
        );
    }
}
