//! One PostgreSQL server made from installed binaries: its files, its account, its port.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Doing, HarnessError, current_user, environment, nonce, user_id};

/// The superuser of every private server.
const ADMINISTRATOR: &str = "lastro";

/// Settings for a server whose data nobody will miss. Durability is off (a test that kills the *process* loses
/// nothing by it, only a power cut would), and so is autovacuum, which would hold on to a template at random moments
/// and change a plan that a test reads.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
max_connections = 300
shared_buffers = 128MB
autovacuum = off
timezone = 'UTC'
log_line_prefix = '%m [%p] %d '
";

/// The folder of the server's programs.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Looks where packagers put them: what `pg_config` says, the versioned folders of Debian, Red Hat and Homebrew
    /// (newest first), then `PATH`.
    pub(super) fn find() -> Option<Self> {
        let configured = Command::new("pg_config")
            .arg("--bindir")
            .output()
            .ok()
            .filter(|output| output.status.success())
            .map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        let packaged = [
            ("/usr/lib/postgresql", "", "bin"),
            ("/usr", "pgsql-", "bin"),
            ("/opt/homebrew/opt", "postgresql@", "bin"),
            ("/usr/local/opt", "postgresql@", "bin"),
        ]
        .into_iter()
        .flat_map(|(parent, prefix, inside)| versioned(Path::new(parent), prefix, inside));
        let on_path = environment("PATH").into_iter().flat_map(|path| {
            std::env::split_paths(&path)
                // A link in the search path points into the folder where the other programs are.
                .filter_map(|folder| folder.join("postgres").canonicalize().ok())
                .filter_map(|program| program.parent().map(Path::to_path_buf))
                .collect::<Vec<_>>()
        });
        configured
            .into_iter()
            .chain(packaged)
            .chain(on_path)
            .map(|folder| Self { folder })
            .find(Self::complete)
    }

    fn complete(&self) -> bool {
        ["initdb", "pg_ctl", "postgres", "psql"]
            .into_iter()
            .all(|program| self.folder.join(program).is_file())
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program of the server, free of whatever the caller's environment says about some other server.
    pub(super) fn command(&self, program: &str) -> Command {
        clean_command(&self.folder.join(program))
    }
}

/// `program` without the variables that would point it at some other server.
pub(super) fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for variable in [
        "PGAPPNAME",
        "PGCLIENTENCODING",
        "PGDATA",
        "PGDATABASE",
        "PGHOST",
        "PGHOSTADDR",
        "PGOPTIONS",
        "PGPASSFILE",
        "PGPASSWORD",
        "PGPORT",
        "PGSERVICE",
        "PGSERVICEFILE",
        "PGSSLMODE",
        "PGUSER",
    ] {
        command.env_remove(variable);
    }
    command.env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// The `inside` folders of `parent/prefix<version>`, newest version first.
fn versioned(parent: &Path, prefix: &str, inside: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(inside)))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The user that the server runs as: PostgreSQL refuses to run as root.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) user: u32,
    group: u32,
}

impl Account {
    /// `None` when the tests are run by an ordinary user, whose server it then is.
    ///
    /// # Errors
    /// As root, when the machine has neither a `postgres` nor a `nobody` user.
    pub(super) fn choose() -> Result<Option<Self>, HarnessError> {
        if current_user()? != 0 {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let (Some(user), Some(group)) = (user_id(&["-u", name])?, user_id(&["-g", name])?) {
                return Ok(Some(Self { user, group }));
            }
        }
        Err(HarnessError::new(
            "root may not run PostgreSQL, and there is neither a `postgres` nor a `nobody` user",
        ))
    }

    /// Hands `path` to the account.
    pub(super) fn own(self, path: &Path) -> Result<(), HarnessError> {
        std::os::unix::fs::chown(path, Some(self.user), Some(self.group))
            .doing(|| format!("handing {} to the server's user", path.display()))
    }
}

/// Lets `command` run as `account`, or as the current user.
pub(super) fn run_as(command: &mut Command, account: Option<Account>) {
    if let Some(account) = account {
        // Setting the user as root also drops the supplementary groups.
        command.uid(account.user).gid(account.group);
    }
}

/// How a server is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Clients are disconnected, transactions rolled back, the files closed properly.
    Fast,
    /// As if the process had been killed: the next start recovers from the log.
    Immediate,
}

impl Stop {
    fn mode(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// What one test wants its own server to have besides the usual.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extra<'a> {
    /// Lines for `postgresql.conf`.
    pub settings: &'a str,
    /// Files (name and text) for the data folder, readable by the server alone: a certificate and its key, say.
    pub files: &'a [(&'a str, &'a str)],
}

/// A server's files and how to reach it.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) binaries: Binaries,
    pub(super) account: Option<Account>,
    pub(super) folder: PathBuf,
    pub(super) port: u16,
    pub(super) password: String,
}

/// A port below those that the system hands out to whoever asks for any: one that is drawn from them may be somebody else's when the
/// server is started again.
fn random_port() -> Result<u16, HarnessError> {
    const FIRST: u64 = 10_000;
    const PORTS: u64 = 22_000;
    let drawn = u64::from_str_radix(&nonce()?, 16).doing(|| "reading a nonce".to_owned())?;
    u16::try_from(FIRST + drawn % PORTS).doing(|| "naming a port".to_owned())
}

impl Cluster {
    /// Makes the folder of a server, which must not exist yet, and nothing in it.
    pub(super) fn prepare(binaries: Binaries, account: Option<Account>, folder: PathBuf) -> Result<Self, HarnessError> {
        fs::create_dir(&folder).doing(|| format!("making {}", folder.display()))?;
        if let Some(account) = account {
            account.own(&folder)?;
        }
        Ok(Self {
            binaries,
            account,
            folder,
            port: 0,
            password: nonce()? + &nonce()?,
        })
    }

    /// Makes the database cluster and starts it on a free port.
    pub(super) fn fill(&mut self, extra: Extra<'_>) -> Result<(), HarnessError> {
        self.initialise(extra)?;
        self.start_on_a_free_port()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn initialise(&self, extra: Extra<'_>) -> Result<(), HarnessError> {
        let password_file = self.folder.join("password");
        crate::harness::write_private(&password_file, &self.password)?;
        if let Some(account) = self.account {
            account.own(&password_file)?;
        }
        // Text sorts by the rules of a language here, as on most customers' servers and unlike on SQLite, so that a
        // query which forgot COLLATE "C" shows. Servers built without ICU fall back to plain bytes.
        let linguistic = ["--locale-provider=icu", "--icu-locale=pt-BR"];
        let made = self
            .run_initdb(&password_file, &linguistic)
            .or_else(|_| self.run_initdb(&password_file, &[]));
        fs::remove_file(&password_file).doing(|| format!("removing {}", password_file.display()))?;
        made?;
        for (name, text) in extra.files {
            let path = self.data().join(name);
            crate::harness::write_private(&path, text)?;
            if let Some(account) = self.account {
                account.own(&path)?;
            }
        }
        self.configure(SETTINGS)?;
        self.configure(extra.settings)
    }

    fn run_initdb(&self, password_file: &Path, locale: &[&str]) -> Result<(), HarnessError> {
        let mut command = self.binaries.command("initdb");
        command
            .arg("--pgdata")
            .arg(self.data())
            .args([
                "--username",
                ADMINISTRATOR,
                "--auth",
                "password",
                "--encoding",
                "UTF8",
                "--locale",
                "C",
            ])
            .args(["--no-sync", "--no-instructions", "--pwfile"])
            .arg(password_file)
            .args(locale)
            .current_dir(&self.folder);
        run_as(&mut command, self.account);
        let output = command.output().doing(|| "running initdb".to_owned())?;
        if output.status.success() {
            return Ok(());
        }
        Err(HarnessError::new(format!(
            "initdb failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )))
    }

    fn configure(&self, settings: &str) -> Result<(), HarnessError> {
        let path = self.data().join("postgresql.conf");
        OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(settings.as_bytes()))
            .doing(|| format!("writing {}", path.display()))
    }

    /// Another process may take the port between the moment it is found free and the moment the server listens.
    fn start_on_a_free_port(&mut self) -> Result<(), HarnessError> {
        let mut outcome = Err(HarnessError::new("no start was tried"));
        for _ in 0..20 {
            self.port = random_port()?;
            if TcpListener::bind(("127.0.0.1", self.port)).is_err() {
                continue;
            }
            // The last line about a setting counts.
            self.configure(&format!("port = {}\n", self.port))?;
            outcome = self.start();
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Starts the server and waits until it answers.
    pub(super) fn start(&self) -> Result<(), HarnessError> {
        let log = self.folder.join("log");
        let mut command = self.binaries.command("pg_ctl");
        command
            .args(["start", "--wait", "--timeout", "60", "--silent", "--pgdata"])
            .arg(self.data())
            .arg("--log")
            .arg(&log)
            .current_dir(&self.folder)
            // Not the pipes of `cargo test`: the server outlives it, and a reader of the pipe would wait for that.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        run_as(&mut command, self.account);
        if command.status().doing(|| "running pg_ctl start".to_owned())?.success() {
            return Ok(());
        }
        let said = fs::read_to_string(&log).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        Err(HarnessError::new(format!(
            "PostgreSQL did not start: {}",
            last.into_iter().rev().collect::<Vec<_>>().join(" | ")
        )))
    }

    /// Stops the server and waits until it is gone.
    pub(super) fn stop(&self, how: Stop) -> Result<(), HarnessError> {
        let mut command = self.binaries.command("pg_ctl");
        command
            .args([
                "stop",
                "--wait",
                "--timeout",
                "60",
                "--silent",
                "--mode",
                how.mode(),
                "--pgdata",
            ])
            .arg(self.data())
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        run_as(&mut command, self.account);
        if command.status().doing(|| "running pg_ctl stop".to_owned())?.success() {
            return Ok(());
        }
        Err(HarnessError::new("PostgreSQL did not stop"))
    }

    /// The address of the maintenance database.
    pub(super) fn url(&self) -> String {
        format!(
            "postgres://{ADMINISTRATOR}:{}@127.0.0.1:{}/postgres",
            self.password, self.port
        )
    }
}
