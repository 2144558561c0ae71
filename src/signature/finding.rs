//! Something wrong with a file that a person wrote: where, what was found
//! there and what is allowed.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but somebody should look at it.
    Warning,
}

/// One problem of one place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Finding {
    /// Path of the file, as the user would open it.
    pub file: Arc<str>,
    /// Line in it, counted from 1.
    pub line: usize,
    /// Whether it stops the program from using the file.
    pub severity: Severity,
    /// What stands there.
    pub found: String,
    /// What would be right.
    pub allowed: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, severity, found, allowed } = self;
        let mark = if *severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{file}:{line}: {mark}{found}; allowed: {allowed}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_where_what_and_what_is_allowed() {
        let finding = Finding {
            file: "signatures/product/kettle.yaml".into(),
            line: 7,
            severity: Severity::Error,
            found: "role `third`".to_owned(),
            allowed: "primary, support".to_owned(),
        };
        assert_eq!(
            finding.to_string(),
            "signatures/product/kettle.yaml:7: role `third`; allowed: primary, support"
        );
    }
}
