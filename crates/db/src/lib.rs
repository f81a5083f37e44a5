//! Storage: one way to rows, on SQLite and on PostgreSQL.
//!
//! A repository is plain SQL and one function that reads a row. It does not know which engine answers:
//!
//! ```
//! # use lastro_db as db;
//! use db::{DbError, Row, Scope, Sql, values};
//! use kernel::Timestamp;
//! use uuid::Uuid;
//!
//! struct Note { id: Uuid, text: String, created_at: Timestamp }
//!
//! const LOOKUP: Sql = Sql::tenant(
//!     "SELECT id, text, created_at FROM notes WHERE organization_id = $1 AND id = $2",
//! ).point();
//!
//! fn note(row: &Row<'_>) -> Result<Note, DbError> {
//!     Ok(Note { id: row.get(0)?, text: row.get(1)?, created_at: row.get(2)? })
//! }
//!
//! /// The scope binds the organization as `$1`; the other values follow.
//! async fn lookup(scope: Scope<'_>, id: Uuid) -> Result<Option<Note>, DbError> {
//!     scope.optional(&LOOKUP, &values![id], note).await
//! }
//! # let _ = lookup;
//! ```
//!
//! Reads come from [`Db::scope`], [`Db::global`] or [`Db::system`]; writes from the [`UnitOfWork`] that [`Db::write`] hands to a
//! closure. What the closure changes, and the events it records with [`UnitOfWork::record`], commit together with their audit
//! entries, outbox rows and idempotency record, or not at all:
//!
//! ```no_run
//! # use lastro_db as db;
//! # use db::{Db, DbError, Sql, UnitContext, values};
//! # use kernel::{DomainEvent, OrganizationId};
//! # async fn example(db: Db, context: UnitContext, home: OrganizationId, renamed: DomainEvent) -> Result<(), DbError> {
//! const RENAME: Sql = Sql::tenant("UPDATE notes SET text = $3 WHERE organization_id = $1 AND id = $2");
//! let id = uuid::Uuid::nil();
//! db.write(context, move |uow| {
//!     let renamed = renamed.clone();
//!     async move {
//!         uow.scope(home).execute(&RENAME, &values![id, "new text"]).await?;
//!         uow.record(home, renamed, r#"{"text":"new text"}"#.to_owned());
//!         Ok::<_, DbError>(())
//!     }
//! })
//! .await
//! # }
//! ```
//!
//! What happens underneath differs by engine and is told in the modules: pipelined shared connections and transactions on
//! PostgreSQL, readers in place and one group-committing writer thread on SQLite. This is the only crate that names a driver.

mod backup;
mod boundary;
mod clean_up;
pub mod columns;
mod config;
mod database;
mod error;
pub mod feed;
pub mod list;
pub mod migrate;
mod owner;
mod postgres;
mod row;
pub mod schema;
mod scope;
mod sql;
mod sqlite;
pub mod transfer;
mod unit;
mod value;

pub use backup::{BackupError, sqlite_backup, sqlite_restore};
pub use config::{DbConfig, engine_of, sqlite_path};
pub use database::{Db, Gauge, statements};
pub use error::DbError;
pub use feed::{AccessChange, ChangeKind, Feed};
pub use owner::Maintenance;
pub use row::{FromColumn, Row};
pub use scope::{Scope, SystemScope, WriteScope};
pub use sql::{Engine, Lane, Reach, Sql, lint};
pub use unit::{
    Answerable, AuditEntryId, EventId, IdempotencyRequest, Note, Origin, Replayable, StoredAnswer, UnitContext,
    UnitOfWork,
};
pub use value::Value;

/// Work on a database from outside the program's own tables: tests make and drop databases with it.
pub mod admin;
