//! The binary as a person runs it: a process, its output and its exit code.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// The administrator of an [administered](Installation::administered) installation.
const OPERATOR: &str = "operator@example.com";
const PASSWORD: &str = "tres tigres 3";
/// What a [customer's](Installation::create_tenant) administrator logs in with.
pub(crate) const TENANT_PASSWORD: &str = "Trigo-Integral-26";

/// The binary in a folder of its own, with no configuration but what a test gives it.
pub(crate) struct Installation {
    pub(crate) folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Installation {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            variables: Vec::new(),
        }
        .with("LASTRO_BIND", "127.0.0.1:0")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With an administrator of the platform, whom the first start makes, and the master key that all of these share.
    pub(crate) fn administered(self) -> Self {
        self.with("LASTRO_ADMIN_EMAIL", OPERATOR)
            .with("LASTRO_ADMIN_PASSWORD", PASSWORD)
            .with("LASTRO_MASTER_KEY", &"0f".repeat(32))
    }

    /// Looks for programs in `folder` first.
    pub(crate) fn with_programs(self, folder: &Path) -> Self {
        let others = search_path();
        let all = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&others));
        let joined = std::env::join_paths(all).expect("a search path");
        self.with("PATH", joined.to_str().expect("text"))
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lastro"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", search_path())
            .envs(coverage_file().map(|file| ("LLVM_PROFILE_FILE", file)))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().expect("the binary runs").into()
    }

    /// Onboards a customer, whom `ana@SLUG.example` administers with the [`TENANT_PASSWORD`].
    pub(crate) fn create_tenant(&self, slug: &str) -> Ended {
        let email = format!("ana@{slug}.example");
        let organization = ["--name", "Padaria Central", "--slug", slug, "--package", "starter"];
        let administrator = ["--admin-email", &email, "--admin-password", TENANT_PASSWORD];
        self.run(&[&["tenant", "create"], &organization[..], &administrator].concat())
    }

    /// Starts a server and waits until it answers.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Serving {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .expect("a log");
        let mut child = self
            .command(&[&["serve"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            .spawn()
            .expect("the binary runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        let mut greeting = String::new();
        stdout.read_line(&mut greeting).expect("a line");
        let address = greeting
            .split_once("http://")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("no address in {greeting:?}; the log: {}", self.log()));
        Serving { child, address, stdout }
    }

    /// What servers of this installation have logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

/// A command that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
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
}

/// A server that answers.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: SocketAddr,
    stdout: BufReader<ChildStdout>,
}

impl Serving {
    /// Address and password of the platform's administrator, as `--demo` prints them at the first start.
    pub(crate) fn operator(&mut self) -> (String, String) {
        let mut line = String::new();
        while self.stdout.read_line(&mut line).expect("a line") > 0 {
            if let ["platform", email, password] = line.split_whitespace().collect::<Vec<_>>()[..] {
                return (email.to_owned(), password.to_owned());
            }
            line.clear();
        }
        panic!("no administrator was printed");
    }

    /// The token of the setup link that a first start prints.
    pub(crate) fn setup_token(&mut self) -> String {
        let mut line = String::new();
        while self.stdout.read_line(&mut line).expect("a line") > 0 {
            if let Some((_, token)) = line.split_once("?token=") {
                return token.trim().to_owned();
            }
            line.clear();
        }
        panic!("no setup link was printed");
    }

    /// Logs somebody of the platform in.
    pub(crate) fn log_in(&self, email: &str, password: &str) -> Answer {
        let body = format!(r#"{{"organizationSlug":"platform","email":"{email}","password":"{password}"}}"#);
        self.send("POST /api/v1/auth/login", &[], &body)
    }

    /// An access token of the administrator that every installation here has.
    pub(crate) fn token(&self) -> String {
        let answer = self.log_in(OPERATOR, PASSWORD);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["data"]["accessToken"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// One request on a connection of its own.
    pub(crate) fn send(&self, head: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut connection = self.begin(head, headers, body.len());
        connection.write_all(body.as_bytes()).expect("sent");
        Answer::read(connection)
    }

    /// The head of a request whose body is still to come.
    pub(crate) fn begin(&self, head: &str, headers: &[(&str, &str)], length: usize) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).expect("a connection");
        connection
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        let mut text = format!(
            "{head} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n",
            self.address
        );
        if length > 0 {
            text.push_str("content-type: application/json\r\n");
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        connection.write_all(text.as_bytes()).expect("sent");
        connection
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success());
    }

    /// Waits for the end, and returns the exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.child.wait().expect("an end").code()
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(self) -> Option<i32> {
        self.signal("TERM");
        self.end()
    }
}

/// A test that is over leaves no server behind.
impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already where the test stopped it.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn read(mut connection: TcpStream) -> Self {
        let mut text = String::new();
        connection.read_to_string(&mut text).expect("an answer");
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status");
        Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

/// Where this machine keeps its programs.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary under test is handed the search path, and nothing else of this process's environment"
)]
fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Where a run that measures coverage wants the counters of every process; without it they would land in the folder that
/// a test looks at.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary under test gets an environment of its own, but for this"
)]
fn coverage_file() -> Option<std::ffi::OsString> {
    std::env::var_os("LLVM_PROFILE_FILE")
}

/// Whether a file below the folder holds these bytes.
pub(crate) fn folder_contains(folder: &Path, needle: &str) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            folder_contains(&path, needle)
        } else {
            std::fs::read(&path)
                .expect("a file")
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
        }
    })
}
