//! `lastro serve`, from the first check to the last answer.

use std::sync::Arc;
use std::time::Duration;

use db::Db;
use db::migrate::{Destructive, MigrateError};
use http::{App, Edge};
use kernel::{Clock, Generators, OrganizationId, OsRandom, SystemClock};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::administrators::AdministratorError;
use crate::app::{self, VERSION, Wiring};
use crate::config::{Config, DatabaseKind};
use crate::demo::{self, Demo, DemoError};
use crate::first_start;
use crate::listen::{ListenError, listen};
use crate::master_key::{self, MasterKeyError};
use crate::open_files;
use crate::seeds;
use crate::stop::Stop;
use crate::storage::{self, UnusableFolder};
use crate::telemetry::Telemetry;
use vault::MasterKey;

/// How long workers may take to finish what they began.
const WORKERS_END: Duration = Duration::from_secs(10);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] UnusableFolder),
    /// There is no master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The master key is not the database's.
    #[error("{0}")]
    OtherMasterKey(String),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The database could not be brought up to date.
    #[error("the database {url}")]
    Migrate {
        /// The database, without its password.
        url: String,
        /// Why.
        source: MigrateError,
    },
    /// The database cannot be used.
    #[error("the database {url}")]
    Database {
        /// The database, without its password.
        url: String,
        /// Why.
        source: db::DbError,
    },
    /// A context did not start.
    #[error("a part of the server did not start")]
    Context(#[source] http::StartFailed),
    /// The sample organization could not be added.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The first administrator could not be made.
    #[error("the first administrator was not made")]
    Administrator(#[from] AdministratorError),
    /// The operating system refused something.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A server that is ready to answer.
pub struct Server {
    listener: TcpListener,
    edge: Edge,
    admin: Option<(TcpListener, Edge)>,
    /// What was added for trying it out, when that was asked for.
    pub demo: Option<Demo>,
    /// How to become the first administrator, where nobody is one yet.
    pub setup: Option<String>,
    /// What to tell the person who started it.
    pub greeting: String,
}

impl Server {
    /// Checks the ground, listens, brings the database up to date, and wires the contexts.
    ///
    /// Addresses are taken first: a second server started by mistake must end there, before it touches the database.
    ///
    /// # Errors
    ///
    /// [`StartError`], in words for the operator.
    pub async fn start(
        config: &Config,
        clock: &Arc<SystemClock>,
        telemetry: &Telemetry,
        demo: bool,
    ) -> Result<Self, StartError> {
        open_files::provide_for(config.limits.connections);
        storage::prepare_folders(config)?;
        let generators = Generators::new(Arc::clone(clock) as Arc<dyn Clock>, Arc::new(OsRandom));
        let key = master_key::obtain(config, generators.random.as_ref())?;
        let listener = listen(config.server.bind, "LASTRO_BIND").await?;
        let admin_listener = match config.server.admin_bind {
            Some(address) => Some(listen(address, "LASTRO_ADMIN_BIND").await?),
            None => None,
        };

        let (db, platform) = open(config, &key, clock, &generators).await?;
        let http = app::http_config(config, telemetry.request_spans());
        let app = Wiring {
            http,
            rate: config.limits.requests,
            db,
            generators,
            platform,
            ports: app::provide(config, &key),
        }
        .app()
        .await
        .map_err(StartError::Context)?;
        let edge = app::edge(&app);
        let wish = config.first_admin.as_ref();
        let (demo, setup) = if demo {
            (Some(demo::add(edge.app(), platform, wish).await?), None)
        } else {
            (None, first_start::prepare(edge.app(), platform, wish).await?)
        };
        Ok(Self {
            greeting: greeting(config, &listener)?,
            listener,
            admin: admin_listener.map(|listener| (listener, http::serve_admin(&app))),
            edge,
            demo,
            setup,
        })
    }

    /// Answers until told to stop, and then finishes what it began.
    pub async fn run(self, stop: Stop) {
        let admin = async {
            if let Some((listener, edge)) = self.admin {
                http::serve(listener, edge, stop.clone().told()).await;
            }
        };
        let ending = CancellationToken::new();
        let workers = app::workers(self.edge.app(), &ending);
        tokio::join!(http::serve(self.listener, self.edge, stop.clone().told()), admin);
        // After the last answer: what it left to do is taken up before the end.
        ending.cancel();
        if tokio::time::timeout(WORKERS_END, workers.wait()).await.is_err() {
            tracing::warn!(
                "work in the background did not end in time; what it left is done by another node or the next start"
            );
        }
    }

    /// The address it listens on.
    ///
    /// # Errors
    ///
    /// That of the operating system.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// The server's shared parts.
    #[must_use]
    pub fn app(&self) -> &App {
        self.edge.app()
    }
}

/// Migrates, opens and seeds the database, and waits until this node knows the state of access.
async fn open(
    config: &Config,
    key: &MasterKey,
    clock: &Arc<SystemClock>,
    generators: &Generators,
) -> Result<(Db, OrganizationId), StartError> {
    let url = || config.database.url.to_string();
    let database = |source| StartError::Database { url: url(), source };
    let settings = storage::db_config(&config.database);
    let applied = db::migrate::run(&settings, &app::migrations(), Destructive::Refuse, &mut |step| {
        tracing::info!(context = step.context, step = step.file, "applying a migration");
    })
    .await
    .map_err(|source| StartError::Migrate { url: url(), source })?;
    if applied > 0 {
        tracing::info!(applied, "the database is up to date");
    }
    let db = Db::open(settings, generators.clone()).map_err(database)?;
    let corrected = Arc::clone(clock);
    db.feed()
        .subscribe_to_offset(move |offset| corrected.set_offset(offset));
    db.poll().await.map_err(database)?;
    // Now, and not at the first login.
    let unfit = master_key::why_unfit(config, Some(key.clone()), &db, generators.random.as_ref());
    if let Some(why) = unfit.await.map_err(database)? {
        return Err(StartError::OtherMasterKey(why));
    }
    let platform = seeds::lay(&db, generators).await.map_err(database)?;
    db.follow();
    Ok((db, platform))
}

fn greeting(config: &Config, listener: &TcpListener) -> std::io::Result<String> {
    let address = listener.local_addr()?;
    let engine = match config.database.url.kind() {
        DatabaseKind::Sqlite => "SQLite",
        DatabaseKind::Postgres => "PostgreSQL",
    };
    let environment = config.environment;
    Ok(format!(
        "Lastro {VERSION} serves http://{address} on {engine} ({environment}); its API is shown at http://{address}/docs"
    ))
}
