//! The unit of work: a closure whose rows, audit entries, events, versions and idempotency record commit together.

mod context;
mod idempotency;
mod ledger;
mod perform;
mod run;
mod watch;
mod work;

use std::cell::Cell;
use std::sync::Arc;

use kernel::{DomainEvent, Generators, OrganizationId, Timestamp};
use parking_lot::Mutex;
use serde::Serialize;

pub(crate) use context::Territory;
pub use context::{Origin, UnitContext};
pub use idempotency::{Answerable, IdempotencyRequest, Replayable, StoredAnswer};
pub(crate) use idempotency::{InProgress, Keyed};
pub use ledger::{AuditEntryId, EventId, Note};
pub(crate) use run::Unit;
pub(crate) use work::{Closure, Refuse, Work};

use crate::boundary::Boundary;
use crate::error::DbError;
use crate::feed::AccessChange;
use crate::row::Sink;
use crate::scope::WriteScope;
use crate::sql::{Engine, Sql, Verb};
use crate::sqlite::Text;
use crate::value::Value;
use crate::{postgres, sqlite};
use watch::{Activity, UnderWay};

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
    /// The first statement that failed: the unit can then only end.
    pub(crate) failure: Option<Failure>,
    /// Whether any statement could not be serialized: then the closure runs again whatever it answered.
    pub(crate) serialization: bool,
}

/// Why a unit cannot go on.
pub(crate) struct Failure {
    pub(crate) error: DbError,
    /// Whether the closure was told and so may answer in words of its own.
    pub(crate) told: bool,
}

impl Gathered {
    fn fail(&mut self, error: DbError, told: bool) {
        self.serialization |= matches!(error, DbError::Serialization);
        match &self.failure {
            // What failed only because something before it failed is not the cause.
            Some(known) if !matches!(known.error, DbError::Aborted) => {}
            _ => self.failure = Some(Failure { error, told }),
        }
    }
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
    activity: Activity,
}

/// The handle that the closure of [`Db::write`](crate::Db::write) gets.
///
/// Only its own futures may be awaited inside the closure: whatever else is pending there (a timer, a channel, HTTP) would hold
/// the transaction open for something that is not the database, so it is rolled back and answers an internal error. After a
/// statement has failed, the unit can only end: every further one is refused, on both engines.
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

    /// The rows of one organization. Outside the unit's own territory every statement is refused.
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

    /// Records what happened to an object of `organization_id`, each event with the object as clients see it now; false when
    /// nothing did.
    ///
    /// # Errors
    /// [`DbError::Internal`] for a view that is no JSON.
    pub fn record_all(
        &self,
        organization_id: OrganizationId,
        events: impl IntoIterator<Item = DomainEvent>,
        view: &impl Serialize,
    ) -> Result<bool, DbError> {
        let mut events = events.into_iter().peekable();
        if events.peek().is_none() {
            return Ok(false);
        }
        let data = serde_json::to_string(view)
            .map_err(|error| DbError::Internal(format!("an object cannot be rendered: {error}")))?;
        for event in events {
            self.record(organization_id, event, data.clone());
        }
        Ok(true)
    }

    /// Writes an entry into the trail of `organization_id` about something that changed no row and is no event, by the unit's actor
    /// and from its origin.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn note(&self, organization_id: OrganizationId, note: &Note<'_>) -> Result<(), DbError> {
        self.admit(organization_id)?;
        self.noted(organization_id, note).await
    }

    fn noted<'a>(&'a self, organization_id: OrganizationId, note: &'a Note<'a>) -> Boundary<'a, ()> {
        Boundary::later(async move {
            let statement = self.0.begin(&ledger::NOTE)?;
            let result = ledger::note(&self.0, organization_id, note).await;
            statement.told(result)
        })
    }

    /// Says that decisions taken from memory are outdated: every node learns it from the change feed, this one at once.
    pub fn access_changed(&self, change: AccessChange) {
        self.0.gathered.lock().changes.push(change);
    }

    pub(crate) fn read<'a>(
        &'a self,
        sql: &'a Sql<'a>,
        values: &'a [Value<'a>],
        sink: &'a mut dyn Sink,
    ) -> Boundary<'a, u64> {
        Boundary::later(async move {
            let statement = self.0.begin(sql)?;
            let result = self.0.read(sql, values, sink).await;
            statement.touched(result)
        })
    }

    pub(crate) fn execute<'a>(&'a self, sql: &'a Sql<'a>, values: &'a [Value<'a>]) -> Boundary<'a, u64> {
        Boundary::later(async move {
            let statement = self.0.begin(sql)?;
            let result = self.0.execute(sql, values).await;
            statement.touched(result)
        })
    }

    pub(crate) fn send<'a>(&'a self, sql: &'a Sql<'a>, values: &'a [Value<'a>]) -> Boundary<'a, ()> {
        Boundary::later(async move {
            let statement = self.0.begin(sql)?;
            self.0.gathered.lock().mutated |= statement.verb == Verb::Change;
            let result = self.0.send(sql, values).await;
            statement.told(result)
        })
    }

    /// Refuses the rows of an organization that the unit was not opened for. On PostgreSQL row-level security refuses them too;
    /// here the defect is told, and on both engines.
    pub(crate) fn admit(&self, organization_id: OrganizationId) -> Result<(), DbError> {
        if self.0.context.territory.contains(organization_id) {
            Ok(())
        } else {
            Err(DbError::Internal(
                "a unit of one organization asked for the rows of another".into(),
            ))
        }
    }
}

/// A statement of the closure, from its beginning to its answer.
struct Running<'a> {
    core: &'a Core,
    verb: Verb,
    answered: Cell<bool>,
    _under_way: UnderWay<'a>,
}

impl Running<'_> {
    /// The statement's answer, on its way to the closure.
    fn told<T>(&self, result: Result<T, DbError>) -> Result<T, DbError> {
        self.answered.set(true);
        result.inspect_err(|error| self.core.gathered.lock().fail(error.clone(), true))
    }

    /// As [`Running::told`], of how many rows the statement touched.
    fn touched(&self, result: Result<u64, DbError>) -> Result<u64, DbError> {
        let rows = self.told(result)?;
        if self.verb == Verb::Change && rows > 0 {
            self.core.gathered.lock().mutated = true;
        }
        Ok(rows)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.answered.get() {
            return;
        }
        let mut gathered = self.core.gathered.lock();
        // After a failure the unit ends, and it is right to wait for nothing more. What failed is the cause, and not this.
        if gathered.failure.is_none() {
            // The server runs it all the same, and nobody would know whether it failed.
            let error = DbError::Internal("a unit of work left a statement before its answer".into());
            gathered.fail(error, false);
        }
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
            activity: Activity::default(),
        })
    }

    /// Begins a statement of the closure; none after the closure ended, nor after a statement that failed.
    fn begin(&self, sql: &Sql<'_>) -> Result<Running<'_>, DbError> {
        let Some(under_way) = self.activity.enter() else {
            return Err(DbError::Aborted);
        };
        let verb = Verb::of(sql.text(self.engine()));
        if verb == Verb::Other {
            return Err(DbError::Internal(
                "a unit of work runs SELECT, VALUES, INSERT, UPDATE, DELETE and WITH, nothing else".into(),
            ));
        }
        if let Some(failure) = &mut self.gathered.lock().failure {
            // The closure went on after the failure, so what it answers is not about it.
            failure.told = false;
            return Err(DbError::Aborted);
        }
        Ok(Running {
            core: self,
            verb,
            answered: Cell::new(false),
            _under_way: under_way,
        })
    }

    /// Ends the closure's part: its handle, should it have escaped, does nothing from here on.
    fn close(&self) -> Result<(), DbError> {
        if self.activity.close() == 0 {
            return Ok(());
        }
        match &self.session {
            // Another thread stands before the connection's lock or behind it; it will not wait for anything else.
            Session::Sqlite(_) => {
                while self.activity.count() > 0 {
                    std::thread::yield_now();
                }
                Ok(())
            }
            // Nothing may arrive on the connection after the COMMIT, so there will be none.
            Session::Postgres(transaction) => {
                transaction.abort();
                Err(DbError::Internal(
                    "a unit of work ended with a statement under way elsewhere".into(),
                ))
            }
        }
    }

    const fn engine(&self) -> Engine {
        match self.session {
            Session::Sqlite(_) => Engine::Sqlite,
            Session::Postgres(_) => Engine::Postgres,
        }
    }

    pub(crate) async fn read(&self, sql: &Sql<'_>, values: &[Value<'_>], sink: &mut dyn Sink) -> Result<u64, DbError> {
        match &self.session {
            Session::Sqlite(session) => {
                session.work(|connection| sqlite::read(connection, Text::of(sql), values, sink))
            }
            Session::Postgres(transaction) => transaction.read(sql.text(Engine::Postgres), values, sink).await,
        }
    }

    pub(crate) async fn execute(&self, sql: &Sql<'_>, values: &[Value<'_>]) -> Result<u64, DbError> {
        match &self.session {
            Session::Sqlite(session) => session.work(|connection| sqlite::execute(connection, Text::of(sql), values)),
            Session::Postgres(transaction) => transaction.execute(sql.text(Engine::Postgres), values).await,
        }
    }

    pub(crate) async fn send(&self, sql: &Sql<'_>, values: &[Value<'_>]) -> Result<(), DbError> {
        match &self.session {
            Session::Sqlite(session) => {
                let result = session.work(|connection| sqlite::execute(connection, Text::of(sql), values));
                // As on PostgreSQL, the failure is told when the unit ends.
                if let Err(error) = result {
                    self.gathered.lock().fail(error, false);
                }
                Ok(())
            }
            Session::Postgres(transaction) => {
                let values = values.iter().cloned().map(Value::into_owned).collect();
                transaction.send(sql.text(Engine::Postgres), values).await
            }
        }
    }

    /// A plain command: the savepoint of a unit with an idempotency key.
    async fn command(&self, text: &'static str) -> Result<(), DbError> {
        match &self.session {
            Session::Sqlite(session) => session
                .work(|connection| sqlite::execute(connection, Text::plain(text), &[]))
                .map(|_| ()),
            Session::Postgres(transaction) => transaction.send_simple(text.to_owned()).await,
        }
    }

    /// Waits for every answer that is still out, and notes the first cause of a failure.
    async fn settle(&self) {
        if let Session::Postgres(transaction) = &self.session
            && let Err(error) = transaction.settle().await
        {
            self.gathered.lock().fail(error, false);
        }
    }

    /// Takes the first cause of a failure in place of `error`, where `error` only follows from it.
    async fn cause(&self, error: DbError) -> DbError {
        if !matches!(error, DbError::Aborted) {
            return error;
        }
        self.settle().await;
        self.gathered
            .lock()
            .failure
            .take()
            .map_or(error, |failure| failure.error)
    }
}
