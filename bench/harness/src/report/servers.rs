//! The sections about the servers' routes.

use std::fmt::{self, Write as _};

use super::view::{Ratio, Setting, View};
use super::{thousands, verdict};
use crate::engine::Engine;
use crate::results::Sample;
use crate::scenario::{Drive, Scenario};
use crate::stats::median;

/// What a storm of logins may make of the p99 of others.
const STORM: f64 = 2.0;

pub(super) fn sections(out: &mut String, view: &View<'_>) -> fmt::Result {
    let settings = view.settings();
    for setting in &settings {
        let (engine, organizations) = *setting;
        writeln!(
            out,
            "## {}, {} organizations\n",
            engine.title(),
            thousands(organizations as f64)
        )?;
        routes(out, view, *setting)?;
        bounded(out, view, *setting)?;
        storm(out, view, *setting)?;
        starts(out, view, *setting)?;
    }
    Ok(())
}

/// Both servers in every scenario that both were asked.
fn routes(out: &mut String, view: &View<'_>, setting: Setting) -> fmt::Result {
    let measured = |scenario: Scenario, server: &str| {
        let rates = view.values(setting, scenario, server, |sample| sample.requests_per_second);
        !rates.is_empty()
    };
    let scenarios: Vec<Scenario> = Scenario::ALL
        .into_iter()
        .filter(|scenario| scenario.drive() == Drive::Wrk)
        .filter(|scenario| view.servers.iter().any(|server| measured(*scenario, server)))
        .collect();
    if scenarios.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "Medians over the rounds. Ratio: {}, the median of the rounds' ratios (smallest to largest).\n",
        view.servers.join(" / ")
    )?;
    writeln!(
        out,
        "| request | server | requests/s | p50 ms | p99 ms | errors | CPU µs/request: server | database | ratio of both \
         | RSS MiB | ratio | goal |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|")?;
    for scenario in scenarios {
        let servers = view.servers.iter().enumerate();
        for (place, server) in servers.filter(|(_, server)| measured(scenario, server)) {
            let [ratio, cpu, verdict] = if place == 0 {
                compared(view, setting, scenario)
            } else {
                Default::default()
            };
            let Cells { load, cost, memory } = Cells::of(view, setting, scenario, server);
            writeln!(
                out,
                "| {} | {server} | {load} | {cost} | {cpu} | {memory} | {ratio} | {verdict} |",
                if place == 0 { scenario.request() } else { "" },
            )?;
        }
    }
    writeln!(out)
}

/// What tables say of a server in a scenario.
struct Cells {
    /// Requests a second, p50, p99, errors.
    load: String,
    /// CPU time of the server and of the database.
    cost: String,
    /// RSS.
    memory: String,
}

impl Cells {
    fn of(view: &View<'_>, setting: Setting, scenario: Scenario, server: &str) -> Self {
        let of = |value: fn(&Sample) -> f64| view.values(setting, scenario, server, value);
        let errors = of(|sample| sample.errors.total() as f64)
            .iter()
            .fold(0.0, |sum, count| sum + count);
        let database = match setting.0 {
            Engine::Sqlite => "in server".to_owned(),
            Engine::Postgres => format!("{:.1}", median(&of(|sample| sample.database_cpu_micros.unwrap_or(0.0)))),
        };
        Self {
            load: format!(
                "{} | {:.2} | {:.2} | {}",
                thousands(median(&of(|sample| sample.requests_per_second))),
                median(&of(|sample| sample.p50_micros)) / 1e3,
                median(&of(|sample| sample.p99_micros)) / 1e3,
                thousands(errors),
            ),
            cost: format!("{:.1} | {database}", median(&of(|sample| sample.server_cpu_micros))),
            memory: format!("{:.0}", median(&of(|sample| sample.resident_kib as f64)) / 1024.0),
        }
    }
}

/// The ratio of the servers' requests a second, that of their CPU time per request, and whether the goal is met.
fn compared(view: &View<'_>, setting: Setting, scenario: Scenario) -> [String; 3] {
    let (Some(first), Some(second)) = (view.servers.first(), view.servers.get(1)) else {
        return Default::default();
    };
    let costs = |server: &str| {
        view.values(setting, scenario, server, |sample| {
            sample.server_cpu_micros + sample.database_cpu_micros.unwrap_or(0.0)
        })
    };
    let text = |ratio: Option<Ratio>| ratio.map_or_else(String::new, |ratio| ratio.to_string());
    let cost = Ratio::of(&costs(first), &costs(second));
    let ratio = view.ratio(setting, scenario);
    [
        text(ratio),
        cost.map_or_else(String::new, |cost| format!("{:.2}", cost.median)),
        judged(view, setting, scenario, ratio),
    ]
}

fn judged(view: &View<'_>, setting: Setting, scenario: Scenario, ratio: Option<Ratio>) -> String {
    match (scenario.goal(setting.0), ratio) {
        (Some(goal), Some(ratio)) if view.has_goals() => {
            format!(">= {goal:.2}: {}", verdict(ratio.median >= goal))
        }
        _ => String::new(),
    }
}

/// What the cryptography bounds.
fn bounded(out: &mut String, view: &View<'_>, setting: Setting) -> fmt::Result {
    let Some(server) = view.servers.first() else {
        return Ok(());
    };
    let scenarios = [Scenario::Refresh, Scenario::Login].map(|scenario| (scenario, view.ceilings(setting, scenario)));
    if scenarios.iter().all(|(_, ceilings)| ceilings.is_empty()) {
        return Ok(());
    }
    writeln!(
        out,
        "Bounded by cryptography: {server} against what all cores do of it in a process that does nothing else, measured in the same turn.\n"
    )?;
    writeln!(
        out,
        "| request | requests/s | p50 ms | p99 ms | errors | CPU µs/request: server | database | RSS MiB | the cores alone, a second \
         | ratio | goal |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|")?;
    for (scenario, ceilings) in scenarios {
        let Some(what) = ceilings.first().map(|ceiling| &ceiling.what) else {
            continue;
        };
        let Cells { load, cost, memory } = Cells::of(view, setting, scenario, server);
        let bounds: Vec<f64> = ceilings.iter().map(|ceiling| ceiling.per_second).collect();
        let ratio = view.ratio(setting, scenario);
        writeln!(
            out,
            "| {} | {load} | {cost} | {memory} | {} {what} | {} | {} |",
            scenario.request(),
            thousands(median(&bounds)),
            ratio.map_or_else(String::new, |ratio| ratio.to_string()),
            judged(view, setting, scenario, ratio)
        )?;
    }
    writeln!(out)
}

/// What others feel of a storm of logins.
fn storm(out: &mut String, view: &View<'_>, setting: Setting) -> fmt::Result {
    let storms = view.storms(setting);
    let Some(first) = storms.first() else {
        return Ok(());
    };
    let of = |value: fn(&crate::results::Storm) -> f64| storms.iter().map(|storm| value(storm)).collect::<Vec<_>>();
    writeln!(
        out,
        "A storm of logins: {} `GET /users/{{id}}` a second by themselves, and while {} connections log in without a pause. Times: p99 beside the \
         storm / by themselves.\n",
        thousands(first.reads_per_second),
        first.login_connections
    )?;
    writeln!(
        out,
        "| server | quiet p50 ms | p99 ms | storm p50 ms | p99 ms | logins/s | errors | times | goal |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|---|"
    )?;
    let times = Ratio::of(&of(|storm| storm.storm_p99_micros), &of(|storm| storm.quiet_p99_micros));
    let verdict = match times {
        Some(times) if first.server == "lastro" => format!("<= {STORM:.2}: {}", verdict(times.median <= STORM)),
        _ => String::new(),
    };
    writeln!(
        out,
        "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} | {} | {} | {verdict} |\n",
        first.server,
        median(&of(|storm| storm.quiet_p50_micros)) / 1e3,
        median(&of(|storm| storm.quiet_p99_micros)) / 1e3,
        median(&of(|storm| storm.storm_p50_micros)) / 1e3,
        median(&of(|storm| storm.storm_p99_micros)) / 1e3,
        median(&of(|storm| storm.logins_per_second)),
        thousands(storms.iter().map(|storm| storm.errors).sum::<u64>() as f64),
        times.map_or_else(String::new, |times| times.to_string()),
    )
}

/// Start to ready, idle memory, and how the database came about.
fn starts(out: &mut String, view: &View<'_>, setting: Setting) -> fmt::Result {
    if let Some((seconds, users)) = view.filling(setting) {
        writeln!(
            out,
            "- The database: {} users in all, filled in {seconds:.0} s",
            thousands(users as f64)
        )?;
    }
    for server in &view.servers {
        let starts = view.starts(setting, server);
        if starts.is_empty() {
            continue;
        }
        let ready: Vec<f64> = starts.iter().map(|start| start.ready_millis).collect();
        let idle: Vec<f64> = starts
            .iter()
            .map(|start| start.idle_resident_kib as f64 / 1024.0)
            .collect();
        let (ready, idle) = (median(&ready), median(&idle));
        // The goal counts in megabytes.
        let idle_megabytes = idle * 1.048_576;
        let [ready_verdict, idle_verdict] = if *server == "lastro" {
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
