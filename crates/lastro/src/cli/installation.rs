//! The installation as a command works on it: its contexts over its database, without routes being served or workers running.

use std::sync::Arc;

use anyhow::Context as _;
use contracts::organization::{OrganizationSummary, Organizations};
use db::Db;
use http::App;
use kernel::{Clock, Generators, OrganizationId, OsRandom};

use super::session::Session;
use crate::app::{self, Wiring};
use crate::{master_key, seeds, storage};

/// Opens the database that `serve` uses, lays the seeds, and starts the contexts: their ports are there when this returns.
///
/// A database that is not at this program's version is refused: a command that changes data does not change tables by the way.
///
/// # Errors
///
/// In words for the operator.
pub(super) async fn open(session: &Session) -> anyhow::Result<App> {
    let config = session.config();
    storage::prepare_folders(config)?;
    let generators = Generators::new(Arc::clone(&session.clock) as Arc<dyn Clock>, Arc::new(OsRandom));
    let key = master_key::obtain(config, generators.random.as_ref())?;
    let settings = storage::db_config(&config.database);
    let named = || format!("the database {}", config.database.url);
    let pending = db::migrate::pending(&settings, &app::migrations())
        .await
        .with_context(named)?;
    if !pending.is_empty() {
        anyhow::bail!("the database is not at this version; run `lastro migrate` first");
    }
    let db = Db::open(settings, generators.clone()).with_context(named)?;
    let corrected = Arc::clone(&session.clock);
    db.feed()
        .subscribe_to_offset(move |offset| corrected.set_offset(offset));
    db.poll().await.with_context(named)?;
    let platform = seeds::lay(&db, &generators).await.with_context(named)?;
    let wiring = Wiring {
        http: app::http_config(config, None),
        rate: None,
        db,
        generators,
        platform,
        ports: app::provide(config, &key),
    };
    wiring
        .app()
        .await
        .map_err(|error| anyhow::anyhow!("a part of the program did not start: {error}"))
}

/// The organization with the slug.
///
/// # Errors
///
/// In words for the operator, when there is none or the database cannot be read.
pub(super) async fn organization(app: &App, slug: &str) -> anyhow::Result<OrganizationSummary> {
    let organizations = app.ports().get::<dyn Organizations>()?;
    let found = organizations.find_by_slug(slug).await?;
    found.with_context(|| format!("there is no organization {slug}"))
}

/// The organizations that a command goes through, with their slugs: the one named, or all.
///
/// # Errors
///
/// As [`organization`].
pub(super) async fn organizations(app: &App, only: Option<&str>) -> anyhow::Result<Vec<(OrganizationId, String)>> {
    if let Some(slug) = only {
        return Ok(vec![(organization(app, slug).await?.id, slug.to_owned())]);
    }
    let all = organization::list(app.db()).await?;
    Ok(all
        .into_iter()
        .map(|organization| (organization.id, organization.slug))
        .collect())
}
