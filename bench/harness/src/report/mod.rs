//! `results.json` for programs, `RESULTS.md` with its plots for people.

mod plots;
mod servers;
mod view;

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::engine::Engine;
use crate::machine::Circumstances;
use crate::postgres;
use crate::results::{Finding, Measured, Micro, Results, Run};
use crate::stats::{median, range};
use crate::workloads;

use self::plots::Plot;
use self::view::View;

/// Takes a measurement into the results in `folder` and writes them anew.
///
/// # Errors
/// When the folder is not writable, or its `results.json` is of another make.
pub fn join(folder: &Path, measured: Measured<'_>, circumstances: &Circumstances) -> anyhow::Result<()> {
    let path = folder.join("results.json");
    let mut results = Results::read(&path)?;
    results.join(measured, circumstances);
    fs::write(&path, serde_json::to_string_pretty(&results)? + "\n").with_context(|| path.display().to_string())?;
    render(folder)
}

/// Writes `RESULTS.md` and its plots from `results.json`. What `notes.md` there says (reasons for missed goals, what was tried) is taken over at the
/// end.
///
/// # Errors
/// When the folder is not writable, or its `results.json` is of another make.
pub fn render(folder: &Path) -> anyhow::Result<()> {
    let results = Results::read(&folder.join("results.json"))?;
    let notes = match fs::read_to_string(folder.join("notes.md")) {
        Ok(notes) => notes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let view = View::new(&results);
    let plots = plots::all(&results, &view)?;
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).with_context(|| folder.join(name).display().to_string())
    };
    for plot in &plots {
        write(&plot.file, &plot.svg)?;
    }
    write("RESULTS.md", &page(&results, &view, &plots, &notes)?)
}

fn page(results: &Results, view: &View<'_>, plots: &[Plot], notes: &str) -> Result<String, fmt::Error> {
    let mut page = String::new();
    let out = &mut page;
    writeln!(out, "# Results\n")?;
    writeln!(
        out,
        "Written by `bench/run`; how to repeat and how to read it: [README.md](README.md). Every measurement: [results.json](results.json).\n"
    )?;
    for run in &results.servers {
        conditions(out, run)?;
    }
    show(out, plots, None)?;
    servers::sections(out, view)?;
    if let Some(micro) = &results.micro {
        micro_table(out, micro)?;
    }
    let known = workloads::ALL.iter().map(|workload| workload.name);
    // One that is no longer known keeps what it found, at the end.
    let unknown = results.workloads.keys().map(String::as_str);
    let unknown = unknown.filter(|name| workloads::ALL.iter().all(|workload| workload.name != *name));
    for name in known.chain(unknown) {
        for (engine, finding) in results.workloads.get(name).into_iter().flatten() {
            workload_table(out, *engine, finding)?;
        }
        show(out, plots, Some(name))?;
    }
    if !notes.is_empty() {
        writeln!(out, "## Notes\n\n{}", notes.trim_end())?;
    }
    Ok(page)
}

/// The plots that stand here.
fn show(out: &mut String, plots: &[Plot], workload: Option<&str>) -> fmt::Result {
    for plot in plots.iter().filter(|plot| plot.workload.as_deref() == workload) {
        writeln!(out, "![{}]({})\n", plot.title, plot.file)?;
    }
    Ok(())
}

/// When, where and with what.
fn circumstances(out: &mut String, circumstances: &Circumstances) -> fmt::Result {
    let machine = &circumstances.machine;
    writeln!(out, "- Date: {}", circumstances.date)?;
    writeln!(
        out,
        "- Machine: {} cores of {}, {} MiB, Linux {}, {} (4 KiB written and synced in {} µs), shared by load generator, server and database",
        machine.cores, machine.cpu, machine.memory_mib, machine.kernel, machine.file_system, machine.sync_micros
    )?;
    let versions: Vec<String> = circumstances
        .versions
        .iter()
        .map(|(name, version)| format!("{name}: {version}"))
        .collect();
    writeln!(out, "- Versions: {}", versions.join("; "))
}

fn conditions(out: &mut String, run: &Run) -> fmt::Result {
    circumstances(out, &run.circumstances)?;
    let foreign: Vec<f64> = run.samples.iter().map(|sample| sample.foreign_cores).collect();
    if !foreign.is_empty() {
        let (typical, most) = (median(&foreign), range(&foreign).1);
        writeln!(
            out,
            "- Other programs took {typical:.2} cores meanwhile (median; at most {most:.2})"
        )?;
    }
    writeln!(
        out,
        "- Load: {} threads, {} connections, {} s after {} s of warm-up, {} rounds by turns ({})",
        run.threads,
        run.connections,
        run.seconds,
        run.warmup_seconds,
        run.rounds,
        run.servers.join(", ")
    )?;
    let settings: Vec<String> = postgres::SETTINGS
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    writeln!(
        out,
        "- PostgreSQL: {}; SQLite: journal_mode=WAL, synchronous=FULL\n",
        settings.join(", ")
    )
}

fn micro_table(out: &mut String, micro: &Micro) -> fmt::Result {
    writeln!(out, "## The storage layer against the bare driver\n")?;
    writeln!(
        out,
        "Blocks of both measured next to each other, in one process; overhead: median over the pairs (its middle half). {}.\n",
        micro.circumstances.date
    )?;
    writeln!(
        out,
        "| engine | case | bare µs | layer µs | overhead | goal |\n|---|---|--:|--:|--:|---|"
    )?;
    for pair in &micro.pairs {
        let judged = pair.goal_percent.map_or_else(String::new, |goal| {
            format!("<= {goal:.0} %: {}", verdict(pair.overhead_percent <= goal))
        });
        writeln!(
            out,
            "| {} | {} | {:.2} | {:.2} | **{:+.1} %** ({:+.1} to {:+.1}) | {judged} |",
            pair.engine,
            pair.case,
            pair.bare_ns / 1e3,
            pair.layer_ns / 1e3,
            pair.overhead_percent,
            pair.lower_percent,
            pair.upper_percent
        )?;
    }
    writeln!(out)
}

fn workload_table(out: &mut String, engine: Engine, finding: &Finding) -> fmt::Result {
    let table = &finding.table;
    writeln!(out, "## {}, {}\n", table.title, engine.title())?;
    let commit = finding.circumstances.versions.iter().find(|(name, _)| name == "commit");
    let commit = commit.map_or_else(String::new, |(_, commit)| format!(", commit {commit}"));
    writeln!(out, "{} {}{commit}.\n", table.method, finding.circumstances.date)?;
    writeln!(out, "| what | measured | goal | note |\n|---|--:|---|---|")?;
    for row in &table.rows {
        let goal = row
            .goal
            .as_ref()
            .map_or_else(String::new, |goal| format!("{}: {}", goal.text, verdict(goal.met)));
        writeln!(out, "| {} | {} | {goal} | {} |", row.what, row.measured, row.note)?;
    }
    writeln!(out)
}

/// Whether a goal is met; a missed one is not to be overlooked.
fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

/// A whole number with a comma after every three digits.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::micro::Pair;
    use crate::results::tests::{circumstances, run, sample};
    use crate::results::{Ceiling, Storm};
    use crate::scenario::Scenario;
    use crate::workload::{Along, Course, Row, Table};

    /// The machine was twice as fast in the third round: the ratios do not show it.
    fn results() -> Results {
        let rates = [(1, 9_000.0, 10_000.0), (2, 8_000.0, 10_000.0), (3, 18_000.0, 20_000.0)];
        let samples = rates.into_iter().flat_map(|(round, lastro, limit)| {
            [
                sample(round, "lastro", Scenario::User, lastro),
                sample(round, "limit", Scenario::User, limit),
            ]
        });
        let mut run = run("2026-01-02 03:04 UTC", samples.collect());
        run.samples.push(sample(1, "lastro", Scenario::Login, 60.0));
        run.ceilings.push(Ceiling {
            engine: Engine::Postgres,
            organizations: 100,
            round: 1,
            scenario: Scenario::Login,
            what: "Argon2id hashes".to_owned(),
            per_second: 80.0,
        });
        run.storms.push(Storm {
            engine: Engine::Postgres,
            organizations: 100,
            round: 1,
            server: "lastro".to_owned(),
            reads_per_second: 500.0,
            login_connections: 32,
            logins_per_second: 55.0,
            quiet_p50_micros: 400.0,
            quiet_p99_micros: 1000.0,
            storm_p50_micros: 600.0,
            storm_p99_micros: 1900.0,
            errors: 0,
        });
        let now = circumstances("2026-01-02 03:04 UTC");
        let mut results = Results::default();
        results.join(Measured::Servers(Box::new(run)), &now);
        let pair = Pair {
            engine: "sqlite".to_owned(),
            case: "read by key".to_owned(),
            bare_ns: 1000.0,
            layer_ns: 1070.0,
            overhead_percent: 7.0,
            lower_percent: 6.0,
            upper_percent: 8.0,
            pairs: 100,
            goal_percent: Some(5.0),
        };
        results.join(Measured::Micro(vec![pair]), &now);
        let table = Table {
            title: "Outbox".to_owned(),
            method: "To a local sink.".to_owned(),
            rows: vec![
                Row::new("deliveries", "4,000/s")
                    .against(">= 5,000/s", false)
                    .noting("slow disk"),
            ],
            courses: vec![Course {
                what: "resident memory, MiB".to_owned(),
                along: Along::Seconds,
                points: vec![(0.0, 40.0), (5.0, 41.0)],
            }],
        };
        let (name, engine) = ("gone", Engine::Sqlite);
        results.join(Measured::Workload { name, engine, table }, &now);
        results
    }

    fn page_of(results: &Results, notes: &str) -> String {
        let view = View::new(results);
        page(results, &view, &plots::all(results, &view).unwrap(), notes).unwrap()
    }

    #[test]
    fn ratios_are_taken_round_by_round_and_judged() {
        let page = page_of(&results(), "");
        assert!(page.contains("**0.90** (0.80 to 0.90) | >= 0.85: met |"), "{page}");
        assert!(
            page.contains("| lastro | 9,000 | 1.50 | 4.20 | 0 | 20.0 | 30.0 | 1.00 | 20 |"),
            "{page}"
        );
        assert!(
            page.contains("- Other programs took 0.10 cores meanwhile (median; at most 0.10)"),
            "{page}"
        );
        assert!(
            page.contains("**+7.0 %** (+6.0 to +8.0) | <= 5 %: **missed** |"),
            "{page}"
        );
        assert!(
            page.contains("| **0.75** (0.75 to 0.75) | >= 0.90: **missed** |"),
            "{page}"
        );
        assert!(page.contains("| **1.90** (1.90 to 1.90) | <= 2.00: met |"), "{page}");
        assert!(
            page.contains("| deliveries | 4,000/s | >= 5,000/s: **missed** | slow disk |"),
            "{page}"
        );
        assert!(!page.contains("## Notes"), "{page}");
    }

    #[test]
    fn every_row_of_a_table_has_the_cells_of_its_head() {
        let page = page_of(&results(), "");
        let cells = |line: &str| line.matches('|').count();
        let mut tables = 0;
        for (above, below) in page.lines().zip(page.lines().skip(1)) {
            if above.starts_with('|') && below.starts_with('|') {
                assert_eq!(cells(above), cells(below), "{above}\n{below}");
                tables += usize::from(below.starts_with("|---"));
            }
        }
        assert_eq!(tables, 5, "{page}");
    }

    #[test]
    fn plots_stand_where_their_numbers_do() {
        let mut results = results();
        let table = Table {
            title: "Growth".to_owned(),
            method: String::new(),
            rows: vec![Row::new("p99", "+5 %")],
            courses: vec![Course {
                what: "p99, ms".to_owned(),
                along: Along::Organizations,
                points: vec![(100.0, 0.6), (1_000.0, 0.61), (10_000.0, 0.63)],
            }],
        };
        let (name, engine) = ("growth", Engine::Postgres);
        results.join(Measured::Workload { name, engine, table }, &circumstances("later"));
        let page = page_of(&results, "A reason.\n");
        let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} in {page}"));
        assert!(place("](ratios.svg)") < place("| p99 | +5 % |"));
        assert!(place("| p99 | +5 % |") < place("](growth.svg)"));
        assert!(page.ends_with("## Notes\n\nA reason.\n"), "{page}");
        let view = View::new(&results);
        let plots = plots::all(&results, &view).unwrap();
        let growth = plots.iter().find(|plot| plot.file == "growth.svg").unwrap();
        assert!(
            growth.svg.contains("10000") && growth.svg.contains("organizations"),
            "{}",
            growth.svg
        );
    }

    #[test]
    fn what_was_written_is_read_and_rendered_again() {
        let folder = tempfile::tempdir().unwrap();
        let now = circumstances("now");
        let measured = run("now", vec![sample(1, "lastro", Scenario::Noop, 1.0)]);
        join(folder.path(), Measured::Servers(Box::new(measured)), &now).unwrap();
        join(folder.path(), Measured::Micro(Vec::new()), &now).unwrap();
        let page = fs::read_to_string(folder.path().join("RESULTS.md")).unwrap();
        assert!(
            page.contains("GET /health/live") && page.contains("storage layer"),
            "{page}"
        );
    }

    #[test]
    fn commas_after_three_digits() {
        assert_eq!(
            ["0", "999", "1,000", "64,900", "1,234,567"],
            [0.0, 999.0, 1000.0, 64_900.0, 1_234_567.0].map(thousands)
        );
    }
}
