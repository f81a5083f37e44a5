//! Copies on SQLite: inserted by one connection in one transaction, with nothing to roll back to.

use std::path::Path;

use anyhow::Context;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

use super::copies::{Copies, Copy, Text};
use super::template::Template;
use super::{HISTORY, Organization, counting};

/// A value of the template.
enum Cell {
    /// The same in every copy.
    Fixed(Value),
    /// One of the ids that each copy has its own of.
    Id(usize),
    /// A text that differs.
    Text(Text),
}

/// Loads the copies and returns the hash of a password and all organizations.
pub(super) fn load(
    file: &Path,
    template: &Template,
    mut copies: Copies,
) -> anyhow::Result<(String, Vec<Organization>)> {
    let mut connection = Connection::open(file)?;
    // References are right by construction, and when it fails the file is thrown away.
    for (pragma, value) in [
        ("foreign_keys", "off"),
        ("synchronous", "off"),
        ("journal_mode", "off"),
        ("cache_size", "-262144"),
    ] {
        connection.pragma_update(None, pragma, value)?;
    }
    let tables = tables(&connection)?;
    for Table { name, key, has_id } in &tables {
        if *has_id {
            let mut ids = connection.prepare(&format!("SELECT id FROM {name} WHERE {key} = ?1"))?;
            let mut rows = ids.query([template.id.as_bytes()])?;
            while let Some(row) = rows.next()? {
                copies.learn(Uuid::from_bytes(row.get(0)?));
            }
        }
    }
    let made = copies.make();
    let transaction = connection.transaction()?;
    for table in &tables {
        insert(&transaction, table, template, &copies, &made).with_context(|| format!("copying {}", table.name))?;
    }
    transaction.execute_batch(&counting(made.len()))?;
    transaction.commit()?;
    let hash = connection.query_row(
        "SELECT min(password_hash) FROM users WHERE organization_id = ?1",
        [template.id.as_bytes()],
        |row| row.get(0),
    )?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    Ok((hash, copies.organizations(template, &made)?))
}

fn insert(
    connection: &Connection,
    table: &Table,
    template: &Template,
    copies: &Copies,
    made: &[Copy],
) -> anyhow::Result<()> {
    let Table { name, key, .. } = table;
    let mut select = connection.prepare(&format!("SELECT * FROM {name} WHERE {key} = ?1"))?;
    let width = select.column_count();
    let cells = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Vec<Cell>> {
        (0..width).map(|index| Ok(cell(copies, row.get(index)?))).collect()
    };
    let rows = select
        .query_map([template.id.as_bytes()], cells)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let places: Vec<String> = (1..=width).map(|place| format!("?{place}")).collect();
    let mut insert = connection.prepare(&format!("INSERT INTO {name} VALUES ({})", places.join(", ")))?;
    for copy in made {
        for row in &rows {
            let values = row
                .iter()
                .map(|cell| cell.of(copy))
                .collect::<anyhow::Result<Vec<_>>>()?;
            insert.execute(params_from_iter(values))?;
        }
    }
    Ok(())
}

fn cell(copies: &Copies, value: Value) -> Cell {
    match value {
        Value::Blob(bytes) => match Uuid::from_slice(&bytes).ok().and_then(|id| copies.place(&id)) {
            Some(place) => Cell::Id(place),
            None => Cell::Fixed(Value::Blob(bytes)),
        },
        Value::Text(text) => {
            let found = copies.text(text.as_bytes());
            if found.is_fixed() {
                Cell::Fixed(Value::Text(text))
            } else {
                Cell::Text(found)
            }
        }
        other => Cell::Fixed(other),
    }
}

impl Cell {
    fn of(&self, copy: &Copy) -> anyhow::Result<Value> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Id(place) => Value::Blob(copy.id(*place).as_bytes().to_vec()),
            Self::Text(text) => {
                let mut written = Vec::new();
                text.write(copy, &mut written)?;
                Value::Text(String::from_utf8(written)?)
            }
        })
    }
}

/// A table with rows of organizations.
struct Table {
    name: String,
    /// The column with the organization.
    key: String,
    has_id: bool,
}

/// Every table that says what an organization is.
fn tables(connection: &Connection) -> anyhow::Result<Vec<Table>> {
    const QUERY: &str = "SELECT t.name, c.name, EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE name = 'id') \
         FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND (c.name = 'organization_id' OR t.name = 'organizations' AND c.name = 'id') ORDER BY 1";
    let mut query = connection.prepare(QUERY)?;
    let tables = query.query_map([], |row| {
        Ok(Table {
            name: row.get(0)?,
            key: row.get(1)?,
            has_id: row.get(2)?,
        })
    })?;
    Ok(tables
        .filter(|table| !table.as_ref().is_ok_and(|table| HISTORY.contains(&table.name.as_str())))
        .collect::<rusqlite::Result<Vec<_>>>()?)
}
