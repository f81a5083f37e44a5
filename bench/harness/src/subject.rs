//! The two servers: how each is built, started, reached and stopped.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;
use rustix::process::Signal;

use crate::client::Client;
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

impl Subject {
    /// Names a server.
    #[must_use]
    pub fn new(kind: Kind, name: String) -> Self {
        Self { kind, name }
    }

    /// Starts the server on the database at `url` and waits until it is ready. `folder` is its data folder.
    ///
    /// # Errors
    /// When it ends, or is not ready within 30 s; with the end of its log.
    pub fn start(&self, url: &str, folder: &Path) -> anyhow::Result<Server> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut command = tied(&self.kind.program()?, "TERM", None);
        if self.kind == Kind::Lastro {
            command
                .args(["serve", "--demo"])
                .env("LASTRO_DATA_DIR", folder)
                .env("LASTRO_LOG_FORMAT", "json")
                .env("LASTRO_METRICS_TOKEN", "a-token-that-only-switches-the-metrics-on")
                // Counted for every request as in production, only never reached.
                .env("LASTRO_RATE_LIMIT", "1000000000/min");
        }
        command
            .current_dir(folder)
            .env("DATABASE_URL", url)
            .env("LASTRO_BIND", address.to_string());
        let started = Instant::now();
        let mut child = Child::start(&self.name, &mut command, &folder.join("server.log"), Signal::TERM)?;
        let ready_after = process::wait_for(&self.name, Duration::from_secs(30), || {
            child.ensure_running()?;
            let ready = Client::connect(address, "")
                .ok()
                .and_then(|mut client| client.get("/health/ready").ok());
            Ok(ready.filter(|answer| answer.status == 200).map(|_| started.elapsed()))
        })?;
        let token = match self.kind {
            Kind::Lastro => process::wait_for("the bootstrap token", Duration::from_secs(5), || {
                Ok(bootstrap_token(&child.said()?))
            })
            .with_context(|| format!("{} printed no bootstrap token", self.name))?,
            // Sent like the other's, so that the same bytes come in; nobody reads it.
            Kind::Limit => "x".repeat(60),
        };
        Ok(Server {
            child,
            address,
            token,
            ready_after,
        })
    }
}

/// `serve --demo` shows a first request with `Authorization: Bearer <token>`.
fn bootstrap_token(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("Bearer ")?;
    let token: String = rest
        .chars()
        .take_while(|character| character.is_ascii_graphic() && !matches!(character, '"' | '\'' | '\\'))
        .collect();
    (token.len() >= 16).then_some(token)
}

impl Server {
    /// A connection with the server's credential.
    pub(crate) fn client(&self) -> std::io::Result<Client> {
        Client::connect(self.address, &self.token)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_a_sample_request() {
        let said = "ready\n  curl -H 'Authorization: Bearer lbt_0123456789abcdefXYZ' http://127.0.0.1:8080/\n";
        assert_eq!(bootstrap_token(said).as_deref(), Some("lbt_0123456789abcdefXYZ"));
        assert_eq!(bootstrap_token("Authorization: Bearer <token>"), None);
        assert_eq!(bootstrap_token("nothing yet"), None);
    }
}
