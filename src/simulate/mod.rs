//! A synthetic ISP with known truth.
//!
//! Everything follows from a seed and a signature set: who has which devices
//! ([`Isp`]), where their servers live and what resolvers answered
//! ([`names`]), what passes through the routers and what of it is sampled, and
//! the bytes that the routers export ([`export`]). [`visibility`] says how well
//! the traffic model agrees with what the paper saw, [`truth`] what a
//! collector should find, [`score`] how well it did.
//!
//! Nothing here reads a clock or a file: the simulated time comes from the
//! settings, and what is made is handed to a writer or a sink.

mod addresses;
mod backends;
pub mod board;
pub mod capture;
mod draw;
pub mod export;
pub mod feed;
mod files;
mod isp;
pub mod names;
mod placement;
mod population;
mod rates;
pub mod score;
pub mod testbed;
#[cfg(test)]
mod tests;
mod traffic;
pub mod truth;
pub mod visibility;

pub use addresses::{IspPrefix, MOST_LINES, REGIONS};
pub use files::configuration;
pub use isp::{Isp, OTHER_PACKETS, Sent, Settings};
pub use traffic::{ACTIVE, INACTIVE, Usage};
pub use truth::TrueClass;

/// Why a simulation cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    /// Too few or too many lines.
    #[error("{found} lines, allowed: 1 to {allowed}")]
    Lines {
        /// How many were asked for.
        found: u32,
        /// The most there can be.
        allowed: u32,
    },
    /// The signatures have more names than there are servers.
    #[error("the signatures need more than {allowed} servers")]
    Servers {
        /// The most there can be.
        allowed: u32,
    },
    /// A name of the signatures leaves no room for a label before it.
    #[error("`{name}` is no name: {reason}")]
    Name {
        /// The name that was wanted.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}
