//! What can go wrong in storage, in terms that mean the same on both engines.

use std::time::Duration;

use rusqlite::ErrorCode;
use tokio_postgres::error::SqlState;

/// A failure of the storage layer.
///
/// Its `Display` is for logs: it names tables and constraints and never a bound value, but it is not for clients.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// The database cannot be reached or cannot write now (lost connection, full disk). Nothing was changed.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// The COMMIT was sent and its answer was lost: whether the unit happened is unknown. Never retried here; the client's
    /// idempotency key decides.
    #[error("the outcome of a commit is unknown: {0}")]
    CommitUnknown(String),
    /// Too much is waiting. Nothing was changed.
    #[error("database busy: {what}")]
    Busy {
        /// Which queue is full.
        what: &'static str,
        /// When to come back.
        retry_after: Duration,
    },
    /// A unique constraint refused the row.
    #[error("unique violation on {table} ({})", if columns.is_empty() { "primary key".to_owned() } else { columns.join(", ") })]
    Unique {
        /// The table.
        table: String,
        /// The columns of the constraint, `organization_id` included where it leads. Empty for the primary key: behind
        /// row-level security PostgreSQL tells only the constraint's name, and a primary key's name carries no columns.
        columns: Vec<String>,
    },
    /// A reference to a row that is not there, or the removal of one that is referred to.
    #[error("foreign key violation on {0}")]
    ForeignKey(String),
    /// A CHECK or NOT NULL constraint refused the row: the domain let something through that the schema does not.
    #[error("constraint violation: {0}")]
    Constraint(String),
    /// The statement took longer than its lane allows.
    #[error("statement timed out")]
    Timeout,
    /// Two transactions could not be ordered; the unit of work runs its closure again.
    #[error("serialization failure")]
    Serialization,
    /// A stored row cannot be what it says.
    #[error("inconsistent data in {column}: {detail}")]
    Inconsistency {
        /// The column.
        column: String,
        /// What is wrong, without the value.
        detail: String,
    },
    /// The key is in use by another request that has not finished.
    #[error("another request with the idempotency key is in progress")]
    IdempotencyInProgress,
    /// The key was used before with another request.
    #[error("the idempotency key was used with another request")]
    IdempotencyMismatch,
    /// The answer to that key carried a secret and is no longer replayed, or belongs to another credential.
    #[error("the stored answer is no longer available")]
    IdempotencyExpired,
    /// The transaction was refused earlier; the first cause is reported, this only stops what follows.
    #[error("the unit of work has already failed")]
    Aborted,
    /// A defect of the program: wrong SQL, a statement outside its scope, a foreign await inside a unit of work.
    #[error("internal: {0}")]
    Internal(String),
}

/// What [`DbError::Busy`] names where somebody holds rows, and the way to the database is free.
pub(crate) const LOCKED_ROWS: &str = "locked rows";
/// The same, where others were always faster.
pub(crate) const CONTENDED_ROWS: &str = "contended rows";

impl DbError {
    /// Whether it is the database as a whole that refuses: whoever goes through organizations would hear it of the next one too.
    #[must_use]
    pub fn concerns_everybody(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Busy { what, .. } => ![LOCKED_ROWS, CONTENDED_ROWS].contains(what),
            _ => false,
        }
    }
}

/// The names of unique constraints follow `uq_<table>__<column>__<column>`, so that PostgreSQL's error, which carries
/// only the name, can be told as columns. SQLite names the columns and not the constraint.
pub(crate) fn columns_of_constraint(name: &str) -> Option<(String, Vec<String>)> {
    let (table, columns) = name.strip_prefix("uq_")?.split_once("__")?;
    Some((table.to_owned(), columns.split("__").map(str::to_owned).collect()))
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(server) = error.as_db_error() else {
            return if error.is_closed() || error_is_io(&error) {
                Self::Unavailable(with_causes(&error))
            } else {
                Self::Internal(with_causes(&error))
            };
        };
        let code = server.code();
        let table = || server.table().unwrap_or("?").to_owned();
        match *code {
            SqlState::UNIQUE_VIOLATION => {
                let (table, columns) = server
                    .constraint()
                    .and_then(columns_of_constraint)
                    .unwrap_or_else(|| (table(), Vec::new()));
                Self::Unique { table, columns }
            }
            SqlState::FOREIGN_KEY_VIOLATION => Self::ForeignKey(table()),
            SqlState::CHECK_VIOLATION | SqlState::NOT_NULL_VIOLATION => Self::Constraint(format!(
                "{} {}",
                table(),
                server.constraint().or(server.column()).unwrap_or("?")
            )),
            SqlState::QUERY_CANCELED => Self::Timeout,
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Self::Serialization,
            SqlState::IN_FAILED_SQL_TRANSACTION => Self::Aborted,
            SqlState::TOO_MANY_CONNECTIONS => Self::Busy {
                what: "server connections",
                retry_after: Duration::from_secs(1),
            },
            SqlState::LOCK_NOT_AVAILABLE => Self::Busy {
                what: LOCKED_ROWS,
                retry_after: Duration::from_secs(1),
            },
            SqlState::READ_ONLY_SQL_TRANSACTION => Self::Unavailable("the server accepts no writes".into()),
            // Class 08 connection, 28 a login that is refused, 3D a database that is not there (both while an operator changes
            // passwords or restores), 53 resources (a full disk is 53100), 57P shutdown, 58 system, 25P03 idle in transaction.
            _ if ["08", "28", "3D", "53", "57P", "58", "25P03"]
                .iter()
                .any(|class| code.code().starts_with(class)) =>
            {
                Self::Unavailable(format!("{}: {}", code.code(), server.message()))
            }
            // Class 22, data exceptions: the message may repeat the value that was bound.
            _ if code.code().starts_with("22") => Self::Internal(format!("{}: unacceptable value", code.code())),
            _ => Self::Internal(format!("{}: {}", code.code(), server.message())),
        }
    }
}

fn error_is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<std::io::Error>() {
            return true;
        }
        source = inner.source();
    }
    // Failing to connect carries no source of its own in every case, but says so.
    error.to_string().contains("connect")
}

/// The driver's own text says only what it was doing; why it failed stands in the chain of causes.
fn with_causes(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, message) = &error else {
            return Self::Internal(error.to_string());
        };
        let text = message.as_deref().unwrap_or_default();
        match failure.code {
            ErrorCode::ConstraintViolation => sqlite_constraint(failure.extended_code, text),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy {
                what: "the database file",
                retry_after: Duration::from_secs(1),
            },
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied => Self::Unavailable(failure.to_string()),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Inconsistency {
                column: "the database file".into(),
                detail: failure.to_string(),
            },
            ErrorCode::OperationInterrupted => Self::Timeout,
            _ => Self::Internal(format!("{failure}: {text}")),
        }
    }
}

/// SQLite says `UNIQUE constraint failed: organizations.slug` or, for an index over expressions, `… index 'uq_…'`.
fn sqlite_constraint(extended_code: i32, text: &str) -> DbError {
    use rusqlite::ffi;
    let detail = text.split_once(": ").map_or(text, |(_, detail)| detail);
    match extended_code {
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => DbError::Unique {
            table: detail.split_once('.').map_or("?", |(table, _)| table).to_owned(),
            columns: Vec::new(),
        },
        ffi::SQLITE_CONSTRAINT_UNIQUE => {
            if let Some(named) = detail.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\''))
                && let Some((table, columns)) = columns_of_constraint(named)
            {
                return DbError::Unique { table, columns };
            }
            let mut table = String::new();
            let columns = detail
                .split(", ")
                .map(|qualified| {
                    let (owner, column) = qualified.split_once('.').unwrap_or(("", qualified));
                    table = owner.to_owned();
                    column.to_owned()
                })
                .collect();
            DbError::Unique { table, columns }
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => DbError::ForeignKey("a referenced row".into()),
        _ => DbError::Constraint(detail.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_name_tells_its_columns() {
        assert_eq!(
            columns_of_constraint("uq_roles__organization_id__code"),
            Some(("roles".into(), vec!["organization_id".into(), "code".into()]))
        );
        assert_eq!(columns_of_constraint("pk_roles"), None);
    }

    #[test]
    fn sqlite_messages_tell_table_and_columns() {
        let unique = sqlite_constraint(
            rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE,
            "UNIQUE constraint failed: roles.organization_id, roles.code",
        );
        assert!(
            matches!(unique, DbError::Unique { table, columns } if table == "roles" && columns == ["organization_id", "code"])
        );
        let by_index = sqlite_constraint(
            rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE,
            "UNIQUE constraint failed: index 'uq_users__email'",
        );
        assert!(matches!(by_index, DbError::Unique { table, columns } if table == "users" && columns == ["email"]));
        let primary = sqlite_constraint(
            rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
            "UNIQUE constraint failed: roles.organization_id, roles.id",
        );
        assert!(matches!(primary, DbError::Unique { table, columns } if table == "roles" && columns.is_empty()));
    }
}
