//! PostgreSQL: reads of many requests pipelined over a few shared connections, each write a pipelined transaction on a connection of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::{join5, try_join};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, Row, Statement};
use uuid::Uuid;

use crate::Fatal;
use crate::json::{Body, Organization};
use crate::store::{Failure, NewOrganization, Store};

const COLUMNS: &str = "id, name, slug, document, is_active, package_code, created_at, updated_at";

/// A shared connection: every request may have a statement in flight on it.
struct Reader {
    client: Client,
    get: Statement,
    list: Statement,
    total: Statement,
}

/// A connection that one transaction holds at a time.
struct Writer {
    client: Client,
    organization: Statement,
    audit: Statement,
    outbox: Statement,
}

struct Shared {
    readers: Vec<Reader>,
    turn: AtomicUsize,
    writers: Mutex<Vec<Writer>>,
    idle: Semaphore,
}

/// The store on PostgreSQL.
#[derive(Clone)]
pub(crate) struct Postgres(Arc<Shared>);

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // When the connection fails, its client says so at the next statement.
    tokio::spawn(connection);
    Ok(client)
}

impl Postgres {
    /// Opens and prepares `readers` shared connections and `writers` for transactions.
    pub(crate) async fn connect(url: &str, create_schema: bool, readers: usize, writers: usize) -> Result<Self, Fatal> {
        if create_schema {
            connect(url)
                .await?
                .batch_execute(include_str!("../schema/postgres.sql"))
                .await?;
        }
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
                        "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_type, actor_id, actor_name, action, target_type, \
                         target_id, changes) VALUES ($1, $2, $3, 'system', $4, $5, 'organization.created', 'organization', $1, $6)",
                    )
                    .await?,
                outbox: client
                    .prepare("INSERT INTO outbox (organization_id, id, occurred_at, event_type, data) VALUES ($1, $2, $3, 'organization.created', $4)")
                    .await?,
                client,
            });
        }
        let permits = Semaphore::new(idle.len());
        Ok(Self(Arc::new(Shared {
            readers: shared,
            turn: AtomicUsize::new(0),
            writers: Mutex::new(idle),
            idle: permits,
        })))
    }

    fn reader(&self) -> Result<&Reader, Failure> {
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        turn.checked_rem(self.0.readers.len())
            .and_then(|turn| self.0.readers.get(turn))
            .ok_or(Failure::Gone)
    }
}

fn organization(row: &Row) -> Result<Organization<'_>, tokio_postgres::Error> {
    Ok(Organization {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        slug: row.try_get(2)?,
        document: row.try_get(3)?,
        is_active: row.try_get(4)?,
        package_code: row.try_get(5)?,
        created_at: row.try_get(6)?,
        updated_at: row.try_get(7)?,
    })
}

/// Gives the connection back, also when the request was dropped: what it sent runs to its COMMIT, and the next holder's statements queue behind.
struct Held<'a> {
    pool: &'a Shared,
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

impl Store for Postgres {
    async fn get(&self, id: Uuid) -> Result<Option<Bytes>, Failure> {
        let reader = self.reader()?;
        match reader.client.query_opt(&reader.get, &[&id]).await? {
            Some(row) => Ok(Some(Body::object(&organization(&row)?)?)),
            None => Ok(None),
        }
    }

    async fn list(&self, limit: u32) -> Result<Bytes, Failure> {
        let reader = self.reader()?;
        let rows = i64::from(limit);
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&rows];
        let (rows, total) = try_join(
            reader.client.query(&reader.list, &parameters),
            reader.client.query_one(&reader.total, &[]),
        )
        .await?;
        let mut body = Body::list(rows.len());
        for row in &rows {
            body.push(&organization(row)?)?;
        }
        Ok(body.finish(limit, total.try_get(0)?)?)
    }

    async fn create(&self, new: NewOrganization) -> Result<Bytes, Failure> {
        self.0.idle.acquire().await.map_err(|_| Failure::Gone)?.forget();
        let held = Held {
            pool: &self.0,
            writer: self.0.writers.lock().pop(),
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
        committed?;
        Ok(new.body())
    }
}
