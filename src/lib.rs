//! Hayrake rakes IoT needles out of the flow haystack: routers export sampled
//! packet headers, and Hayrake says which IoT platforms, manufacturers and
//! products are on which subscriber line, and how sure it is.
//!
//! # The tour
//!
//! A flow takes one path, and each step of it is a folder:
//!
//! 1. [`receive`] takes datagrams from sockets and captures,
//! 2. [`decode`] makes flow records of them, whatever the format,
//! 3. [`orient`] says which side is a subscriber line and hides its address,
//! 4. [`attribute`] looks up what the other side stands for,
//! 5. [`detect`] gathers sightings in windows and claims classes,
//! 6. [`publish`] writes, serves and counts the claims.
//!
//! What the look-up knows is made beside that path: [`signature`] holds what
//! people wrote about devices, [`dns`] what resolvers answered,
//! [`infrastructure`] which addresses belong to one owner only; [`attribute`]
//! compiles the three into the hitlist. [`lab`] makes and judges signatures
//! offline.
//!
//! Stages never import one another. They meet in [`model`], the nouns, and in
//! [`pipeline`], the only chain: the live service, replay, simulation, benches
//! and story tests all call it. The middle of the path has no sockets, files,
//! clock, randomness, logger or metrics; [`service`] alone makes threads.
//!
//! # Reading order
//!
//! [`model`], then [`pipeline`], then the stages in the order above. After
//! that [`service`] shows how the chain is spread over threads, and [`cli`]
//! what a user can ask for.

mod bytes;
pub mod model;

pub mod receive;

pub mod decode;
pub mod orient;

pub mod dns;
pub mod infrastructure;
pub mod signature;

pub mod attribute;
pub mod detect;
pub mod pipeline;
pub mod replay;

pub mod metrics;
pub mod publish;

pub mod config;
pub mod service;

pub mod simulate;

pub mod lab;

pub mod cli;
