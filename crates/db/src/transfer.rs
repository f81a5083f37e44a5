//! Moving everything from one engine to the other: `lastro move`.
//!
//! One of the two is PostgreSQL, and it says what type each column is of; the rows of both engines are read and bound as those types,
//! so a value that is equal on one is equal on the other. The source is read as of one moment, page by page along its primary
//! keys; the target gets all of it in one transaction, the tables that others refer to first, or nothing.

use futures_util::future::{BoxFuture, FutureExt as _, try_join_all};
use kernel::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::admin;
use crate::config::{DbConfig, sqlite_path};
use crate::error::DbError;
use crate::postgres::{Connection, Connector};
use crate::row::Row;
use crate::schema;
use crate::sql::Engine;
use crate::sqlite;
use crate::value::Value;

/// Rows that are in memory at a time.
const PAGE: usize = 500;
/// Tables that say something about the database itself and not about what is in it.
const OWN: [&str; 1] = ["schema_migrations"];

/// A table, and how many rows of it were moved, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its name.
    pub table: String,
    /// How many rows.
    pub rows: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Bool,
    Integer,
    Text,
    Json,
    Bytes,
    Uuid,
    Time,
}

impl Type {
    fn of(declared: &str) -> Option<Self> {
        Some(match declared {
            "boolean" => Self::Bool,
            "bigint" | "integer" | "smallint" => Self::Integer,
            "text" => Self::Text,
            "json" => Self::Json,
            "bytea" => Self::Bytes,
            "uuid" => Self::Uuid,
            "timestamp with time zone" => Self::Time,
            _ => return None,
        })
    }

    fn read(self, row: &Row<'_>, index: usize) -> Result<Value<'static>, DbError> {
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

/// A table as it is moved.
#[derive(Debug)]
struct Table {
    name: String,
    columns: Vec<(String, Type)>,
    key: Vec<usize>,
    /// A column that PostgreSQL numbers by itself.
    numbered: Option<String>,
}

impl Table {
    fn list(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| quoted(name)).collect();
        names.join(", ")
    }

    fn key_list(&self) -> String {
        let names: Vec<String> = self
            .key
            .iter()
            .filter_map(|index| self.columns.get(*index))
            .map(|(name, _)| quoted(name))
            .collect();
        names.join(", ")
    }

    /// The statement that reads a page, the first or one after a key.
    fn page(&self, is_first: bool) -> String {
        let after = if is_first {
            String::new()
        } else {
            let places: Vec<String> = (1..=self.key.len()).map(|place| format!("${place}")).collect();
            format!(" WHERE ({}) > ({})", self.key_list(), places.join(", "))
        };
        format!(
            "SELECT {} FROM {}{after} ORDER BY {} LIMIT {PAGE}",
            self.list(),
            quoted(&self.name),
            self.key_list()
        )
    }

    fn insert(&self, engine: Engine) -> String {
        let places: Vec<String> = (1..=self.columns.len()).map(|place| format!("${place}")).collect();
        let overriding = match (engine, &self.numbered) {
            (Engine::Postgres, Some(_)) => " OVERRIDING SYSTEM VALUE",
            _ => "",
        };
        format!(
            "INSERT INTO {} ({}){overriding} VALUES ({})",
            quoted(&self.name),
            self.list(),
            places.join(", ")
        )
    }

    fn read(&self, row: &Row<'_>) -> Result<Vec<Value<'static>>, DbError> {
        self.columns
            .iter()
            .enumerate()
            .map(|(index, (_, kind))| kind.read(row, index))
            .collect()
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// The tables with their rows, as they would be moved.
///
/// # Errors
/// As [`run`].
pub async fn plan(from: &DbConfig, to: &DbConfig) -> Result<Vec<Moved>, DbError> {
    let tables = prepared(from, to).await?;
    let mut counted = Vec::with_capacity(tables.len());
    for table in tables {
        let text = format!("SELECT CAST(count(*) AS TEXT) FROM {}", quoted(&table.name));
        let rows = admin::query(from.owner_url(), &text).await?;
        let count = rows.first().and_then(|row| row.first().cloned().flatten());
        counted.push(Moved {
            table: table.name,
            rows: count.and_then(|text| text.parse().ok()).unwrap_or_default(),
        });
    }
    Ok(counted)
}

/// Moves everything into a migrated, empty database of the other engine. No server may run on either meanwhile. `progress` hears
/// of every table that is done.
///
/// # Errors
/// [`DbError::Internal`] in words for the operator when the two do not fit: of one engine, at different versions, or the target is not
/// empty; else the failure of a statement. Then the target is as it was.
pub async fn run(
    from: &DbConfig,
    to: &DbConfig,
    progress: &mut (dyn FnMut(&Moved) + Send),
) -> Result<Vec<Moved>, DbError> {
    let tables = prepared(from, to).await?;
    let source = Side::open(from).await?;
    let target = Side::open(to).await?;
    source.begin_reading().await?;
    target.begin_writing().await?;
    match copy(&source, &target, &tables, progress).await {
        Ok(moved) => {
            target.end("COMMIT").await?;
            source.end("ROLLBACK").await?;
            Ok(moved)
        }
        Err(error) => {
            target.end("ROLLBACK").await?;
            Err(error)
        }
    }
}

async fn copy(
    source: &Side,
    target: &Side,
    tables: &[Table],
    progress: &mut (dyn FnMut(&Moved) + Send),
) -> Result<Vec<Moved>, DbError> {
    let mut moved = Vec::with_capacity(tables.len());
    for table in tables {
        let mut rows = 0;
        let mut after: Option<Vec<Value<'static>>> = None;
        loop {
            let values = after.take().unwrap_or_default();
            let page = source.rows(&table.page(rows == 0), &values, table).await?;
            let Some(last) = page.last() else { break };
            let key = table.key.iter().filter_map(|index| last.get(*index).cloned());
            after = Some(key.collect());
            let is_last = page.len() < PAGE;
            rows += page.len() as u64;
            target.insert(&table.insert(target.engine()), page).await?;
            if is_last {
                break;
            }
        }
        if let (Engine::Postgres, Some(column)) = (target.engine(), &table.numbered) {
            target.go_on_numbering(&table.name, column).await?;
        }
        let done = Moved {
            table: table.name.clone(),
            rows,
        };
        progress(&done);
        moved.push(done);
    }
    Ok(moved)
}

/// Checks that the two fit, and says in which order the tables go.
async fn prepared(from: &DbConfig, to: &DbConfig) -> Result<Vec<Table>, DbError> {
    let unfit = |text: &str| DbError::Internal(text.to_owned());
    let postgres = match (from.engine()?, to.engine()?) {
        (Engine::Sqlite, Engine::Postgres) => to.owner_url(),
        (Engine::Postgres, Engine::Sqlite) => from.owner_url(),
        _ => return Err(unfit("one of the two must be PostgreSQL and the other SQLite")),
    };
    let versions = "SELECT context, CAST(number AS TEXT), name FROM schema_migrations ORDER BY context, number";
    if admin::query(from.owner_url(), versions).await? != admin::query(to.owner_url(), versions).await? {
        return Err(unfit("the two databases are not at the same version"));
    }
    let held = admin::query(to.owner_url(), "SELECT slug FROM organizations LIMIT 1").await?;
    if !held.is_empty() {
        return Err(unfit("the database to move to is not empty"));
    }
    let schema = schema::describe(postgres).await?;
    let types = admin::query(
        postgres,
        "SELECT table_name::text, column_name::text, data_type::text, is_identity::text FROM information_schema.columns \
         WHERE table_schema = 'public' ORDER BY table_name, ordinal_position",
    )
    .await?;
    schema::referred_first(&schema)?
        .into_iter()
        .filter(|name| !OWN.contains(&name.as_str()))
        .map(|name| {
            let of_table = types.iter().filter_map(|row| match row.as_slice() {
                [Some(table), Some(column), Some(kind), identity] if *table == name => {
                    Some((column, kind, identity.as_deref() == Some("YES")))
                }
                _ => None,
            });
            let mut columns = Vec::new();
            let mut numbered = None;
            for (column, kind, is_numbered) in of_table {
                // A transaction's number means nothing elsewhere: the target gives its own.
                if let Some(kind) = Type::of(kind) {
                    columns.push((column.clone(), kind));
                }
                if is_numbered {
                    numbered = Some(column.clone());
                }
            }
            let keys = schema
                .get(&name)
                .map(|table| table.primary_key.clone())
                .unwrap_or_default();
            let key: Vec<usize> = keys
                .iter()
                .filter_map(|key| columns.iter().position(|(column, _)| column == key))
                .collect();
            if key.is_empty() || key.len() != keys.len() {
                return Err(DbError::Internal(format!("the table {name} has no key to read it by")));
            }
            Ok(Table {
                name,
                columns,
                key,
                numbered,
            })
        })
        .collect()
}

/// One of the two databases.
enum Side {
    Postgres(Connection),
    Sqlite(Mutex<rusqlite::Connection>),
}

impl Side {
    async fn open(config: &DbConfig) -> Result<Self, DbError> {
        Ok(match config.engine()? {
            Engine::Postgres => Self::Postgres(Connection::open(&Connector::parse(config.owner_url())?).await?),
            Engine::Sqlite => Self::Sqlite(Mutex::new(sqlite::open_writer(&sqlite_path(&config.url)?)?)),
        })
    }

    const fn engine(&self) -> Engine {
        match self {
            Self::Postgres(_) => Engine::Postgres,
            Self::Sqlite(_) => Engine::Sqlite,
        }
    }

    fn begin_reading(&self) -> BoxFuture<'_, Result<(), DbError>> {
        self.end("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    fn begin_writing(&self) -> BoxFuture<'_, Result<(), DbError>> {
        self.end("BEGIN")
    }

    /// Runs a statement about the transaction.
    fn end<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<(), DbError>> {
        async move {
            match self {
                Self::Postgres(connection) => Ok(connection.client().batch_execute(text).await?),
                Self::Sqlite(connection) => {
                    // SQLite knows one kind of transaction that reads: it sees one moment from its first statement on.
                    let text = if text.starts_with("BEGIN") { "BEGIN" } else { text };
                    Ok(connection.lock().execute_batch(text)?)
                }
            }
        }
        .boxed()
    }

    async fn rows(
        &self,
        text: &str,
        values: &[Value<'static>],
        table: &Table,
    ) -> Result<Vec<Vec<Value<'static>>>, DbError> {
        match self {
            Self::Postgres(connection) => Ok(connection.rows(text, values, |row| table.read(row)).await?),
            Self::Sqlite(connection) => sqlite::rows(&connection.lock(), text, values, |row| table.read(row)),
        }
    }

    async fn insert(&self, text: &str, rows: Vec<Vec<Value<'static>>>) -> Result<(), DbError> {
        match self {
            Self::Postgres(connection) => {
                // Sent one behind the other, answered together.
                let inserts = rows.iter().map(|row| connection.execute(text, row));
                try_join_all(inserts).await?;
            }
            Self::Sqlite(connection) => {
                let connection = connection.lock();
                for row in &rows {
                    sqlite::execute(&connection, text, row)?;
                }
            }
        }
        Ok(())
    }

    async fn go_on_numbering(&self, table: &str, column: &str) -> Result<(), DbError> {
        if let Self::Postgres(connection) = self {
            let text = format!(
                "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), coalesce(max({column}), 0) + 1, false) FROM {}",
                quoted(table)
            );
            connection.rows(&text, &[], |_| Ok(())).await?;
        }
        Ok(())
    }
}
