//! One migrated and filled database, reached in both ways.

use std::path::PathBuf;

use anyhow::{Context, bail};
use db::migrate::Destructive;
use db::{Db, DbConfig};
use kernel::{Generators, OrganizationId};
use lastro_bench::postgres::Postgres;
use lastro_bench::workspace::Workspace;
use lastro_bench_limit::organization::NewOrganization;
use lastro_bench_limit::{postgres, sqlite};
use uuid::Uuid;

use crate::cases;

/// How many organizations there are.
const ORGANIZATIONS: usize = 1_000;

/// The bare driver.
pub(crate) enum Bare {
    Postgres(postgres::Postgres),
    Sqlite(sqlite::Sqlite),
}

/// Both ways to the same rows.
pub(crate) struct Database {
    pub(crate) bare: Bare,
    pub(crate) layer: Db,
    pub(crate) generators: Generators,
    pub(crate) platform: OrganizationId,
    ids: Vec<Uuid>,
}

impl Database {
    /// Creates, migrates and fills a database: on `server`, or else in a file.
    pub(crate) async fn create(workspace: &Workspace, server: Option<&Postgres>) -> anyhow::Result<Self> {
        const NAME: &str = "storage";
        let file: PathBuf = workspace.join("storage.db");
        let url = match server {
            Some(server) => {
                server.create(NAME)?;
                server.url(NAME)
            }
            None => format!("sqlite://{}", file.display()),
        };
        let config = DbConfig::new(url.as_str());
        // All tables: the limit server prepares its statements on them.
        let migrations = lastro::app::migrations();
        db::migrate::run(&config, &migrations, Destructive::Refuse, &mut |_| ()).await?;
        let generators = Generators::system();
        let layer = Db::open(config.clone(), generators.clone())?;
        let platform = generators.id();
        cases::create_platform(&layer, platform).await?;
        let bare = match server {
            Some(_) => {
                Bare::Postgres(postgres::Postgres::connect(&url, config.shared_connections, config.pool_size).await?)
            }
            None => Bare::Sqlite(sqlite::Sqlite::open(file)?),
        };
        let mut database = Self {
            bare,
            layer,
            generators,
            platform,
            ids: Vec::with_capacity(ORGANIZATIONS),
        };
        for number in 0..ORGANIZATIONS {
            let new = NewOrganization::new(
                format!("Organization {number:05} Ltda"),
                format!("organization-{number:05}"),
            )?;
            database.ids.push(new.id);
            database.bare.create(new).await?;
        }
        if let Some(server) = server {
            server.sql(NAME, "VACUUM ANALYZE")?;
        }
        Ok(database)
    }

    /// The id of an organization; numbers that follow each other give ids that do not.
    pub(crate) fn id(&self, number: u64) -> anyhow::Result<Uuid> {
        let scattered = number.wrapping_mul(7_919) % self.ids.len() as u64;
        self.ids
            .get(usize::try_from(scattered)?)
            .copied()
            .context("there is no organization")
    }
}

impl Bare {
    /// Writes the rows of a creation.
    pub(crate) async fn create(&self, new: NewOrganization) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => postgres.create(&new).await?,
            Self::Sqlite(sqlite) => drop(sqlite.create(new).await?),
        }
        Ok(())
    }
}

/// Ends a measurement whose read found nothing: it would be a measurement of something else.
pub(crate) fn found<T>(row: Option<T>) -> anyhow::Result<T> {
    match row {
        Some(row) => Ok(row),
        None => bail!("a row is missing"),
    }
}
