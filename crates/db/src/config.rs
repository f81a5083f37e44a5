//! Where the database is, and how much of it one process may take.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::DbError;
use crate::sql::Engine;

/// Addresses and bounds of one database. The addresses may hold passwords: `Debug` shows none of them.
#[derive(Clone)]
pub struct DbConfig {
    /// `sqlite://path/to/file.db` or `postgresql://user@host/name`.
    pub url: String,
    /// The owner's address, for migrations; the same as `url` when the serving role may create tables.
    pub migration_url: Option<String>,
    /// A replica for reads that say they may lag.
    pub replica_url: Option<String>,
    /// A direct address for notifications, when `url` is a pooler.
    pub direct_url: Option<String>,
    /// Connections for units of work and for reads outside the point lane, each; PostgreSQL only.
    pub pool_size: usize,
    /// Shared connections over which point reads are pipelined; PostgreSQL only.
    pub shared_connections: usize,
    /// How long a caller waits for a connection or for a place in the writer's queue.
    pub wait: Duration,
    /// How many units may wait for the writer; SQLite only.
    pub queue: usize,
    /// How often the change feed is read.
    pub poll: Duration,
}

impl DbConfig {
    /// The defaults for the database at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            migration_url: None,
            replica_url: None,
            direct_url: None,
            pool_size: 16,
            shared_connections: 4,
            wait: Duration::from_secs(5),
            queue: 1_024,
            poll: Duration::from_millis(250),
        }
    }

    /// The engine that the address names.
    ///
    /// # Errors
    /// [`DbError::Internal`] when it names neither.
    pub fn engine(&self) -> Result<Engine, DbError> {
        engine_of(&self.url)
    }

    /// The address for work that needs the owner's rights.
    #[must_use]
    pub fn owner_url(&self) -> &str {
        self.migration_url.as_deref().unwrap_or(&self.url)
    }
}

impl std::fmt::Debug for DbConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DbConfig")
            .field("engine", &self.engine().map_or("unknown", Engine::as_str))
            .field("pool_size", &self.pool_size)
            .field("shared_connections", &self.shared_connections)
            .finish_non_exhaustive()
    }
}

/// The engine an address names.
///
/// # Errors
/// [`DbError::Internal`] when it names neither; the address is not repeated, since it may hold a password.
pub fn engine_of(url: &str) -> Result<Engine, DbError> {
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("sqlite") => Ok(Engine::Sqlite),
        Some("postgres" | "postgresql") => Ok(Engine::Postgres),
        _ => Err(DbError::Internal(
            "a database address begins with sqlite:// or postgresql://".into(),
        )),
    }
}

/// The file that a SQLite address names.
///
/// # Errors
/// [`DbError::Internal`] when the address is not SQLite's or names no file.
pub fn sqlite_path(url: &str) -> Result<PathBuf, DbError> {
    match url.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() => Ok(Path::new(path).to_path_buf()),
        _ => Err(DbError::Internal(
            "a SQLite address is sqlite:// followed by the path of a file".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_engine() {
        assert!(matches!(engine_of("sqlite://data/lastro.db"), Ok(Engine::Sqlite)));
        assert!(matches!(
            engine_of("postgresql://localhost/lastro"),
            Ok(Engine::Postgres)
        ));
        assert!(matches!(engine_of("postgres://localhost/lastro"), Ok(Engine::Postgres)));
        assert!(engine_of("mysql://localhost").is_err());
        assert!(sqlite_path("sqlite://").is_err());
    }

    #[test]
    fn a_password_in_an_address_is_never_shown() {
        let config = DbConfig::new("postgresql://lastro:hunter2@localhost/lastro");
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!format!("{:?}", engine_of("mysql://hunter2@x").unwrap_err()).contains("hunter2"));
    }
}
