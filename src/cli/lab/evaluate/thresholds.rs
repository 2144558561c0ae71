//! Thresholds as people write a list or a range of them.

use crate::model::rules::Threshold;

/// One or more thresholds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List(pub(super) Vec<Threshold>);

/// Hundredths between two thresholds of a range: the steps of figure 10.
const STEP: u32 = 5;

/// Reads `0.2,0.4` or `0.1..0.95`.
pub(super) fn parse(text: &str) -> Result<List, String> {
    let list = match text.split_once("..") {
        Some((from, to)) => {
            let (from, to): (Threshold, Threshold) = (from.parse()?, to.parse()?);
            let steps = (1..=100 / STEP).map(|step| step * STEP);
            let all = steps.map(|hundredths| {
                format!("{}.{:02}", hundredths / 100, hundredths % 100).parse::<Threshold>()
            });
            let all = all.collect::<Result<Vec<_>, _>>()?;
            all.into_iter().filter(|d| (from..=to).contains(d)).collect()
        }
        None => text.split(',').map(str::parse).collect::<Result<Vec<Threshold>, _>>()?,
    };
    if list.is_empty() {
        return Err(format!("`{text}` holds no threshold, expected 0.2,0.4 or 0.1..0.95"));
    }
    Ok(List(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_goes_in_steps_of_figure_10() {
        let texts = |text| -> Vec<String> {
            parse(text).unwrap().0.iter().map(ToString::to_string).collect()
        };
        assert_eq!(texts("0.1..0.25"), ["0.1", "0.15", "0.2", "0.25"]);
        assert_eq!(texts("0.4,1"), ["0.4", "1"]);
        assert_eq!(texts("0.1..1").len(), 19);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "0.4,", "0.9..0.1", "2", "0.1..x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
