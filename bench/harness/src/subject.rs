//! The two servers: how each is built, started, reached and stopped.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;
use rustix::process::Signal;
use serde_json::json;
use uuid::Uuid;

use crate::client::{ACCESS_TOKEN, Client, text};
use crate::fill::PASSWORD;
use crate::postgres::free_port;
use crate::proc;
use crate::process::{self, Child, tied};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// `lastro serve`, with everything on that production has on: credential, permission, rate limit, logs, metrics.
    Lastro,
    /// `lastro-limit`.
    Limit,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lastro => "lastro",
            Self::Limit => "limit",
        })
    }
}

impl Kind {
    /// The arguments of `cargo` that build it.
    #[must_use]
    pub fn build(self) -> &'static [&'static str] {
        match self {
            Self::Lastro => &["build", "--release", "--package", "lastro"],
            Self::Limit => &["build", "--release", "--package", "lastro-bench-limit"],
        }
    }

    /// The executable: it lies beside the harness's own.
    fn program(self) -> anyhow::Result<PathBuf> {
        let own = std::env::current_exe()?;
        Ok(own.with_file_name(match self {
            Self::Lastro => "lastro",
            Self::Limit => "lastro-limit",
        }))
    }

    /// What its `--version` prints.
    ///
    /// # Errors
    /// When it is not built.
    pub fn version(self) -> anyhow::Result<String> {
        process::output(std::process::Command::new(self.program()?).arg("--version"))
    }
}

/// A server with the name it has in the results.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Which server.
    pub kind: Kind,
    /// Its name in the results.
    pub name: String,
}

/// A started server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// The credential for its routes.
    pub token: String,
    /// From its start to its first ready answer.
    pub ready_after: Duration,
}

/// The platform's first administrator, who is made at the first start.
const OPERATOR: &str = "operator@example.com";

impl Subject {
    /// Names a server.
    #[must_use]
    pub fn new(kind: Kind, name: String) -> Self {
        Self { kind, name }
    }

    /// Starts the server on the database at `url`, waits until it is ready and logs the operator in. `folder` is its data folder.
    ///
    /// # Errors
    /// When it ends, or is not ready within 30 s; with the end of its log.
    pub fn start(&self, url: &str, folder: &Path) -> anyhow::Result<Server> {
        self.start_with(url, folder, &[])
    }

    /// The same, with other variables in its environment beside or in place of the usual ones.
    ///
    /// # Errors
    /// As [`Subject::start`].
    pub fn start_with(&self, url: &str, folder: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Server> {
        let mut server = self.boot(url, folder, environment)?;
        server.log_in(self)?;
        Ok(server)
    }

    /// The same, with nobody logged in: the server has done nothing yet but start.
    ///
    /// # Errors
    /// As [`Subject::start`].
    pub fn boot(&self, url: &str, folder: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Server> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut command = tied(&self.kind.program()?, "TERM", None);
        if self.kind == Kind::Lastro {
            command
                .arg("serve")
                .env("LASTRO_ADMIN_EMAIL", OPERATOR)
                .env("LASTRO_ADMIN_PASSWORD", PASSWORD)
                // Longer than a run: what renewing a token costs is another measurement.
                .env("LASTRO_ACCESS_TOKEN_TTL", "12h")
                .env("LASTRO_DATA_DIR", folder)
                // Tokens name it as their issuer: they are to be good on every port that a later start gets.
                .env("LASTRO_BASE_URL", "http://localhost:8080")
                .env("LASTRO_LOG_FORMAT", "json")
                .env("LASTRO_METRICS_TOKEN", "a-token-that-only-switches-the-metrics-on")
                // Counted for every request as in production, only never reached.
                .env("LASTRO_RATE_LIMIT", "1000000000/min")
                .env("LASTRO_LOGIN_RATE_LIMIT", "1000000000/min");
        }
        command
            .current_dir(folder)
            .env("DATABASE_URL", url)
            .env("LASTRO_BIND", address.to_string())
            .envs(environment.iter().copied());
        let started = Instant::now();
        let mut child = Child::start(&self.name, &mut command, &folder.join("server.log"), Signal::TERM)?;
        let ready_after = process::wait_for(&self.name, Duration::from_secs(30), || {
            child.ensure_running()?;
            let ready = Client::connect(address, "")
                .ok()
                .and_then(|mut client| client.get("/health/ready").ok());
            Ok(ready.filter(|answer| answer.status == 200).map(|_| started.elapsed()))
        })?;
        Ok(Server {
            child,
            address,
            token: String::new(),
            ready_after,
        })
    }
}

/// An access token of the platform's operator.
fn log_in(address: SocketAddr) -> anyhow::Result<String> {
    let body = json!({"organizationSlug": "platform", "email": OPERATOR, "password": PASSWORD});
    text(&Client::connect(address, "")?.log_in(&body)?, ACCESS_TOKEN)
}

/// The token of nobody, for the limit server.
fn unread(length: usize) -> String {
    "x".repeat(length)
}

impl Kind {
    /// What this server is sent in the place of Lastro's token of a user. The limit server believes the organization and the user that stand in
    /// the open at its beginning, and takes in as many bytes.
    #[must_use]
    pub fn token(self, access_token: &str, organization: Uuid, user: Uuid) -> String {
        match self {
            Self::Lastro => access_token.to_owned(),
            Self::Limit => {
                let named = format!("{organization}{user}");
                let rest = unread(access_token.len().saturating_sub(named.len()));
                named + &rest
            }
        }
    }
}

impl Server {
    /// Logs the operator in.
    ///
    /// # Errors
    /// When that is refused.
    pub fn log_in(&mut self, subject: &Subject) -> anyhow::Result<()> {
        self.token = match subject.kind {
            Kind::Lastro => log_in(self.address).with_context(|| format!("logging in to {}", subject.name))?,
            // Sent like the other's, so that the same bytes come in; nobody reads it.
            Kind::Limit => unread(700),
        };
        Ok(())
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// A connection with the operator's credential.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn client(&self) -> std::io::Result<Client> {
        self.client_of(&self.token)
    }

    /// A connection with the credential of somebody else.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn client_of(&self, token: &str) -> std::io::Result<Client> {
        Client::connect(self.address, token)
    }

    /// A connection without a credential.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn anonymous(&self) -> std::io::Result<Client> {
        self.client_of("")
    }

    /// The CPU time used so far.
    ///
    /// # Errors
    /// When the server is gone.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        proc::cpu(self.child.pid())
    }

    /// The resident memory in KiB.
    ///
    /// # Errors
    /// When the server is gone.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        proc::resident_kib(self.child.pid())
    }

    /// Asks it to stop; what runs is finished.
    ///
    /// # Errors
    /// When it had to be killed or failed.
    pub fn stop(self) -> anyhow::Result<()> {
        self.child.stop(Duration::from_secs(35))
    }
}
