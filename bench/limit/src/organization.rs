//! The rows.

use postgres_types::private::BytesMut;
use postgres_types::{IsNull, ToSql, Type, to_sql_checked};
use serde::Serialize;
use uuid::Uuid;

use crate::{Failure, Micros};

/// An organization as the API shows it, its texts borrowed from the driver's row.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization<'a> {
    /// Its key.
    pub id: Uuid,
    /// Its name.
    pub name: &'a str,
    /// Its unique short name.
    pub slug: &'a str,
    /// Its CNPJ.
    pub document: Option<&'a str>,
    /// Whether it may be used.
    pub is_active: bool,
    /// What it has bought.
    pub package_code: Option<&'a str>,
    /// When it was made.
    pub created_at: Micros,
    /// When it was changed last.
    pub updated_at: Micros,
}

/// What [`Organization::from_postgres`] and [`Organization::from_sqlite`] expect, in their order.
const COLUMNS: &str = "id, name, slug, document, is_active, package_code, created_at, updated_at";

/// The text of a read by key, for both engines.
pub(crate) fn get() -> String {
    format!("SELECT {COLUMNS} FROM organizations WHERE id = $1")
}

/// The text of a list with its total, for both engines.
pub(crate) fn list() -> String {
    format!(
        "SELECT {COLUMNS}, (SELECT CAST(sum(count) AS bigint) FROM organization_counts) AS total FROM organizations \
         ORDER BY name_folded ASC, id ASC LIMIT $1"
    )
}

/// The index of the column that follows.
pub const TOTAL: usize = 8;

impl<'a> Organization<'a> {
    /// Reads a row of [`crate::postgres::Postgres`].
    ///
    /// # Errors
    /// When a column is of another type.
    pub fn from_postgres(row: &'a tokio_postgres::Row) -> Result<Self, Failure> {
        Ok(Self {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            slug: row.try_get(2)?,
            document: row.try_get(3)?,
            is_active: row.try_get(4)?,
            package_code: row.try_get(5)?,
            created_at: row.try_get(6)?,
            updated_at: row.try_get(7)?,
        })
    }

    /// Reads a row of [`crate::sqlite::Sqlite`].
    ///
    /// # Errors
    /// When a column is of another type.
    pub fn from_sqlite(row: &'a rusqlite::Row<'_>) -> Result<Self, Failure> {
        let text = |index| row.get_ref(index)?.as_str().map_err(rusqlite::Error::from);
        let optional = |index| row.get_ref(index)?.as_str_or_null().map_err(rusqlite::Error::from);
        Ok(Self {
            id: Uuid::from_bytes(row.get(0)?),
            name: text(1)?,
            slug: text(2)?,
            document: optional(3)?,
            is_active: row.get(4)?,
            package_code: optional(5)?,
            created_at: Micros(row.get(6)?),
            updated_at: Micros(row.get(7)?),
        })
    }
}

/// A creation, with everything that its rows need: the organization, its audit entries in the platform's trail and in its
/// own, its event.
#[derive(Debug)]
pub struct NewOrganization {
    /// Its key.
    pub id: Uuid,
    /// The keys of its audit entries: the platform's and its own.
    pub audit_ids: [Uuid; 2],
    /// The key of its event.
    pub event_id: Uuid,
    /// Its name.
    pub name: String,
    /// The name as lists are sorted by it.
    pub folded: String,
    /// Its unique short name.
    pub slug: String,
    /// The instant of all rows.
    pub now: Micros,
    /// The changes in the audit entry.
    pub changes: Json,
    /// The data of the event: the organization as the API shows it.
    pub data: Json,
}

impl NewOrganization {
    /// The actor of every audit entry.
    pub const ACTOR: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
    /// The actor's name.
    pub const ACTOR_NAME: &'static str = "bootstrap";
    /// The origin that an audit entry names.
    pub const REQUEST_ID: &'static str = "01930000-0000-7000-8000-000000000000";
    /// The client's address in an audit entry.
    pub const IP: &'static str = "127.0.0.1";

    /// Where it is counted when every slot is held.
    #[must_use]
    pub const fn slot(&self) -> i64 {
        self.id.as_u64_pair().1.cast_signed()
    }

    /// Makes keys, instant and the JSON of the accompanying rows. Names are taken for ASCII.
    ///
    /// # Errors
    /// None in practice: these values have a JSON.
    pub fn new(name: String, slug: String) -> Result<Self, Failure> {
        let id = Uuid::now_v7();
        let now = Micros::now();
        let organization = Organization {
            id,
            name: &name,
            slug: &slug,
            document: None,
            is_active: true,
            package_code: None,
            created_at: now,
            updated_at: now,
        };
        let data = Json(serde_json::to_string(&organization)?);
        let changes = Json(serde_json::to_string(&serde_json::json!({
            "name": {"from": null, "to": &name},
            "slug": {"from": null, "to": &slug},
            "isActive": {"from": null, "to": true},
        }))?);
        Ok(Self {
            id,
            audit_ids: [Uuid::now_v7(), Uuid::now_v7()],
            event_id: Uuid::now_v7(),
            folded: name.to_ascii_lowercase(),
            name,
            slug,
            now,
            changes,
            data,
        })
    }
}

/// JSON that is stored as the text it is.
#[derive(Debug)]
pub struct Json(pub String);

impl ToSql for Json {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSON
    }

    to_sql_checked!();
}
