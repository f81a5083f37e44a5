//! Everything that an organization has, as lines of JSON.

use std::io::Write;

use db::transfer::{self, Table};
use db::{DbConfig, DbError, Value};
use kernel::OrganizationId;

use crate::app;

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Tables that had rows.
    pub tables: usize,
    /// Rows.
    pub rows: u64,
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

/// Writes every row of the organization as of one moment, each as a line `{"table": …, "row": {…}}`: its own row first, then its
/// tables, those that others refer to before those others. The lines are the same whichever engine keeps the rows: instants are RFC 3339 in UTC, ids
/// hyphenated, bytes hexadecimal, JSON is itself. Only one page of rows is in memory at a time. `url` is the owner's, who sees the
/// rows of all.
///
/// # Errors
/// [`NotExported`].
pub async fn export(
    url: &str,
    organization: OrganizationId,
    to: &mut (dyn Write + Send),
) -> Result<Exported, NotExported> {
    let read = transfer::read_tenant(
        &DbConfig::new(url),
        &app::migrations(),
        organization,
        &mut |table, row| write_row(to, table, row).map_err(NotExported::File),
    )
    .await?;
    to.flush()?;
    Ok(Exported {
        tables: read.iter().filter(|table| table.rows > 0).count(),
        rows: read.iter().map(|table| table.rows).sum(),
    })
}

fn write_row(to: &mut (dyn Write + Send), table: &Table, row: &[Value<'static>]) -> std::io::Result<()> {
    write!(to, r#"{{"table":"{}","row":{{"#, table.name())?;
    let mut separator = "";
    for ((column, _), value) in table.columns().iter().zip(row) {
        write!(to, r#"{separator}"{column}":"#)?;
        separator = ",";
        match value {
            Value::Null => write!(to, "null")?,
            Value::Bool(value) => write!(to, "{value}")?,
            Value::Integer(value) => write!(to, "{value}")?,
            Value::Text(text) => serde_json::to_writer(&mut *to, text)?,
            // A line break can only stand between JSON's words, where a space says the same.
            Value::Json(text) => to.write_all(text.replace(['\n', '\r'], " ").as_bytes())?,
            Value::Bytes(bytes) => write!(to, r#""{}""#, kernel::hexadecimal(bytes))?,
            Value::Uuid(id) => write!(to, r#""{id}""#)?,
            Value::Time(instant) => write!(to, r#""{instant}""#)?,
        }
    }
    to.write_all(b"}}\n")
}
