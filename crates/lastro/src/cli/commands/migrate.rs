//! `lastro migrate`.

use std::fmt::Write as _;
use std::path::PathBuf;

use db::migrate::{self, Destructive, Pending};

use super::super::args::MigrateArgs;
use super::super::failure::Failure;
use super::super::session::{Session, Talk};
use super::super::{output, progress};
use crate::app;
use crate::storage;

pub(super) fn run(file: Option<PathBuf>, args: &MigrateArgs) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    let config = session.config();
    let settings = storage::db_config(&config.database);
    let url = &config.database.migration_url;
    let pending = session
        .runtime
        .block_on(migrate::pending(&settings, &app::migrations()))
        .map_err(|error| anyhow::Error::new(error).context(format!("the database {url}")))?;
    if args.dry_run {
        return dry_run(&pending);
    }
    storage::prepare_folders(config)?;
    let bar = progress::bar(u64::try_from(pending.steps.len()).unwrap_or_default(), "migrating");
    let applied = session
        .runtime
        .block_on(migrate::run(
            &settings,
            &app::migrations(),
            Destructive::Accept,
            &mut |step| {
                bar.println(format!("applying {}/{}", step.context, step.file));
                bar.inc(1);
            },
        ))
        .map_err(|error| anyhow::Error::new(error).context(format!("the database {url}")))?;
    bar.finish_and_clear();
    output::answer(&match applied {
        0 => "The database is up to date.\n".to_owned(),
        1 => "1 migration applied; the database is up to date.\n".to_owned(),
        count => format!("{count} migrations applied; the database is up to date.\n"),
    })?;
    Ok(())
}

/// Prints what would run: SQL, with each step's name and warning as a comment, so that it can be read and reviewed as it is.
fn dry_run(pending: &Pending) -> Result<(), Failure> {
    if !pending.unknown.is_empty() {
        return Err(migrate::MigrateError::Newer(pending.unknown.clone()).into());
    }
    if !pending.altered.is_empty() {
        return Err(migrate::MigrateError::Altered(pending.altered.clone()).into());
    }
    let mut text = String::new();
    for step in &pending.steps {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "-- {}/{}", step.context, step.file);
        if let Some(why) = step.destructive {
            let _ = writeln!(text, "-- DESTRUCTIVE: {why}");
        }
        let _ = writeln!(text, "{}\n", step.text.trim_end());
    }
    let _ = match pending.steps.len() {
        0 => writeln!(text, "-- nothing to do: the database is up to date"),
        1 => writeln!(text, "-- 1 migration would be applied"),
        count => writeln!(text, "-- {count} migrations would be applied"),
    };
    output::answer(&text)?;
    Ok(())
}
