//! Medians: a single bad moment of the machine does not decide.

/// The middle value, or the mean of the two in the middle; 0 of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (
        sorted.len() % 2,
        sorted.get(middle),
        middle.checked_sub(1).and_then(|before| sorted.get(before)),
    ) {
        (1, Some(value), _) => *value,
        (_, Some(upper), Some(lower)) => f64::midpoint(*lower, *upper),
        _ => 0.0,
    }
}

/// The values that a quarter of all lie below and above; zeros of nothing.
#[must_use]
pub fn quartiles(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    (
        at(sorted.len() / 4),
        at((sorted.len() * 3 / 4).min(sorted.len().saturating_sub(1))),
    )
}

/// The smallest and the largest value; zeros of nothing.
#[must_use]
pub fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold(None, |range, value| match range {
            None => Some((*value, *value)),
            Some((low, high)) => Some((f64::min(low, *value), f64::max(high, *value))),
        })
        .unwrap_or_default()
}

/// `first / second` for each pair of measurements that were taken next to each other.
#[must_use]
pub fn ratios(first: &[f64], second: &[f64]) -> Vec<f64> {
    first
        .iter()
        .zip(second)
        .filter(|(_, second)| **second > 0.0)
        .map(|(first, second)| first / second)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_moves_the_range_but_not_the_median() {
        assert!((median(&[3.0, 1.0, 900.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median(&[1.0, 2.0, 3.0, 4.0]) - 2.5).abs() < f64::EPSILON);
        assert_eq!(range(&[3.0, 1.0, 900.0]), (1.0, 900.0));
    }

    #[test]
    fn half_of_the_values_lie_between_the_quartiles() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(quartiles(&values), (26.0, 76.0));
        assert_eq!(quartiles(&[7.0]), (7.0, 7.0));
        assert_eq!(quartiles(&[]), (0.0, 0.0));
    }

    #[test]
    fn nothing_is_zero_and_a_division_by_zero_is_left_out() {
        assert!(median(&[]).abs() < f64::EPSILON);
        assert_eq!(range(&[]), (0.0, 0.0));
        assert_eq!(ratios(&[1.0, 4.0], &[0.0, 2.0]), [2.0]);
    }
}
