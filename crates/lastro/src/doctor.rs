//! What could keep the server from working, looked at without changing anything.

use std::fmt;
use std::time::Duration;

use db::migrate::Pending;
use db::{Db, DbError};
use kernel::{Generators, OsRandom};

use crate::app;
use crate::causes::with_causes;
use crate::config::{Config, DatabaseKind};
use crate::listen::listen;
use crate::master_key;
use crate::postgres_tools::Tools;
use crate::storage;

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a look went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// The server will work, but something may not be meant.
    Doubtful,
    /// The server will not start, or not work.
    Failed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fine => "ok",
            Self::Doubtful => "warning",
            Self::Failed => "FAILED",
        })
    }
}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it went.
    pub verdict: Verdict,
    /// What was looked at.
    pub subject: &'static str,
    /// What was seen, and what to do about it.
    pub words: String,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn fine(subject: &'static str, words: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fine,
            subject,
            words: words.into(),
        }
    }

    /// Worth a second look.
    #[must_use]
    pub fn doubtful(subject: &'static str, words: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Doubtful,
            subject,
            words: words.into(),
        }
    }

    /// In the way.
    #[must_use]
    pub fn failed(subject: &'static str, words: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failed,
            subject,
            words: words.into(),
        }
    }
}

/// Looks at everything but the configuration itself.
pub async fn examine(config: &Config, tools: &Tools) -> Vec<Finding> {
    let mut findings = vec![data_folder(config), master_key(config)];
    findings.extend(database(config).await);
    findings.push(address("address", config.server.bind, "LASTRO_BIND").await);
    if let Some(bind) = config.server.admin_bind {
        findings.push(address("admin address", bind, "LASTRO_ADMIN_BIND").await);
    }
    if config.database.url.kind() == DatabaseKind::Postgres {
        findings.push(backups(tools).await);
    }
    findings
}

fn data_folder(config: &Config) -> Finding {
    const SUBJECT: &str = "data folder";
    let folder = &config.data_folder;
    if !folder.exists() {
        return Finding::fine(SUBJECT, format!("{} will be made", folder.display()));
    }
    match storage::prepare_folders(config) {
        Ok(()) => Finding::fine(SUBJECT, format!("{} can be written to", folder.display())),
        Err(error) => Finding::failed(SUBJECT, with_causes(&error)),
    }
}

fn master_key(config: &Config) -> Finding {
    const SUBJECT: &str = "master key";
    if config.master_key.is_some() {
        return Finding::fine(SUBJECT, "configured");
    }
    let path = config.data_folder.join(master_key::FILE);
    match master_key::read(&path) {
        Ok(Some(_)) => Finding::fine(SUBJECT, format!("in {}; no backup holds it", path.display())),
        Ok(None) => Finding::fine(
            SUBJECT,
            format!("will be made at the first start, in {}", path.display()),
        ),
        Err(error) => Finding::failed(SUBJECT, with_causes(&error)),
    }
}

async fn database(config: &Config) -> Vec<Finding> {
    const SUBJECT: &str = "database";
    let url = &config.database.url;
    // Looking must not make the file.
    if let Some(file) = url.file()
        && !file.exists()
    {
        return vec![Finding::fine(
            SUBJECT,
            format!("{} will be made at the first start", file.display()),
        )];
    }
    let settings = storage::db_config(&config.database);
    let db = match Db::open(settings, Generators::system()) {
        Ok(db) => db,
        Err(error) => return vec![Finding::failed(SUBJECT, format!("{url}: {}", with_causes(&error)))],
    };
    if let Err(error) = db.ping(PATIENCE).await {
        return vec![Finding::failed(SUBJECT, format!("{url}: {}", with_causes(&error)))];
    }
    let pending = db.pending(&app::migrations()).await;
    // Of a database that is not at this version nothing can be said about what is sealed in it.
    let is_readable = pending.as_ref().is_ok_and(Pending::is_empty);
    let mut findings = vec![Finding::fine(SUBJECT, format!("{url} answers")), migrations(pending)];
    if is_readable {
        findings.extend(secrets(config, &db).await);
    }
    findings
}

/// Whether the master key opens what is sealed.
async fn secrets(config: &Config, db: &Db) -> Option<Finding> {
    const SUBJECT: &str = "secrets";
    // A key that cannot be read is told of by itself.
    let key = master_key::at_hand(config).ok()?;
    Some(match master_key::why_unfit(config, key, db, &OsRandom).await {
        Ok(None) => Finding::fine(SUBJECT, "the master key opens them"),
        Ok(Some(why)) => Finding::failed(SUBJECT, why),
        Err(error) => Finding::failed(SUBJECT, with_causes(&error)),
    })
}

fn migrations(pending: Result<Pending, DbError>) -> Finding {
    const SUBJECT: &str = "migrations";
    let pending = match pending {
        Ok(pending) => pending,
        Err(error) => return Finding::failed(SUBJECT, with_causes(&error)),
    };
    let loss = pending
        .steps
        .iter()
        .find_map(|step| step.destructive.map(|why| (step, why)));
    if !pending.unknown.is_empty() {
        Finding::failed(
            SUBJECT,
            format!(
                "the database is newer than this binary: it has {}",
                pending.unknown.join(", ")
            ),
        )
    } else if !pending.altered.is_empty() {
        Finding::failed(
            SUBJECT,
            format!("applied steps were altered: {}", pending.altered.join(", ")),
        )
    } else if let Some((step, why)) = loss {
        let words = format!(
            "{}/{} is pending and destructive ({why}); `lastro migrate` runs it",
            step.context, step.file
        );
        Finding::failed(SUBJECT, words)
    } else if pending.steps.is_empty() {
        Finding::fine(SUBJECT, "up to date")
    } else {
        Finding::fine(
            SUBJECT,
            format!("{} pending; the next start applies them", pending.steps.len()),
        )
    }
}

async fn address(subject: &'static str, bind: std::net::SocketAddr, key: &'static str) -> Finding {
    match listen(bind, key).await {
        Ok(_) => Finding::fine(subject, format!("{bind} is free")),
        // Most likely this server, already running.
        Err(error) => Finding::doubtful(subject, with_causes(&error)),
    }
}

async fn backups(tools: &Tools) -> Finding {
    const SUBJECT: &str = "backup tools";
    match (tools.version("pg_dump").await, tools.version("pg_restore").await) {
        (Ok(dump), Ok(restore)) => Finding::fine(SUBJECT, format!("{dump}, {restore}")),
        (Err(error), _) | (_, Err(error)) => Finding::doubtful(SUBJECT, with_causes(&error)),
    }
}
