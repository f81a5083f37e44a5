//! What each column holds, as the migrations declare it.
//!
//! SQLite keeps an instant, a number and a truth value alike as an integer, and PostgreSQL is not always at hand to tell them apart.
//! The steps that the binary carries are: their texts for PostgreSQL name the type of every column, on whichever engine the rows are.

use std::collections::BTreeMap;

use kernel::Timestamp;
use uuid::Uuid;

use crate::error::DbError;
use crate::migrate::Migrations;
use crate::row::Row;
use crate::value::Value;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A truth value.
    Bool,
    /// An integer.
    Integer,
    /// Text.
    Text,
    /// JSON, kept as the text it is.
    Json,
    /// Bytes.
    Bytes,
    /// An identifier.
    Uuid,
    /// An instant.
    Time,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds; `None` for what means nothing outside of its database, such as the number of a transaction.
    pub kind: Option<Type>,
    /// Whether PostgreSQL numbers it by itself.
    pub is_numbered: bool,
}

/// The columns of every table, in the order of their declaration.
pub type Declared = BTreeMap<String, Vec<Column>>;

/// Reads what the migrations declare. They only add tables and columns (a step that does something else is destructive, and there
/// is none that takes away a column); a test compares the outcome with what PostgreSQL says of a migrated database.
#[must_use]
pub fn declared(migrations: &[Migrations]) -> Declared {
    let mut tables = Declared::new();
    for step in migrations.iter().flat_map(|set| set.steps) {
        for statement in statements(step.postgres) {
            let words: Vec<&str> = statement.split_whitespace().collect();
            match words.as_slice() {
                ["CREATE", "TABLE", name, ..] => {
                    let name = name.split('(').next().unwrap_or(name);
                    let columns = parts(body(&statement)).into_iter().filter_map(column);
                    tables.insert(bare(name), columns.collect());
                }
                ["ALTER", "TABLE", name, "ADD", "COLUMN", ..] => {
                    let after = statement.split_once(" ADD ").map(|(_, rest)| rest).unwrap_or_default();
                    let added = parts(after).into_iter().filter_map(|part| {
                        let part = part.trim();
                        let part = part.strip_prefix("ADD ").unwrap_or(part);
                        column(part.strip_prefix("COLUMN ")?)
                    });
                    tables.entry(bare(name)).or_default().extend(added);
                }
                _ => {}
            }
        }
    }
    tables
}

/// A text's statements, without comments, each on one line. What stands between `$$` is one piece.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
        .collect();
    let code = code.join("\n");
    let mut statements = vec![String::new()];
    for (piece, is_quoted) in code.split("$$").zip([false, true].into_iter().cycle()) {
        let mut rest = piece;
        while let (false, Some((end, next))) = (is_quoted, rest.split_once(';')) {
            if let Some(last) = statements.last_mut() {
                last.push_str(end);
            }
            statements.push(String::new());
            rest = next;
        }
        if let Some(last) = statements.last_mut() {
            last.push_str(rest);
        }
    }
    let words = |statement: &String| statement.split_whitespace().collect::<Vec<_>>().join(" ");
    statements.iter().map(words).collect()
}

/// What is between a statement's first parenthesis and the one that closes it.
fn body(statement: &str) -> &str {
    let Some((_, rest)) = statement.split_once('(') else {
        return "";
    };
    let mut depth = 1_usize;
    for (place, character) in rest.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return rest.get(..place).unwrap_or_default();
        }
    }
    rest
}

/// Divided at the commas that are in no parenthesis.
fn parts(list: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    list.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .collect()
}

/// A column's declaration; `None` for a constraint's.
fn column(part: &str) -> Option<Column> {
    let mut words = part.split_whitespace();
    let (name, kind) = (words.next()?, words.next()?);
    if ["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"].contains(&name) {
        return None;
    }
    Some(Column {
        name: bare(name),
        kind: match kind {
            "boolean" => Some(Type::Bool),
            "bigint" | "integer" | "smallint" => Some(Type::Integer),
            "text" => Some(Type::Text),
            "json" => Some(Type::Json),
            "bytea" => Some(Type::Bytes),
            "uuid" => Some(Type::Uuid),
            "timestamptz" => Some(Type::Time),
            _ => None,
        },
        is_numbered: words.next() == Some("GENERATED"),
    })
}

fn bare(name: &str) -> String {
    name.trim_matches('"').to_owned()
}

impl Type {
    /// The column at `index` (from 0) as a value that can be bound on either engine.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub(crate) fn read(self, row: &Row<'_>, index: usize) -> Result<Value<'static>, DbError> {
        Ok(match self {
            Self::Bool => row.get::<Option<bool>>(index)?.map_or(Value::Null, Value::Bool),
            Self::Integer => row.get::<Option<i64>>(index)?.map_or(Value::Null, Value::Integer),
            Self::Text => row
                .get::<Option<String>>(index)?
                .map_or(Value::Null, |text| Value::Text(text.into())),
            Self::Json => row
                .get::<Option<String>>(index)?
                .map_or(Value::Null, |text| Value::Json(text.into())),
            Self::Bytes => row
                .get::<Option<Vec<u8>>>(index)?
                .map_or(Value::Null, |bytes| Value::Bytes(bytes.into())),
            Self::Uuid => row.get::<Option<Uuid>>(index)?.map_or(Value::Null, Value::Uuid),
            Self::Time => row.get::<Option<Timestamp>>(index)?.map_or(Value::Null, Value::Time),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::Step;

    #[test]
    fn what_steps_declare_is_read() {
        const SET: Migrations = Migrations {
            context: "a",
            steps: &[
                Step {
                    file: "0001_one",
                    sqlite: "",
                    postgres: "CREATE FUNCTION f() RETURNS void AS $$ BEGIN; CREATE TABLE no (id uuid); END $$;\n\
                         CREATE TABLE a (\n  id uuid NOT NULL, -- its name, and more\n  \"at\" timestamptz,\n  \
                         seq bigint GENERATED ALWAYS AS IDENTITY,\n  xid xid8 NOT NULL DEFAULT f(),\n  \
                         kind text COLLATE \"C\" NOT NULL CHECK (kind IN ('x', 'y')),\n  CONSTRAINT pk_a PRIMARY KEY (id)\n\
                         ) WITH (fillfactor = 70);\nSELECT f('a', true);",
                },
                Step {
                    file: "0002_two",
                    sqlite: "",
                    postgres: "ALTER TABLE a ADD COLUMN is_on boolean, ADD COLUMN data json;\nALTER TABLE a ALTER COLUMN data SET STORAGE EXTERNAL;",
                },
            ],
        };
        let tables = declared(&[SET]);
        assert_eq!(tables.keys().collect::<Vec<_>>(), ["a"]);
        let found: Vec<_> = tables["a"]
            .iter()
            .map(|column| (column.name.as_str(), column.kind, column.is_numbered))
            .collect();
        assert_eq!(
            found,
            [
                ("id", Some(Type::Uuid), false),
                ("at", Some(Type::Time), false),
                ("seq", Some(Type::Integer), true),
                ("xid", None, false),
                ("kind", Some(Type::Text), false),
                ("is_on", Some(Type::Bool), false),
                ("data", Some(Type::Json), false),
            ]
        );
    }
}
