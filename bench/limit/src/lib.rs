//! The bare drivers in the fastest way known, for the same rows that Lastro's routes of organizations, users and roles read and write.
//!
//! [`postgres`]: reads of many requests pipelined over a few shared connections with prepared statements, the rows of a write pipelined in one
//! transaction. [`sqlite`]: read in place, written by one group-committing thread with `synchronous=FULL`. The *limit* server (`lastro-limit`)
//! puts axum before them; the micro-benchmarks compare the storage layer with them directly.

pub mod organization;
pub mod postgres;
pub mod role;
pub mod sqlite;
mod time;
pub mod user;

pub use time::Micros;

/// The rows of the one page that users are listed by.
pub const PAGE: u32 = 50;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The slug or code is taken.
    #[error("the slug or code is taken")]
    Duplicate,
    /// PostgreSQL or the way to it.
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    /// SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A value that has no JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A file or a thread.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// Every connection, or the writer thread, is gone.
    #[error("the database is gone")]
    Gone,
}

/// The version of SQLite inside.
#[must_use]
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
