//! Migrating a server, as its owner.

use tokio_postgres::error::SqlState;

use super::{Applied, Destructive, MigrateError, Migrations, PendingStep, Step, admit, compare};
use crate::config::DbConfig;
use crate::error::DbError;
use crate::postgres::{Connection, Connector, READ_ROLE, WRITE_ROLE};
use crate::sql::Engine;
use crate::value::Value;
use crate::values;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    context text NOT NULL,
    number bigint NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL,
    CONSTRAINT pk_schema_migrations PRIMARY KEY (context, number)
)";
const INSERT: &str =
    "INSERT INTO schema_migrations (context, number, name, sha256, applied_at) VALUES ($1, $2, $3, $4, now())";
/// The advisory lock of migrations: the bytes of `lastro` as a number. It is held by the session and goes with it.
const LOCK: i64 = 0x6c61_7374_726f;

async fn connect(config: &DbConfig) -> Result<Connection, DbError> {
    Connection::open(&Connector::parse(config.owner_url())?).await
}

async fn read(connection: &Connection) -> Result<Applied, DbError> {
    let exists = connection
        .rows("SELECT to_regclass('schema_migrations') IS NOT NULL", &[], |row| {
            row.get::<bool>(0)
        })
        .await?;
    if exists != [true] {
        return Ok(Applied::new());
    }
    let rows = connection.rows(
        "SELECT context, number, name, sha256 FROM schema_migrations",
        &[],
        |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))),
    );
    Ok(rows.await?.into_iter().collect())
}

pub(super) async fn applied(config: &DbConfig) -> Result<Applied, DbError> {
    read(&connect(config).await?).await
}

pub(super) async fn run(
    config: &DbConfig,
    migrations: &[Migrations],
    destructive: Destructive,
    progress: &mut (dyn FnMut(&PendingStep) + Send),
) -> Result<usize, MigrateError> {
    let connection = connect(config).await?;
    let lock = connection
        .rows("SELECT pg_advisory_lock($1)", &values![LOCK], |_| Ok(()))
        .await;
    lock.map_err(DbError::from)?;
    let known = compare(Engine::Postgres, migrations, &read(&connection).await?)?;
    let steps = admit(known, destructive)?;
    roles(&connection, config).await?;
    if !steps.is_empty() {
        batch(&connection, TABLE).await?;
        batch(
            &connection,
            &format!("GRANT SELECT ON schema_migrations TO {READ_ROLE}, {WRITE_ROLE}"),
        )
        .await?;
    }
    for pending in &steps {
        progress(pending);
        let step = migrations
            .iter()
            .filter(|set| set.context == pending.context)
            .find_map(|set| set.steps.iter().find(|step| step.file == pending.file))
            .ok_or_else(|| DbError::Internal("a pending step is not among the migrations".into()))?;
        apply(&connection, pending.context, step)
            .await
            .map_err(|source| MigrateError::Step {
                context: pending.context,
                file: pending.file,
                source,
            })?;
    }
    Ok(steps.len())
}

async fn apply(connection: &Connection, context: &str, step: &Step) -> Result<(), DbError> {
    let checksum = step.checksum(Engine::Postgres);
    let row = values![context, step.number()?, step.file, checksum.as_str()];
    if step.is_transactional(Engine::Postgres) {
        batch(connection, "BEGIN").await?;
        let done = match batch(connection, step.postgres).await {
            Ok(()) => note(connection, &row).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            batch(connection, "ROLLBACK").await?;
            return Err(error);
        }
        batch(connection, "COMMIT").await
    } else {
        batch(connection, step.postgres).await?;
        note(connection, &row).await
    }
}

/// Writes down that a step is applied.
async fn note(connection: &Connection, row: &[Value<'_>]) -> Result<(), DbError> {
    connection.execute(INSERT, row).await?;
    Ok(())
}

async fn batch(connection: &Connection, text: &str) -> Result<(), DbError> {
    Ok(connection.client().batch_execute(text).await?)
}

/// Makes the two serving roles where the cluster does not have them, and lets the serving login take them.
///
/// # Errors
/// [`DbError`]; without the right to create roles, the message says what somebody with that right must run.
pub async fn ensure_roles(config: &DbConfig) -> Result<(), DbError> {
    roles(&connect(config).await?, config).await
}

async fn roles(connection: &Connection, config: &DbConfig) -> Result<(), DbError> {
    let mut logins = Vec::new();
    for url in [config.url.as_str(), config.owner_url()] {
        let named = Connector::parse(url)?.user().map(str::to_owned);
        let login = match named {
            Some(login) => login,
            None => one_text(connection, "SELECT current_user::text").await?,
        };
        if !logins.contains(&login) {
            logins.push(login);
        }
    }
    for role in [WRITE_ROLE, READ_ROLE] {
        let known = "SELECT 1 FROM pg_roles WHERE rolname = $1";
        granted(
            connection,
            known,
            &values![role],
            &format!("CREATE ROLE {role} NOLOGIN"),
        )
        .await?;
        for login in &logins {
            let member = "SELECT 1 WHERE pg_has_role($1, $2, 'MEMBER')";
            let grant = format!("GRANT {role} TO {}", quoted(login));
            granted(connection, member, &values![login.as_str(), role], &grant).await?;
        }
    }
    Ok(())
}

/// Runs `command` unless `done` finds that it is done. Roles belong to the whole cluster: where the command fails because another
/// database's migration did the same at this moment, it is done as well.
async fn granted(connection: &Connection, done: &str, values: &[Value<'_>], command: &str) -> Result<(), DbError> {
    let is_done =
        async || -> Result<bool, DbError> { Ok(!connection.rows(done, values, |_| Ok(())).await?.is_empty()) };
    if is_done().await? {
        return Ok(());
    }
    match connection.client().batch_execute(command).await {
        Ok(()) => Ok(()),
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Err(DbError::Internal(format!(
            "the owner of the database may not do this, so somebody else must first: {command}"
        ))),
        Err(error) => {
            if is_done().await? {
                Ok(())
            } else {
                Err(error.into())
            }
        }
    }
}

async fn one_text(connection: &Connection, query: &str) -> Result<String, DbError> {
    let mut rows = connection.rows(query, &[], |row| row.get(0)).await?;
    rows.pop()
        .ok_or_else(|| DbError::Internal("a query for one text returned none".into()))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
