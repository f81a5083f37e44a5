//! `lastro move`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use db::DbConfig;
use db::migrate::{self, Destructive};
use db::transfer::{self, Moved};

use super::super::args::MoveArgs;
use super::super::failure::Failure;
use super::super::session::{Session, Talk};
use super::super::{output, progress};
use crate::{app, storage};

pub(super) fn run(file: Option<PathBuf>, args: &MoveArgs) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    let source = &session.config().database;
    let from = storage::db_config(source);
    let to = DbConfig::new(args.to.as_str());
    session.runtime.block_on(async {
        let migrations = app::migrations();
        // Before the target is touched: what is not whole is not moved.
        let pending = migrate::pending(&from, &migrations)
            .await
            .context("the database to move from")?;
        if !pending.is_empty() {
            anyhow::bail!("the database to move from is not at this version; run `lastro migrate` first");
        }
        migrate::run(&to, &migrations, Destructive::Refuse, &mut |_| {})
            .await
            .context("the database to move to")?;
        let moved = if args.dry_run {
            transfer::plan(&from, &to, &migrations).await?
        } else {
            let bar = progress::spinner("moving");
            let moved = transfer::run(&from, &to, &migrations, &mut |done: &Moved| {
                bar.set_message(format!("{}: {} rows", done.table, done.rows));
            })
            .await?;
            bar.finish_and_clear();
            moved
        };
        let mut text = String::new();
        for Moved { table, rows } in &moved {
            writeln!(text, "{table:<32} {rows:>12}")?;
        }
        let all: u64 = moved.iter().map(|table| table.rows).sum();
        let verb = if args.dry_run { "would be moved" } else { "were moved" };
        writeln!(text, "{all} rows of {} tables {verb} from {}.", moved.len(), source.url)?;
        output::answer(&text)?;
        Ok(())
    })?;
    Ok(())
}
