//! Verdicts on domains as tables for people.

use std::fmt;

use super::maker::Ownership;
use super::{Judged, Reason, Role};

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, device) in self.devices.iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            let maker =
                if device.maker.is_empty() { "nobody said who made it" } else { &device.maker };
            writeln!(f, "{} ({maker})", device.device)?;
            let width = device.domains.iter().map(|domain| domain.domain.len()).max().unwrap_or(0);
            let width = width.clamp(6, 60);
            for domain in &device.domains {
                let because: Vec<String> = domain.because.iter().map(ToString::to_string).collect();
                let (role, because) = (domain.role.as_str(), because.join("; "));
                writeln!(f, "  {:width$}  {role:9}  {because}", domain.domain)?;
            }
        }
        Ok(())
    }
}

impl Role {
    /// `primary`, `support`, `generic` or `undecided`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Support => "support",
            Self::Generic => "generic",
            Self::Undecided => "undecided",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided { reason } => write!(f, "decided: {reason}"),
            Self::Own(Ownership::Alias { owner }) => {
                write!(f, "registered to {owner} by the owner aliases")
            }
            Self::Own(Ownership::MakerInName { word }) => {
                write!(f, "the maker's name in it (`{word}`)")
            }
            Self::Own(Ownership::NameInProduct { word }) => {
                write!(f, "its name in the product's (`{word}`)")
            }
            Self::Popular { entry } => write!(f, "on the list of popular services ({entry})"),
            Self::PublicSuffix => f.write_str("a public suffix"),
            Self::AliasTarget { of } => write!(f, "what {of} is an alias of"),
            Self::Platform { class } => write!(f, "a name of the platform {class}"),
            Self::WebSite => f.write_str("looks like a web site"),
            Self::Registered { owner } => write!(f, "registered to {owner}"),
            Self::Seen { devices, of_devices, makers, of_makers } => write!(
                f,
                "on {devices} of {of_devices} devices of the maker, by {makers} of {of_makers} makers"
            ),
            Self::NeverContacted => f.write_str("looked up, never contacted"),
        }
    }
}
