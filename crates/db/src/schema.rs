//! A database's schema in terms that mean the same on both engines, for the test that compares the two.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::engine_of;
use crate::error::DbError;
use crate::sql::Engine;

/// What SQLite can tell apart: PostgreSQL's richer types are reduced to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Integers, booleans, instants.
    Integer,
    /// Text and JSON.
    Text,
    /// Bytes and UUIDs.
    Blob,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Column name to its kind and whether it is NOT NULL.
    pub columns: BTreeMap<String, (Option<Kind>, bool)>,
    /// The primary key's columns, in order.
    pub primary_key: Vec<String>,
    /// The columns of each unique constraint or index beside the primary key.
    pub uniques: BTreeSet<Vec<String>>,
    /// Columns, referenced table, referenced columns.
    pub foreign_keys: BTreeSet<(Vec<String>, String, Vec<String>)>,
    /// The indexes that a statement of its own made, by their names; those behind constraints are told as constraints.
    pub indexes: BTreeMap<String, Index>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// What it is ordered by: columns, with ` DESC` behind those that go down, `?` for an expression.
    pub columns: Vec<String>,
    /// Which rows it holds, when not all: without parentheses and casts, which one engine adds and the other does not. A predicate
    /// on a truth value is written differently on the two, and so does not compare.
    pub predicate: Option<String>,
}

/// Every table by its name.
pub type Schema = BTreeMap<String, Table>;

const POSTGRES_COLUMNS: &str = "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text \
     FROM information_schema.columns WHERE table_schema = 'public'";
const POSTGRES_KEYS: &str = "SELECT r.relname::text, i.indisprimary::text, \
     (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(i.indkey::int[]) WITH ORDINALITY AS k(attnum, place) \
      JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.attnum) \
     FROM pg_index i JOIN pg_class r ON r.oid = i.indrelid JOIN pg_namespace n ON n.oid = r.relnamespace \
     WHERE n.nspname = 'public' AND i.indisunique";
const POSTGRES_FOREIGN: &str = "SELECT r.relname::text, \
     (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, place) \
      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum), \
     f.relname::text, \
     (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, place) \
      JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) \
     FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_class f ON f.oid = c.confrelid \
     JOIN pg_namespace n ON n.oid = r.relnamespace WHERE n.nspname = 'public' AND c.contype = 'f'";
const POSTGRES_INDEXES: &str = "SELECT r.relname::text, x.relname::text, \
     (SELECT string_agg(coalesce(a.attname::text, '?') || CASE WHEN (i.indoption[(k.place - 1)::int] & 1) = 1 THEN ' DESC' ELSE '' END, \
       ',' ORDER BY k.place) FROM unnest(i.indkey::int[]) WITH ORDINALITY AS k(attnum, place) \
      LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.attnum AND k.attnum > 0 WHERE k.place <= i.indnkeyatts), \
     coalesce('WHERE ' || pg_get_expr(i.indpred, i.indrelid), '') \
     FROM pg_index i JOIN pg_class r ON r.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid \
     JOIN pg_namespace n ON n.oid = r.relnamespace WHERE n.nspname = 'public' AND NOT EXISTS \
     (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))";
const SQLITE_COLUMNS: &str = "SELECT t.name, c.name, c.type, CASE WHEN c.\"notnull\" THEN 'NO' ELSE 'YES' END \
     FROM pragma_table_list t JOIN pragma_table_info(t.name) c \
     WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
const SQLITE_PRIMARY: &str = "SELECT t.name, 'true', group_concat(c.name, ',' ORDER BY c.pk) \
     FROM pragma_table_list t JOIN pragma_table_info(t.name) c \
     WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND c.pk > 0 GROUP BY t.name";
const SQLITE_UNIQUE: &str = "SELECT t.name, 'false', (SELECT group_concat(x.name, ',' ORDER BY x.seqno) \
      FROM pragma_index_info(i.name) x) \
     FROM pragma_table_list t JOIN pragma_index_list(t.name) i \
     WHERE t.schema = 'main' AND t.type = 'table' AND i.\"unique\" = 1 AND i.origin <> 'pk'";
const SQLITE_FOREIGN: &str = "SELECT t.name, group_concat(f.\"from\", ',' ORDER BY f.seq), f.\"table\", \
     group_concat(f.\"to\", ',' ORDER BY f.seq) \
     FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) f \
     WHERE t.schema = 'main' AND t.type = 'table' GROUP BY t.name, f.id, f.\"table\"";
const SQLITE_INDEXES: &str = "SELECT t.name, i.name, \
     (SELECT group_concat(coalesce(x.name, '?') || CASE WHEN x.\"desc\" THEN ' DESC' ELSE '' END, ',' ORDER BY x.seqno) \
      FROM pragma_index_xinfo(i.name) x WHERE x.key = 1), \
     (SELECT s.sql FROM sqlite_schema s WHERE s.type = 'index' AND s.name = i.name) \
     FROM pragma_table_list t JOIN pragma_index_list(t.name) i \
     WHERE t.schema = 'main' AND t.type = 'table' AND i.origin = 'c'";

/// Reads the schema of the database at `url`.
///
/// # Errors
/// [`DbError`] when the database cannot be asked.
pub async fn describe(url: &str) -> Result<Schema, DbError> {
    let (columns, keys, foreign, indexes) = match engine_of(url)? {
        Engine::Postgres => (
            POSTGRES_COLUMNS,
            vec![POSTGRES_KEYS],
            POSTGRES_FOREIGN,
            POSTGRES_INDEXES,
        ),
        Engine::Sqlite => (
            SQLITE_COLUMNS,
            vec![SQLITE_PRIMARY, SQLITE_UNIQUE],
            SQLITE_FOREIGN,
            SQLITE_INDEXES,
        ),
    };
    let mut schema = Schema::new();
    for row in texts::<4>(url, columns).await? {
        let [table, column, kind, nullable] = row;
        schema
            .entry(table)
            .or_default()
            .columns
            .insert(column, (kind_of(&kind), nullable == "NO"));
    }
    for statement in keys {
        for [table, primary, key] in texts::<3>(url, statement).await? {
            let table = schema.entry(table).or_default();
            let key = split(&key);
            if primary == "true" {
                table.primary_key = key;
            } else {
                table.uniques.insert(key);
            }
        }
    }
    for [table, from, to_table, to] in texts::<4>(url, foreign).await? {
        schema
            .entry(table)
            .or_default()
            .foreign_keys
            .insert((split(&from), to_table, split(&to)));
    }
    for [table, name, columns, text] in texts::<4>(url, indexes).await? {
        let index = Index {
            columns: split(&columns),
            predicate: predicate(&text),
        };
        schema.entry(table).or_default().indexes.insert(name, index);
    }
    Ok(schema)
}

/// What stands behind WHERE in an index's definition, as both engines would write it.
fn predicate(definition: &str) -> Option<String> {
    let bare: String = definition
        .chars()
        .map(|character| if matches!(character, '(' | ')') { ' ' } else { character })
        .collect();
    let words = bare
        .split_whitespace()
        .skip_while(|word| *word != "WHERE")
        .skip(1)
        .map(|word| word.split_once("::").map_or(word, |(value, _)| value));
    let text = words.collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// Whether the rows of a table belong to organizations. Those of the change feed are the installation's.
#[must_use]
pub fn is_tenant(name: &str, table: &Table) -> bool {
    table.columns.contains_key("organization_id") && name != "access_changes"
}

/// The tables, those that others refer to before those others: the order in which rows can be put in.
///
/// # Errors
/// [`DbError::Internal`] when tables refer to each other in a circle.
pub fn referred_first(schema: &Schema) -> Result<Vec<String>, DbError> {
    let mut left: BTreeSet<&String> = schema.keys().collect();
    let mut done = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let ready: Vec<&String> = left
            .iter()
            .copied()
            .filter(|name| {
                let mut references = schema.get(*name).into_iter().flat_map(|table| &table.foreign_keys);
                references.all(|(_, target, _)| target == *name || !left.contains(target))
            })
            .collect();
        if ready.is_empty() {
            return Err(DbError::Internal("tables refer to each other in a circle".into()));
        }
        for name in ready {
            left.remove(name);
            done.push(name.clone());
        }
    }
    Ok(done)
}

async fn texts<const N: usize>(url: &str, sql: &str) -> Result<Vec<[String; N]>, DbError> {
    let rows = crate::admin::query(url, sql).await?;
    rows.into_iter()
        .map(|row| {
            let row: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            row.try_into()
                .map_err(|_| DbError::Internal("the schema's description has another shape".into()))
        })
        .collect()
}

fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}

fn kind_of(declared: &str) -> Option<Kind> {
    match declared.to_ascii_lowercase().as_str() {
        "integer" | "bigint" | "smallint" | "boolean" | "timestamp with time zone" | "xid8" => Some(Kind::Integer),
        "text" | "json" => Some(Kind::Text),
        "blob" | "bytea" | "uuid" => Some(Kind::Blob),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_predicates_of_both_engines_are_one() {
        let on_postgres = predicate("WHERE ((state = 'queued'::text) AND (due_at IS NOT NULL))");
        let on_sqlite = predicate("CREATE INDEX a ON b (c)\n    WHERE state = 'queued' AND due_at IS NOT NULL");
        assert_eq!(on_postgres.as_deref(), Some("state = 'queued' AND due_at IS NOT NULL"));
        assert_eq!(on_postgres, on_sqlite);
        assert_eq!(predicate("CREATE INDEX a ON b (c)"), None);
        assert_eq!(predicate(""), None);
    }
}
