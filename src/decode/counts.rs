//! What decoding counts.
//!
//! Two identities hold exactly, with [`Queued`] being what waits now:
//!
//! * `datagrams_received = decoded + unknown_template + rejected + queued`,
//! * `records_received + queued = decoded + unknown_template + rejected + queued`:
//!   a set that waits for its template is one record in [`Queued`] only, since
//!   nobody knows yet how many it holds; its records are received when they
//!   can be counted. What fails as a whole, a datagram or a set, is one record.

use std::ops::AddAssign;

use serde::Serialize;

/// Declares the counters once: the struct, their names and their sum.
macro_rules! counters {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// Counters of decoding: of one datagram in `Decoded`, summed by whoever
        /// wants totals.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct DecodeCounts {
            $($(#[$meta])* pub $name: u64,)*
        }

        impl DecodeCounts {
            /// Every counter with its name, in the order of declaration.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }

        impl AddAssign for DecodeCounts {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

counters! {
    /// Datagrams that came.
    datagrams_received,
    /// Datagrams of which everything was decoded.
    datagrams_decoded,
    /// Datagrams of which a set never got its template.
    datagrams_unknown_template,
    /// Datagrams that were refused, whole or in part.
    datagrams_rejected,
    /// Flow records, and sets or datagrams refused as a whole, that came.
    records_received,
    /// Flow records decoded.
    records_decoded,
    /// Data sets that never got their template, one each.
    records_unknown_template,
    /// Records, sets and datagrams refused, one each.
    records_rejected,
    /// Data sets put into the waiting buffer.
    sets_queued,
    /// Data sets that left it because their template came.
    sets_released,
    /// Data sets that left it to make room.
    sets_evicted,
    /// Data sets that left it because they waited too long.
    sets_expired,
    /// Data sets that were kept over a restart and could not be opened.
    sets_unopened,
    /// Options records decoded.
    option_records,
    /// Templates read, repeated ones too.
    templates,
    /// Templates withdrawn by their exporter.
    template_withdrawals,
    /// Templates that replaced one of another layout.
    templates_redefined,
    /// Templates forgotten because there were too many.
    templates_evicted,
    /// Templates forgotten because nobody sent or used them for a day.
    templates_expired,
    /// Templates not taken because all exporters together hold too many fields.
    templates_refused,
    /// Exporters forgotten because there were too many.
    exporters_evicted,
    /// sFlow flow samples.
    sflow_flow_samples,
    /// sFlow counter samples.
    sflow_counter_samples,
    /// sFlow samples of another kind, such as notices of discarded packets.
    sflow_other_samples,
    /// sFlow samples whose length field was wrong.
    sflow_wrong_lengths,
    /// Flow records without any address: events, layer 2, statistics.
    without_addresses,
    /// Flow records whose rate nobody told.
    unknown_sampling,
    /// Flow records that name a sampler that no options record described.
    unknown_samplers,
    /// Options records about sampling that do not say a rate.
    ambiguous_sampling,
    /// Rates that no router has, not believed.
    implausible_sampling,
    /// Rates sent in little-endian byte order and read that way.
    reversed_sampling,
    /// Samplers whose rate changed.
    sampling_changes,
    /// Samplers not taken because their exporter described too many.
    samplers_refused,
    /// Flow records whose own times were not believed.
    implausible_time,
    /// Flow records moved because their exporter's clock is off.
    skewed_records,
    /// Flow records whose packet or byte count was cut to what is possible.
    implausible_counters,
    /// Sets whose padding is not all zeros.
    odd_padding,
    /// Packets lost before they reached us (v9).
    lost_packets,
    /// Data records lost before they reached us (IPFIX).
    lost_records,
    /// Flows lost before they reached us (v5, v7).
    lost_flows,
    /// Datagrams lost before they reached us (sFlow).
    lost_datagrams,
    /// Exporters that began counting anew.
    restarts,
    /// Problems beyond those reported for one datagram.
    problems_dropped,
}

/// What waits for templates now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// Datagrams with at least one waiting set.
    pub datagrams: u64,
    /// Waiting sets: records whose number is not known yet.
    pub records: u64,
    /// Bytes held for them.
    pub bytes: u64,
}

/// How a datagram ended; the worst of its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    #[default]
    Decoded,
    UnknownTemplate,
    Rejected,
}

impl DecodeCounts {
    /// Counts a datagram's final outcome.
    pub(crate) fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Decoded => self.datagrams_decoded += 1,
            Outcome::UnknownTemplate => self.datagrams_unknown_template += 1,
            Outcome::Rejected => self.datagrams_rejected += 1,
        }
    }
}
