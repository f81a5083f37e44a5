//! Backup and restore of a PostgreSQL database with the server's own tools, `pg_dump` and `pg_restore`.
//!
//! The password goes to them in the environment: the arguments of a process can be read by everyone on the machine.

mod dump;
mod target;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use db::migrate::AppliedStep;
use tokio::process::Command;

use crate::config::DatabaseUrl;
pub use target::{Target, UnusableUrl};

/// How often the size of a growing file is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Why a tool did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is not installed.
    #[error(
        "{tool} was not found. Install the PostgreSQL client tools, not older than the server: on Debian and Ubuntu \
         `apt-get install postgresql-client`, on Fedora `dnf install postgresql`, on Alpine `apk add postgresql-client`, on \
         macOS `brew install libpq`"
    )]
    Missing {
        /// Its name.
        tool: &'static str,
    },
    /// It could not be started.
    #[error("{tool} could not be started")]
    NotStarted {
        /// Its name.
        tool: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("{tool} failed: {said}")]
    Failed {
        /// Its name.
        tool: &'static str,
        /// What it said.
        said: String,
    },
    /// The address of the database cannot be handed over.
    #[error(transparent)]
    Url(#[from] UnusableUrl),
    /// The finished copy could not be put in its place.
    #[error("{} cannot be put in its place", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The tools, and where they are looked for.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The folders to look in, as `PATH` lists them.
    path: OsString,
}

impl Tools {
    /// Looks for the tools in these folders.
    #[must_use]
    pub fn in_path(path: impl Into<OsString>) -> Self {
        Self { path: path.into() }
    }

    /// What a tool says about its version, such as `pg_dump (PostgreSQL) 17.2`.
    ///
    /// # Errors
    ///
    /// [`ToolError::Missing`] above all.
    pub async fn version(&self, tool: &'static str) -> Result<String, ToolError> {
        let mut command = self.command(tool)?;
        command.arg("--version").stdout(Stdio::piped());
        let output = command
            .output()
            .await
            .map_err(|source| ToolError::NotStarted { tool, source })?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Dumps the database at `url` into `file`, in the custom format of `pg_dump`. The file appears under its name only when it
    /// is whole. `progress` is told its size in bytes.
    ///
    /// # Errors
    ///
    /// [`ToolError`]; nothing is left behind.
    pub async fn dump(&self, url: &DatabaseUrl, file: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), ToolError> {
        let target = Target::of(url)?;
        let partial = with_ending(file, ".partial");
        let mut command = self.command("pg_dump")?;
        command
            .args(["--format=custom", "--no-password", "--file"])
            .arg(&partial)
            .envs(target.environment());
        let grown = || progress(std::fs::metadata(&partial).map_or(0, |metadata| metadata.len()));
        let dumped = run("pg_dump", command, grown).await.and_then(|_| {
            let failed = |source| ToolError::File {
                path: file.to_owned(),
                source,
            };
            std::fs::File::open(&partial)
                .and_then(|partial| partial.sync_all())
                .map_err(failed)?;
            std::fs::rename(&partial, file).map_err(failed)
        });
        if dumped.is_err() {
            // The reason is reported; a leftover that cannot be removed is visible beside the target.
            let _leftover = std::fs::remove_file(&partial);
        }
        dumped
    }

    /// The migrations that the database in `file` has seen, read from the dump without a server. None when it is no database of
    /// Lastro's.
    ///
    /// # Errors
    ///
    /// [`ToolError`], above all when the file is no dump.
    pub async fn applied(&self, file: &Path) -> Result<Vec<AppliedStep>, ToolError> {
        let mut command = self.command("pg_restore")?;
        command
            .args(["--data-only", "--table=schema_migrations", "--file=-"])
            .arg(file)
            .stdout(Stdio::piped());
        let script = run("pg_restore", command, || {}).await?;
        Ok(dump::applied(&String::from_utf8_lossy(&script)))
    }

    /// Replaces what the database at `url` holds by what is in `file`, in one transaction. `progress` is told that it goes on.
    ///
    /// # Errors
    ///
    /// [`ToolError`]; the database is then as it was.
    pub async fn restore(&self, file: &Path, url: &DatabaseUrl, progress: &mut dyn FnMut()) -> Result<(), ToolError> {
        let target = Target::of(url)?;
        let mut command = self.command("pg_restore")?;
        command
            .args([
                "--clean",
                "--if-exists",
                "--no-owner",
                "--exit-on-error",
                "--single-transaction",
                "--no-password",
            ])
            .arg("--dbname")
            .arg(target.database())
            .arg(file)
            .envs(target.environment());
        run("pg_restore", command, progress).await.map(drop)
    }

    fn command(&self, tool: &'static str) -> Result<Command, ToolError> {
        let found = std::env::split_paths(&self.path)
            .map(|folder| folder.join(tool))
            .find(|candidate| candidate.is_file())
            .ok_or(ToolError::Missing { tool })?;
        let mut command = Command::new(found);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Its messages are shown to a person who reads this program's, which are English.
            .env("LC_ALL", "C")
            .kill_on_drop(true);
        Ok(command)
    }
}

/// Waits for a tool, and returns what it wrote where that is piped.
async fn run(tool: &'static str, mut command: Command, mut progress: impl FnMut()) -> Result<Vec<u8>, ToolError> {
    let not_started = |source| ToolError::NotStarted { tool, source };
    let child = command.spawn().map_err(not_started)?;
    let mut finished = std::pin::pin!(child.wait_with_output());
    let output = loop {
        match tokio::time::timeout(LOOK, &mut finished).await {
            Ok(output) => break output.map_err(not_started)?,
            Err(_) => progress(),
        }
    };
    if output.status.success() {
        progress();
        return Ok(output.stdout);
    }
    let said = last_words(&String::from_utf8_lossy(&output.stderr));
    Err(ToolError::Failed { tool, said })
}

/// The end of what a tool said, on one line.
fn last_words(said: &str) -> String {
    const LINES: usize = 5;
    let lines: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let first = lines.len().saturating_sub(LINES);
    match lines.get(first..) {
        Some(lines) if !lines.is_empty() => lines.join(" | "),
        _ => "it did not say why".to_owned(),
    }
}

fn with_ending(file: &Path, ending: impl AsRef<OsStr>) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
