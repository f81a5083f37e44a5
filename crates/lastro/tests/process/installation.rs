//! The binary in a folder of its own, on a database of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lastro::config::keys::KEYS;
use serde_json::json;
use tempfile::TempDir;
use testkit::postgres::{self, TestDatabase};

use crate::client::Client;
use crate::process::Process;
use crate::time::SOON;

/// The administrator of the platform, whom the first start makes.
const OPERATOR: &str = "operator@example.com";
const PASSWORD: &str = "tres tigres 3";

/// How long a command may take that ends by itself.
const COMMAND: Duration = Duration::from_secs(60);

/// The binary with no configuration but what a test gives it.
pub(crate) struct Installation {
    folder: TempDir,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
    url: String,
    _database: Option<TestDatabase>,
}

impl Installation {
    pub(crate) fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("data/lastro.db").display());
        Self::new(folder, &url, None)
    }

    /// On an empty database of the tests' server; `None` where there is no PostgreSQL.
    pub(crate) fn on_postgres() -> Option<Self> {
        let database = postgres::server().unwrap()?.empty_database().unwrap();
        let folder = tempfile::tempdir().expect("a temporary folder");
        Some(Self::new(folder, &database.url(), Some(database)))
    }

    /// On this database, whatever it is.
    pub(crate) fn at(url: &str) -> Self {
        Self::new(tempfile::tempdir().expect("a temporary folder"), url, None)
    }

    /// Another one on an empty database of the same engine, with the same master key where one was given.
    pub(crate) fn another(&self) -> Self {
        self.share_key(match &self._database {
            None => Self::on_sqlite(),
            Some(_) => Self::on_postgres().expect("the server that was there"),
        })
    }

    /// Another node on the same database, with the same master key where one was given.
    pub(crate) fn another_node(&self) -> Self {
        self.share_key(Self::at(&self.url))
    }

    /// Another node that finds the same database at this address, with the same master key where one was given.
    pub(crate) fn node_at(&self, url: &str) -> Self {
        self.share_key(Self::at(url))
    }

    fn share_key(&self, other: Self) -> Self {
        let keys = self.variables.iter().filter(|(name, _)| name == "LASTRO_MASTER_KEY");
        keys.fold(other, |other, (name, value)| other.with(name, value))
    }

    fn new(folder: TempDir, url: &str, database: Option<TestDatabase>) -> Self {
        Self {
            folder,
            variables: Vec::new(),
            wrapper: Vec::new(),
            url: url.to_owned(),
            _database: database,
        }
        .with("DATABASE_URL", url)
        .with("LASTRO_BIND", "127.0.0.1:0")
        // A storm is one actor.
        .with("LASTRO_RATE_LIMIT", "off")
        .with("LASTRO_ADMIN_EMAIL", OPERATOR)
        .with("LASTRO_ADMIN_PASSWORD", PASSWORD)
    }

    /// Sets a variable of the environment; the last word about one counts.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a variable of the environment unset.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// Runs the binary by way of another program, which replaces itself by it.
    pub(crate) fn under(mut self, wrapper: &[impl AsRef<str>]) -> Self {
        self.wrapper = wrapper.iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The database's address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_lastro");
        let mut command = match self.wrapper.split_first() {
            None => Command::new(binary),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(binary);
                command
            }
        };
        command.args(arguments).current_dir(self.folder.path());
        for key in KEYS {
            command.env_remove(key.name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let mut process = Process::start(self.command(arguments));
        let status = process.end(COMMAND);
        Ended {
            stdout: process.remaining_output(),
            stderr: process.errors(),
            code: status.code(),
        }
    }

    /// Starts a command and leaves it running.
    pub(crate) fn start(&self, arguments: &[&str]) -> Process {
        Process::start(self.command(arguments))
    }

    /// Starts a server and waits until it answers. With `--demo`, its operator is logged in.
    #[track_caller]
    pub(crate) fn serve(&self, arguments: &[&str]) -> Server {
        Server::greeted(
            self.start(&[&["serve"], arguments].concat()),
            arguments.contains(&"--demo"),
        )
    }

    /// Starts a server and waits until it answers, with its operator logged in by this password.
    #[track_caller]
    pub(crate) fn serve_as(&self, password: &str) -> Server {
        let mut server = self.serve(&[]);
        server.token = Some(server.token_of("platform", OPERATOR, password));
        server
    }

    /// Everything in its folder, names from there, in order.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        list(self.folder.path(), "", &mut files);
        files.sort();
        files
    }
}

fn list(folder: &Path, prefix: &str, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            list(&entry.path(), &format!("{name}/"), files);
        } else {
            files.push(name);
        }
    }
}

/// A command that has ended.
pub(crate) struct Ended {
    code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts an exit code, showing what was said when it is another.
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts that standard error tells all of this.
    #[track_caller]
    pub(crate) fn assert_says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {}", self.stderr);
        }
        self
    }

    /// All that was said.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A server that answers.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
    token: Option<String>,
}

impl Server {
    /// A server whose start is still under way: waits until it answers, and logs the operator in where it is to be used.
    #[track_caller]
    pub(crate) fn greeted(process: Process, logs_in: bool) -> Self {
        let mut server = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            process,
            token: None,
        };
        let greeting = server.line();
        server.address = greeting
            .split_once("http://")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("no address in {greeting:?}"));
        if logs_in {
            server.token = Some(server.log_in());
        }
        server
    }

    /// An access token of the operator.
    #[track_caller]
    fn log_in(&self) -> String {
        self.token_of("platform", OPERATOR, PASSWORD)
    }

    /// An access token of somebody.
    #[track_caller]
    pub(crate) fn token_of(&self, slug: &str, email: &str, password: &str) -> String {
        let body = json!({ "organizationSlug": slug, "email": email, "password": password });
        let answer = self.visitor().send("POST /api/v1/auth/login", &body).assert_status(200);
        answer.json()["data"]["accessToken"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    #[track_caller]
    fn line(&self) -> String {
        self.process
            .line(SOON)
            .unwrap_or_else(|| panic!("no greeting; it said: {}", self.process.errors()))
    }

    /// Somebody without a credential.
    pub(crate) fn visitor(&self) -> Client {
        Client::new(self.address, None)
    }

    /// Whoever has this credential.
    pub(crate) fn holder(&self, credential: &str) -> Client {
        Client::new(self.address, Some(credential.to_owned()))
    }

    /// The administrator of the platform.
    pub(crate) fn operator(&self) -> Client {
        Client::new(self.address, Some(self.token().to_owned()))
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("a server started with --demo")
    }

    pub(crate) fn pid(&self) -> String {
        self.process.pid()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.process.errors()
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Ends it without a word.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }

    /// Waits for its end, and returns its exit code.
    #[track_caller]
    pub(crate) fn end(mut self, within: Duration) -> Option<i32> {
        self.process.end(within).code()
    }

    /// Stops it as a service manager does.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.signal("TERM");
        let said = self.process.said_later();
        assert_eq!(self.end(SOON), Some(0), "{}", said());
    }

    /// Stops it as a service manager does, and returns all that it has written since its greeting.
    #[track_caller]
    pub(crate) fn stop_and_tell(mut self) -> String {
        self.signal("TERM");
        let status = self.process.end(SOON);
        // The errors are whole only after this.
        let output = self.process.remaining_output();
        let errors = self.process.errors();
        assert_eq!(status.code(), Some(0), "{errors}");
        output + &errors
    }
}
