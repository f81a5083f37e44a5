//! The command line of the harness; `bench/run` calls it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use clap::Parser;
use lastro_bench::process::{self, tied};
use lastro_bench::run::{Engine, Plan};
use lastro_bench::subject::{Kind, Subject};
use lastro_bench::{micro, report, run};

/// Measure Lastro against the limit server and write RESULTS.md and results.json.
///
/// The load takes rounds x servers x scenarios x (seconds + warm-up) per engine and size; the estimate is printed first. Everything started ends
/// with the command.
#[derive(Debug, Parser)]
#[command(name = "bench/run")]
struct Options {
    /// Which engines to measure.
    #[arg(long, value_delimiter = ',', default_values_t = [Engine::Postgres, Engine::Sqlite])]
    engines: Vec<Engine>,
    /// How many organizations the database holds; several sizes show the growth.
    #[arg(long, value_delimiter = ',', default_values_t = [100])]
    organizations: Vec<usize>,
    /// The two servers: ratios are first / second. `limit,limit` shows what the machine's noise is worth.
    #[arg(long, value_delimiter = ',', default_values_t = [Kind::Lastro, Kind::Limit])]
    servers: Vec<Kind>,
    /// How often the servers take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load per measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Seconds of the same load before each measurement that are not counted.
    #[arg(long, default_value_t = 1)]
    warmup: u64,
    /// Connections kept open by the load generator.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Threads of the load generator.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Leave out the micro-benchmarks of the storage layer.
    #[arg(long)]
    skip_micro: bool,
    /// Leave out the load on the servers.
    #[arg(long)]
    only_micro: bool,
    /// Use the binaries that are there.
    #[arg(long)]
    no_build: bool,
    /// Where RESULTS.md and results.json go, and where notes.md is read from.
    #[arg(long, default_value = "bench")]
    out: PathBuf,
    /// Folder for databases and logs, on the disk that is to be measured; removed at the end.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    work: PathBuf,
    /// Measure although the work folder is in memory, where a commit costs nothing.
    #[arg(long)]
    allow_memory_disk: bool,
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
    let subjects = subjects(&options.servers)?;
    if !options.no_build {
        process::progress(format_args!("building the release binaries"));
        build(&subjects, &options)?;
    }
    let plan = Plan {
        engines: options.engines,
        organizations: options.organizations,
        subjects,
        rounds: options.rounds,
        measure: Duration::from_secs(options.seconds),
        warmup: Duration::from_secs(options.warmup),
        connections: options.connections,
        threads: options.threads,
        work: options.work,
        allow_memory_disk: options.allow_memory_disk,
    };
    plan.check()?;
    let mut results = if options.only_micro {
        run::nothing(&plan)?
    } else {
        run::run(&plan)?
    };
    if !options.skip_micro {
        results.micro = micro::run(&plan.work)?;
    }
    report::write(&options.out, &results)?;
    process::progress(format_args!(
        "wrote {0}/RESULTS.md and {0}/results.json",
        options.out.display()
    ));
    let failed: u64 = results.samples.iter().map(|sample| sample.errors.total()).sum();
    ensure!(failed == 0, "{failed} requests failed: the numbers are not comparable");
    Ok(())
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
fn build(subjects: &[Subject], options: &Options) -> anyhow::Result<()> {
    // Lastro also prepares the database where it is not measured.
    let mut packages = vec![Kind::Lastro.build()];
    packages.extend(subjects.iter().map(|subject| subject.kind.build()));
    packages.sort_unstable();
    packages.dedup();
    if options.only_micro {
        packages.clear();
    }
    if !options.skip_micro {
        packages.push(&["bench", "--no-run", "--package", "lastro-bench-micro"]);
    }
    for arguments in packages {
        let mut command = tied(Path::new("cargo"), "TERM", None);
        process::run("cargo", command.arg("--quiet").args(arguments))?;
    }
    Ok(())
}
