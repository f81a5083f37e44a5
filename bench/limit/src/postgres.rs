//! PostgreSQL: reads of many requests pipelined over a few shared connections, each write a pipelined transaction on a connection of its own.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::TryStreamExt as _;
use futures_util::future::join5;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, Row, Statement};
use uuid::Uuid;

use crate::Failure;
use crate::organization::{COLUMNS, NewOrganization};

/// A shared connection: every request may have a statement in flight on it.
#[derive(Debug)]
struct Reader {
    client: Client,
    get: Statement,
    list: Statement,
    total: Statement,
}

/// A connection that one transaction holds at a time.
#[derive(Debug)]
struct Writer {
    client: Client,
    organization: Statement,
    audit: Statement,
    outbox: Statement,
}

/// The organizations on PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    readers: Vec<Reader>,
    turn: AtomicUsize,
    writers: Mutex<Vec<Writer>>,
    idle: Semaphore,
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // When the connection fails, its client says so at the next statement.
    tokio::spawn(connection);
    Ok(client)
}

impl Postgres {
    /// Creates the table of organizations.
    ///
    /// # Errors
    /// When the database is not reached or has it.
    pub async fn create_organizations(url: &str) -> Result<(), Failure> {
        Ok(connect(url)
            .await?
            .batch_execute(include_str!("../schema/postgres/organizations.sql"))
            .await?)
    }

    /// Creates the tables that a write leaves its traces in.
    ///
    /// # Errors
    /// When the database is not reached or has them.
    pub async fn create_ledger(url: &str) -> Result<(), Failure> {
        Ok(connect(url)
            .await?
            .batch_execute(include_str!("../schema/postgres/ledger.sql"))
            .await?)
    }

    /// Opens and prepares `readers` shared connections and `writers` for transactions.
    ///
    /// # Errors
    /// When the database is not reached or has other tables.
    pub async fn connect(url: &str, readers: usize, writers: usize) -> Result<Self, Failure> {
        let mut shared = Vec::with_capacity(readers);
        for _ in 0..readers {
            let client = connect(url).await?;
            shared.push(Reader {
                get: client
                    .prepare(&format!("SELECT {COLUMNS} FROM organizations WHERE id = $1"))
                    .await?,
                list: client
                    .prepare(&format!("SELECT {COLUMNS} FROM organizations ORDER BY id LIMIT $1"))
                    .await?,
                total: client.prepare("SELECT count(*) FROM organizations").await?,
                client,
            });
        }
        let mut idle = Vec::with_capacity(writers);
        for _ in 0..writers {
            let client = connect(url).await?;
            idle.push(Writer {
                organization: client
                    .prepare(&format!("INSERT INTO organizations ({COLUMNS}) VALUES ($1, $2, $3, NULL, TRUE, NULL, $4, $4)"))
                    .await?,
                audit: client
                    .prepare(
                        "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, target_kind, \
                         target_id, changes, request_id, ip) VALUES ($1, $2, $3, 'system', $4, $5, 'organization.created', 'organization', $1, \
                         $6, $7, $8)",
                    )
                    .await?,
                outbox: client
                    .prepare(
                        "INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
                         VALUES ($1, $2, $3, 'organization.created', 'organization', $1, $4)",
                    )
                    .await?,
                client,
            });
        }
        let permits = Semaphore::new(idle.len());
        Ok(Self {
            readers: shared,
            turn: AtomicUsize::new(0),
            writers: Mutex::new(idle),
            idle: permits,
        })
    }

    fn reader(&self) -> Result<&Reader, Failure> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        turn.checked_rem(self.readers.len())
            .and_then(|turn| self.readers.get(turn))
            .ok_or(Failure::Gone)
    }

    /// One organization by key.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn get(&self, id: Uuid) -> Result<Option<Row>, Failure> {
        let reader = self.reader()?;
        Ok(reader.client.query_opt(&reader.get, &[&id]).await?)
    }

    /// Hands the first `limit` organizations to `each` as they arrive.
    ///
    /// # Errors
    /// What the driver or `each` says.
    pub async fn list(
        &self,
        limit: u32,
        mut each: impl FnMut(&Row) -> Result<(), Failure> + Send,
    ) -> Result<(), Failure> {
        let reader = self.reader()?;
        let mut rows = pin!(reader.client.query_raw(&reader.list, [i64::from(limit)]).await?);
        while let Some(row) = rows.try_next().await? {
            each(&row)?;
        }
        Ok(())
    }

    /// How many organizations there are.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn total(&self) -> Result<i64, Failure> {
        let reader = self.reader()?;
        Ok(reader.client.query_one(&reader.total, &[]).await?.try_get(0)?)
    }

    /// One organization, its audit entry and its event in one transaction.
    ///
    /// # Errors
    /// [`Failure::Duplicate`], or what the driver says.
    pub async fn create(&self, new: &NewOrganization) -> Result<(), Failure> {
        self.idle.acquire().await.map_err(|_| Failure::Gone)?.forget();
        let held = Held {
            pool: self,
            writer: self.writers.lock().pop(),
        };
        let writer = held.writer.as_ref().ok_or(Failure::Gone)?;
        // `join5` polls in the order written, so the five messages leave in one flight and in this order. After a failure the transaction is
        // aborted, and its COMMIT rolls back.
        let (begun, organization, audit, outbox, committed) = join5(
            writer.client.batch_execute("BEGIN"),
            writer
                .client
                .execute(&writer.organization, &[&new.id, &new.name, &new.slug, &new.now]),
            writer.client.execute(
                &writer.audit,
                &[
                    &new.id,
                    &new.audit_id,
                    &new.now,
                    &NewOrganization::ACTOR,
                    &NewOrganization::ACTOR_NAME,
                    &new.changes,
                    &NewOrganization::REQUEST_ID,
                    &NewOrganization::IP,
                ],
            ),
            writer
                .client
                .execute(&writer.outbox, &[&new.id, &new.event_id, &new.now, &new.data]),
            writer.client.batch_execute("COMMIT"),
        )
        .await;
        begun?;
        organization.map_err(|error| {
            if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
                Failure::Duplicate
            } else {
                Failure::Postgres(error)
            }
        })?;
        audit?;
        outbox?;
        Ok(committed?)
    }
}

/// Gives the connection back, also when the request was dropped: what it sent runs to its COMMIT, and the next holder's statements queue behind.
struct Held<'a> {
    pool: &'a Postgres,
    writer: Option<Writer>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.pool.writers.lock().push(writer);
            self.pool.idle.add_permits(1);
        }
    }
}
