//! `lastro restore`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use db::migrate::{self, MigrateError, Migrations};
use db::{Db, DbConfig, Engine};
use kernel::{Generators, OsRandom};

use super::super::args::RestoreArgs;
use super::super::failure::Failure;
use super::super::session::{Session, Talk};
use super::super::{output, progress};
use crate::app;
use crate::config::{Config, DatabaseKind, DatabaseUrl};
use crate::postgres_tools::Tools;
use crate::{master_key, storage};

pub(super) fn run(file: Option<PathBuf>, args: &RestoreArgs) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    let config = session.config();
    let url = &config.database.migration_url;
    let outcome = session.runtime.block_on(async {
        match url.kind() {
            DatabaseKind::Sqlite => sqlite(config, url, args).await,
            DatabaseKind::Postgres => postgres(config, &Tools::in_path(&session.search_path), url, args).await,
        }
    });
    let behind = outcome.with_context(|| format!("the database {url} was not restored"))?;
    let next = match behind {
        0 => "It is at this version.",
        _ => "It is from an older version: `lastro migrate` brings it up to date, or the next `lastro serve` does.",
    };
    output::answer(&format!("{url} holds what {} held. {next}\n", args.file.display()))?;
    if behind == 0
        && let Some(why) = session.runtime.block_on(unfit_key(config))?
    {
        output::answer(&format!("But {why}. `serve` will refuse to start.\n"))?;
    }
    Ok(())
}

/// Why the master key does not fit what was restored.
async fn unfit_key(config: &Config) -> anyhow::Result<Option<String>> {
    let key = master_key::at_hand(config)?;
    let db = Db::open(storage::db_config(&config.database), Generators::system())?;
    Ok(master_key::why_unfit(config, key, &db, &OsRandom).await?)
}

/// How many migrations the restored database lacks.
async fn sqlite(config: &Config, url: &DatabaseUrl, args: &RestoreArgs) -> anyhow::Result<usize> {
    if !args.file.is_file() {
        bail!("{} is not a file", args.file.display());
    }
    let Some(target) = url.file() else {
        bail!("{url} names no file")
    };
    if target.exists() && !args.force {
        bail!("it exists; --force replaces it");
    }
    let behind = acceptable(&DbConfig::new(format!("sqlite://{}", args.file.display())), &args.file).await?;
    storage::prepare_folders(config)?;
    let bar = progress::bar(0, "restoring pages");
    db::sqlite_restore(&args.file, url.expose(), &mut |copied, total| {
        bar.set_length(total);
        bar.set_position(copied);
    })?;
    bar.finish_and_clear();
    Ok(behind)
}

/// Refuses a file that is no backup of ours, and one of a newer version; tells how many migrations it lacks.
async fn acceptable(backup: &DbConfig, file: &Path) -> anyhow::Result<usize> {
    let migrations = app::migrations();
    let pending = migrate::pending(backup, &migrations)
        .await
        .with_context(|| format!("{} cannot be read as a database", file.display()))?;
    if pending.steps.len() == steps(&migrations) {
        bail!("{} is not a backup made by Lastro", file.display());
    }
    refuse_newer(pending)
}

fn refuse_newer(pending: migrate::Pending) -> anyhow::Result<usize> {
    match (pending.unknown.is_empty(), pending.altered.is_empty()) {
        (false, _) => Err(MigrateError::Newer(pending.unknown).into()),
        (_, false) => Err(MigrateError::Altered(pending.altered).into()),
        (true, true) => Ok(pending.steps.len()),
    }
}

fn steps(migrations: &[Migrations]) -> usize {
    migrations.iter().map(|context| context.steps.len()).sum()
}

async fn postgres(config: &Config, tools: &Tools, url: &DatabaseUrl, args: &RestoreArgs) -> anyhow::Result<usize> {
    if !args.file.is_file() {
        bail!("{} is not a file", args.file.display());
    }
    // Whoever's tables they are: somebody else's may have the names of ours.
    if !args.force && !db::schema::describe(url.expose()).await?.is_empty() {
        bail!("it is not empty; --force replaces what it holds");
    }
    // Looked at before anything is replaced, as the file of SQLite is.
    let applied = tools.applied(&args.file).await?;
    if applied.is_empty() {
        bail!("{} is not a backup made by Lastro", args.file.display());
    }
    let behind = refuse_newer(migrate::pending_after(Engine::Postgres, &app::migrations(), applied)?)?;
    // The roles belong to the cluster and are not in the dump, which grants rights to them.
    migrate::ensure_roles(&storage::db_config(&config.database)).await?;
    let spinner = progress::spinner("restoring");
    spinner.enable_steady_tick(Duration::from_millis(200));
    tools.restore(&args.file, url, &mut || spinner.tick()).await?;
    spinner.finish_and_clear();
    Ok(behind)
}
