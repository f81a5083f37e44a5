//! The unit of work: a closure whose rows, audit entries, events, versions and idempotency record commit together.

mod context;
mod idempotency;
mod ledger;
mod perform;
mod run;
mod watch;

use std::sync::Arc;

use kernel::{DomainEvent, Generators, OrganizationId, Timestamp};
use parking_lot::Mutex;

pub(crate) use context::Territory;
pub use context::{Origin, UnitContext};
pub use idempotency::{Answerable, IdempotencyRequest, Replayable, StoredAnswer};
pub(crate) use idempotency::{InProgress, Keyed};
pub use ledger::{AuditEntryId, EventId};
pub(crate) use run::{Refuse, Unit};

use crate::error::DbError;
use crate::feed::AccessChange;
use crate::row::Row;
use crate::scope::WriteScope;
use crate::sql::{Engine, Sql};
use crate::value::Value;
use crate::{postgres, sqlite};
use watch::Activity;

/// A fact to be written beside the change: to the audit trail and to the outbox.
pub(crate) struct Recorded {
    pub(crate) organization_id: OrganizationId,
    pub(crate) event: DomainEvent,
    pub(crate) data: String,
}

/// What a unit has gathered so far.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) events: Vec<Recorded>,
    pub(crate) changes: Vec<AccessChange>,
    /// Whether rows were changed.
    pub(crate) mutated: bool,
    /// The first failure of a statement whose answer nobody waited for (SQLite; PostgreSQL keeps its own).
    pub(crate) failure: Option<DbError>,
    /// Whether any statement could not be serialized: then the closure runs again whatever it answered.
    pub(crate) serialization: bool,
    /// Whether the closure has ended: a handle that escaped it does nothing more.
    pub(crate) closed: bool,
}

/// The statements that every unit may run beside its own.
pub(crate) fn statements() -> Vec<Sql<'static>> {
    [ledger::STATEMENTS, idempotency::STATEMENTS].concat()
}

/// The engine's open transaction.
pub(crate) enum Session {
    Sqlite(Arc<sqlite::Session>),
    Postgres(postgres::Transaction),
}

/// What the closure's handle and the machinery around it share.
pub(crate) struct Core {
    pub(crate) session: Session,
    pub(crate) context: Arc<UnitContext>,
    pub(crate) generators: Generators,
    pub(crate) now: Timestamp,
    pub(crate) gathered: Mutex<Gathered>,
    activity: Arc<Activity>,
}

/// The handle that the closure of [`Db::write`](crate::Db::write) gets.
///
/// Only its own futures may be awaited inside the closure: whatever else is pending there (a timer, a channel, HTTP) would hold
/// the transaction open for something that is not the database, so it is rolled back and answers an internal error.
pub struct UnitOfWork(Arc<Core>);

impl UnitOfWork {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self(core)
    }

    /// The instant of the unit: every row it writes carries the same one.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now
    }

    /// Identifiers and random bytes.
    #[must_use]
    pub fn generators(&self) -> &Generators {
        &self.0.generators
    }

    /// What the unit is done as.
    #[must_use]
    pub fn context(&self) -> &UnitContext {
        &self.0.context
    }

    /// The rows of one organization. Outside the unit's own territory PostgreSQL's row-level security shows none.
    #[must_use]
    pub fn scope(&self, organization_id: OrganizationId) -> WriteScope<'_> {
        WriteScope::tenant(self, organization_id)
    }

    /// The global tables.
    #[must_use]
    pub fn global(&self) -> WriteScope<'_> {
        WriteScope::global(self)
    }

    /// Rows of several organizations.
    ///
    /// # Errors
    /// [`DbError::Internal`] when the unit was not opened for that.
    pub fn system(&self) -> Result<WriteScope<'_>, DbError> {
        match self.0.context.territory {
            Territory::All => Ok(WriteScope::system(self)),
            Territory::Organization(_) => Err(DbError::Internal(
                "a unit of one organization asked for the rows of all".into(),
            )),
        }
    }

    /// Records what happened to an object of `organization_id`. `data` is the object as the API shows it, as JSON.
    ///
    /// With the change commit an audit entry in the trail of the organization the actor acts in, another in the concerned
    /// organization's where that is a different one, and one outbox row for the organization concerned.
    pub fn record(&self, organization_id: OrganizationId, event: DomainEvent, data: String) {
        self.0.gathered.lock().events.push(Recorded {
            organization_id,
            event,
            data,
        });
    }

    /// Says that decisions taken from memory are outdated: every node learns it from the change feed, this one at once.
    pub fn access_changed(&self, change: AccessChange) {
        self.0.gathered.lock().changes.push(change);
    }

    pub(crate) async fn rows<T: Send>(
        &self,
        sql: &Sql<'_>,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, DbError> + Send + Sync,
    ) -> Result<Vec<T>, DbError> {
        self.0.open()?;
        self.0.rows(sql, values, map).await
    }

    pub(crate) async fn execute(&self, sql: &Sql<'_>, values: &[Value<'_>]) -> Result<u64, DbError> {
        self.0.open()?;
        let touched = self.0.execute(sql, values).await?;
        if touched > 0 {
            self.0.gathered.lock().mutated = true;
        }
        Ok(touched)
    }

    pub(crate) async fn send(&self, sql: &Sql<'_>, values: &[Value<'_>]) -> Result<(), DbError> {
        self.0.open()?;
        self.0.gathered.lock().mutated = true;
        self.0.send(sql, values).await
    }
}

impl Core {
    pub(crate) fn new(session: Session, context: Arc<UnitContext>, generators: Generators) -> Arc<Self> {
        let now = generators.now();
        Arc::new(Self {
            session,
            context,
            now,
            generators,
            gathered: Mutex::default(),
            activity: Arc::default(),
        })
    }

    /// Refuses to go on after the closure ended, or after a statement whose failure nobody waited for.
    fn open(&self) -> Result<(), DbError> {
        let gathered = self.gathered.lock();
        if gathered.closed || gathered.failure.is_some() {
            Err(DbError::Aborted)
        } else {
            Ok(())
        }
    }

    fn note<T>(&self, result: Result<T, DbError>) -> Result<T, DbError> {
        if matches!(result, Err(DbError::Serialization)) {
            self.gathered.lock().serialization = true;
        }
        result
    }

    pub(crate) async fn rows<T: Send>(
        &self,
        sql: &Sql<'_>,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, DbError> + Send + Sync,
    ) -> Result<Vec<T>, DbError> {
        let result = match &self.session {
            Session::Sqlite(session) => {
                session.with(|connection| sqlite::rows(connection, sql.text(Engine::Sqlite), values, map))
            }
            Session::Postgres(transaction) => {
                self.activity
                    .tell(transaction.rows(sql.text(Engine::Postgres), values, map))
                    .await
            }
        };
        self.note(result)
    }

    pub(crate) async fn execute(&self, sql: &Sql<'_>, values: &[Value<'_>]) -> Result<u64, DbError> {
        let result = match &self.session {
            Session::Sqlite(session) => {
                session.with(|connection| sqlite::execute(connection, sql.text(Engine::Sqlite), values))
            }
            Session::Postgres(transaction) => {
                self.activity
                    .tell(transaction.execute(sql.text(Engine::Postgres), values))
                    .await
            }
        };
        self.note(result)
    }

    pub(crate) async fn send(&self, sql: &Sql<'_>, values: &[Value<'_>]) -> Result<(), DbError> {
        match &self.session {
            Session::Sqlite(session) => {
                let result = session.with(|connection| sqlite::execute(connection, sql.text(Engine::Sqlite), values));
                // As on PostgreSQL, the failure is told when the unit ends.
                if let Err(error) = result {
                    self.gathered.lock().failure.get_or_insert(error);
                }
                Ok(())
            }
            Session::Postgres(transaction) => {
                let values = values.iter().cloned().map(Value::into_owned).collect();
                self.activity
                    .tell(transaction.send(sql.text(Engine::Postgres), values))
                    .await
            }
        }
    }

    /// A plain command: the savepoint of a unit with an idempotency key.
    async fn command(&self, text: &'static str) -> Result<(), DbError> {
        match &self.session {
            Session::Sqlite(session) => session
                .with(|connection| sqlite::execute(connection, text, &[]))
                .map(|_| ()),
            Session::Postgres(transaction) => {
                transaction.send_simple(text.to_owned()).await;
                Ok(())
            }
        }
    }

    /// Waits for every answer that is still out.
    async fn settle(&self) -> Result<(), DbError> {
        let result = match &self.session {
            Session::Sqlite(_) => Ok(()),
            Session::Postgres(transaction) => transaction.settle().await,
        };
        self.note(result)
    }
}
