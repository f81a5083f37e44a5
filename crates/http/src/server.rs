//! The server: connections on a socket, and their orderly end.
//!
//! Everything that is a request is answered by the [edge](crate::edge), in the envelope. What is none, hyper answers by itself
//! before anything of ours has seen it: 400 for what it cannot read as HTTP/1.1, 414 and 431 for a head over 16 KiB. Those answers
//! have a status and no body, and hyper offers no place to give them one; who sends such a thing does not read our envelope either.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Request, Response, Version, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::Service as _;

use crate::client_ip::Peer;
use crate::connections::{Connections, Taken};
use crate::edge::Edge;

/// The largest head of a request: what is over it is answered 431.
const MAX_HEAD: usize = 16 * 1_024;
/// How long requests may still run after the server was asked to end.
const FINISH_WITHIN: Duration = Duration::from_secs(30);
/// How much of a body that nobody reads is still taken from its client, in bytes; how long that may take; and how long the
/// client may pause.
const UNREAD: usize = 16 * 1_024 * 1_024;
const UNREAD_FOR: Duration = Duration::from_secs(10);
const UNREAD_PAUSE: Duration = Duration::from_secs(2);
/// How long to wait after a connection could not be accepted, mostly for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is ready, and then ends in two steps, so that nobody's request is lost on the way.
///
/// First the server says that it is not ready, and asks each connection to end after its next answer, but still answers
/// everybody: for as long as the configuration's `stop_grace`, in which whoever routes requests turns to others. Then it accepts
/// nothing more, lets what runs finish for at most 30 seconds, and returns.
pub async fn serve(listener: TcpListener, edge: Edge, stop: impl Future<Output = ()>) {
    let idle_timeout = edge.app().config().idle_timeout;
    let builder = builder(idle_timeout);
    let open = GracefulShutdown::new();
    let connections = Connections::new(edge.app());
    let (ending, is_ending) = watch::channel(false);
    let app = edge.app().clone();
    let mut stop = std::pin::pin!(async move {
        stop.await;
        app.begin_to_stop();
        tokio::time::sleep(app.config().stop_grace).await;
    });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let peer = Peer(address);
                let Some(taken) = connections.take(peer) else {
                    // Without a word: an answer would have to wait for a client that may never read it.
                    edge.app().metrics().count_refused_connection();
                    continue;
                };
                let silence = Silence {
                    allowed: idle_timeout,
                    is_ending: is_ending.clone(),
                };
                connect(&builder, &open, edge.clone(), stream, (peer, taken), silence);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    ending.send_replace(true);
    edge.app().ending().cancel();
    tracing::info!(connections = open.count(), "no longer accepting; finishing what runs");
    if tokio::time::timeout(FINISH_WITHIN, open.shutdown()).await.is_err() {
        tracing::warn!("requests were still running after 30 s and are cut off");
    }
}

fn builder(idle_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Also how long a connection may be idle between two requests: the wait for the next head.
        .header_read_timeout(idle_timeout)
        .max_buf_size(MAX_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .max_concurrent_streams(256)
        .keep_alive_interval(idle_timeout)
        .keep_alive_timeout(idle_timeout);
    builder
}

/// How long a connection may go without a first whole head: a while, and not at all once the server ends. The protocol's own
/// timers begin only when it is known which protocol is spoken, and go on when the server ends.
struct Silence {
    allowed: Duration,
    is_ending: watch::Receiver<bool>,
}

impl Silence {
    /// Ready when the connection is to be closed; never once a request `has_begun`.
    async fn lasted_too_long(mut self, has_begun: &AtomicBool) {
        // Either way the time is over; the sender goes only when the server has ended.
        let _ = tokio::time::timeout(self.allowed, self.is_ending.wait_for(|ending| *ending)).await;
        if has_begun.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

fn connect(
    builder: &Builder<TokioExecutor>,
    open: &GracefulShutdown,
    edge: Edge,
    stream: TcpStream,
    (peer, taken): (Peer, Taken),
    silence: Silence,
) {
    // Answers are written whole; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let has_begun = Arc::new(AtomicBool::new(false));
    let begin = Arc::clone(&has_begun);
    let service = service_fn(move |mut request: Request<Incoming>| {
        begin.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(peer);
        answer(edge.clone(), request)
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    let watched = open.watch(connection);
    tokio::spawn(async move {
        let _until_it_is_closed = taken;
        tokio::select! {
            // First: what has arrived when the server ends is still looked at.
            biased;
            ended = watched => {
                // How a connection ends is the client's affair: it hangs up, or sends what is not HTTP.
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
            }
            () = silence.lasted_too_long(&has_begun) => {
                tracing::debug!("a connection without a request is closed");
            }
        }
    });
}

async fn answer(mut edge: Edge, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    // HTTP/2 ends one stream and not the connection. Who asked whether to send a body waits for the answer to that.
    let is_http1 = request.version() <= Version::HTTP_11;
    let lingers = is_http1 && !request.headers().contains_key(header::EXPECT);
    let mut answer = if lingers {
        edge.call(request.map(|body| Lingering(Some(body)))).await?
    } else {
        edge.call(request).await?
    };
    // Closing a connection that somebody may be about to use would lose a request; this ends it between two. HTTP/2 has its own
    // way to say so, which loses none.
    if is_http1 && edge.app().is_stopping() {
        answer
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

/// A body of which the part that no handler reads is taken from the client all the same, and thrown away. Most clients look for
/// an answer only when they have sent everything; closing the connection on one that still sends would tell it of a broken
/// connection instead of what is wrong with its request (RFC 9112, section 9.6).
struct Lingering(Option<Incoming>);

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let Some(body) = self.0.take().filter(|body| !body.is_end_stream())
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(tokio::time::timeout(UNREAD_FOR, discard(body)));
        }
    }
}

/// Reads a body to its end, within what is allowed for one that nobody reads.
async fn discard(mut body: Incoming) {
    let mut left = UNREAD;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(UNREAD_PAUSE, body.frame()).await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else { return };
        left = rest;
    }
}
