//! The verdict on a name or an address, with its reasons as values, and the
//! words for people.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use super::ranges::RangeMention;
use super::sharers::Sharers;
use crate::model::domain::DomainName;
use crate::model::time::Day;

/// Most reasons kept with one verdict; the rest is counted.
pub const MOST_REASONS: usize = 10;

/// Whether what serves a name serves one owner only (paper §4.2.1), over all
/// that is known of it. Whether it can be reached now is another question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// One owner only, on all addresses and all days.
    Dedicated {
        /// Whose it is.
        owner: Arc<str>,
    },
    /// One owner only, not by what DNS answers say, of which there are too
    /// few, but by the certificate that its servers show (paper §4.2.2).
    #[serde(rename = "dedicated")]
    Certified {
        /// Whose it is.
        owner: Arc<str>,
        /// The SHA-256 of the certificate's DER in hexadecimal.
        certificate: Arc<str>,
        /// How many addresses show it with the same HTTPS banner.
        addresses: usize,
    },
    /// Somebody else is there too.
    Shared {
        /// Who else, counted over all reasons.
        with: Sharers,
        /// The first reasons, by address and name.
        because: Vec<Sharing>,
        /// How many more there are.
        more: usize,
    },
    /// Nobody else was seen, but no source would have seen them.
    Undecided {
        /// How many addresses only partial sources know.
        addresses: usize,
    },
    /// No answer leads to an address.
    Unresolvable,
}

impl Verdict {
    /// A shared verdict with at most [`MOST_REASONS`].
    pub(super) fn shared(mut reasons: Vec<Sharing>) -> Self {
        let with = Sharers::count(&reasons);
        let more = reasons.len().saturating_sub(MOST_REASONS);
        reasons.truncate(MOST_REASONS);
        Self::Shared { with, because: reasons, more }
    }

    /// `dedicated`, `shared`, `undecided` or `unresolvable`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Dedicated { .. } | Self::Certified { .. } => "dedicated",
            Self::Shared { .. } => "shared",
            Self::Undecided { .. } => "undecided",
            Self::Unresolvable => "unresolvable",
        }
    }

    /// Whether it is dedicated.
    pub const fn is_dedicated(&self) -> bool {
        matches!(self, Self::Dedicated { .. } | Self::Certified { .. })
    }
}

/// One reason why an address is shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Sharing {
    /// A name of another owner is on the address.
    Foreign(Foreign),
    /// One source gave the address for very many owners on one day.
    ManyOwners {
        /// The address.
        address: IpAddr,
        /// How many owners, at least.
        owners: usize,
        /// On which day.
        #[serde(serialize_with = "day_as_date")]
        day: Day,
        /// Who said so.
        source: String,
    },
    /// The address belongs to a service that puts many customers behind one
    /// address, whoever was seen there so far.
    ByDesign {
        /// The address.
        address: IpAddr,
        /// The service and its range.
        range: RangeMention,
    },
    /// A name that the name leads through belongs to a platform that puts many
    /// customers behind one address, whoever was seen there so far.
    Hosted {
        /// The address.
        address: IpAddr,
        /// The platform's name.
        name: DomainName,
        /// The platform.
        platform: &'static str,
    },
    /// The name leads to a knot of aliases that was not followed to its end.
    ManyAliases {
        /// The name.
        name: DomainName,
    },
    /// So many names lead to the address that they were not followed.
    ManyNames {
        /// The address.
        address: IpAddr,
        /// The name on it that they lead to.
        name: DomainName,
    },
}

/// A name of another owner on an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// The address.
    pub address: IpAddr,
    /// The other owner.
    pub owner: Arc<str>,
    /// The other owner's name.
    pub root: DomainName,
    /// The name on the address, if the root reaches it through aliases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<DomainName>,
    /// The first day on which both were there.
    #[serde(serialize_with = "day_as_date")]
    pub first: Day,
    /// The last day on which it was seen there.
    #[serde(serialize_with = "day_as_date")]
    pub last: Day,
    /// On how many days the name on the address was certainly seen.
    pub days: usize,
    /// How often the name on the address was seen.
    pub count: u64,
}

/// Writes a day as a date.
pub(crate) fn day_as_date<S: serde::Serializer>(day: &Day, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(day)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dedicated { owner } => write!(f, "dedicated to {owner}"),
            Self::Certified { owner, certificate, addresses } => {
                let show = if *addresses == 1 { "address shows" } else { "addresses show" };
                let short = certificate.get(..16).unwrap_or(certificate);
                write!(
                    f,
                    "dedicated to {owner} by certificate: {addresses} {show} the certificate {short}, which names nobody else, with the same HTTPS banner"
                )
            }
            Self::Shared { with, because, more } => match because.as_slice() {
                // One reason is said whole; more are counted.
                [reason] if *more == 0 => write!(f, "shared: {reason}"),
                _ if with.owners.is_empty() => write!(f, "shared: {with}"),
                _ => write!(f, "shared {with}"),
            },
            Self::Undecided { addresses } => {
                let (are, them) =
                    if *addresses == 1 { ("address is", "it") } else { ("addresses are", "them") };
                write!(
                    f,
                    "undecided: {addresses} {are} known only from partial sources, which would not have seen others on {them}"
                )
            }
            Self::Unresolvable => f.write_str("unresolvable: no answer leads to an address"),
        }
    }
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(foreign) => write!(f, "{foreign}"),
            Self::ManyOwners { address, owners, day, source } => write!(
                f,
                "{source} gave {address} for {owners} owners on {day}, as a rewriting resolver, a parking page or a sinkhole does"
            ),
            Self::ByDesign { address, range } => write!(
                f,
                "{address} lies in {range}, where one address serves many customers by design"
            ),
            Self::Hosted { address, name, platform } => write!(
                f,
                "{address} is reached through {name} of {platform}, where one address serves many customers by design"
            ),
            Self::ManyAliases { name } => {
                write!(f, "{name} leads to more aliases than are followed")
            }
            Self::ManyNames { address, name } => {
                write!(f, "too many names to follow lead to {address} through {name}")
            }
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, owner, root, via, first, last, days, count } = self;
        match root.as_str() {
            "*" => write!(f, "{address} also serves names of many others, which were not kept")?,
            _ if root.is_unkept() => {
                write!(f, "{address} also serves names of {owner}, which were not kept")?;
            }
            name => write!(f, "{address} also serves {name}")?,
        }
        if !root.is_unkept() && owner.as_ref() != root.as_str() {
            write!(f, " of {owner}")?;
        }
        if let Some(via) = via {
            write!(f, " through {via}")?;
        }
        let (times, day) =
            (if *count == 1 { "time" } else { "times" }, if *days == 1 { "day" } else { "days" });
        write!(f, " ({first}")?;
        if last != first {
            write!(f, " to {last}")?;
        }
        write!(f, ", {count} {times} on at least {days} {day})")
    }
}
