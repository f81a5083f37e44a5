//! The command line of the harness; `bench/run` calls it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use clap::{Args, Parser, Subcommand};
use lastro_bench::engine::Engine;
use lastro_bench::machine::Circumstances;
use lastro_bench::process::{self, tied};
use lastro_bench::results::{Measured, Run};
use lastro_bench::scenario::Scenario;
use lastro_bench::subject::{Kind, Subject};
use lastro_bench::workloads::Sizes;
use lastro_bench::{micro, report, run, workload};

/// Measure Lastro, and write RESULTS.md, its plots and results.json.
///
/// Without a command: the servers' routes against the limit server, and the micro-benchmarks. What is not measured stays in the results as it was.
/// Everything started ends with the command.
#[derive(Debug, Parser)]
#[command(name = "bench/run")]
struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    load: LoadOptions,
    #[command(flatten)]
    common: CommonOptions,
    /// Leave out the micro-benchmarks of the storage layer.
    #[arg(long)]
    skip_micro: bool,
    /// Run the micro-benchmarks alone.
    #[arg(long)]
    only_micro: bool,
}

/// What every part has.
#[derive(Debug, Args)]
struct CommonOptions {
    /// Which engines to measure.
    #[arg(long, global = true, value_delimiter = ',', default_values_t = Engine::ALL)]
    engines: Vec<Engine>,
    /// Seconds of load per measurement.
    #[arg(long, global = true, default_value_t = 3)]
    seconds: u64,
    /// Use the binaries that are there.
    #[arg(long, global = true)]
    no_build: bool,
    /// Where RESULTS.md, its plots and results.json go, and where notes.md is read from.
    #[arg(long, global = true, default_value = "bench")]
    out: PathBuf,
    /// Folder for databases and logs, on the disk that is to be measured; removed at the end.
    #[arg(long, global = true, default_value_os_t = std::env::temp_dir())]
    work: PathBuf,
    /// Measure although the work folder is in memory, where a commit costs nothing.
    #[arg(long, global = true)]
    allow_memory_disk: bool,
}

/// What belongs to the load on the servers' routes.
///
/// The load takes rounds x servers x scenarios x (seconds + warm-up) per engine and size; the estimate is printed first.
#[derive(Debug, Args)]
struct LoadOptions {
    /// How many organizations of 200 users the database holds.
    #[arg(long, value_delimiter = ',', default_values_t = [100])]
    organizations: Vec<usize>,
    /// What to ask [default: everything].
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    /// The two servers: ratios are first / second. `limit,limit` shows what the machine's noise is worth.
    #[arg(long, value_delimiter = ',', default_values_t = [Kind::Lastro, Kind::Limit])]
    servers: Vec<Kind>,
    /// How often the servers take turns.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of the same load before each measurement that are not counted.
    #[arg(long, default_value_t = 1)]
    warmup: u64,
    /// Connections kept open by the load generator.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Threads of the load generator.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// One part by itself.
#[derive(Debug, Subcommand)]
enum Part {
    /// The additional workloads: what is measured beside the servers' routes. With their own sizes they take an hour.
    Workloads {
        /// Which of them [default: all].
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        #[command(flatten)]
        sizes: Sizes,
    },
    /// Write RESULTS.md and its plots anew from results.json and notes.md, without measuring.
    Render,
}

fn main() -> ExitCode {
    match bench(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            process::progress(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn bench(options: Options) -> anyhow::Result<()> {
    process::stop_on_signals()?;
    let Options { part, load, common, .. } = options;
    let subjects = subjects(&load.servers)?;
    let measure = Duration::from_secs(common.seconds);
    let work = &common.work;
    let (run_load, run_micro, workloads) = match part {
        Some(Part::Render) => return report::render(&common.out),
        Some(Part::Workloads { only, sizes }) => (false, false, Some((only, sizes))),
        None if options.only_micro => (false, true, None),
        None => (true, !options.skip_micro, None),
    };
    let plan = run::Plan {
        engines: common.engines.clone(),
        organizations: load.organizations,
        scenarios: load.scenarios,
        subjects,
        rounds: load.rounds,
        measure,
        warmup: Duration::from_secs(load.warmup),
        connections: load.connections,
        threads: load.threads,
        work: work.clone(),
    };
    plan.check()?;
    let workloads = workloads.map(|(only, sizes)| workload::Plan {
        engines: common.engines.clone(),
        only,
        measure,
        sizes,
        work: work.clone(),
    });
    if let Some(plan) = &workloads {
        plan.check()?;
    }
    if !common.no_build {
        process::progress(format_args!("building the release binaries"));
        build(&plan.subjects, run_load || workloads.is_some(), run_micro)?;
    }
    let circumstances = Circumstances::look(work, common.allow_memory_disk, &plan.subjects)?;
    let out = &common.out;
    let mut failed = 0;
    if run_load {
        run::run(&plan, &circumstances, |run| {
            failed += failures(&run);
            report::join(out, Measured::Servers(Box::new(run)), &circumstances)
        })?;
    }
    if run_micro {
        report::join(out, Measured::Micro(micro::run(work, None)?), &circumstances)?;
    }
    if let Some(plan) = &workloads {
        workload::run(plan, |measured| report::join(out, measured, &circumstances))?;
    }
    process::progress(format_args!("wrote {0}/RESULTS.md and {0}/results.json", out.display()));
    ensure!(failed == 0, "{failed} requests failed: the numbers are not comparable");
    Ok(())
}

fn failures(run: &Run) -> u64 {
    let samples = run.samples.iter().map(|sample| sample.errors.total());
    samples.chain(run.storms.iter().map(|storm| storm.errors)).sum()
}

/// One or two servers; a server that is compared with itself gets a second name.
fn subjects(kinds: &[Kind]) -> anyhow::Result<Vec<Subject>> {
    match kinds {
        [only] => Ok(vec![Subject::new(*only, only.to_string())]),
        [first, second] if first == second => Ok(vec![
            Subject::new(*first, first.to_string()),
            Subject::new(*second, format!("{second} again")),
        ]),
        [first, second] => Ok(vec![
            Subject::new(*first, first.to_string()),
            Subject::new(*second, second.to_string()),
        ]),
        _ => bail!("--servers takes one or two names"),
    }
}

/// Builds each package by itself: built together, their dependencies' features would be merged, and the binary measured would not be the one that
/// is shipped.
fn build(subjects: &[Subject], servers: bool, micro: bool) -> anyhow::Result<()> {
    let mut packages = Vec::new();
    if servers {
        // Lastro also prepares the database where it is not measured.
        packages.push(Kind::Lastro.build());
        packages.extend(subjects.iter().map(|subject| subject.kind.build()));
        packages.sort_unstable();
        packages.dedup();
    }
    if micro {
        packages.push(&["bench", "--no-run", "--package", "lastro-bench-micro"]);
    }
    for arguments in packages {
        let mut command = tied(Path::new("cargo"), "TERM", None);
        process::run("cargo", command.arg("--quiet").args(arguments))?;
    }
    Ok(())
}
