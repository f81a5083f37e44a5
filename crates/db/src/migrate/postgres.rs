//! Migrating a server, as its owner.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;
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
/// How often a node asks whether it is its turn to migrate.
const TURN: Duration = Duration::from_millis(200);
/// A step is sent whole: nothing but the way to the server and back is between the statements of its transaction.
const SETTINGS: &str = "-c idle_in_transaction_session_timeout=10000";
/// How a step begins. Whoever comes after a step that waits for a table waits behind it, so it waits for each for less than a point
/// read may take (1 s).
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '500ms'";
/// How it begins every [`LONGER`]th time: an automatic vacuum gives way only to who has waited for `deadlock_timeout`, which is 1 s.
const BEGIN_LONGER: &str = "BEGIN; SET LOCAL lock_timeout = '1300ms'";
const LONGER: u32 = 5;
/// When a step that waits is asked about, which is before it gives up.
const LOOK: Duration = Duration::from_millis(250);
/// How long a step leaves everybody alone that found something in its way.
const PAUSE: Duration = Duration::from_secs(2);
/// For how long a step is tried again.
const PATIENCE: Duration = Duration::from_secs(600);
/// What a session waits for, and who holds it.
const IN_THE_WAY: &str = "SELECT coalesce(w.relation::regclass::text, w.locktype) || ', held by ' || \
    coalesce((SELECT string_agg(DISTINCT concat_ws(' ', a.application_name, 'pid', a.pid), ', ') \
        FROM pg_stat_activity a WHERE a.pid = ANY (pg_blocking_pids(w.pid))), 'nobody any more') \
    FROM pg_locks w WHERE w.pid = $1::bigint AND NOT w.granted";

async fn connect(config: &DbConfig) -> Result<Connection, DbError> {
    Connection::open(&Connector::parse(config.owner_url())?.with_settings(SETTINGS)).await
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
    turn(&connection).await?;
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
        apply(&connection, config, pending.context, step)
            .await
            .map_err(|source| MigrateError::Step {
                context: pending.context,
                file: pending.file,
                source,
            })?;
    }
    Ok(steps.len())
}

/// Waits until no other node migrates. It asks again and again: a statement that waits for the lock has a snapshot, for which an index
/// that the other builds concurrently would wait in turn.
async fn turn(connection: &Connection) -> Result<(), DbError> {
    let mut has_waited = false;
    loop {
        let mine = connection
            .rows("SELECT pg_try_advisory_lock($1)", &values![LOCK], |row| {
                row.get::<bool>(0)
            })
            .await?;
        if mine == [true] {
            return Ok(());
        }
        if !has_waited {
            tracing::info!("another node migrates the database; waiting for it");
            has_waited = true;
        }
        sleep(TURN).await;
    }
}

async fn apply(connection: &Connection, config: &DbConfig, context: &str, step: &Step) -> Result<(), DbError> {
    let checksum = step.checksum(Engine::Postgres);
    let row = values![context, step.number()?, step.file, checksum.as_str()];
    if !step.is_transactional(Engine::Postgres) {
        batch(connection, step.postgres).await?;
        return note(connection, &row).await;
    }
    let mut sessions = connection
        .rows("SELECT pg_backend_pid()::bigint", &[], |row| row.get(0))
        .await?;
    let session: i64 = sessions.pop().unwrap_or_default();
    let mut patience = pin!(sleep(PATIENCE));
    for number in 1_u32.. {
        let begin = if number % LONGER == 0 { BEGIN_LONGER } else { BEGIN };
        let mut in_the_way = None;
        let tried = tokio::select! {
            tried = attempt(connection, begin, step, &row) => tried,
            never = watch(config, session, &mut in_the_way) => match never {},
        };
        if tried? == Attempt::Applied {
            return Ok(());
        }
        let waited_for = in_the_way.as_deref().unwrap_or("a lock of somebody else");
        tracing::warn!(context, step = step.file, "a migration waits for {waited_for}");
        tokio::select! {
            biased;
            () = patience.as_mut() => return Err(DbError::Unavailable(format!(
                "for {} s something was in the way, at last {waited_for}",
                PATIENCE.as_secs()
            ))),
            () = sleep(PAUSE) => {}
        }
    }
    Ok(())
}

/// What came of one try to apply a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Applied,
    /// Somebody holds what it needs; nothing of it is left.
    InTheWay,
}

async fn attempt(connection: &Connection, begin: &str, step: &Step, row: &[Value<'_>]) -> Result<Attempt, DbError> {
    batch(connection, begin).await?;
    let done = match batch(connection, step.postgres).await {
        Ok(()) => note(connection, row).await,
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        batch(connection, "ROLLBACK").await?;
        return match error {
            // The second is a deadlock: who is in the way wants what the step has already.
            DbError::Busy { .. } | DbError::Serialization => Ok(Attempt::InTheWay),
            error => Err(error),
        };
    }
    batch(connection, "COMMIT").await?;
    Ok(Attempt::Applied)
}

/// Looks, for as long as a step takes, whom it waits for: what its own connection says of that is only that it gave up. What cannot be
/// seen is left out; the step does not depend on it.
async fn watch(config: &DbConfig, session: i64, in_the_way: &mut Option<String>) -> Infallible {
    sleep(LOOK).await;
    if let Ok(connection) = connect(config).await {
        while let Ok(mut seen) = connection.rows(IN_THE_WAY, &values![session], |row| row.get(0)).await {
            *in_the_way = seen.pop().or_else(|| in_the_way.take());
            sleep(LOOK).await;
        }
    }
    std::future::pending().await
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
