//! `results.json` for programs, `RESULTS.md` for people.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::load::Scenario;
use crate::postgres;
use crate::run::{Engine, Results, Sample, Start};
use crate::stats::{median, range, ratios};

/// Writes both files into `folder`. What `notes.md` there says (reasons for missed goals, what was tried) is taken over at the end of `RESULTS.md`.
///
/// # Errors
/// When the folder is not writable.
pub fn write(folder: &Path, results: &Results) -> anyhow::Result<()> {
    let write = |name: &str, text: String| {
        fs::write(folder.join(name), text).with_context(|| folder.join(name).display().to_string())
    };
    write("results.json", serde_json::to_string_pretty(results)? + "\n")?;
    let notes = match fs::read_to_string(folder.join("notes.md")) {
        Ok(notes) => notes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    write("RESULTS.md", page(results, &notes)?)
}

/// The least ratio to the limit server that a scenario must reach (design: "What it must cost").
fn goal(engine: Engine, scenario: Scenario) -> Option<f64> {
    match (engine, scenario) {
        (_, Scenario::Noop) => None,
        (Engine::Postgres, Scenario::Get | Scenario::List) => Some(0.85),
        (Engine::Postgres, Scenario::Create) => Some(0.70),
        (Engine::Sqlite, Scenario::Get | Scenario::List | Scenario::Create) => Some(0.80),
    }
}

fn page(results: &Results, notes: &str) -> Result<String, std::fmt::Error> {
    let mut page = String::new();
    let out = &mut page;
    writeln!(out, "# Results\n")?;
    writeln!(
        out,
        "Written by `bench/run`; how to repeat and how to read it: [README.md](README.md). Every measurement: [results.json](results.json).\n"
    )?;
    conditions(out, results)?;
    let mut sizes: Vec<(Engine, usize)> = results
        .starts
        .iter()
        .map(|start| (start.engine, start.organizations))
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    for (engine, organizations) in &sizes {
        engine_table(out, results, *engine, *organizations)?;
    }
    growth(out, results, &sizes)?;
    micro(out, results)?;
    if !notes.is_empty() {
        writeln!(out, "## Notes\n\n{}", notes.trim_end())?;
    }
    Ok(page)
}

fn conditions(out: &mut String, results: &Results) -> std::fmt::Result {
    let machine = &results.machine;
    writeln!(out, "- Date: {}", results.date)?;
    writeln!(
        out,
        "- Machine: {} cores of {}, {} MiB, Linux {}, {} (4 KiB written and synced in {} µs), shared by load generator, server and database",
        machine.cores, machine.cpu, machine.memory_mib, machine.kernel, machine.file_system, machine.sync_micros
    )?;
    let foreign: Vec<f64> = results.samples.iter().map(|sample| sample.foreign_cores).collect();
    if !foreign.is_empty() {
        let (typical, most) = (median(&foreign), range(&foreign).1);
        writeln!(
            out,
            "- Other programs took {typical:.2} cores meanwhile (median; at most {most:.2})"
        )?;
    }
    let versions: Vec<String> = results
        .versions
        .iter()
        .map(|(name, version)| format!("{name}: {version}"))
        .collect();
    writeln!(out, "- Versions: {}", versions.join("; "))?;
    writeln!(
        out,
        "- Load: wrk, {} threads, {} connections, {} s after {} s of warm-up, {} rounds by turns ({})",
        results.threads,
        results.connections,
        results.seconds,
        results.warmup_seconds,
        results.rounds,
        results.servers.join(", ")
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

/// The values of one server in one scenario, in the order of the rounds.
fn values(results: &Results, key: (Engine, usize, Scenario, &str), value: impl Fn(&Sample) -> f64) -> Vec<f64> {
    let of = |sample: &&Sample| {
        (
            sample.engine,
            sample.organizations,
            sample.scenario,
            sample.server.as_str(),
        ) == key
    };
    results.samples.iter().filter(of).map(value).collect()
}

fn engine_table(out: &mut String, results: &Results, engine: Engine, organizations: usize) -> std::fmt::Result {
    let title = match engine {
        Engine::Postgres => "PostgreSQL",
        Engine::Sqlite => "SQLite",
    };
    writeln!(out, "## {title}, {} organizations\n", thousands(organizations as f64))?;
    writeln!(
        out,
        "Medians over the rounds. Ratio: {}, the median of the rounds' ratios (smallest to largest).\n",
        results.servers.join(" / ")
    )?;
    writeln!(
        out,
        "| request | server | requests/s | p50 ms | p99 ms | errors | CPU µs/request: server | database | ratio of both \
         | RSS MiB | ratio | goal |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|")?;
    let (first, second) = (results.servers.first(), results.servers.get(1));
    for scenario in Scenario::ALL {
        for server in &results.servers {
            let of = |value: fn(&Sample) -> f64| values(results, (engine, organizations, scenario, server), value);
            let database = of(|sample| sample.database_cpu_micros.unwrap_or(f64::NAN));
            let database = if database.iter().any(|value| value.is_nan()) {
                "in server".to_owned()
            } else {
                format!("{:.1}", median(&database))
            };
            let errors: f64 = of(|sample| sample.errors.total() as f64).iter().sum();
            let [ratio, cpu, verdict] = match second {
                Some(second) if Some(server) == first => {
                    compared(results, engine, organizations, scenario, server, second)
                }
                _ => Default::default(),
            };
            writeln!(
                out,
                "| {} | {server} | {} | {:.2} | {:.2} | {} | {:.1} | {database} | {cpu} | {:.0} | {ratio} | {verdict} |",
                if Some(server) == first { scenario.request() } else { "" },
                thousands(median(&of(|sample| sample.requests_per_second))),
                median(&of(|sample| sample.p50_micros)) / 1e3,
                median(&of(|sample| sample.p99_micros)) / 1e3,
                thousands(errors),
                median(&of(|sample| sample.server_cpu_micros)),
                median(&of(|sample| sample.resident_kib as f64)) / 1024.0,
            )?;
        }
    }
    writeln!(out)?;
    for server in &results.servers {
        let starts: Vec<&Start> = results
            .starts
            .iter()
            .filter(|start| (start.engine, start.organizations, &start.server) == (engine, organizations, server))
            .collect();
        let ready: Vec<f64> = starts.iter().map(|start| start.ready_millis).collect();
        let idle: Vec<f64> = starts
            .iter()
            .map(|start| start.idle_resident_kib as f64 / 1024.0)
            .collect();
        let (ready, idle) = (median(&ready), median(&idle));
        // The goal counts in megabytes.
        let idle_megabytes = idle * 1.048_576;
        let [ready_verdict, idle_verdict] = if server == "lastro" {
            [at_most(ready, 100.0, "ms"), at_most(idle_megabytes, 40.0, "MB")]
        } else {
            Default::default()
        };
        writeln!(
            out,
            "- {server}: ready {ready:.0} ms after its start on the existing database{ready_verdict}, {idle:.1} MiB resident \
             when idle{idle_verdict}"
        )?;
    }
    writeln!(out)
}

/// A goal in parentheses.
fn at_most(value: f64, goal: f64, unit: &str) -> String {
    format!(" (<= {goal} {unit}: {})", verdict(value <= goal))
}

/// Whether a goal is met; a missed one is not to be overlooked.
fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

/// The ratio of two servers' requests a second, that of their CPU time per request, and whether the goal is met. Only
/// Lastro against the limit server has goals.
fn compared(
    results: &Results,
    engine: Engine,
    organizations: usize,
    scenario: Scenario,
    first: &str,
    second: &str,
) -> [String; 3] {
    let compare = |value: fn(&Sample) -> f64| {
        let of = |server| values(results, (engine, organizations, scenario, server), value);
        ratios(&of(first), &of(second))
    };
    let rates = compare(|sample| sample.requests_per_second);
    let costs = compare(|sample| sample.server_cpu_micros + sample.database_cpu_micros.unwrap_or(0.0));
    let (ratio, (low, high)) = (median(&rates), range(&rates));
    let verdict = match goal(engine, scenario) {
        Some(goal) if first == "lastro" && second == "limit" => {
            format!(">= {goal:.2}: {}", verdict(ratio >= goal))
        }
        _ => String::new(),
    };
    [
        format!("**{ratio:.2}** ({low:.2} to {high:.2})"),
        format!("{:.2}", median(&costs)),
        verdict,
    ]
}

/// How the p99 of the first server changes from the smallest to the largest database.
fn growth(out: &mut String, results: &Results, sizes: &[(Engine, usize)]) -> std::fmt::Result {
    let Some(server) = results.servers.first() else {
        return Ok(());
    };
    let mut header = false;
    for engine in [Engine::Postgres, Engine::Sqlite] {
        let of_engine: Vec<usize> = sizes
            .iter()
            .filter(|(of, _)| *of == engine)
            .map(|(_, organizations)| *organizations)
            .collect();
        let (Some(smallest), Some(largest)) = (of_engine.first(), of_engine.last()) else {
            continue;
        };
        if smallest == largest {
            continue;
        }
        if !header {
            writeln!(
                out,
                "## Growth\n\np99 of {server} in the smallest and the largest database.\n"
            )?;
            writeln!(
                out,
                "| engine | request | from | to | p99 ms | then | change | goal |\n|---|---|--:|--:|--:|--:|--:|---|"
            )?;
            header = true;
        }
        for scenario in [Scenario::Get, Scenario::List, Scenario::Create] {
            let p99 = |organizations| {
                median(&values(results, (engine, organizations, scenario, server), |sample| {
                    sample.p99_micros
                })) / 1e3
            };
            let (before, after) = (p99(*smallest), p99(*largest));
            let change = (after / before - 1.0) * 100.0;
            writeln!(
                out,
                "| {engine} | {} | {} | {} | {before:.2} | {after:.2} | {change:+.0} % | < 20 %: {} |",
                scenario.request(),
                thousands(*smallest as f64),
                thousands(*largest as f64),
                verdict(change < 20.0)
            )?;
        }
    }
    if header { writeln!(out) } else { Ok(()) }
}

fn micro(out: &mut String, results: &Results) -> std::fmt::Result {
    if results.micro.is_empty() {
        return Ok(());
    }
    writeln!(out, "## The storage layer against the bare driver\n")?;
    writeln!(
        out,
        "Blocks of both measured next to each other, in one process; overhead: median over the pairs (its middle half).\n"
    )?;
    writeln!(
        out,
        "| engine | case | bare µs | layer µs | overhead | goal |\n|---|---|--:|--:|--:|---|"
    )?;
    for pair in &results.micro {
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

/// A whole number with a comma after every three digits.
fn thousands(value: f64) -> String {
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
    use crate::load::Errors;
    use crate::machine::Machine;
    use crate::micro::Pair;

    fn sample(round: usize, server: &str, rate: f64) -> Sample {
        Sample {
            engine: Engine::Postgres,
            organizations: 100,
            round,
            server: server.to_owned(),
            scenario: Scenario::Get,
            requests: 1000,
            requests_per_second: rate,
            p50_micros: 1500.0,
            p99_micros: 4200.0,
            errors: Errors::default(),
            server_cpu_micros: 20.0,
            database_cpu_micros: Some(30.0),
            foreign_cores: 0.1,
            resident_kib: 20_480,
        }
    }

    fn results() -> Results {
        Results {
            date: "2026-01-02 03:04 UTC".to_owned(),
            machine: Machine {
                cpu: "CPU".to_owned(),
                cores: 2,
                memory_mib: 4096,
                kernel: "6".to_owned(),
                file_system: "ext2/ext3".to_owned(),
                sync_micros: 300,
            },
            versions: vec![("wrk".to_owned(), "4".to_owned())],
            servers: vec!["lastro".to_owned(), "limit".to_owned()],
            rounds: 3,
            seconds: 5,
            warmup_seconds: 1,
            connections: 64,
            threads: 2,
            // The machine was twice as fast in the third round: the ratios do not show it.
            samples: [(1, 9_000.0, 10_000.0), (2, 8_000.0, 10_000.0), (3, 18_000.0, 20_000.0)]
                .into_iter()
                .flat_map(|(round, lastro, limit)| [sample(round, "lastro", lastro), sample(round, "limit", limit)])
                .collect(),
            starts: vec![Start {
                engine: Engine::Postgres,
                organizations: 100,
                server: "lastro".to_owned(),
                ready_millis: 42.0,
                idle_resident_kib: 20_480,
            }],
            micro: vec![Pair {
                engine: "sqlite".to_owned(),
                case: "read by key".to_owned(),
                bare_ns: 1000.0,
                layer_ns: 1070.0,
                overhead_percent: 7.0,
                lower_percent: 6.0,
                upper_percent: 8.0,
                pairs: 100,
                goal_percent: Some(5.0),
            }],
        }
    }

    #[test]
    fn ratios_are_taken_round_by_round_and_judged() {
        let page = page(&results(), "").unwrap();
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
        assert!(!page.contains("## Growth") && !page.contains("## Notes"), "{page}");
    }

    #[test]
    fn every_row_of_a_table_has_the_cells_of_its_head() {
        let page = page(&results(), "").unwrap();
        let cells = |line: &str| line.matches('|').count();
        let mut tables = 0;
        for (above, below) in page.lines().zip(page.lines().skip(1)) {
            if above.starts_with('|') && below.starts_with('|') {
                assert_eq!(cells(above), cells(below), "{above}\n{below}");
                tables += usize::from(below.starts_with("|---"));
            }
        }
        assert_eq!(tables, 2, "{page}");
    }

    #[test]
    fn growth_compares_the_smallest_with_the_largest_database() {
        let mut results = results();
        results.starts.push(Start {
            engine: Engine::Postgres,
            organizations: 10_000,
            server: "lastro".to_owned(),
            ready_millis: 42.0,
            idle_resident_kib: 20_480,
        });
        results.samples.push(Sample {
            organizations: 10_000,
            p99_micros: 6300.0,
            ..sample(1, "lastro", 9_000.0)
        });
        let page = page(&results, "A reason.\n").unwrap();
        assert!(
            page.contains("| 100 | 10,000 | 4.20 | 6.30 | +50 % | < 20 %: **missed** |"),
            "{page}"
        );
        assert!(page.ends_with("## Notes\n\nA reason.\n"), "{page}");
    }

    #[test]
    fn commas_after_three_digits() {
        assert_eq!(
            ["0", "999", "1,000", "64,900", "1,234,567"],
            [0.0, 999.0, 1000.0, 64_900.0, 1_234_567.0].map(thousands)
        );
    }
}
