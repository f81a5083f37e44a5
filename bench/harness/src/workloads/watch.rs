//! What a process holds, looked at while something else runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::proc;

/// A value and when it was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// Since the watch began.
    pub(super) at: Duration,
    /// The resident memory in KiB.
    pub(super) resident_kib: u64,
}

/// A thread that reads the resident memory of a process again and again.
pub(super) struct Watch<'scope> {
    stop: &'scope AtomicBool,
    thread: ScopedJoinHandle<'scope, anyhow::Result<Vec<Sample>>>,
}

impl<'scope> Watch<'scope> {
    /// Begins to look at `pid`, every `interval`, until `stop` is set.
    pub(super) fn begin<'env>(
        scope: &'scope Scope<'scope, 'env>,
        pid: u32,
        interval: Duration,
        stop: &'scope AtomicBool,
    ) -> Self {
        let started = Instant::now();
        let thread = scope.spawn(move || {
            let mut samples = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                samples.push(Sample {
                    at: started.elapsed(),
                    resident_kib: proc::resident_kib(pid)?,
                });
                thread::sleep(interval);
            }
            Ok(samples)
        });
        Self { stop, thread }
    }

    /// Ends the watch; what it saw.
    ///
    /// # Errors
    /// When the process was gone.
    pub(super) fn end(self) -> anyhow::Result<Vec<Sample>> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(samples) => samples,
            Err(_) => bail!("the watch panicked"),
        }
    }
}

/// Does `work` while the resident memory of `pid` is looked at.
///
/// # Errors
/// What `work` says, or that the process was gone.
pub(super) fn watching<T>(
    pid: u32,
    interval: Duration,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Vec<Sample>)> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = Watch::begin(scope, pid, interval, &stop);
        let done = work();
        let samples = watch.end();
        Ok((done?, samples?))
    })
}

/// The highest of the samples in KiB.
pub(super) fn peak(samples: &[Sample]) -> u64 {
    samples
        .iter()
        .map(|sample| sample.resident_kib)
        .max()
        .unwrap_or_default()
}

/// Those samples that lie between two shares (0 to 1) of the whole time.
pub(super) fn part(samples: &[Sample], from: f64, to: f64) -> Vec<Sample> {
    let whole = samples.last().map_or(0.0, |sample| sample.at.as_secs_f64());
    samples
        .iter()
        .filter(|sample| (from * whole..=to * whole).contains(&sample.at.as_secs_f64()))
        .copied()
        .collect()
}

/// Seconds and MiB, for a plot: at most about 200 points.
pub(super) fn thinned(samples: &[Sample]) -> Vec<(f64, f64)> {
    samples
        .iter()
        .step_by(samples.len().div_ceil(200).max(1))
        .map(|sample| {
            (
                tenths(sample.at.as_secs_f64()),
                tenths(sample.resident_kib as f64 / 1024.0),
            )
        })
        .collect()
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// By how much a value grows in a second: the slope of the straight line that fits best.
///
/// # Errors
/// When there are fewer than two instants.
pub(super) fn slope(points: &[(f64, f64)]) -> anyhow::Result<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (up, across) = points.iter().fold((0.0, 0.0), |(up, across), (x, y)| {
        (up + (x - mean_x) * (y - mean_y), across + (x - mean_x).powi(2))
    });
    (across > 0.0)
        .then(|| up / across)
        .context("a slope needs values at two instants")
}

/// Whether values stayed where they were: in the later half their mean is above that of the earlier by no more than a tenth, or than `little`. What
/// comes and goes in between is no growth.
pub(super) fn is_flat(values: &[f64], little: f64) -> bool {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (earlier, later) = values.split_at(values.len() / 2);
    if earlier.is_empty() {
        return false;
    }
    let before = mean(earlier);
    mean(later) - before <= (before / 10.0).max(little)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_line_through_the_points() {
        let noisy: Vec<(f64, f64)> = (0..100)
            .map(|x| {
                (
                    f64::from(x),
                    5.0 + 0.25 * f64::from(x) + if x % 2 == 0 { 1.0 } else { -1.0 },
                )
            })
            .collect();
        assert!((slope(&noisy).unwrap() - 0.25).abs() < 0.01);
        assert!(slope(&[(1.0, 2.0)]).is_err());
    }

    #[test]
    fn flat_is_what_does_not_grow() {
        let course = |of: fn(f64) -> f64| (0..60).map(f64::from).map(of).collect::<Vec<_>>();
        assert!(is_flat(&course(|x| 200.0 + (x * 0.9).sin() * 40.0), 8.0));
        assert!(is_flat(&course(|x| 200.0 - x), 8.0));
        assert!(!is_flat(&course(|x| 200.0 + x * 2.0 + (x * 0.9).sin() * 40.0), 8.0));
        assert!(is_flat(&[30.0, 37.0], 8.0) && !is_flat(&[30.0, 39.0], 8.0));
        assert!(!is_flat(&[1.0], 8.0));
    }

    #[test]
    fn a_part_of_the_samples_is_chosen_by_time() {
        let samples: Vec<Sample> = (0..=10)
            .map(|second| Sample {
                at: Duration::from_secs(second),
                resident_kib: 100 + second,
            })
            .collect();
        assert_eq!(part(&samples, 0.8, 1.0), samples[8..]);
        assert_eq!(peak(&part(&samples, 0.0, 0.5)), 105);
        assert_eq!((part(&[], 0.0, 1.0).len(), peak(&[])), (0, 0));
        assert_eq!(thinned(&samples).len(), 11);
    }

    #[test]
    fn this_process_is_seen_while_something_runs() {
        let work = || {
            thread::sleep(Duration::from_millis(50));
            Ok(7)
        };
        let (done, samples) = watching(std::process::id(), Duration::from_millis(5), work).unwrap();
        assert_eq!(done, 7);
        assert!(peak(&samples) > 100, "{samples:?}");
    }
}
