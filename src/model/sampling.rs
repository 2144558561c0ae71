//! How many packets one exported packet stands for.
//!
//! A rate that the exporter did not tell is [`Sampling::Unknown`]: it is kept
//! with the flow and counted, and never taken for 1.

use std::fmt;
use std::num::NonZeroU32;

/// Where a flow's sampling rate was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SamplingSource {
    /// A field of the flow record itself.
    Record,
    /// An options record, joined by sampler or selector id or by domain.
    Options,
    /// The NetFlow v5 header or the sFlow sample header.
    Header,
    /// `exporters.default_sampling` in the configuration.
    Configured,
}

impl SamplingSource {
    /// The word used in reports: `record`, `options`, `header`, `configured`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Options => "options",
            Self::Header => "header",
            Self::Configured => "configured",
        }
    }
}

/// The sampling of one flow: 1 in `rate` packets was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// Neither the exporter nor the configuration tells the rate.
    #[default]
    Unknown,
    /// One packet in `rate` was looked at.
    Known {
        /// Packets in the network for one exported packet; 1 is unsampled.
        rate: NonZeroU32,
        /// Who said so.
        source: SamplingSource,
    },
}

impl Sampling {
    /// A known sampling rate; zero tells nothing and stays unknown.
    pub fn new(rate: u32, source: SamplingSource) -> Self {
        NonZeroU32::new(rate).map_or(Self::Unknown, |rate| Self::Known { rate, source })
    }

    /// The rate, if it is known.
    pub fn rate(self) -> Option<NonZeroU32> {
        match self {
            Self::Unknown => None,
            Self::Known { rate, .. } => Some(rate),
        }
    }
}

impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Known { rate, source } => write!(f, "1:{rate} ({})", source.as_str()),
        }
    }
}
