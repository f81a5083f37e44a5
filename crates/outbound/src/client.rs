//! Requests over checked connections.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::{HeaderMap, Method, StatusCode, Uri};
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tower::Service;
use url::Url;

use crate::address::Refused;
use crate::dial::{DialError, Dialer};

/// How many requests are under way at most, to all hosts together: as many connections there are, besides those that wait to be
/// used again.
const UNDER_WAY: usize = 1_024;
/// How many connections to one host wait to be used again.
const KEPT: usize = 64;
/// For how long. Short, since a host is looked up, and looked at, only when a connection is made.
const KEPT_FOR: Duration = Duration::from_secs(15);
/// How long a request may take when nothing else is said.
const WITHIN: Duration = Duration::from_secs(15);
/// How many bytes of an answer are read when nothing else is said.
const BODY: usize = 4 * 1_024;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    within: Duration,
    body_limit: usize,
}

impl Request {
    /// A request without headers.
    #[must_use]
    pub fn new(method: Method, url: Url, body: impl Into<Bytes>) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: body.into(),
            within: WITHIN,
            body_limit: BODY,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// How long it may take, from the first look at the host to the last byte that is read of the answer. 15 s otherwise.
    #[must_use]
    pub const fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// How many bytes of the answer's body are read, at most. 4 KiB otherwise.
    #[must_use]
    pub const fn reading(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status; redirects are not followed.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The beginning of its body.
    pub body: Bytes,
    /// Whether the body goes on.
    pub is_truncated: bool,
}

/// Why there is no answer. The words are this program's own: what the other side said is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// It took too long.
    #[error("there was no answer in time")]
    Timeout,
    /// The connection ended, or what came over it was no HTTP.
    #[error("the connection ended without a whole answer")]
    Broken,
}

/// Sends requests. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    dialer: Dialer,
    pooled: Pooled<Connector, Full<Bytes>>,
    under_way: Arc<Semaphore>,
}

impl Client {
    /// Sends over this dialer's connections.
    #[must_use]
    pub fn new(dialer: Dialer) -> Self {
        let pooled = Pooled::builder(TokioExecutor::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(KEPT)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_headers(100)
            .build(Connector(dialer.clone()));
        Self {
            dialer,
            pooled,
            under_way: Arc::new(Semaphore::new(UNDER_WAY)),
        }
    }

    /// What it connects with.
    #[must_use]
    pub fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// A `POST` with this body.
    #[must_use]
    pub fn post(&self, url: Url, body: impl Into<Bytes>) -> Request {
        Request::new(Method::POST, url, body)
    }

    /// A `GET`.
    #[must_use]
    pub fn get(&self, url: Url) -> Request {
        Request::new(Method::GET, url, Bytes::new())
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, request: Request) -> Result<Answer, SendError> {
        self.dialer.admit(&request.url).map_err(DialError::from)?;
        let within = request.within;
        let exchange = async {
            // It is never closed.
            let _turn = self.under_way.acquire().await;
            self.exchange(request).await
        };
        timeout(within, exchange).await.unwrap_or(Err(SendError::Timeout))
    }

    async fn exchange(&self, request: Request) -> Result<Answer, SendError> {
        let uri: Uri = request
            .url
            .as_str()
            .parse()
            .map_err(|_| DialError::Refused(Refused::Host))?;
        let mut outgoing = hyper::Request::new(Full::new(request.body));
        *outgoing.method_mut() = request.method;
        *outgoing.uri_mut() = uri;
        *outgoing.headers_mut() = request.headers;
        let response = self.pooled.request(outgoing).await.map_err(|error| reason(&error))?;
        let (head, body) = response.into_parts();
        let (body, is_truncated) = beginning(body, request.body_limit).await?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            is_truncated,
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("dialer", &self.dialer)
            .finish_non_exhaustive()
    }
}

/// Reads until `limit`; what follows is not read, and its connection not used again.
async fn beginning(mut body: Incoming, limit: usize) -> Result<(Bytes, bool), SendError> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| SendError::Broken)?.into_data() else {
            continue;
        };
        let room = limit - read.len();
        if data.len() > room {
            read.extend_from_slice(data.get(..room).unwrap_or_default());
            return Ok((read.freeze(), true));
        }
        read.extend_from_slice(&data);
    }
    Ok((read.freeze(), false))
}

/// What went wrong, found among the causes: the connector's own error is one of them.
fn reason(error: &hyper_util::client::legacy::Error) -> SendError {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<DialError>() {
            return SendError::Dial(*error);
        }
        cause = error.source();
    }
    SendError::Broken
}

/// Connects for the pool.
#[derive(Clone)]
struct Connector(Dialer);

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = DialError;
    type Future = BoxFuture<'static, Result<Stream, DialError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.0.clone();
        Box::pin(async move {
            let host = uri.host().ok_or(Refused::Host)?;
            if uri.scheme_str() == Some("https") {
                let stream = dialer.tls(host, uri.port_u16().unwrap_or(443)).await?;
                Ok(Stream::Tls(Box::new(TokioIo::new(stream))))
            } else {
                let stream = dialer.tcp(host, uri.port_u16().unwrap_or(80)).await?;
                Ok(Stream::Plain(TokioIo::new(stream)))
            }
        })
    }
}

/// A connection, secure or not.
enum Stream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, from),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, from),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, from),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, from),
        }
    }
}
