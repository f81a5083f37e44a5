//! Answers that are longer than memory: made and sent piece by piece.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::error::ApiError;

/// The kind of a body of server-sent events.
pub const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// 200 with a body that is made while it is sent: an export, or events as they happen. A client that reads slowly is waited for.
///
/// The status has left before the last piece is made. So an error on the way can only end the body without its proper end, which
/// clients see as a broken transfer; what it was is in the log.
pub struct Streamed {
    kind: HeaderValue,
    file_name: Option<HeaderValue>,
    body: Body,
}

impl Streamed {
    /// A body of these pieces.
    #[must_use]
    pub fn new(kind: HeaderValue, pieces: impl Stream<Item = Result<Bytes, ApiError>> + Send + 'static) -> Self {
        let pieces = pieces.map(|piece| {
            piece.map_err(|error| {
                tracing::error!(
                    error = error.internal_message().unwrap_or("refused"),
                    "a streamed answer broke off"
                );
                std::io::Error::other("the answer broke off")
            })
        });
        Self {
            kind,
            file_name: None,
            body: Body::from_stream(pieces),
        }
    }

    /// Suggests a name to whoever saves the body as a file. It is plain ASCII without quotes.
    #[must_use]
    pub fn named(mut self, file_name: &str) -> Self {
        self.file_name = HeaderValue::from_str(&format!("attachment; filename=\"{file_name}\"")).ok();
        self
    }
}

impl IntoResponse for Streamed {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.kind);
        if let Some(name) = self.file_name {
            headers.insert(header::CONTENT_DISPOSITION, name);
        }
        response
    }
}
