//! PostgreSQL: shared connections for point reads, a pool for other reads, a pool for units of work.

mod connect;
mod connection;
mod pool;
mod shared;
mod transaction;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub(crate) use connect::Connector;
pub(crate) use connection::Connection;
pub(crate) use pool::Pooled;
pub(crate) use transaction::Transaction;

use crate::config::DbConfig;
use crate::error::DbError;
use crate::row::Sink;
use crate::sql::{Lane, Sql};
use crate::unit::Territory;
use crate::value::Value;
use crate::{Engine, Gauge};
use connection::Failure;
use pool::Connections;
use shared::Shared;

/// The role of units of work: row-level security binds it to the organization named at BEGIN. Made by the first migration.
pub(crate) const WRITE_ROLE: &str = "lastro_write";
/// The role of reads: it may only SELECT.
pub(crate) const READ_ROLE: &str = "lastro_read";

/// How long a statement outside the point lane may read.
const READ_TIME: Duration = Duration::from_secs(30);
/// How much longer than the server's own limit its answer is waited for.
const GRACE: Duration = Duration::from_secs(5);

/// Connections that serve requests, as the role. They plan along indexes: a plan made while a table is small is kept when it has
/// grown, and what read all of it still does (ADR 18).
fn serving(url: &str, role: &'static str) -> Result<Connector, DbError> {
    let connector = Connector::parse(url)?.with_role(role);
    Ok(connector.with_settings("-c enable_seqscan=off -c jit=off"))
}

/// One server and, where configured, its replica.
pub(crate) struct Postgres {
    primary: Reading,
    replica: Option<Reading>,
    writing: Connections,
    /// How often a unit ran again because it could not be ordered among others.
    reruns: AtomicUsize,
}

struct Reading {
    shared: Arc<Shared>,
    pooled: Connections,
}

impl Reading {
    fn new(url: &str, config: &DbConfig) -> Result<Self, DbError> {
        let point =
            serving(url, READ_ROLE)?.with_settings("-c statement_timeout=1000 -c default_transaction_read_only=on");
        let pooled = serving(url, READ_ROLE)?.with_settings(&format!(
            "-c statement_timeout={} -c default_transaction_read_only=on",
            READ_TIME.as_millis()
        ));
        let shared = Arc::new(Shared::new(point, config.shared_connections, config.wait));
        shared.watch();
        Ok(Self {
            shared,
            pooled: Connections::new(pooled, config.pool_size, config.wait)?,
        })
    }
}

impl Postgres {
    /// Prepares the pools; nothing is connected before it is needed.
    pub(crate) fn new(config: &DbConfig) -> Result<Self, DbError> {
        // The unit of a node that falls silent ends before those that wait for what it holds give up.
        let writing = serving(&config.url, WRITE_ROLE)?.with_settings(
            "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=2000",
        );
        Ok(Self {
            primary: Reading::new(&config.url, config)?,
            replica: config
                .replica_url
                .as_deref()
                .map(|url| Reading::new(url, config))
                .transpose()?,
            writing: Connections::new(writing, config.pool_size, config.wait)?,
            reruns: AtomicUsize::new(0),
        })
    }

    pub(crate) async fn read(&self, sql: &Sql<'_>, values: &[Value<'_>], sink: &mut dyn Sink) -> Result<u64, DbError> {
        let text = sql.text(Engine::Postgres);
        let reading = match &self.replica {
            Some(replica) if sql.lags() => replica,
            _ => &self.primary,
        };
        match sql.lane() {
            Lane::Point => reading.shared.read(text, values, sink).await,
            Lane::Pooled => {
                let connection = reading.pooled.take().await?;
                let failure = match Self::within(&connection, text, values, sink).await {
                    Ok(count) => return Ok(count),
                    Err(failure) => failure,
                };
                let lost = failure.is_lost();
                if !failure.is_stale_statement() && !lost {
                    return Err(failure.into());
                }
                connection.forget_all();
                let connection = if lost { reading.pooled.take().await? } else { connection };
                Ok(Self::within(&connection, text, values, sink).await?)
            }
        }
    }

    /// Reads, and closes the connection where even the server's own limit has passed without an answer: its peer is dead.
    async fn within(
        connection: &Connection,
        text: &str,
        values: &[Value<'_>],
        sink: &mut dyn Sink,
    ) -> Result<u64, Failure> {
        let reading = connection.read(text, values, sink);
        match tokio::time::timeout(READ_TIME + GRACE, reading).await {
            Ok(result) => result,
            Err(_) => {
                connection.abort();
                Err(DbError::Unavailable("the database stopped answering".into()).into())
            }
        }
    }

    /// A connection for a unit of work.
    pub(crate) async fn take(&self) -> Result<Pooled, DbError> {
        self.writing.take().await
    }

    /// Counts a unit that runs again.
    pub(crate) fn count_rerun(&self) {
        self.reruns.fetch_add(1, Ordering::Relaxed);
    }

    /// Opens a transaction that may touch `territory`.
    ///
    /// A connection from the pool may have died unnoticed; the BEGIN travels with the first statement, so that shows there.
    pub(crate) async fn begin(&self, connection: Pooled, territory: Territory, is_long: bool) -> Transaction {
        let organization = match territory {
            Territory::Organization(id) => id.to_string(),
            Territory::All => "*".to_owned(),
        };
        // Stated, whatever the server's default is: a lock taken first and a look taken after it need two snapshots.
        // The identifier is hexadecimal and hyphens: it needs no quoting beyond this.
        let mut begin =
            format!("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lastro.organization = '{organization}'");
        // One that makes thousands of rows may compute for a while, with a single core before anything of it is sent.
        if is_long {
            begin.push_str("; SET LOCAL idle_in_transaction_session_timeout = '10s'");
        }
        Transaction::begin(connection, begin).await
    }

    pub(crate) fn gauges(&self) -> Vec<Gauge> {
        let (writing, waiting) = self.writing.usage();
        let (reading, reading_waiting) = self.primary.pooled.usage();
        vec![
            Gauge {
                name: "write_connections_in_use",
                value: writing,
            },
            Gauge {
                name: "write_connections_waiting",
                value: waiting,
            },
            Gauge {
                name: "read_connections_in_use",
                value: reading,
            },
            Gauge {
                name: "read_connections_waiting",
                value: reading_waiting,
            },
            Gauge {
                name: "point_reads_in_flight",
                value: self.primary.shared.in_flight(),
            },
            Gauge {
                name: "unit_reruns",
                value: self.reruns.load(Ordering::Relaxed),
            },
        ]
    }
}
