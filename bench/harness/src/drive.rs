//! The load that `wrk` cannot drive: connections that remember what the last answer said, and requests at a fixed rate.
//!
//! One thread a connection, waiting in the kernel most of the time: for the few thousand requests a second that cryptography or a fixed rate
//! allow, that costs next to nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::process;
use crate::wrk::{Errors, Outcome};

/// What one connection saw.
#[derive(Debug, Default)]
struct Seen {
    latencies: Vec<Duration>,
    failed: u64,
    first_failure: Option<anyhow::Error>,
}

impl Seen {
    fn take(&mut self, since: Instant, answer: anyhow::Result<()>) {
        match answer {
            Ok(()) => self.latencies.push(since.elapsed()),
            Err(error) => {
                self.failed += 1;
                self.first_failure.get_or_insert(error);
            }
        }
    }
}

/// Asks again and again on each connection, as soon as the answer came, for `warmup` uncounted and for `measure` counted. `mark` is called when
/// the counted time begins and when it ends, for what is measured beside it.
///
/// What is answered in the counted time counts, whenever it was asked: where an answer takes a good part of that time, leaving out those that were
/// on their way when it began would tell less than the server does. So the warm-up is to be longer than an answer.
///
/// # Errors
/// When not one request succeeds; with the first failure. What `mark` fails with.
pub fn closed<C: Send>(
    connections: Vec<C>,
    warmup: Duration,
    measure: Duration,
    mut mark: impl FnMut() -> anyhow::Result<()>,
    ask: impl Fn(&mut C) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<Outcome> {
    let stop = AtomicBool::new(false);
    let counted_from = Instant::now() + warmup;
    let end = counted_from + measure;
    let watch = || {
        let marked = [counted_from, end].into_iter().try_for_each(|instant| {
            std::thread::sleep(instant.saturating_duration_since(Instant::now()));
            mark()
        });
        stop.store(true, Ordering::Relaxed);
        marked
    };
    let seen = each(connections, watch, |connection| {
        again_and_again(connection, counted_from, end, &stop, &ask)
    })?;
    summary(seen, measure)
}

/// Asks again and again on each connection until `stop`, at the longest for `longest`.
///
/// # Errors
/// When not one request succeeds; with the first failure.
pub(crate) fn until<C: Send>(
    connections: Vec<C>,
    longest: Duration,
    stop: &AtomicBool,
    ask: impl Fn(&mut C) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<Outcome> {
    let counted_from = Instant::now();
    let end = counted_from + longest;
    let seen = each(
        connections,
        || Ok(()),
        |connection| again_and_again(connection, counted_from, end, stop, &ask),
    )?;
    summary(seen, counted_from.elapsed())
}

fn again_and_again<C>(
    mut connection: C,
    counted_from: Instant,
    end: Instant,
    stop: &AtomicBool,
    ask: &(impl Fn(&mut C) -> anyhow::Result<()> + Sync),
) -> Seen {
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        let answer = ask(&mut connection);
        let answered = Instant::now();
        if answer.is_err() || (counted_from <= answered && answered <= end) {
            seen.take(sent, answer);
        }
    }
    seen
}

/// Asks `per_second` times a second over all connections, whether or not the server keeps up.
///
/// A request that its connection could not send in time because the one before was still unanswered counts from when it should have been sent: the
/// wait is the server's doing. One that is late because this thread was woken late counts from when it was sent.
///
/// # Errors
/// When not one request succeeds; with the first failure.
pub fn paced<C: Send>(
    connections: Vec<C>,
    per_second: f64,
    measure: Duration,
    ask: impl Fn(&mut C) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<Outcome> {
    let count = u32::try_from(connections.len())?;
    ensure!(count > 0 && per_second > 0.0, "a rate needs connections");
    let interval = Duration::from_secs_f64(f64::from(count) / per_second);
    let start = Instant::now();
    let numbered = (0_u32..).zip(connections).collect();
    let seen = each(
        numbered,
        || Ok(()),
        |(number, mut connection): (u32, C)| {
            let mut seen = Seen::default();
            let mut due = start + interval * number / count;
            while due.duration_since(start) < measure {
                let wait = due.saturating_duration_since(Instant::now());
                let since = if wait.is_zero() {
                    due
                } else {
                    std::thread::sleep(wait);
                    Instant::now()
                };
                let answer = ask(&mut connection);
                seen.take(since, answer);
                due += interval;
            }
            seen
        },
    )?;
    summary(seen, start.elapsed().min(measure))
}

/// Runs `work` on a thread for each connection, and `meanwhile` on this one, and collects what they saw.
fn each<C: Send>(
    connections: Vec<C>,
    meanwhile: impl FnOnce() -> anyhow::Result<()>,
    work: impl Fn(C) -> Seen + Sync,
) -> anyhow::Result<Vec<Seen>> {
    let work = &work;
    let seen = std::thread::scope(|scope| {
        let threads: Vec<_> = connections
            .into_iter()
            .map(|connection| scope.spawn(move || work(connection)))
            .collect();
        meanwhile()?;
        threads
            .into_iter()
            .map(|thread| thread.join().or_else(|_| bail!("a connection's thread panicked")))
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    // Nobody looks for a signal while the threads run.
    process::sleep(Duration::ZERO)?;
    Ok(seen)
}

fn summary(seen: Vec<Seen>, elapsed: Duration) -> anyhow::Result<Outcome> {
    let mut latencies = Vec::new();
    let mut errors = Errors::default();
    let mut failure = None;
    for mut connection in seen {
        latencies.append(&mut connection.latencies);
        errors.status += connection.failed;
        failure = failure.or(connection.first_failure);
    }
    if let Some(failure) = &failure {
        process::progress(format_args!(
            "{} requests failed, the first: {failure:#}",
            errors.total()
        ));
    }
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get((latencies.len() * percent / 100).min(latencies.len().saturating_sub(1)));
    match (at(50), at(99), latencies.last()) {
        (Some(p50), Some(p99), Some(most)) => Ok(Outcome {
            requests: latencies.len() as u64 + errors.total(),
            elapsed,
            p50: *p50,
            p99: *p99,
            most: *most,
            errors,
        }),
        _ => Err(failure.context("not one answer")?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_keeps_what_it_learned() {
        let outcome = closed(
            vec![(0_u64, 0_u64); 3],
            Duration::ZERO,
            Duration::from_millis(300),
            || Ok(()),
            |(next, seen)| {
                ensure!(next == seen, "out of step");
                *next += 1;
                *seen += 1;
                std::thread::sleep(Duration::from_millis(1));
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(outcome.errors.total(), 0);
        assert!(
            outcome.requests >= 3 && outcome.p50 >= Duration::from_millis(1),
            "{outcome:?}"
        );
    }

    #[test]
    fn slow_answers_count_when_they_come() {
        let (mut marks, before) = (Vec::new(), Instant::now());
        let (warmup, measure) = (Duration::from_millis(350), Duration::from_millis(500));
        let mark = || {
            marks.push(before.elapsed());
            Ok(())
        };
        let outcome = closed(vec![(); 4], warmup, measure, mark, |()| {
            std::thread::sleep(Duration::from_millis(300));
            Ok(())
        })
        .unwrap();
        // Asked after 300 ms, before the counted time begins, and answered after 600; what is asked then comes when it is over.
        assert!(outcome.requests >= 4, "{outcome:?}");
        assert!(marks[0] >= warmup && marks[1] >= warmup + measure, "{marks:?}");
    }

    #[test]
    fn failures_are_counted_and_the_first_is_told_when_there_is_nothing_else() {
        let error = closed(
            vec![()],
            Duration::ZERO,
            Duration::from_millis(5),
            || Ok(()),
            |()| bail!("refused"),
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "refused");
    }

    #[test]
    fn a_stalled_connection_pays_for_what_it_could_not_send() {
        let stalled = AtomicBool::new(false);
        let outcome = paced(vec![()], 100.0, Duration::from_millis(200), |()| {
            if !stalled.swap(true, Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(outcome.requests, 20, "all that were due were sent");
        assert!(
            outcome.p50 > Duration::from_millis(1) || outcome.p99 >= Duration::from_millis(100),
            "{outcome:?}"
        );
    }
}
