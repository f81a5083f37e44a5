//! A small HTTP/1.1 client on a blocking socket: it keeps its connection, and tells a broken one from an answer.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::time::{SOON, eventually};

pub(crate) const ORGANIZATIONS: &str = "/api/v1/organizations";

/// Longer than any answer takes by contract (30 s), so that one which does not come fails its test and not the reader's patience.
const READ: Duration = Duration::from_secs(40);

/// Somebody who sends one request after the other, on one connection as long as it lasts.
pub(crate) struct Client {
    address: SocketAddr,
    credential: Option<String>,
    connection: Option<Connection>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, credential: Option<String>) -> Self {
        Self {
            address,
            credential,
            connection: None,
        }
    }

    /// Sends a request and reads its answer. After an error the next request has a new connection.
    ///
    /// # Errors
    /// When the connection breaks: whether the request was carried out is then unknown.
    pub(crate) fn try_send(&mut self, head: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address)?,
        };
        connection.send(&self.text(head, headers, body))?;
        let answer = connection.answer()?;
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// Sends a request with a body of JSON.
    #[track_caller]
    pub(crate) fn send(&mut self, head: &str, body: &Value) -> Answer {
        self.try_send(head, &[], body.to_string().as_bytes())
            .expect("an answer")
    }

    /// Sends a request without a body.
    #[track_caller]
    pub(crate) fn ask(&mut self, head: &str) -> Answer {
        self.try_send(head, &[], b"").expect("an answer")
    }

    /// What it sends as its credential.
    pub(crate) fn credential(&self) -> &str {
        self.credential.as_deref().unwrap_or_default()
    }

    /// The bytes of a request.
    pub(crate) fn text(&self, head: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut text = format!("{head} HTTP/1.1\r\nhost: {}\r\n", self.address);
        if let Some(token) = &self.credential {
            text.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        if !body.is_empty() {
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                text.push_str("content-type: application/json\r\n");
            }
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        [text.as_bytes(), body].concat()
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.try_send(&format!("GET {path}"), &[], b"").expect("an answer")
    }

    /// Asks for a new organization, with its slug as the idempotency key.
    ///
    /// # Errors
    /// As [`Client::try_send`].
    pub(crate) fn try_create(&mut self, slug: &str) -> io::Result<Answer> {
        let body = organization(slug);
        self.try_send(
            &format!("POST {ORGANIZATIONS}"),
            &[("idempotency-key", slug)],
            body.as_bytes(),
        )
    }

    #[track_caller]
    pub(crate) fn create(&mut self, slug: &str) -> Answer {
        self.try_create(slug).expect("an answer")
    }

    /// Asks again, for as long as the server says that the first request is still being worked on.
    #[track_caller]
    pub(crate) fn create_again(&mut self, slug: &str) -> Answer {
        eventually("the end of the first request with the key", SOON, || {
            let answer = self.create(slug);
            (answer.code() != "CONFLICT_IDEMPOTENCY_IN_PROGRESS").then_some(answer)
        })
    }
}

/// The body that asks for an organization.
pub(crate) fn organization(slug: &str) -> String {
    json!({ "name": format!("Company {slug}"), "slug": slug }).to_string()
}

/// One connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, SOON)?;
        stream.set_read_timeout(Some(READ))?;
        stream.set_write_timeout(Some(READ))?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let message = self.message()?;
        let status = message
            .start
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| io::Error::other(format!("not an answer: {:?}", message.start)))?;
        Ok(Answer {
            status,
            body: String::from_utf8(message.body).map_err(io::Error::other)?,
            headers: message.headers,
        })
    }

    /// Reads one request or answer.
    pub(crate) fn message(&mut self) -> io::Result<Message> {
        let start = self.line()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut message = Message {
            start,
            headers,
            body: Vec::new(),
        };
        assert_eq!(
            message.header("transfer-encoding"),
            None,
            "only whole bodies are read here"
        );
        let length = message.header("content-length").and_then(|length| length.parse().ok());
        message.body.resize(length.unwrap_or(0), 0);
        self.stream.read_exact(&mut message.body)?;
        Ok(message)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Whether it was closed by now, as far as this side knows.
    pub(crate) fn has_ended(&self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).expect("a socket");
        let seen = stream.peek(&mut [0]);
        stream.set_nonblocking(false).expect("a socket");
        !matches!(seen, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether the server has closed it, waiting for that at most so long.
    pub(crate) fn is_closed_within(&mut self, limit: Duration) -> bool {
        self.stream.get_ref().set_read_timeout(Some(limit)).expect("a timeout");
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(read) => read == 0,
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }
}

/// A request or an answer as it was sent, its headers' names in lower case.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its first line.
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Its bytes.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        [text.as_bytes(), &self.body].concat()
    }
}

fn find<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let found = headers.iter().find(|(candidate, _)| candidate == name);
    found.map(|(_, value)| value.as_str())
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// The code of a refusal; empty for anything else.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The id of the object in it.
    #[track_caller]
    pub(crate) fn id(&self) -> String {
        let id = self.json()["data"]["id"].as_str().map(str::to_owned);
        id.unwrap_or_else(|| panic!("no id in {}", self.body))
    }

    #[track_caller]
    pub(crate) fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Asserts that it is the refusal of a server that cannot do it now, and says when to come back.
    #[track_caller]
    pub(crate) fn assert_unavailable(&self) {
        assert_eq!(
            (self.status, self.code().as_str()),
            (503, "INTERNAL_UNAVAILABLE"),
            "{}",
            self.body
        );
        let later = self
            .header("retry-after")
            .and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(later.is_some_and(|seconds| (1..=60).contains(&seconds)), "{self:?}");
    }
}
