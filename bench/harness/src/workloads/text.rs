//! Numbers as a reader sees them.

use std::time::Duration;

use crate::report::thousands;

/// `12,345/s`
pub(super) fn per_second(count: u64, elapsed: Duration) -> String {
    format!("{}/s", thousands(rate(count, elapsed)))
}

/// How many a second; none where no time passed.
pub(super) fn rate(count: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// `1.23 ms`, with as many places as matter.
pub(super) fn millis(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1e3;
    match millis {
        _ if millis < 10.0 => format!("{millis:.2} ms"),
        _ if millis < 100.0 => format!("{millis:.1} ms"),
        _ => format!("{} ms", thousands(millis)),
    }
}

/// `p50 1.23 ms, p99 4.56 ms, most 7.89 ms`
pub(super) fn spread(times: &[Duration]) -> String {
    format!(
        "p50 {}, p99 {}, most {}",
        millis(percentile(times, 50)),
        millis(percentile(times, 99)),
        millis(percentile(times, 100))
    )
}

/// `20.5 MiB`
pub(super) fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1} MiB", kibibytes as f64 / 1024.0)
}

/// `1,234,567`
pub(super) fn count(count: u64) -> String {
    thousands(count as f64)
}

/// The time within which `percent` of 100 came (nearest rank); zero of none.
pub(super) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_value_that_so_many_reach() {
        let times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&times, 100), Duration::from_millis(200));
        assert_eq!(percentile(&times[..1], 50), Duration::from_millis(200));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn numbers_have_the_places_that_matter() {
        assert_eq!(millis(Duration::from_micros(1_234)), "1.23 ms");
        assert_eq!(millis(Duration::from_millis(12_345)), "12,345 ms");
        assert_eq!(per_second(30_000, Duration::from_secs(2)), "15,000/s");
        assert_eq!(per_second(1, Duration::ZERO), "0/s");
        assert_eq!(mebibytes(20_992), "20.5 MiB");
    }
}
