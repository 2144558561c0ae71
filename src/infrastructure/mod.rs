//! Dedicated or shared: who owns what an address serves.
//!
//! Traffic to an address says something about a device only if nobody else is
//! on that address. [`Judge`] decides that for a name and for an address as of
//! a day, from what [`crate::dns`] knows, and says why in values that print as
//! words. It asks nobody: no network, no clock.
//!
//! Rules: Saidi et al., IMC 2020, §4.2.1, with a minimum before something
//! foreign is believed.

pub mod certificates;
mod certified;
mod judge;
mod owner;
pub mod ranges;
mod settings;
mod sharers;
mod signals;
mod tenants;
mod verdict;

pub use certificates::Scans;
pub use judge::{AddressJudgement, Judge, JudgedAddress, NameJudgement, Occupant};
pub use owner::owner_of;
pub use ranges::Ranges;
pub use settings::VerdictSettings;
pub(crate) use sharers::counted;
pub use sharers::{MOST_SHARERS, Sharer, Sharers};
pub use signals::Signals;
pub(crate) use verdict::day_as_date;
pub use verdict::{Foreign, MOST_REASONS, Sharing, Verdict};
