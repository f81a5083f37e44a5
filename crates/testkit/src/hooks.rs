//! A receiver of webhooks, as a customer would run one: it keeps what arrives and answers what it is told to.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How long a test waits for what has to arrive.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(10);

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Hook {
    /// A header's text, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What a receiver says to one request.
#[derive(Debug, Clone)]
pub enum Reaction {
    /// This status, with these headers and this body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// This status, after a while.
    Slow(Duration, u16),
    /// Nothing, ever.
    Silence,
}

impl Reaction {
    /// This status and nothing else.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), String::new())
    }
}

struct Shared {
    hooks: Mutex<Vec<Hook>>,
    script: Mutex<VecDeque<Reaction>>,
    otherwise: Mutex<Reaction>,
    open: Mutex<Open>,
}

/// Requests that wait for their answers.
#[derive(Default)]
struct Open {
    now: usize,
    most: usize,
}

/// A receiver on this machine. It answers 200 unless it is told otherwise, and ends with the test.
pub struct Hooks {
    port: u16,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Hooks {
    /// Listens on a free port.
    ///
    /// # Panics
    /// When there is none.
    #[expect(clippy::expect_used, reason = "a test without its environment has failed")]
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared {
            hooks: Mutex::default(),
            script: Mutex::default(),
            otherwise: Mutex::new(Reaction::status(200)),
            open: Mutex::default(),
        });
        let kept = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(BufReader::new(stream), Arc::clone(&kept)));
            }
        });
        Self { port, shared, serving }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Reacts so to the next requests, one after the other.
    pub fn react(&self, reactions: impl IntoIterator<Item = Reaction>) {
        self.shared.script.lock().extend(reactions);
    }

    /// Reacts so to every request for which nothing else is said.
    pub fn react_always(&self, reaction: Reaction) {
        *self.shared.otherwise.lock() = reaction;
    }

    /// How many arrived so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.hooks.lock().len()
    }

    /// How many waited for their answers at once, at most so far.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.shared.open.lock().most
    }

    /// What arrived so far.
    #[must_use]
    pub fn all(&self) -> Vec<Hook> {
        self.shared.hooks.lock().clone()
    }

    /// Waits until this many arrived in all.
    ///
    /// # Panics
    /// When they do not.
    pub async fn until(&self, count: usize) -> Vec<Hook> {
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.shared.hooks.lock().len() < count {
                tokio::time::sleep(LOOK).await;
            }
        });
        let arrived = waited.await.is_ok();
        let all = self.all();
        assert!(arrived, "{count} requests were to arrive, and {} did", all.len());
        all
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answers one connection's requests.
async fn converse(mut stream: BufReader<TcpStream>, shared: Arc<Shared>) {
    while let Some(hook) = receive(&mut stream).await {
        shared.hooks.lock().push(hook);
        {
            let mut open = shared.open.lock();
            open.now += 1;
            open.most = open.most.max(open.now);
        }
        let scripted = shared.script.lock().pop_front();
        let reaction = scripted.unwrap_or_else(|| shared.otherwise.lock().clone());
        let (status, headers, body) = match reaction {
            Reaction::Answer(status, headers, body) => (status, headers, body),
            Reaction::Slow(pause, status) => {
                tokio::time::sleep(pause).await;
                (status, Vec::new(), String::new())
            }
            Reaction::Silence => return std::future::pending().await,
        };
        shared.open.lock().now -= 1;
        let mut answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            // Writing to a string does not fail.
            let _ = write!(answer, "{name}: {value}\r\n");
        }
        answer.push_str("\r\n");
        answer.push_str(&body);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request; none when the client is gone or speaks something else.
async fn receive(stream: &mut BufReader<TcpStream>) -> Option<Hook> {
    let mut first = String::new();
    if stream.read_line(&mut first).await.ok()? == 0 {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Hook { headers, body })
}
