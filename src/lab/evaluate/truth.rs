//! Which classes a captured device has.
//!
//! Somebody says it in a table, a row `device,class` for each; a device that the
//! table does not have is taken for what its maker and product are called: it
//! has the platform and manufacturer classes of that vendor, and the product
//! class of that name. Whatever it has, it has the classes above, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::rules::Level;
use crate::signature::SignatureSet;

/// Classes by device, as a person wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table(BTreeMap<String, Vec<Arc<str>>>);

/// A row that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {found}, expected `device,class` with a class of the signatures or none")]
pub struct TableError {
    line: usize,
    found: String,
}

impl Table {
    /// Reads rows of `device,class`; a device with an empty class has none.
    pub fn read(text: &str, set: &SignatureSet) -> Result<Self, TableError> {
        let mut table = Self::default();
        for (number, row) in (1..).zip(text.lines()) {
            if row.trim().is_empty() || row.starts_with('#') {
                continue;
            }
            let wrong = |found: String| TableError { line: number, found };
            let (device, class) =
                row.split_once(',').ok_or_else(|| wrong(format!("`{row}` without a comma")))?;
            let classes = table.0.entry(device.trim().to_owned()).or_default();
            match (class.trim(), set.class(class.trim())) {
                ("", _) => {}
                (_, Some(definition)) => classes.push(Arc::clone(&definition.class)),
                (class, None) => return Err(wrong(format!("the class `{class}` is unknown"))),
            }
        }
        Ok(table)
    }

    /// The classes of a device, those above included.
    pub fn classes(
        &self,
        set: &SignatureSet,
        device: &str,
        maker: &str,
        product: &str,
    ) -> Vec<Arc<str>> {
        let mut classes = match self.0.get(device) {
            Some(classes) => classes.clone(),
            None => named(set, maker, product),
        };
        // Parents are appended, so they are looked at, too.
        let mut at = 0;
        while let Some(class) = classes.get(at).cloned() {
            if let Some(parent) = set.class(&class).and_then(|class| class.parent.clone())
                && !classes.contains(&parent)
            {
                classes.push(parent);
            }
            at += 1;
        }
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

fn named(set: &SignatureSet, maker: &str, product: &str) -> Vec<Arc<str>> {
    let is_named = |one: &str, other: &str| !one.is_empty() && letters(one) == letters(other);
    set.classes
        .iter()
        .filter(|class| match class.level {
            Level::Product => is_named(product, &class.class) || is_named(product, &class.name),
            Level::Platform | Level::Manufacturer => is_named(maker, &class.vendor),
        })
        .map(|class| Arc::clone(&class.class))
        .collect()
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::shipped;

    #[test]
    fn a_device_is_what_it_is_called_unless_somebody_says_otherwise() {
        let set = shipped().unwrap();
        let of = |table: &Table, device| -> Vec<String> {
            let classes = table.classes(&set, device, "belkin", "Belkin WeMo Insight");
            classes.iter().map(ToString::to_string).collect()
        };
        assert!(of(&Table::default(), "plug").contains(&"belkin-wemo-insight".to_owned()));
        let table = Table::read("# what is what\nplug,amazon-fire-tv\nlamp,\n", &set).unwrap();
        let fire_tv = of(&table, "plug");
        assert!(fire_tv.contains(&"alexa-enabled".to_owned()), "its family: {fire_tv:?}");
        assert_eq!(of(&table, "lamp"), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_row_is_told_with_its_line() {
        let set = shipped().unwrap();
        let wrong = |text: &str| Table::read(text, &set).unwrap_err().to_string();
        assert!(wrong("plug").starts_with("line 1: `plug` without a comma"));
        assert!(wrong("plug,\nlamp,no-such").starts_with("line 2: the class `no-such` is unknown"));
    }
}
