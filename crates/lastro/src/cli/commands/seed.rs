//! `lastro seed`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use db::{Db, DbError};
use kernel::{Clock, Generators, OsRandom};

use super::super::args::SeedArgs;
use super::super::failure::Failure;
use super::super::output;
use super::super::session::{Session, Talk};
use crate::config::Database;
use crate::{app, seeds, storage};

pub(super) fn run(file: Option<PathBuf>, args: &SeedArgs) -> Result<(), Failure> {
    let catalogue = match &args.catalog {
        Some(path) => Some(std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?),
        None => None,
    };
    let session = Session::begin(file, Talk::Trouble)?;
    let database = &session.config().database;
    let generators = Generators::new(Arc::clone(&session.clock) as Arc<dyn Clock>, Arc::new(OsRandom));
    // Seeds are laid by the owner, as tables are.
    let owner = Database {
        url: database.migration_url.clone(),
        ..database.clone()
    };
    let settings = storage::db_config(&owner);
    session.runtime.block_on(async {
        let context = |error: DbError| anyhow::Error::new(error).context(format!("the database {}", owner.url));
        let pending = db::migrate::pending(&settings, &app::migrations())
            .await
            .map_err(context)?;
        if !pending.is_empty() {
            anyhow::bail!("the database is not at this version; run `lastro migrate` first");
        }
        let db = Db::open(settings, generators.clone()).map_err(context)?;
        db.poll().await.map_err(context)?;
        let platform = seeds::lay(&db, &generators).await.map_err(context)?;
        // No context is started here, which would do it.
        access::seed_system_roles(&db, platform).await.map_err(context)?;
        if let Some(catalogue) = &catalogue {
            let seeded = seeds::lay_catalogue(&db, platform, Some(catalogue))
                .await
                .map_err(|error| match error {
                    DbError::Internal(invalid) => anyhow::anyhow!(invalid),
                    error => context(error),
                })?;
            let mut text = format!(
                "The catalogue file is in use: {} entries were written.\n",
                seeded.written
            );
            for removed in &seeded.removed {
                writeln!(text, "It does not have {removed} any more, which stays as it is.")?;
            }
            output::answer(&text)?;
        }
        output::answer(&format!(
            "The seeds are laid. The platform organization is {platform}.\n"
        ))?;
        Ok(())
    })?;
    Ok(())
}
