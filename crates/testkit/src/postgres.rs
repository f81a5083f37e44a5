//! PostgreSQL for tests: one server for all test processes, one database per test.
//!
//! Where the server comes from:
//!
//! 1. `LASTRO_TEST_POSTGRES_URL`, the URL of a superuser of a server that may be filled with databases and emptied
//!    again. `off` runs the tests without PostgreSQL.
//! 2. Else a private server is started from installed binaries, in the temporary folder, on a free port of the
//!    loopback interface, as an unprivileged user when the tests run as root. It stops by itself a minute after its
//!    last user and leaves nothing behind.
//! 3. Else there is none, and the tests run on SQLite alone; with `LASTRO_TEST_REQUIRE_POSTGRES=1` that is an error.
//!
//! A test database is a clone of a template that is migrated once per set of migrations ([`Server::database`]).

mod cluster;
mod psql;
mod shared;

use std::collections::HashSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use url::Url;

use self::cluster::{Binaries, Cluster};
pub use self::cluster::{Extra, Stop};
use self::psql::Psql;
use crate::engines::{self, Engine};
use crate::harness::{Doing, Folder, HarnessError, digest, environment, nonce};

/// The server that the tests of this process use.
#[derive(Debug)]
pub struct Server {
    /// The maintenance database, as superuser.
    url: Url,
    version: String,
    /// Started by the tests from installed binaries, so that nobody misses what is in it.
    private: bool,
    programs: Option<PathBuf>,
    session: Mutex<Psql>,
    /// Templates that this process has already seen.
    ready: Mutex<HashSet<String>>,
}

/// What the search for a server ended in.
#[derive(Debug)]
enum Search {
    Found(Box<Server>),
    /// Nobody asked for PostgreSQL and none can be had; the reason is shown at the end of the run.
    Absent(String),
    Failed(HarnessError),
}

/// The server of this process, looked for on first use; `None` when there is none and none is demanded.
///
/// # Errors
/// When `LASTRO_TEST_POSTGRES_URL` names a server that does not answer, or when `LASTRO_TEST_REQUIRE_POSTGRES=1` and
/// no server can be had.
pub fn server() -> Result<Option<&'static Server>, HarnessError> {
    match search() {
        Search::Found(server) => Ok(Some(server)),
        Search::Absent(_) => Ok(None),
        Search::Failed(error) => Err(error.clone()),
    }
}

/// One line about the server: where it is, or why there is none.
#[must_use]
pub fn describe() -> String {
    match search() {
        Search::Found(server) => {
            let place = if server.private {
                "a private server"
            } else {
                "the server of LASTRO_TEST_POSTGRES_URL"
            };
            format!("PostgreSQL {}, {place}", server.version)
        }
        Search::Absent(reason) => reason.clone(),
        Search::Failed(error) => error.to_string(),
    }
}

fn search() -> &'static Search {
    static SEARCH: OnceLock<Search> = OnceLock::new();
    SEARCH.get_or_init(|| {
        let required = environment("LASTRO_TEST_REQUIRE_POSTGRES").is_some_and(|value| value == "1");
        let absent = |reason: String| {
            if required {
                Search::Failed(HarnessError::new(format!(
                    "LASTRO_TEST_REQUIRE_POSTGRES=1, but {reason}"
                )))
            } else {
                Search::Absent(reason)
            }
        };
        match environment("LASTRO_TEST_POSTGRES_URL") {
            Some(url) if url == "off" => absent("LASTRO_TEST_POSTGRES_URL=off".to_owned()),
            Some(url) => Server::at(&url.to_string_lossy(), Path::new("psql"), None, false)
                .map_or_else(Search::Failed, |server| Search::Found(Box::new(server))),
            None => match Binaries::find() {
                None => absent("no PostgreSQL is installed and LASTRO_TEST_POSTGRES_URL is not set".to_owned()),
                Some(binaries) => Server::start(binaries).map_or_else(
                    |error| absent(format!("the installed PostgreSQL cannot be used: {error}")),
                    |server| Search::Found(Box::new(server)),
                ),
            },
        }
    })
}

impl Server {
    fn start(binaries: Binaries) -> Result<Self, HarnessError> {
        let programs = binaries.folder().to_path_buf();
        let cluster = shared::attach(binaries)?;
        Self::at(&cluster.url(), &programs.join("psql"), Some(programs), true)
    }

    fn at(url: &str, client: &Path, programs: Option<PathBuf>, private: bool) -> Result<Self, HarnessError> {
        let url = Url::parse(url).doing(|| "reading LASTRO_TEST_POSTGRES_URL".to_owned())?;
        let mut session = Psql::connect(client, url.as_str())?;
        let version = session.execute("SHOW server_version")?;
        // "15.18 (Debian 15.18-0+deb12u1)": the packager's part is of no use here.
        let version = version
            .first()
            .and_then(|line| line.split(' ').next())
            .unwrap_or("of unknown version");
        Ok(Self {
            version: version.to_owned(),
            url,
            private,
            programs,
            session: Mutex::new(session),
            ready: Mutex::default(),
        })
    }

    /// The server's version, as `15.18`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The folder of the server's programs (`pg_dump` among them), when the tests started it themselves.
    #[must_use]
    pub fn programs(&self) -> Option<&Path> {
        self.programs.as_deref()
    }

    /// Runs one statement in the maintenance database, as superuser, and returns its rows with fields separated by
    /// `|`. Roles made here belong to the whole server: give them unique names, or make them with `IF NOT EXISTS`
    /// logic that stands two tests at once.
    ///
    /// # Errors
    /// The server's refusal with its SQLSTATE.
    pub fn execute(&self, statement: &str) -> Result<Vec<String>, HarnessError> {
        self.session.lock().execute(statement)
    }

    /// The URL of `database` for the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(database);
        url.into()
    }

    /// The URL of `database` for another role.
    ///
    /// # Errors
    /// When the server's URL cannot carry a user.
    pub fn url_as(&self, database: &str, role: &str, password: &str) -> Result<String, HarnessError> {
        let mut url = self.url.clone();
        url.set_path(database);
        url.set_username(role)
            .and_then(|()| url.set_password(Some(password)))
            .map_err(|()| HarnessError::new("the server's URL cannot carry a user"))?;
        Ok(url.into())
    }

    /// An empty database for one test.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn empty_database(&'static self) -> Result<TestDatabase, HarnessError> {
        self.create("template0")
    }

    /// A clone of the template `key`, which `migrate` fills when no process has made it yet.
    ///
    /// `key` must change whenever what `migrate` does changes: make it from the checksums of the migrations. `migrate`
    /// is handed the URL of an empty database.
    ///
    /// # Errors
    /// When the server refuses or `migrate` fails.
    pub async fn database<F, Fut, E>(&'static self, key: &str, migrate: F) -> Result<TestDatabase, HarnessError>
    where
        F: FnOnce(String) -> Fut,
        Fut: Future<Output = Result<(), E>>,
        E: Display,
    {
        let template = self.template(key, migrate).await?;
        self.create(&template)
    }

    async fn template<F, Fut, E>(&self, key: &str, migrate: F) -> Result<String, HarnessError>
    where
        F: FnOnce(String) -> Fut,
        Fut: Future<Output = Result<(), E>>,
        E: Display,
    {
        let template = format!("lastro_template_{}", digest(key));
        if self.ready.lock().contains(&template) {
            return Ok(template);
        }
        let lock = Folder::open()?.lock_async("postgres-template").await?;
        if self
            .execute(&format!("SELECT 1 FROM pg_database WHERE datname = '{template}'"))?
            .is_empty()
        {
            // Built under another name, so that a killed migration leaves no template that looks complete.
            let draft = format!("{template}_{}", nonce()?);
            self.execute(&format!("CREATE DATABASE {draft} TEMPLATE template0"))?;
            let migrated = migrate(self.url(&draft))
                .await
                .doing(|| "migrating the PostgreSQL template".to_owned());
            if let Err(error) = migrated {
                self.execute(&format!("DROP DATABASE {draft} WITH (FORCE)"))?;
                return Err(error);
            }
            // A database can be cloned only while nobody is connected to it.
            self.execute(&format!("ALTER DATABASE {draft} WITH ALLOW_CONNECTIONS false"))?;
            self.execute(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{draft}'"
            ))?;
            self.execute(&format!("ALTER DATABASE {draft} RENAME TO {template}"))?;
        }
        drop(lock);
        self.ready.lock().insert(template.clone());
        Ok(template)
    }

    fn create(&'static self, template: &str) -> Result<TestDatabase, HarnessError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("lastro_test_{}_{number}_{}", std::process::id(), nonce()?);
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        engines::record(Engine::Postgres)?;
        Ok(TestDatabase { server: self, name })
    }
}

/// A database of one test; it is dropped with this value, whoever is still connected.
#[derive(Debug)]
pub struct TestDatabase {
    server: &'static Server,
    name: String,
}

impl TestDatabase {
    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL for the superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// The server it is on.
    #[must_use]
    pub fn server(&self) -> &'static Server {
        self.server
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A database that stays costs disk until the private server is removed; it fails no test.
        self.server
            .execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
            .ok();
    }
}

/// A server of one test alone, which that test may stop, start and break.
#[derive(Debug)]
pub struct OwnServer {
    cluster: Cluster,
}

impl OwnServer {
    /// Starts one; `None` when no binaries are installed and PostgreSQL is
    /// not demanded.
    ///
    /// # Errors
    /// When it does not start, or when `LASTRO_TEST_REQUIRE_POSTGRES=1` and there are no binaries.
    pub fn start(extra: Extra<'_>) -> Result<Option<Self>, HarnessError> {
        // The same search decides: who switched PostgreSQL off does not want this one either.
        if server()?.is_none() {
            return Ok(None);
        }
        let Some(binaries) = Binaries::find() else {
            return if environment("LASTRO_TEST_REQUIRE_POSTGRES").is_some_and(|value| value == "1") {
                Err(HarnessError::new(
                    "a server of a test's own needs PostgreSQL's binaries on this machine",
                ))
            } else {
                Ok(None)
            };
        };
        Ok(Some(Self {
            cluster: shared::own(binaries, extra)?,
        }))
    }

    /// Its maintenance database, for the superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.cluster.url()
    }

    /// The port it listens on, also after [`OwnServer::resume`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.cluster.port
    }

    /// Stops it and waits until it is gone.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(&self, how: Stop) -> Result<(), HarnessError> {
        self.cluster.stop(how)
    }

    /// Starts it again on the same port with the same data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&self) -> Result<(), HarnessError> {
        self.cluster.start()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // If this fails, its watchdog does the same later.
        self.cluster.stop(Stop::Immediate).ok();
        std::fs::remove_dir_all(&self.cluster.folder).ok();
    }
}
