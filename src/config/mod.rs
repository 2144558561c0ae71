//! The configuration file: raw, checked, then [`Config`].
//!
//! `read` goes from text to [`Config`] and reports every problem at once,
//! each with its line; [`check`](fn@check) also opens what the file names. A
//! [`Config`] is complete: no stage sees an unchecked or missing value.

mod check;
mod dns;
mod feeds;
mod history;
mod http;
mod lines;
mod opt_out;
mod print;
mod read;
mod settings;
#[cfg(test)]
mod tests;
mod values;

pub use check::{Checked, check, load, parse};
pub use history::History;
pub use http::{Tls, open_to_others};
pub use opt_out::{OptOut, parse_opt_out};
pub use print::Printed;
pub use settings::{
    Config, DetectionSink, Dns, DnstapFeed, DnstapSocket, Exporters, FileFeed, Foreign,
    LinePrefixConfig, Lines, Origin, RangeFile, Resolve, SignatureSource, Vantage, Workers,
};
