//! Two ways to do the same, measured in turns.
//!
//! Criterion measures one function after the other; on a machine that gets slower meanwhile the second loses. Here each sample is a block of one and
//! a block of the other, the first of the two taking turns, and the overhead is the median over the quotients of such neighbours. Criterion still
//! drives (how long a block must be, the history between runs): each of the two functions reports its half.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use criterion::{Criterion, SamplingMode};
use lastro_bench::micro::Pair;
use lastro_bench::stats::{median, quartiles};
use tokio::runtime::Runtime;

/// Samples of each of the two functions: many short ones, because it is their median that counts.
const SAMPLES: usize = 100;

/// Something that is done again and again.
pub(crate) trait Operation: Send + Sync + 'static {
    /// Does it; `number` is different each time within a block.
    fn run(&self, number: u64) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// What a comparison is called, and what it may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) engine: &'static str,
    pub(crate) name: &'static str,
    /// How many are under way at a time.
    pub(crate) at_once: usize,
    /// By how many percent the layer may be slower.
    pub(crate) goal: Option<f64>,
}

/// The comparisons of a run.
pub(crate) struct Paired<'a> {
    criterion: &'a mut Criterion,
    runtime: &'a Runtime,
    pairs: Vec<Pair>,
}

/// Both halves of a sample.
struct Sample {
    operations: u64,
    bare: Duration,
    layer: Duration,
}

impl<'a> Paired<'a> {
    pub(crate) fn new(criterion: &'a mut Criterion, runtime: &'a Runtime) -> Self {
        Self {
            criterion,
            runtime,
            pairs: Vec::new(),
        }
    }

    /// Measures one case.
    pub(crate) fn measure<B: Operation, L: Operation>(
        &mut self,
        case: Case,
        bare: &Arc<B>,
        layer: &Arc<L>,
    ) -> anyhow::Result<()> {
        let samples = RefCell::new(Vec::new());
        let failure = RefCell::new(None);
        let runtime = self.runtime;
        let sample = |operations: u64| {
            let bare_first = samples.borrow().len() % 2 == 0;
            let first = bare_first.then(|| block(runtime, case.at_once, operations, bare));
            let layer = block(runtime, case.at_once, operations, layer);
            let bare = first.unwrap_or_else(|| block(runtime, case.at_once, operations, bare));
            match (bare, layer) {
                (Ok(bare), Ok(layer)) => {
                    samples.borrow_mut().push(Sample {
                        operations,
                        bare,
                        layer,
                    });
                    (bare, layer)
                }
                (Err(error), _) | (_, Err(error)) => {
                    failure.borrow_mut().get_or_insert(error);
                    // Criterion cannot be told to stop; it soon ends with times that nobody will see.
                    (Duration::from_millis(100), Duration::from_millis(100))
                }
            }
        };
        let mut group = self
            .criterion
            .benchmark_group(format!("{} {} x{}", case.engine, case.name, case.at_once));
        group.sampling_mode(SamplingMode::Flat);
        group.sample_size(SAMPLES).measurement_time(Duration::from_secs(3));
        group.warm_up_time(Duration::from_millis(500));
        group.bench_function("bare", |bencher| {
            bencher.iter_custom(|operations| sample(operations).0);
        });
        let mut counted = measured(samples.take());
        group.bench_function("layer", |bencher| {
            bencher.iter_custom(|operations| sample(operations).1);
        });
        counted.extend(measured(samples.take()));
        group.finish();
        if let Some(failure) = failure.into_inner() {
            return Err(failure.context(format!("{case:?}")));
        }
        self.pairs.extend(summary(case, &counted));
        Ok(())
    }

    /// All comparisons that were made.
    pub(crate) fn finish(self) -> anyhow::Result<Vec<Pair>> {
        if self.pairs.is_empty() {
            bail!("nothing was measured");
        }
        Ok(self.pairs)
    }
}

/// Without the blocks of the warm-up, which come first.
fn measured(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples.split_off(samples.len().saturating_sub(SAMPLES))
}

/// `None` when a filter on the command line left the case out.
fn summary(case: Case, samples: &[Sample]) -> Option<Pair> {
    if samples.is_empty() {
        return None;
    }
    let each = |of: fn(&Sample) -> Duration| -> Vec<f64> {
        samples
            .iter()
            .map(|sample| of(sample).as_secs_f64() * 1e9 / sample.operations as f64)
            .collect()
    };
    let (bare, layer) = (each(|sample| sample.bare), each(|sample| sample.layer));
    let overheads: Vec<f64> = bare
        .iter()
        .zip(&layer)
        .map(|(bare, layer)| (layer / bare - 1.0) * 100.0)
        .collect();
    let (lower, upper) = quartiles(&overheads);
    Some(Pair {
        engine: case.engine.to_owned(),
        case: match case.at_once {
            1 => format!("{}, one at a time", case.name),
            more => format!("{}, {more} at a time", case.name),
        },
        bare_ns: median(&bare),
        layer_ns: median(&layer),
        overhead_percent: median(&overheads),
        lower_percent: lower,
        upper_percent: upper,
        pairs: overheads.len(),
        goal_percent: case.goal,
    })
}

/// The time for `operations`, in as many tasks as are to be under way.
fn block<O: Operation>(
    runtime: &Runtime,
    at_once: usize,
    operations: u64,
    operation: &Arc<O>,
) -> anyhow::Result<Duration> {
    let tasks = at_once as u64;
    runtime.block_on(async {
        let started = Instant::now();
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let operation = Arc::clone(operation);
                tokio::spawn(async move {
                    let mut number = task;
                    while number < operations {
                        operation.run(number).await?;
                        number += tasks;
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        for task in running {
            task.await??;
        }
        Ok(started.elapsed())
    })
}
