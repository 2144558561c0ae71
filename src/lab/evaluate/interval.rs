//! Exact intervals for shares (Clopper and Pearson 1934), by the quantiles of
//! the beta distribution.
//!
//! Successes may be fractions: a device that was found in half of the runs is
//! half a success, and still one device. The interval is over devices, however
//! often each was looked for.

/// Chance that the truth lies outside a two-sided interval, or above an upper
/// bound.
const ALPHA: f64 = 0.05;

/// The 95 % interval of a share of which `successes` of `trials` were seen.
pub fn interval(successes: f64, trials: f64) -> (f64, f64) {
    if trials <= 0.0 {
        return (0.0, 1.0);
    }
    let failures = trials - successes;
    let low =
        if successes <= 0.0 { 0.0 } else { beta_quantile(ALPHA / 2.0, successes, failures + 1.0) };
    let high = if failures <= 0.0 {
        1.0
    } else {
        beta_quantile(1.0 - ALPHA / 2.0, successes + 1.0, failures)
    };
    (low, high)
}

/// The 95 % upper bound of the same share: one-sided.
pub fn upper_bound(successes: f64, trials: f64) -> f64 {
    if trials <= 0.0 || successes >= trials {
        return 1.0;
    }
    beta_quantile(1.0 - ALPHA, successes + 1.0, trials - successes)
}

/// Where the beta distribution has `share` of its mass below.
fn beta_quantile(share: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if beta_below(middle, a, b) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function, by its continued fraction
/// (NIST DLMF 8.17.22) evaluated as Lentz does.
fn beta_below(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The fraction converges fast below the mean only; the other side mirrors.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_below(1.0 - x, b, a);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    (front.exp() * fraction(x, a, b) / a).clamp(0.0, 1.0)
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guarded = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guarded(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..10_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / guarded(1.0 + term * d);
            c = guarded(1.0 + term / c);
            change = d * c;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-14 {
            break;
        }
    }
    value
}

/// The logarithm of the gamma function for positive numbers: Stirling's series
/// (DLMF 5.11.1) from 15 on, and the recurrence below.
fn ln_gamma(x: f64) -> f64 {
    let (mut z, mut shift) = (x, 0.0);
    while z < 15.0 {
        shift += z.ln();
        z += 1.0;
    }
    let inverse = 1.0 / (z * z);
    let series =
        (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1_260.0 - inverse / 1_680.0))) / z;
    (z - 0.5) * z.ln() - z + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 5e-5 * wanted.max(1e-3), "{found}, wanted {wanted}");
    }

    /// The closed forms at none and all, and the tables of the literature.
    #[test]
    fn intervals_are_the_known_ones() {
        let (low, high) = interval(0.0, 10.0);
        near(high, 1.0 - 0.025_f64.powf(0.1));
        assert_eq!(low, 0.0);
        let (low, high) = interval(10.0, 10.0);
        near(low, 0.025_f64.powf(0.1));
        assert_eq!(high, 1.0);
        // R: binom.test(7, 20)
        let (low, high) = interval(7.0, 20.0);
        near(low, 0.153_909_2);
        near(high, 0.592_188_5);
        near(upper_bound(0.0, 1e6), 1.0 - 0.05_f64.powf(1e-6));
        near(upper_bound(0.0, 3.0), 1.0 - 0.05_f64.powf(1.0 / 3.0));
    }

    #[test]
    fn without_trials_nothing_is_known() {
        assert_eq!(interval(0.0, 0.0), (0.0, 1.0));
        assert_eq!(upper_bound(0.0, 0.0), 1.0);
        assert_eq!(upper_bound(2.0, 2.0), 1.0);
    }

    #[test]
    fn more_devices_narrow_an_interval_and_more_runs_of_one_do_not() {
        let width = |(low, high): (f64, f64)| high - low;
        assert!(width(interval(50.0, 100.0)) < width(interval(5.0, 10.0)));
        let (low, high) = interval(0.5, 1.0);
        assert!(low < 0.01 && high > 0.99, "one device says little: {low} to {high}");
    }
}
