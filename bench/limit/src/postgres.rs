//! PostgreSQL: reads of many requests pipelined over a few shared connections, each write a pipelined transaction on a connection of its own.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{TryStreamExt as _, join};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};
use uuid::Uuid;

use crate::organization::{NewOrganization, get, list};
use crate::role::NewRole;
use crate::{Failure, PAGE, user};

const PLATFORM: &str = "SELECT id FROM organizations WHERE slug = 'platform'";
// As with [`ROLE_TOLD`], one statement costs less than two.
const ORGANIZATION: &str = "WITH counted AS (INSERT INTO organization_counts (slot, count) \
                            SELECT coalesce((SELECT slot FROM organization_counts ORDER BY slot LIMIT 1 FOR UPDATE SKIP LOCKED), $6), 1 \
                            ON CONFLICT (slot) DO UPDATE SET count = organization_counts.count + 1) \
                            INSERT INTO organizations (id, name, name_folded, slug, is_active, created_at, updated_at) \
                            VALUES ($1, $2, $3, $4, TRUE, $5, $5)";
const AUDIT: &str = "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, \
                     target_kind, target_id, changes, request_id, ip) \
                     VALUES ($1, $2, $3, 'service_account', $4, $5, 'organization.created', 'organization', $6, $7, $8, $9)";
const OUTBOX: &str = "INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
                      VALUES ($1, $2, $3, 'organization.created', 'organization', $1, $4)";
const QUEUE: &str = "INSERT INTO outbox_queue (organization_id, event_id) VALUES ($1, $2)";
const ROLE: &str = "INSERT INTO roles (organization_id, id, code, name, name_folded, created_at, updated_at) \
                    VALUES ($1, $2, $3, $4, $5, $6, $6)";
// One statement costs less than three: what each of them costs beside its row is a message and an execution.
const ROLE_TOLD: &str = "WITH entry AS (INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, \
                         action, target_kind, target_id, changes, request_id, ip) \
                         VALUES ($1, $2, $3, 'user', $4, $5, 'role.created', 'role', $6, $7, $8, $9)), \
                         queued AS (INSERT INTO outbox_queue (organization_id, event_id) VALUES ($1, $10)) \
                         INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
                         VALUES ($1, $10, $3, 'role.created', 'role', $6, $11)";

/// A shared connection: every request may have a statement in flight on it.
#[derive(Debug)]
struct Reader {
    client: Client,
    get: Statement,
    list: Statement,
    user: Statement,
    users: Statement,
}

/// A connection that one transaction holds at a time.
#[derive(Debug)]
struct Writer {
    client: Client,
    organization: Statement,
    audit: Statement,
    outbox: Statement,
    queue: Statement,
    role: Statement,
    role_told: Statement,
}

/// The database on PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    readers: Vec<Reader>,
    turn: AtomicUsize,
    writers: Mutex<Vec<Writer>>,
    idle: Semaphore,
    platform: Uuid,
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // When the connection fails, its client says so at the next statement.
    tokio::spawn(connection);
    Ok(client)
}

impl Postgres {
    /// Opens and prepares `readers` shared connections and `writers` for transactions.
    ///
    /// # Errors
    /// When the database is not reached or has other tables.
    pub async fn connect(url: &str, readers: usize, writers: usize) -> Result<Self, Failure> {
        let platform = connect(url).await?.query_one(PLATFORM, &[]).await?.try_get(0)?;
        let mut shared = Vec::with_capacity(readers);
        for _ in 0..readers {
            let client = connect(url).await?;
            shared.push(Reader {
                get: client.prepare(&get()).await?,
                list: client.prepare(&list()).await?,
                user: client.prepare(&user::get()).await?,
                users: client.prepare(&user::list(PAGE + 1)).await?,
                client,
            });
        }
        let mut idle = Vec::with_capacity(writers);
        for _ in 0..writers {
            let client = connect(url).await?;
            idle.push(Writer {
                organization: client.prepare(ORGANIZATION).await?,
                audit: client.prepare(AUDIT).await?,
                outbox: client.prepare(OUTBOX).await?,
                queue: client.prepare(QUEUE).await?,
                role: client.prepare(ROLE).await?,
                role_told: client.prepare(ROLE_TOLD).await?,
                client,
            });
        }
        let permits = Semaphore::new(idle.len());
        Ok(Self {
            readers: shared,
            turn: AtomicUsize::new(0),
            writers: Mutex::new(idle),
            idle: permits,
            platform,
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

    /// Hands the first `limit` organizations in the order of their names to `each` as they arrive. The column after the
    /// organization's is the total.
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

    /// One user of an organization by key.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn user(&self, organization: Uuid, id: Uuid) -> Result<Option<Row>, Failure> {
        let reader = self.reader()?;
        Ok(reader.client.query_opt(&reader.user, &[&organization, &id]).await?)
    }

    /// Hands the first [`PAGE`] users of an organization in the order of their names, and the one that follows, to `each` as they arrive. The
    /// column after the user's is the total.
    ///
    /// # Errors
    /// What the driver or `each` says.
    pub async fn users(
        &self,
        organization: Uuid,
        mut each: impl FnMut(&Row) -> Result<(), Failure> + Send,
    ) -> Result<(), Failure> {
        let reader = self.reader()?;
        let mut rows = pin!(reader.client.query_raw(&reader.users, [organization]).await?);
        while let Some(row) = rows.try_next().await? {
            each(&row)?;
        }
        Ok(())
    }

    /// A connection for a transaction.
    async fn hold(&self) -> Result<Held<'_>, Failure> {
        self.idle.acquire().await.map_err(|_| Failure::Gone)?.forget();
        Ok(Held {
            pool: self,
            writer: self.writers.lock().pop(),
        })
    }

    /// One role, its audit entry and its event in one transaction.
    ///
    /// # Errors
    /// [`Failure::Duplicate`], or what the driver says.
    pub async fn create_role(&self, new: &NewRole) -> Result<(), Failure> {
        let held = self.hold().await?;
        let writer = held.writer.as_ref().ok_or(Failure::Gone)?;
        // In one flight and in this order, as for an organization.
        let role: [&(dyn ToSql + Sync); 6] = [&new.organization, &new.id, &new.code, &new.name, &new.folded, &new.now];
        let told: [&(dyn ToSql + Sync); 11] = [
            &new.organization,
            &new.audit_id,
            &new.now,
            &new.actor,
            &NewRole::ACTOR_NAME,
            &new.id,
            &new.changes,
            &NewRole::REQUEST_ID,
            &NewRole::IP,
            &new.event_id,
            &new.data,
        ];
        let (begun, role, told, committed) = join!(
            writer.client.batch_execute("BEGIN"),
            writer.client.execute(&writer.role, &role),
            writer.client.execute(&writer.role_told, &told),
            writer.client.batch_execute("COMMIT"),
        );
        begun?;
        role.map_err(duplicate)?;
        told?;
        Ok(committed?)
    }

    /// One organization, its audit entries and its event in one transaction.
    ///
    /// # Errors
    /// [`Failure::Duplicate`], or what the driver says.
    pub async fn create(&self, new: &NewOrganization) -> Result<(), Failure> {
        let held = self.hold().await?;
        let writer = held.writer.as_ref().ok_or(Failure::Gone)?;
        let [first, second] = new.audit_ids;
        // `join` polls in the order written, so the seven messages leave in one flight and in this order. After a failure the
        // transaction is aborted, and its COMMIT rolls back.
        let slot = new.slot();
        let organization: [&(dyn ToSql + Sync); 6] = [&new.id, &new.name, &new.folded, &new.slug, &new.now, &slot];
        let event: [&(dyn ToSql + Sync); 4] = [&new.id, &new.event_id, &new.now, &new.data];
        let queued: [&(dyn ToSql + Sync); 2] = [&new.id, &new.event_id];
        let (begun, organization, platform_audit, own_audit, outbox, queue, committed) = join!(
            writer.client.batch_execute("BEGIN"),
            writer.client.execute(&writer.organization, &organization),
            writer.audit(&self.platform, &first, new),
            writer.audit(&new.id, &second, new),
            writer.client.execute(&writer.outbox, &event),
            writer.client.execute(&writer.queue, &queued),
            writer.client.batch_execute("COMMIT"),
        );
        begun?;
        organization.map_err(duplicate)?;
        platform_audit?;
        own_audit?;
        outbox?;
        queue?;
        Ok(committed?)
    }
}

fn duplicate(error: tokio_postgres::Error) -> Failure {
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        Failure::Duplicate
    } else {
        Failure::Postgres(error)
    }
}

impl Writer {
    async fn audit(&self, trail: &Uuid, id: &Uuid, new: &NewOrganization) -> Result<u64, tokio_postgres::Error> {
        let values: [&(dyn ToSql + Sync); 9] = [
            trail,
            id,
            &new.now,
            &NewOrganization::ACTOR,
            &NewOrganization::ACTOR_NAME,
            &new.id,
            &new.changes,
            &NewOrganization::REQUEST_ID,
            &NewOrganization::IP,
        ];
        self.client.execute(&self.audit, &values).await
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
