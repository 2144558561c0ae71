//! Whether somebody uses the device just now (paper §7.1).
//!
//! Volume is the signal: a device in use sent more than 1,000 packets an hour
//! at home and more than 10 sampled ones at the ISP, an idle one at most 2
//! sampled ones. The thresholds in signatures are sampled packets per hour at
//! the paper's rate; at another rate they scale with it.

/// The sampling rate at which `in_use_packets` is meant: 1 in 550, what the
/// paper's figures imply for its ISP.
const REFERENCE_RATE: u64 = 550;

/// Whether the packets of one hour say that the device is in use.
///
/// `scaled_packets` is the sum of sampled packets times their rate. Packets of
/// an unknown rate are not part of it: they cannot be compared.
pub(super) fn in_use(in_use_packets: Option<u32>, scaled_packets: u64) -> bool {
    in_use_packets
        .is_some_and(|packets| scaled_packets >= u64::from(packets).saturating_mul(REFERENCE_RATE))
}

#[cfg(test)]
mod tests {
    use super::in_use;

    #[test]
    fn the_threshold_scales_with_the_rate() {
        assert!(in_use(Some(10), 10 * 550), "ten packets at 1:550");
        assert!(!in_use(Some(10), 10 * 100), "ten packets at 1:100 are a fifth of that");
        assert!(in_use(Some(10), 55 * 100));
        assert!(!in_use(Some(10), 54 * 100));
    }

    #[test]
    fn a_class_without_a_threshold_is_never_in_use() {
        assert!(!in_use(None, u64::MAX));
    }
}
