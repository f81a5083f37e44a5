//! Everything that an organization has, as lines of JSON.

use std::io::Write;

use db::schema::{Kind, Table};
use db::{DbError, Engine, admin, engine_of, schema};
use kernel::OrganizationId;

/// Rows that are read at once.
const PAGE: usize = 1_000;

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Tables that had rows.
    pub tables: usize,
    /// Rows.
    pub rows: usize,
}

/// Why nothing, or not everything, was exported.
#[derive(Debug, thiserror::Error)]
pub enum NotExported {
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
    /// The file.
    #[error("the file could not be written")]
    File(#[from] std::io::Error),
}

/// Writes every row of the organization, each as a line `{"table": …, "row": {…}}`: its own row first, then its tables by their names.
/// Values are as the engine keeps them: on SQLite instants are microseconds and ids hexadecimal, on PostgreSQL they are texts. Only
/// one page of rows is in memory at a time. `url` is the owner's, who sees the rows of all.
///
/// # Errors
/// [`NotExported`].
pub async fn export(url: &str, organization: OrganizationId, to: &mut dyn Write) -> Result<Exported, NotExported> {
    let engine = engine_of(url)?;
    let tables = schema::describe(url).await?;
    let mut exported = Exported::default();
    let own = tables.get("organizations").map(|table| ("organizations", table, "id"));
    let of_it = tables
        .iter()
        .filter(|(name, table)| is_tenant(name, table))
        .map(|(name, table)| (name.as_str(), table, "organization_id"));
    for (name, table, key) in own.into_iter().chain(of_it) {
        let mut rows = 0;
        loop {
            let text = page(engine, name, table, key, organization, rows);
            let found = admin::query(url, &text).await?;
            for row in found.iter().flatten().flatten() {
                writeln!(to, r#"{{"table":"{name}","row":{row}}}"#)?;
            }
            rows += found.len();
            if found.len() < PAGE {
                break;
            }
        }
        exported.rows += rows;
        exported.tables += usize::from(rows > 0);
    }
    to.flush()?;
    Ok(exported)
}

/// Whether the rows of a table belong to organizations. Those of the change feed are the installation's.
pub(crate) fn is_tenant(name: &str, table: &Table) -> bool {
    table.columns.contains_key("organization_id") && name != "access_changes"
}

/// A page of a table's rows as JSON. Names come from the schema, and an id holds nothing but digits and letters.
fn page(engine: Engine, name: &str, table: &Table, key: &str, id: OrganizationId, skip: usize) -> String {
    let order = table.primary_key.join(", ");
    let (row, id) = match engine {
        Engine::Postgres => ("to_jsonb(t)::text".to_owned(), format!("'{id}'::uuid")),
        Engine::Sqlite => {
            let columns: Vec<_> = table
                .columns
                .iter()
                .map(|(column, (kind, _))| pair(column, *kind))
                .collect();
            let hexadecimal = id.to_string().replace('-', "");
            (
                format!("json_object({})", columns.join(", ")),
                format!("x'{hexadecimal}'"),
            )
        }
    };
    format!("SELECT {row} FROM {name} t WHERE t.{key} = {id} ORDER BY {order} LIMIT {PAGE} OFFSET {skip}")
}

/// A column of SQLite with its name: bytes have no form of their own in JSON.
fn pair(column: &str, kind: Option<Kind>) -> String {
    match kind {
        Some(Kind::Integer | Kind::Text) => format!("'{column}', t.\"{column}\""),
        Some(Kind::Blob) | None => {
            format!(
                "'{column}', CASE typeof(t.\"{column}\") WHEN 'blob' THEN lower(hex(t.\"{column}\")) ELSE t.\"{column}\" END"
            )
        }
    }
}
