//! The shared nouns of Hayrake, one small file each.
//!
//! Stages never import one another: what one hands to the next is defined
//! here. Nothing in this folder knows a wire format, a file or a socket, and
//! nothing here has the behaviour of a stage.
//!
//! Read in the order of the flow path: [`flow`] (what a router said),
//! [`mod@line`] and [`endpoint`] (its two sides), [`group`] (what the endpoint
//! stands for), [`sighting`] (a line touched a group), [`rules`] (how many
//! groups make a class), [`detection`] (the claim).

pub mod detection;
pub mod domain;
pub mod endpoint;
pub mod evidence;
pub mod exporter;
pub mod flow;
pub mod group;
pub mod hosting;
pub mod line;
pub mod rules;
pub mod sampling;
pub mod sighting;
pub mod suffix;
pub mod time;
