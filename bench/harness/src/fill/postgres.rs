//! Copies on PostgreSQL: read and loaded as text by COPY, so that no column has to be known here.

use anyhow::Context;
use uuid::Uuid;

use super::copies::Copies;
use super::template::Template;
use super::{HISTORY, Organization, counting};
use crate::postgres::Postgres;

/// Bytes that are handed over at once.
const CHUNK: usize = 1 << 20;

/// Loads the copies and returns the hash of a password and all organizations.
pub(super) fn load(
    postgres: &Postgres,
    database: &str,
    template: &Template,
    mut copies: Copies,
) -> anyhow::Result<(String, Vec<Organization>)> {
    let tables = tables(postgres, database)?;
    let own =
        |table: &str, key: &str, what: &str| format!("SELECT {what} FROM {table} WHERE {key} = '{}'", template.id);
    for Table { name, key, has_id } in &tables {
        if *has_id {
            let ids = postgres.copy_out(database, &own(name, key, "id"))?;
            for id in String::from_utf8(ids)?.lines() {
                copies.learn(id.parse::<Uuid>()?);
            }
        }
    }
    let made = copies.make();
    for Table { name, key, .. } in &tables {
        let rows = postgres.copy_out(database, &own(name, key, "*"))?;
        if !rows.is_empty() {
            let text = copies.text(&rows);
            postgres.copy_in(database, name, |out| {
                let mut chunk = Vec::with_capacity(CHUNK + rows.len());
                for copy in &made {
                    text.write(copy, &mut chunk)?;
                    if chunk.len() >= CHUNK {
                        out.write_all(&chunk)?;
                        chunk.clear();
                    }
                }
                out.write_all(&chunk)
            })?;
        }
    }
    postgres.sql(database, &counting(made.len()))?;
    let hash = postgres.sql(database, &own("users", "organization_id", "min(password_hash)"))?;
    Ok((hash, copies.organizations(template, &made)?))
}

/// A table with rows of organizations.
struct Table {
    name: String,
    /// The column with the organization.
    key: String,
    has_id: bool,
}

/// Every table that says what an organization is.
fn tables(postgres: &Postgres, database: &str) -> anyhow::Result<Vec<Table>> {
    const QUERY: &str = "SELECT c.table_name, c.column_name, EXISTS (SELECT 1 FROM information_schema.columns i \
         WHERE i.table_schema = c.table_schema AND i.table_name = c.table_name AND i.column_name = 'id') \
         FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) \
         WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' \
         AND (c.column_name = 'organization_id' OR c.table_name = 'organizations' AND c.column_name = 'id') ORDER BY 1";
    let found = postgres.sql(database, QUERY)?;
    let tables = found.lines().map(|line| {
        let mut fields = line.split('|');
        let mut field = || fields.next().with_context(|| format!("unexpected: {line}"));
        Ok(Table {
            name: field()?.to_owned(),
            key: field()?.to_owned(),
            has_id: field()? == "t",
        })
    });
    tables
        .filter(|table| {
            !table
                .as_ref()
                .is_ok_and(|table: &Table| HISTORY.contains(&table.name.as_str()))
        })
        .collect()
}
