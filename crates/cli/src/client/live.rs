//! The ceremony's status as it comes, for those who watch: once, or as a stream.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use hyper::body::Bytes;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING};
use reqwest::{Method, Response};
use sse_stream::{Error, Sse, SseByteStream};
use tokio::time::timeout;

use super::error::ClientError;
use super::transfer::{accepted, network, no_answer, read_body};
use super::{ANSWER_LIMIT, CONNECT_LIMIT, Client, media_type};

/// The longest status, in bytes: a hundred turns of 130 bytes each, and all else, several times over.
const MAX_STATUS_LEN: usize = 1 << 18;

/// How long the head of a stream may take. A coordinator sends it at once; some proxies first connect.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

impl Client {
    /// `GET /ceremony/status`, as it came.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) async fn status_text(&self) -> Result<String, ClientError> {
        let limit = CONNECT_LIMIT + ANSWER_LIMIT;
        let request = self.request(Method::GET, "ceremony/status")?;
        let answer = async {
            let response = self.send(request, limit).await?;
            let bytes = read_body(response, MAX_STATUS_LEN as u64, |_, _| {}).await?;
            String::from_utf8(bytes)
                .map_err(|_| ClientError::Unreadable("the status is no text".to_owned()))
        };
        timeout(limit, answer).await.map_err(|_| no_answer(limit))?
    }

    /// `GET /ceremony/events`: the stream of statuses
    /// (`docs/spec/http-api.md#ceremony-events`), which is taken to be dead when it is silent for so
    /// long. None where the coordinator, or what is in front of it, has no stream.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) async fn events(&self, silence: Duration) -> Result<Option<Events>, ClientError> {
        let request = self
            .request(Method::GET, "ceremony/events")?
            .header(ACCEPT, "text/event-stream")
            // A compressed stream may be kept back until a block of it is full.
            .header(ACCEPT_ENCODING, "identity");
        let response = timeout(HEAD_LIMIT, request.send())
            .await
            .map_err(|_| no_answer(HEAD_LIMIT))?
            .map_err(network)?;
        if matches!(response.status().as_u16(), 404 | 405 | 406 | 501) {
            return Ok(None);
        }
        let response = timeout(HEAD_LIMIT, accepted(response))
            .await
            .map_err(|_| no_answer(HEAD_LIMIT))??;
        let is_stream = media_type(&response) == "text/event-stream";
        Ok(is_stream.then(|| Events::of(response, silence)))
    }
}

/// The statuses of a stream.
pub(crate) struct Events {
    events: Pin<Box<dyn Stream<Item = Result<Sse, Error>> + Send>>,
}

impl Events {
    fn of(response: Response, silence: Duration) -> Self {
        let pieces = stream::try_unfold((response, 0), move |(response, pending)| {
            next_piece(response, pending, silence)
        });
        Self {
            events: Box::pin(SseByteStream::new(Box::pin(pieces))),
        }
    }

    /// The next status.
    ///
    /// # Errors
    /// A stream that has ended, or is dead.
    pub(crate) async fn next(&mut self) -> Result<String, ClientError> {
        while let Some(event) = self.events.next().await {
            let event = match event {
                Ok(event) => event,
                Err(Error::Body(error)) => return Err(ClientError::Network(error.to_string())),
                Err(error) => return Err(ClientError::Unreadable(error.to_string())),
            };
            let is_status = matches!(event.event.as_deref(), None | Some("status" | "message"));
            if let Some(text) = event.data.filter(|_| is_status) {
                return Ok(text);
            }
        }
        let why = "the coordinator has ended the stream".to_owned();
        Err(ClientError::Network(why))
    }
}

/// The next piece of a stream, in which `pending` bytes have come since the last event was whole.
async fn next_piece(
    mut response: Response,
    pending: usize,
    silence: Duration,
) -> Result<Option<(Bytes, (Response, usize))>, ClientError> {
    let piece = timeout(silence, response.chunk()).await.map_err(|_| {
        let seconds = silence.as_secs();
        ClientError::Network(format!("the stream is silent for {seconds} s"))
    })?;
    let Some(piece) = piece.map_err(network)? else {
        return Ok(None);
    };
    if pending > MAX_STATUS_LEN {
        let why = "an event is longer than any honest one".to_owned();
        return Err(ClientError::Unreadable(why));
    }
    // A blank line ends an event, of which nothing is kept then.
    let is_whole = piece.ends_with(b"\n\n") || piece.ends_with(b"\r\n\r\n");
    let pending = match is_whole {
        true => 0,
        false => pending + piece.len(),
    };
    Ok(Some((piece, (response, pending))))
}
