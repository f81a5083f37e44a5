//! A private PostgreSQL: its own folder, its own port on loopback, its own password, gone at the end.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use crate::process::{self, Child, User};
use crate::workspace::Workspace;

/// What is set beside the defaults. Durability stays complete: `fsync`, `synchronous_commit` and `full_page_writes` are spelled out so that
/// nobody has to look the defaults up. The rest keeps a checkpoint from falling into one server's turn and not into the other's.
pub const SETTINGS: [(&str, &str); 9] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("shared_buffers", "256MB"),
    ("max_connections", "200"),
    ("max_wal_size", "8GB"),
    ("checkpoint_timeout", "1h"),
    ("jit", "off"),
    ("log_min_messages", "warning"),
];

const SUPERUSER: &str = "bench";

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    binaries: PathBuf,
    port: u16,
    password: String,
}

impl Postgres {
    /// Initialises a cluster in `workspace` and starts it. PostgreSQL refuses to run as root, so root starts it as user `postgres` or `nobody`.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start(workspace: &Workspace) -> anyhow::Result<Self> {
        let binaries = find()?;
        let folder = workspace.join("postgres");
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        let user = unprivileged()?;
        let password = password()?;
        let password_file = folder.join("password");
        fs::write(&password_file, &password)?;
        if let Some(User { uid, gid }) = user {
            for path in [&folder, &password_file] {
                chown(path, Some(uid), Some(gid))?;
            }
        }
        let data = folder.join("data");
        process::output(
            process::tied(&binaries.join("initdb"), "KILL", user)
                .current_dir(&folder)
                .arg("--pgdata")
                .arg(&data)
                .arg("--pwfile")
                .arg(&password_file)
                .args([
                    "--username",
                    SUPERUSER,
                    "--auth",
                    "scram-sha-256",
                    "--encoding",
                    "UTF8",
                    "--locale",
                    "C",
                    "--no-instructions",
                ]),
        )?;
        let port = free_port()?;
        let mut command = process::tied(&binaries.join("postgres"), "INT", user);
        command.current_dir(&folder).arg("-D").arg(&data).arg("-k").arg(&folder);
        command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        for (name, value) in SETTINGS {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // SIGINT is PostgreSQL's fast shutdown: sessions are ended, nothing is lost.
        let child = Child::start("PostgreSQL", &mut command, &workspace.join("postgres.log"), Signal::INT)?;
        let mut postgres = Self {
            child,
            binaries,
            port,
            password,
        };
        process::wait_for("PostgreSQL", Duration::from_secs(30), || {
            postgres.child.ensure_running()?;
            Ok(postgres.sql("postgres", "SELECT 1").ok())
        })?;
        Ok(postgres)
    }

    /// The process id of the postmaster.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// How a client reaches `database`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// Creates an empty database.
    ///
    /// # Errors
    /// When it exists.
    pub fn create(&self, database: &str) -> anyhow::Result<()> {
        self.sql("postgres", &format!(r#"CREATE DATABASE "{database}""#))
            .map(drop)
    }

    /// Leaves a filled database as turns are to find it: statistics made, every row marked as visible, so that no turn pays for that.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn settle(&self, database: &str) -> anyhow::Result<()> {
        self.sql(database, "VACUUM (FREEZE, ANALYZE)").map(drop)
    }

    /// Creates `database` as a copy of `template`, which nobody may be connected to, file by file: written to disk when this returns.
    ///
    /// # Errors
    /// When somebody is connected to the template.
    pub fn copy(&self, template: &str, database: &str) -> anyhow::Result<()> {
        self.sql(
            "postgres",
            &format!(r#"CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY file_copy"#),
        )?;
        self.sql("postgres", "CHECKPOINT").map(drop)
    }

    /// Removes a database.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn remove(&self, database: &str) -> anyhow::Result<()> {
        self.sql("postgres", &format!(r#"DROP DATABASE "{database}" WITH (FORCE)"#))
            .map(drop)
    }

    /// Runs one statement and returns what it answers, unaligned.
    ///
    /// # Errors
    /// What the server says.
    pub fn sql(&self, database: &str, statement: &str) -> anyhow::Result<String> {
        process::output(self.psql(database).args(["--command", statement]))
    }

    /// The rows of a query in COPY's text format, a row a line.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn copy_out(&self, database: &str, query: &str) -> anyhow::Result<Vec<u8>> {
        let statement = format!("COPY ({query}) TO STDOUT");
        let output = self.psql(database).args(["--command", &statement]).output()?;
        ensure!(
            output.status.success(),
            "{statement}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(output.stdout)
    }

    /// Loads what `feed` writes, in COPY's text format, into a table. References are not looked at: they are the caller's to get right.
    ///
    /// # Errors
    /// What `feed` or the server says.
    pub(crate) fn copy_in(
        &self,
        database: &str,
        table: &str,
        feed: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> anyhow::Result<()> {
        let mut child = self
            .psql(database)
            .env("PGOPTIONS", "-c session_replication_role=replica")
            .args(["--command", &format!("COPY {table} FROM STDIN")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start psql")?;
        let mut stdin = child.stdin.take().context("psql without a standard input")?;
        let fed = feed(&mut stdin).and_then(|()| stdin.flush());
        drop(stdin);
        let output = child.wait_with_output()?;
        ensure!(
            output.status.success(),
            "COPY {table}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        // What the server says comes first: it is why nobody took what was fed.
        fed.with_context(|| format!("COPY {table}"))
    }

    fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(self.binaries.join("psql"));
        command
            .env("PGPASSWORD", &self.password)
            .args([
                "--no-psqlrc",
                "--quiet",
                "--tuples-only",
                "--no-align",
                "--set",
                "ON_ERROR_STOP=1",
                "--host",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
                "--username",
                SUPERUSER,
                "--dbname",
                database,
            ])
            .stdin(Stdio::null());
        command
    }

    /// Shuts down in order.
    ///
    /// # Errors
    /// When it had to be killed.
    pub fn stop(self) -> anyhow::Result<()> {
        self.child.stop(Duration::from_secs(30))
    }
}

/// The folder of the newest installed PostgreSQL: Debian's place first, then `PATH`.
fn find() -> anyhow::Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, binaries)| binaries.join("initdb").is_file() && binaries.join("psql").is_file())
        .collect();
    versions.sort();
    if let Some((_, newest)) = versions.pop() {
        return Ok(newest);
    }
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .find(|folder| folder.join("initdb").is_file())
        .context("PostgreSQL is not installed: no initdb in /usr/lib/postgresql/*/bin or PATH (Debian: apt install postgresql)")
}

/// The version, as `postgres --version` says it.
///
/// # Errors
/// When PostgreSQL is not installed.
pub fn version() -> anyhow::Result<String> {
    process::output(Command::new(find()?.join("postgres")).arg("--version"))
}

/// Whom to run as: root must name somebody, everybody else is it already.
fn unprivileged() -> anyhow::Result<Option<User>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        let number = |option| process::output(Command::new("id").args([option, name]));
        if let (Ok(uid), Ok(gid)) = (number("--user"), number("--group")) {
            return Ok(Some(User {
                uid: uid.parse()?,
                gid: gid.parse()?,
            }));
        }
    }
    anyhow::bail!("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
}

fn password() -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A port nobody listens on at the moment.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    ensure!(port != 0, "no free port");
    Ok(port)
}
