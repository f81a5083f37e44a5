//! Moving rows from one database to another, of either engine: everything ([`run`], `lastro move`) or one organization
//! ([`run_tenant`], `lastro tenant move`).
//!
//! What each column holds is known from the migrations, so the rows of both engines are read and bound alike, and a value that is
//! equal on one is equal on the other. The source is read as of one moment, page by page along its primary keys; the target gets
//! all of it in one transaction, the tables that others refer to first, or nothing.

use futures_util::future::{BoxFuture, FutureExt as _, try_join_all};
use kernel::OrganizationId;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::admin;
use crate::columns::{Column, Type, declared};
use crate::config::{DbConfig, sqlite_path};
use crate::error::DbError;
use crate::migrate::Migrations;
use crate::postgres::{Connection, Connector};
use crate::row::Row;
use crate::schema::{self, Schema};
use crate::sql::Engine;
use crate::sqlite::{self, Text};
use crate::value::Value;

/// Rows that are in memory at a time.
const PAGE: usize = 500;
/// How long one side of a copy may wait in its transaction for the other, which reads or writes one page meanwhile: never for longer than
/// [`PAGE`] rows take, which is far less. Past it whoever copies has stopped, and is not to hold rows and a snapshot any longer.
const SETTINGS: &str = "-c idle_in_transaction_session_timeout=60000";
/// Tables that say something about the database itself and not about what is in it.
const OWN: [&str; 1] = ["schema_migrations"];
/// The table with a row of each organization, which is not the organization's own.
const ORGANIZATIONS: &str = "organizations";

/// A table, and how many rows of it were moved, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its name.
    pub table: String,
    /// How many rows.
    pub rows: u64,
}

/// A table as it is read and filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    name: String,
    columns: Vec<(String, Type)>,
    key: Vec<usize>,
    /// A column that PostgreSQL numbers by itself.
    numbered: Option<String>,
    /// The column that names the organization whose rows are meant; `None` for all rows.
    owner: Option<&'static str>,
}

impl Table {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its columns, in the order in which rows have their values.
    #[must_use]
    pub fn columns(&self) -> &[(String, Type)] {
        &self.columns
    }

    /// The place of a column among the values of a row.
    #[must_use]
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|(name, _)| name == column)
    }

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

    /// The statement that reads a page, the first or one after a key. Of one organization's rows it is `$1`.
    fn page(&self, is_first: bool) -> String {
        let mut kept: Vec<String> = self
            .owner
            .map(|owner| format!("{} = $1", quoted(owner)))
            .into_iter()
            .collect();
        if !is_first {
            let bound = kept.len();
            let places: Vec<String> = (1..=self.key.len())
                .map(|place| format!("${}", place + bound))
                .collect();
            kept.push(format!("({}) > ({})", self.key_list(), places.join(", ")));
        }
        let kept = if kept.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", kept.join(" AND "))
        };
        format!(
            "SELECT {} FROM {}{kept} ORDER BY {} LIMIT {PAGE}",
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
pub async fn plan(from: &DbConfig, to: &DbConfig, migrations: &[Migrations]) -> Result<Vec<Moved>, DbError> {
    let tables = prepared(from, to, migrations).await?;
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
    migrations: &[Migrations],
    progress: &mut (dyn FnMut(&Moved) + Send),
) -> Result<Vec<Moved>, DbError> {
    let tables = prepared(from, to, migrations).await?;
    let source = Side::open(from).await?;
    let target = Side::open(to).await?;
    source.begin_reading().await?;
    target.begin_writing().await?;
    let work = async {
        let moved = copy(&source, &target, &tables, progress).await?;
        // Before the COMMIT, which may take its time: nothing may fail behind it.
        source.end("ROLLBACK").await?;
        Ok(moved)
    };
    target.keep(work.await).await
}

async fn copy(
    source: &Side,
    target: &Side,
    tables: &[Table],
    progress: &mut (dyn FnMut(&Moved) + Send),
) -> Result<Vec<Moved>, DbError> {
    let mut moved = Vec::with_capacity(tables.len());
    for table in tables {
        let mut pages = Pages::of(table, None);
        while let Some(page) = pages.next(source).await? {
            target.insert(&table.insert(target.engine()), page).await?;
        }
        if let (Engine::Postgres, Some(column)) = (target.engine(), &table.numbered) {
            target.go_on_numbering(&table.name, column).await?;
        }
        let done = pages.done();
        progress(&done);
        moved.push(done);
    }
    Ok(moved)
}

/// How far the reading of a table has come.
struct Pages<'t> {
    table: &'t Table,
    organization: Option<OrganizationId>,
    after: Vec<Value<'static>>,
    rows: u64,
    is_over: bool,
}

impl<'t> Pages<'t> {
    const fn of(table: &'t Table, organization: Option<OrganizationId>) -> Self {
        Self {
            table,
            organization,
            after: Vec::new(),
            rows: 0,
            is_over: false,
        }
    }

    /// The next page; `None` behind the last.
    async fn next(&mut self, source: &Side) -> Result<Option<Vec<Vec<Value<'static>>>>, DbError> {
        if self.is_over {
            return Ok(None);
        }
        let mut values: Vec<Value<'static>> = self.organization.map(Value::id).into_iter().collect();
        values.append(&mut self.after);
        let page = source
            .rows(&self.table.page(self.rows == 0), &values, self.table)
            .await?;
        self.is_over = page.len() < PAGE;
        self.rows += page.len() as u64;
        let Some(last) = page.last() else { return Ok(None) };
        let key = self.table.key.iter().filter_map(|index| last.get(*index).cloned());
        self.after = key.collect();
        Ok(Some(page))
    }

    fn done(&self) -> Moved {
        Moved {
            table: self.table.name.clone(),
            rows: self.rows,
        }
    }
}

/// Checks that the two fit, and says in which order the tables go.
async fn prepared(from: &DbConfig, to: &DbConfig, migrations: &[Migrations]) -> Result<Vec<Table>, DbError> {
    let unfit = |text: &str| DbError::Internal(text.to_owned());
    if from.engine()? == to.engine()? {
        return Err(unfit("one of the two must be PostgreSQL and the other SQLite"));
    }
    let versions = "SELECT context, CAST(number AS TEXT), name FROM schema_migrations ORDER BY context, number";
    if admin::query(from.owner_url(), versions).await? != admin::query(to.owner_url(), versions).await? {
        return Err(unfit("the two databases are not at the same version"));
    }
    let held = admin::query(to.owner_url(), "SELECT slug FROM organizations LIMIT 1").await?;
    if !held.is_empty() {
        return Err(unfit("the database to move to is not empty"));
    }
    let schema = schema::describe(from.owner_url()).await?;
    tables(&schema, migrations, |name| !OWN.contains(&name))
}

/// The tables that are wanted, those that others refer to first.
fn tables(schema: &Schema, migrations: &[Migrations], is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Table>, DbError> {
    let declared = declared(migrations);
    schema::referred_first(schema)?
        .into_iter()
        .filter(|name| is_wanted(name))
        .map(|name| {
            let known = declared.get(&name).map(Vec::as_slice).unwrap_or_default();
            // A transaction's number means nothing elsewhere: the target gives its own.
            let columns: Vec<(String, Type)> = known
                .iter()
                .filter_map(|column| Some((column.name.clone(), column.kind?)))
                .collect();
            let numbered = known.iter().find(|column| column.is_numbered);
            let described = schema.get(&name);
            if let Some(unknown) = described
                .into_iter()
                .flat_map(|table| table.columns.keys())
                .find(|name| !known.iter().any(|column: &Column| column.name == **name))
            {
                return Err(DbError::Internal(format!("no migration declares {name}.{unknown}")));
            }
            let keys = described.map(|table| table.primary_key.as_slice()).unwrap_or_default();
            let key: Vec<usize> = keys
                .iter()
                .filter_map(|key| columns.iter().position(|(column, _)| column == key))
                .collect();
            if key.is_empty() || key.len() != keys.len() {
                return Err(DbError::Internal(format!("the table {name} has no key to read it by")));
            }
            Ok(Table {
                columns,
                key,
                numbered: numbered.map(|column| column.name.clone()),
                owner: None,
                name,
            })
        })
        .collect()
}

/// The tables of which an organization may have rows: its own row first, then those of its tables.
///
/// # Errors
/// [`DbError`] when the database cannot be asked, or holds tables that no migration declares.
async fn tables_of_tenants(config: &DbConfig, migrations: &[Migrations]) -> Result<Vec<Table>, DbError> {
    let schema = schema::describe(config.owner_url()).await?;
    let is_tenant =
        |name: &str| name == ORGANIZATIONS || schema.get(name).is_some_and(|table| schema::is_tenant(name, table));
    let mut tables = tables(&schema, migrations, is_tenant)?;
    tables.sort_by_key(|table| table.name != ORGANIZATIONS);
    for table in &mut tables {
        table.owner = Some(if table.name == ORGANIZATIONS {
            "id"
        } else {
            "organization_id"
        });
    }
    Ok(tables)
}

/// What hears of each row of an organization.
pub type Visit<'v, E> = dyn FnMut(&Table, &[Value<'static>]) -> Result<(), E> + Send + 'v;

/// Reads every row of an organization as of one moment: its own row first, then its tables, those that others refer to before those
/// others. How many rows there were of each table. Only one page of them is in memory at a time.
///
/// # Errors
/// [`DbError`], or what `visit` answered.
pub async fn read_tenant<E: From<DbError>>(
    config: &DbConfig,
    migrations: &[Migrations],
    organization: OrganizationId,
    visit: &mut Visit<'_, E>,
) -> Result<Vec<Moved>, E> {
    let tables = tables_of_tenants(config, migrations).await?;
    let source = Side::open(config).await?;
    source.begin_reading().await?;
    let mut read = Vec::with_capacity(tables.len());
    for table in &tables {
        let mut pages = Pages::of(table, Some(organization));
        while let Some(page) = pages.next(&source).await? {
            for row in &page {
                visit(table, row)?;
            }
        }
        read.push(pages.done());
    }
    source.end("ROLLBACK").await?;
    Ok(read)
}

fn digest_row(digest: &mut Sha256, table: &Table, row: &[Value<'static>]) {
    digest.update(format!("{} {row:?}\n", table.name));
}

/// What makes a row fit for the target: ids of the other catalogue in the place of those of this one.
pub type Translate<'t> = dyn Fn(&Table, &mut [Value<'static>]) -> Result<(), DbError> + Sync + 't;

/// Copies every row of an organization into another database, where it must have none, in one transaction. The source is read twice:
/// what changed in between fails it, so that nothing that somebody still wrote is left behind. Whoever calls it sees that nobody does.
/// `progress` hears of every table that is copied.
///
/// # Errors
/// [`DbError::Serialization`] when the rows changed meanwhile; else the failure of a statement. Then the target is as it was.
pub async fn run_tenant(
    from: &DbConfig,
    to: &DbConfig,
    migrations: &[Migrations],
    organization: OrganizationId,
    translate: &Translate<'_>,
    progress: &mut (dyn FnMut(&Moved) + Send),
) -> Result<Vec<Moved>, DbError> {
    let tables = tables_of_tenants(from, migrations).await?;
    let source = Side::open(from).await?;
    let target = Side::open(to).await?;
    target.begin_writing().await?;
    let work = async {
        source.begin_reading().await?;
        let mut moved = Vec::with_capacity(tables.len());
        let mut digest = Sha256::new();
        for table in &tables {
            let mut pages = Pages::of(table, Some(organization));
            while let Some(mut page) = pages.next(&source).await? {
                for row in &mut page {
                    digest_row(&mut digest, table, row);
                    translate(table, row)?;
                }
                target.insert(&table.insert(target.engine()), page).await?;
            }
            let done = pages.done();
            progress(&done);
            moved.push(done);
        }
        source.end("ROLLBACK").await?;
        let mut again = Sha256::new();
        source.begin_reading().await?;
        for table in &tables {
            let mut pages = Pages::of(table, Some(organization));
            while let Some(page) = pages.next(&source).await? {
                for row in &page {
                    digest_row(&mut again, table, row);
                }
                target.stay().await?;
            }
        }
        source.end("ROLLBACK").await?;
        if digest.finalize() != again.finalize() {
            return Err(DbError::Serialization);
        }
        Ok(moved)
    };
    target.keep(work.await).await
}

/// One of the two databases.
enum Side {
    Postgres(Connection),
    Sqlite(Mutex<rusqlite::Connection>),
}

impl Side {
    async fn open(config: &DbConfig) -> Result<Self, DbError> {
        Ok(match config.engine()? {
            Engine::Postgres => {
                let connector = Connector::parse(config.owner_url())?.with_settings(SETTINGS);
                Self::Postgres(Connection::open(&connector).await?)
            }
            Engine::Sqlite => Self::Sqlite(Mutex::new(sqlite::open_writer(&sqlite_path(&config.url)?)?)),
        })
    }

    const fn engine(&self) -> Engine {
        match self {
            Self::Postgres(_) => Engine::Postgres,
            Self::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// Begins a transaction that sees one moment; on SQLite it is that of its first statement.
    fn begin_reading(&self) -> BoxFuture<'_, Result<(), DbError>> {
        self.end(match self {
            Self::Postgres(_) => "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Sqlite(_) => "BEGIN",
        })
    }

    /// Begins a transaction that writes. On SQLite it takes its turn at once: one that had read before would be refused when another
    /// wrote meanwhile.
    fn begin_writing(&self) -> BoxFuture<'_, Result<(), DbError>> {
        self.end(match self {
            Self::Postgres(_) => "BEGIN",
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
        })
    }

    /// Says to one that has nothing to do, for longer than [`SETTINGS`] let it wait, that its transaction is not left.
    async fn stay(&self) -> Result<(), DbError> {
        match self {
            Self::Postgres(connection) => Ok(connection.client().batch_execute("SELECT 1").await?),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Ends a transaction that wrote: what it wrote stays if everything went well.
    async fn keep<T>(&self, outcome: Result<T, DbError>) -> Result<T, DbError> {
        self.end(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
        outcome
    }

    /// Runs a statement about the transaction.
    fn end<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<(), DbError>> {
        async move {
            match self {
                Self::Postgres(connection) => Ok(connection.client().batch_execute(text).await?),
                Self::Sqlite(connection) => Ok(connection.lock().execute_batch(text)?),
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
            Self::Sqlite(connection) => {
                sqlite::rows(&connection.lock(), Text::plain(text), values, |row| table.read(row))
            }
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
                    sqlite::execute(&connection, Text::plain(text), row)?;
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
