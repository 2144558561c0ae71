//! Names that things which are no IoT devices use heavily.

use std::collections::BTreeSet;

use crate::model::domain::DomainName;

/// The list that is part of the program.
const SHIPPED: &str = include_str!("popular.txt");

/// A list of popular services; see [`Popular::entry_of`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Popular(BTreeSet<DomainName>);

/// A line of a list that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct NotAName {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl Popular {
    /// The list that is part of the program.
    pub fn shipped() -> Result<Self, NotAName> {
        Self::read(SHIPPED)
    }

    /// Reads a list: a name a line; `#` begins a comment.
    pub fn read(text: &str) -> Result<Self, NotAName> {
        let mut names = BTreeSet::new();
        for (line, content) in (1..).zip(text.lines()) {
            let name = content.split('#').next().unwrap_or_default().trim();
            if !name.is_empty() {
                names.insert(name.parse().map_err(|why| NotAName { line, why })?);
            }
        }
        Ok(Self(names))
    }

    /// The entry that `name` is or is below.
    pub fn entry_of(&self, name: &DomainName) -> Option<&str> {
        let own = self.0.get(name.as_str());
        let above = || name.ancestors().find_map(|above| self.0.get(above));
        own.or_else(above).map(DomainName::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_stands_for_what_is_below_it() {
        let popular = Popular::read("# c\nexample.com\n  a.example.org # why\n\n").unwrap();
        let entry = |name: &str| popular.entry_of(&name.parse().unwrap()).map(str::to_owned);
        assert_eq!(entry("www.example.com").as_deref(), Some("example.com"));
        assert_eq!(entry("a.example.org").as_deref(), Some("a.example.org"));
        assert_eq!((entry("example.org"), entry("notexample.com")), (None, None));
        let wrong = Popular::read("example.com\nnot a name\n").unwrap_err();
        assert_eq!(wrong.line, 2);
    }

    #[test]
    fn the_shipped_list_can_be_read() {
        let popular = Popular::shipped().unwrap();
        assert!(popular.entry_of(&"clients3.google.com".parse().unwrap()).is_some());
    }
}
