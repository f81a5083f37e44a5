//! The database as the rest of the program holds it.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Generators, OrganizationId};
use tokio::sync::watch;

use crate::boundary::Boundary;
use crate::config::{DbConfig, sqlite_path};
use crate::error::DbError;
use crate::feed::Feed;
use crate::migrate::{self, Migrations, Pending};
use crate::postgres::Postgres;
use crate::row::Sink;
use crate::scope::{Scope, SystemScope};
use crate::sql::{Engine, Lane, Sql};
use crate::sqlite::{Readers, Text, Writer};
use crate::unit::{
    Answerable, Closure, IdempotencyRequest, InProgress, Keyed, Refuse, Replayable, Unit, UnitContext, UnitOfWork, Work,
};
use crate::value::Value;

/// A number for the metrics page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    /// Its name.
    pub name: &'static str,
    /// Its value now.
    pub value: usize,
}

/// One database. Cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    backend: Backend,
    config: DbConfig,
    generators: Generators,
    feed: Arc<Feed>,
    in_progress: Arc<InProgress>,
    events: Arc<watch::Sender<()>>,
}

enum Backend {
    Sqlite { readers: Readers, writer: Writer },
    Postgres(Arc<Postgres>),
}

impl Db {
    /// Opens the database. On SQLite the file is created when missing; on PostgreSQL nothing is connected yet. Neither is
    /// migrated: see [`migrate::run`]. It is called within a Tokio runtime, on which connections are driven.
    ///
    /// # Errors
    /// [`DbError::Internal`] for an unusable address, [`DbError::Unavailable`] when the file cannot be opened.
    pub fn open(config: DbConfig, generators: Generators) -> Result<Self, DbError> {
        let backend = match config.engine()? {
            Engine::Sqlite => {
                let path = sqlite_path(&config.url)?;
                let writer = Writer::start(&path, config.queue, config.wait, Arc::clone(&generators.clock))?;
                Backend::Sqlite {
                    readers: Readers::new(&path),
                    writer,
                }
            }
            Engine::Postgres => Backend::Postgres(Arc::new(Postgres::new(&config)?)),
        };
        Ok(Self(Arc::new(Inner {
            backend,
            config,
            generators,
            feed: Arc::new(Feed::new()),
            in_progress: Arc::default(),
            events: Arc::new(watch::Sender::new(())),
        })))
    }

    pub(crate) fn generators(&self) -> &Generators {
        &self.0.generators
    }

    pub(crate) fn config(&self) -> &DbConfig {
        &self.0.config
    }

    /// Which engine it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.0.backend {
            Backend::Sqlite { .. } => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// One organization's committed rows.
    #[must_use]
    pub fn scope(&self, organization_id: OrganizationId) -> Scope<'_> {
        Scope::committed(self, organization_id)
    }

    /// The global tables' committed rows.
    #[must_use]
    pub fn global(&self) -> Scope<'_> {
        Scope::committed_global(self)
    }

    /// Committed rows of several organizations.
    #[must_use]
    pub fn system(&self, scope: SystemScope) -> Scope<'_> {
        tracing::trace!(reason = scope.reason(), "a read leaves its organization");
        Scope::committed_system(self)
    }

    /// Runs `work` as one unit: its rows, audit entries, events and access versions commit together or not at all, and nothing
    /// leaves before COMMIT returned. The closure may run again; its only effects are rows and its answer.
    ///
    /// # Errors
    /// The closure's own, or `E` made from a [`DbError`].
    pub async fn write<T, E, F, Fut>(&self, context: UnitContext, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(UnitOfWork) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.run(context, None, Arc::new(E::from), work).await
    }

    /// As [`Db::write`], once per idempotency key: the first answer is stored with the change and given again to the same
    /// request.
    ///
    /// # Errors
    /// As [`Db::write`]; [`DbError::IdempotencyInProgress`] and [`DbError::IdempotencyMismatch`] made into `E`.
    pub async fn write_once<T, E, F, Fut>(
        &self,
        context: UnitContext,
        request: IdempotencyRequest,
        work: F,
    ) -> Result<T, E>
    where
        T: Replayable + Send + 'static,
        E: Answerable + From<DbError> + Send + 'static,
        F: Fn(UnitOfWork) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.write_once_as(context, request, E::from, work).await
    }

    /// As [`Db::write_once`], with `refuse` to make the closure's kind of refusal of a failure of the storage, where a refusal
    /// that is kept depends on who asked.
    ///
    /// # Errors
    /// As [`Db::write_once`].
    pub async fn write_once_as<T, E, F, Fut>(
        &self,
        context: UnitContext,
        request: IdempotencyRequest,
        refuse: impl Fn(DbError) -> E + Send + Sync + 'static,
        work: F,
    ) -> Result<T, E>
    where
        T: Replayable + Send + 'static,
        E: Answerable + Send + 'static,
        F: Fn(UnitOfWork) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.run(context, Some(Keyed::new(request)), Arc::new(refuse), work)
            .await
    }

    async fn run<T, E, F, Fut>(
        &self,
        context: UnitContext,
        keyed: Option<Keyed<T, E>>,
        refuse: Refuse<E>,
        work: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: Fn(UnitOfWork) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let work = Arc::new(Closure::new(keyed, refuse, work));
        let unit = Unit {
            context: Arc::new(context),
            generators: self.0.generators.clone(),
            work: Arc::clone(&work) as Arc<dyn Work>,
            feed: Arc::clone(&self.0.feed),
            events: Arc::clone(&self.0.events),
        };
        work.answered(self.carry_out(unit).await)
    }

    /// Runs a unit; its work has the answer.
    fn carry_out(&self, unit: Unit) -> Boundary<'_, ()> {
        Boundary::later(async move {
            match &self.0.backend {
                Backend::Postgres(postgres) => unit.run_on_postgres(Arc::clone(postgres)).await,
                Backend::Sqlite { writer, .. } => {
                    let turn = unit
                        .work
                        .request()
                        .map(|request| {
                            let (organization_id, actor) = (unit.context.organization_id, &unit.context.actor);
                            self.0.in_progress.enter(organization_id, actor, &request.key)
                        })
                        .transpose()?;
                    unit.run_on_sqlite(writer, turn).await
                }
            }
        })
    }

    /// Runs a statement on what is committed; how many rows there were.
    pub(crate) fn read<'a>(
        &'a self,
        sql: &'a Sql<'a>,
        values: &'a [Value<'a>],
        sink: &'a mut dyn Sink,
    ) -> Boundary<'a, u64> {
        match &self.0.backend {
            Backend::Sqlite { readers, .. } if sql.lane() == Lane::Point => {
                Boundary::now(readers.in_place(Text::of(sql), values, sink))
            }
            Backend::Sqlite { readers, .. } => Boundary::later(readers.read(sql, values, sink)),
            Backend::Postgres(postgres) => Boundary::later(postgres.read(sql, values, sink)),
        }
    }

    /// The change feed and the node's freshness.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.0.feed
    }

    /// Changes whenever a unit of this node commits events: for whoever hands them on, to look at once instead of at its next
    /// poll. It is a hint; what another node commits, it does not tell.
    #[must_use]
    pub fn events_committed(&self) -> watch::Receiver<()> {
        self.0.events.subscribe()
    }

    /// The current instant, as units of work see it.
    pub(crate) fn now(&self) -> kernel::Timestamp {
        self.0.generators.now()
    }

    /// Reads the change feed once.
    ///
    /// # Errors
    /// [`DbError`]; the node's freshness then ages.
    pub async fn poll(&self) -> Result<(), DbError> {
        self.0.feed.poll(self).await
    }

    /// Follows the change feed until the last other handle of this database is dropped.
    pub fn follow(&self) {
        let inner = Arc::downgrade(&self.0);
        let every = self.0.config.poll;
        tokio::spawn(async move {
            let mut failing = false;
            loop {
                let Some(inner) = inner.upgrade() else { return };
                match Self(inner).poll().await {
                    Ok(()) => failing = false,
                    // Said once per outage, not four times a second.
                    Err(error) if !failing => {
                        failing = true;
                        tracing::warn!(error = %error, "the change feed cannot be read");
                    }
                    Err(_) => {}
                }
                tokio::time::sleep(every).await;
            }
        });
    }

    /// Whether the database answers, within `wait`.
    ///
    /// # Errors
    /// [`DbError`] telling why not.
    pub async fn ping(&self, wait: Duration) -> Result<(), DbError> {
        const PING: Sql = Sql::global("SELECT 1");
        match tokio::time::timeout(wait, self.global().one(&PING, &[], |row| row.get::<i64>(0))).await {
            Ok(result) => result.map(|_| ()),
            Err(_) => Err(DbError::Timeout),
        }
    }

    /// What migrations the binary knows and the database has not seen, or the reverse.
    ///
    /// # Errors
    /// [`DbError`] when the database cannot be asked.
    pub async fn pending(&self, migrations: &[Migrations]) -> Result<Pending, DbError> {
        migrate::pending(&self.0.config, migrations).await
    }

    /// Numbers for the metrics page: what is in use and what waits.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        match &self.0.backend {
            Backend::Sqlite { writer, .. } => vec![Gauge {
                name: "writer_queue",
                value: writer.waiting(),
            }],
            Backend::Postgres(postgres) => postgres.gauges(),
        }
    }
}

/// The statements of this crate, for the statement test.
#[must_use]
pub fn statements() -> Vec<Sql<'static>> {
    [
        crate::unit::statements().as_slice(),
        crate::feed::STATEMENTS,
        crate::clean_up::STATEMENTS,
    ]
    .concat()
}
