//! The storage layer (`db`) against the bare drivers of the limit server, on both engines: what a read by key, a list of 50 rows and a write cost
//! more through it. In one process, over the same tables, in pairs of blocks that are measured next to each other ([`paired`]).

mod cases;
mod database;
mod paired;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use criterion::Criterion;
use db::Engine;
use lastro_bench::micro::{OUTPUT, WORK};
use lastro_bench::postgres::Postgres;
use lastro_bench::process::{progress, stop_on_signals};
use lastro_bench::workspace::Workspace;
use tokio::runtime::Runtime;

use crate::cases::{Create, Get, Page, Rows, Trail, Way, Write};
use crate::database::Database;
use crate::paired::{Case, Paired};

/// Requests at the same time: on PostgreSQL as many as share its connections in a busy server, on SQLite one a core.
const TOGETHER: [(Engine, usize); 2] = [(Engine::Postgres, 64), (Engine::Sqlite, 2)];

fn main() -> anyhow::Result<()> {
    stop_on_signals()?;
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let work = std::env::var_os(WORK).map_or_else(std::env::temp_dir, PathBuf::from);
    let workspace = Workspace::create(&work)?;
    let mut paired = Paired::new(&mut criterion, &runtime);
    for (engine, together) in TOGETHER {
        let server = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => match Postgres::start(&workspace) {
                Ok(server) => Some(server),
                Err(error) => {
                    progress(format_args!("without PostgreSQL: {error:#}"));
                    continue;
                }
            },
        };
        measure(&runtime, &workspace, engine, server.as_ref(), together, &mut paired)?;
        if let Some(server) = server {
            server.stop()?;
        }
    }
    let pairs = paired.finish()?;
    criterion.final_summary();
    if let Some(path) = std::env::var_os(OUTPUT) {
        let mut file = std::fs::File::create(path)?;
        for pair in pairs {
            writeln!(file, "{}", serde_json::to_string(&pair)?)?;
        }
    }
    Ok(())
}

fn measure(
    runtime: &Runtime,
    workspace: &Workspace,
    engine: Engine,
    server: Option<&Postgres>,
    together: usize,
    paired: &mut Paired<'_>,
) -> anyhow::Result<()> {
    let database = Arc::new(runtime.block_on(Database::create(workspace, server))?);
    let engine = engine.as_str();
    let case = |name, at_once, goal| Case {
        engine,
        name,
        at_once,
        goal,
    };
    let both = [Way::Bare, Way::Layer];
    for at_once in [1, together] {
        let [bare, layer] = both.map(|way| Arc::new(Get(Arc::clone(&database), way)));
        paired.measure(case("read by key", at_once, Some(5.0)), &bare, &layer)?;
        let [bare, layer] = both.map(|way| Arc::new(Rows(Arc::clone(&database), way)));
        paired.measure(case("list of 50", at_once, Some(10.0)), &bare, &layer)?;
        let [bare, layer] = both.map(|way| Arc::new(Page(Arc::clone(&database), way)));
        paired.measure(case("page of 50, composed", at_once, Some(10.0)), &bare, &layer)?;
    }
    for at_once in [1, 64] {
        let [bare, layer] = both.map(|way| Arc::new(Create(Arc::clone(&database), way)));
        paired.measure(case("write of four rows", at_once, None), &bare, &layer)?;
    }
    // Through the layer both times: what the entries in the audit trail add to a write.
    for at_once in [1, 64] {
        let [without, with] = [Trail::Left, Trail::Kept].map(|trail| Arc::new(Write(Arc::clone(&database), trail)));
        paired.measure(case("write with its audit entry", at_once, Some(15.0)), &without, &with)?;
    }
    Ok(())
}
