//! The rows of users.

use serde::Serialize;
use uuid::Uuid;

use crate::{Failure, Micros};

/// A user as the API shows it, its texts borrowed from the driver's row.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User<'a> {
    /// Its key within the organization.
    pub id: Uuid,
    /// Where it belongs.
    pub organization_id: Uuid,
    /// The person's name.
    pub name: &'a str,
    /// The address.
    pub email: &'a str,
    /// Whether it may act.
    pub is_active: bool,
    /// Whether its owner confirmed the address.
    pub email_verified: bool,
    /// Whether it has a second factor.
    pub mfa_enabled: bool,
    /// The last login.
    pub last_login_at: Option<Micros>,
    /// When it was made.
    pub created_at: Micros,
    /// When it was changed last.
    pub updated_at: Micros,
}

/// What [`User::from_postgres`] and [`User::from_sqlite`] expect, in their order.
const COLUMNS: &str =
    "id, organization_id, name, email, is_active, email_verified, mfa_enabled, last_login_at, created_at, updated_at";

/// The text of a read by key, for both engines.
pub(crate) fn get() -> String {
    format!("SELECT {COLUMNS} FROM users WHERE organization_id = $1 AND id = $2")
}

/// The text of a list with its total, for both engines. How many rows is written out: PostgreSQL plans a statement with an unknown limit anew at
/// every execution.
pub(crate) fn list(rows: u32) -> String {
    format!(
        "SELECT {COLUMNS}, (SELECT count FROM user_counts WHERE organization_id = $1) AS total FROM users \
         WHERE organization_id = $1 ORDER BY name_folded ASC, id ASC LIMIT {rows}"
    )
}

/// The index of the column that follows.
pub const TOTAL: usize = 10;

impl<'a> User<'a> {
    /// Reads a row of [`crate::postgres::Postgres`].
    ///
    /// # Errors
    /// When a column is of another type.
    pub fn from_postgres(row: &'a tokio_postgres::Row) -> Result<Self, Failure> {
        Ok(Self {
            id: row.try_get(0)?,
            organization_id: row.try_get(1)?,
            name: row.try_get(2)?,
            email: row.try_get(3)?,
            is_active: row.try_get(4)?,
            email_verified: row.try_get(5)?,
            mfa_enabled: row.try_get(6)?,
            last_login_at: row.try_get(7)?,
            created_at: row.try_get(8)?,
            updated_at: row.try_get(9)?,
        })
    }

    /// Reads a row of [`crate::sqlite::Sqlite`].
    ///
    /// # Errors
    /// When a column is of another type.
    pub fn from_sqlite(row: &'a rusqlite::Row<'_>) -> Result<Self, Failure> {
        let text = |index| row.get_ref(index)?.as_str().map_err(rusqlite::Error::from);
        Ok(Self {
            id: Uuid::from_bytes(row.get(0)?),
            organization_id: Uuid::from_bytes(row.get(1)?),
            name: text(2)?,
            email: text(3)?,
            is_active: row.get(4)?,
            email_verified: row.get(5)?,
            mfa_enabled: row.get(6)?,
            last_login_at: row.get::<_, Option<i64>>(7)?.map(Micros),
            created_at: Micros(row.get(8)?),
            updated_at: Micros(row.get(9)?),
        })
    }
}
