//! Request bodies: how large, how slow.

pub(crate) mod compression;
pub(crate) mod json;
pub(crate) mod media;
pub(crate) mod unread;

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tauline_protocol::error::Code;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::clock::alive::{self, Moment};
use crate::refused::Refused;

/// Bodies read and thrown away at one time, so that their senders get to read the refusal.
const MAX_DRAINED: usize = 64;
/// How long one body is read and thrown away for.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// How large a body may be, and how slow. Time counts only while this process runs: while it is
/// stopped, no body can arrive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Most bytes, as they arrive.
    pub bytes: usize,
    /// Longest pause between two pieces.
    pub pause: Duration,
    /// Longest time for the whole.
    pub whole: Duration,
}

/// Refuses a body by what its sender says of its length, before any of it is read.
///
/// # Errors
/// [`Code::BodyTooLarge`].
pub(crate) fn check_length(headers: &HeaderMap, max: usize) -> Result<(), Refused> {
    let stated = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    match stated.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > max as u64 => Err(too_large(max)),
        _ => Ok(()),
    }
}

/// A body that is read piece by piece.
pub(crate) struct Incoming {
    body: Body,
    limit: Limit,
    taken: usize,
    until: Moment,
}

impl Incoming {
    /// The body of a request whose stated length is no larger than the limit.
    ///
    /// # Errors
    /// [`Code::BodyTooLarge`].
    pub(crate) fn new(headers: &HeaderMap, body: Body, limit: Limit) -> Result<Self, Refused> {
        check_length(headers, limit.bytes)?;
        Ok(Self {
            body,
            limit,
            taken: 0,
            until: Moment::now().after(limit.whole),
        })
    }

    /// The next piece; none at the end of the body.
    ///
    /// # Errors
    /// As [`read`].
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        loop {
            let by = self.until.min(Moment::now().after(self.limit.pause));
            let frame = alive::timeout_at(by, self.body.frame())
                .await
                .map_err(|_| too_slow())?;
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| {
                Refused::new(Code::MalformedBody, format!("the body broke off: {error}"))
            })?;
            if let Ok(data) = frame.into_data() {
                self.taken += data.len();
                if self.taken > self.limit.bytes {
                    return Err(too_large(self.limit.bytes));
                }
                return Ok(Some(data));
            }
        }
    }

    /// How many bytes have come.
    pub(crate) fn taken(&self) -> i64 {
        i64::try_from(self.taken).unwrap_or(i64::MAX)
    }
}

/// Reads a body to its end.
///
/// # Errors
/// [`Code::BodyTooLarge`], [`Code::BodyTimeout`], or [`Code::MalformedBody`] when the connection
/// breaks.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: Limit) -> Result<Bytes, Refused> {
    let mut incoming = Incoming::new(headers, body, limit)?;
    let mut bytes = Vec::new();
    loop {
        match incoming.next().await? {
            Some(piece) => bytes.extend_from_slice(&piece),
            None => return Ok(bytes.into()),
        }
    }
}

/// Reads a body and throws it away, for a while, in the background.
///
/// Whoever is refused before its body was read is still sending; were the connection closed at
/// once, it would see a broken pipe and not the refusal. A client that waits for `100 Continue`
/// has sent nothing, and must not be told to.
pub(crate) fn drain(headers: &HeaderMap, body: Body) {
    if !headers.contains_key(header::EXPECT) {
        throw_away(body);
    }
}

fn throw_away(mut body: Body) {
    static DRAINING: Semaphore = Semaphore::const_new(MAX_DRAINED);
    let (Ok(permit), Ok(runtime)) = (DRAINING.try_acquire(), Handle::try_current()) else {
        return;
    };
    runtime.spawn(async move {
        let to_the_end = async { while let Some(Ok(_)) = body.frame().await {} };
        let _ = alive::timeout(DRAIN_TIME, to_the_end).await;
        drop(permit);
    });
}

/// The refusal of a body that has more than `max` bytes.
pub(crate) fn too_large(max: usize) -> Refused {
    Refused::new(
        Code::BodyTooLarge,
        format!("the body is larger than {max} bytes, more than an honest one can have here"),
    )
}

fn too_slow() -> Refused {
    Refused::new(
        Code::BodyTimeout,
        "the body did not arrive in time: send it again, without pauses",
    )
}
