//! Request bodies: how large, how long, in which form.

use std::io::{self, BufRead, Read};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use tauline_protocol::error::Code;
use tokio::sync::Semaphore;

use crate::clock::alive::{self, Moment};
use crate::http::failure::Failure;
use crate::http::negotiate::is_msgpack;

/// Longest small JSON body, in bytes: sign-in messages have a few hundred, the rest fewer.
pub const SMALL_BODY: usize = 16 * 1024;

/// Largest zstd window that is decoded, as a power of two: 8 MiB, which RFC 8878 (section 3.1.1.1.2)
/// asks every decoder to support, and which bounds what a small body can make the decoder allocate.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Bodies read and thrown away at one time, so that their senders get to read the refusal.
const MOST_DRAINED: usize = 64;
/// How long one body is read and thrown away for.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// How much of a body is taken, and how slowly. Times are those in which this process ran: while it
/// was stopped, a body could not arrive.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Most bytes, as they arrive.
    pub bytes: usize,
    /// Longest pause between two pieces.
    pub pause: Duration,
    /// Longest time for the whole.
    pub whole: Duration,
}

impl Limit {
    /// The limit for a small JSON body.
    #[must_use]
    pub fn small(pause: Duration) -> Self {
        Self {
            bytes: SMALL_BODY,
            pause,
            whole: pause,
        }
    }
}

/// Refuses a body by what its sender says of its length, before any of it is read.
///
/// # Errors
/// [`Code::BodyTooLarge`].
pub fn check_length(headers: &HeaderMap, most: usize) -> Result<(), Failure> {
    let stated = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    match stated.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > most as u64 => Err(too_large(most)),
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
    pub(crate) fn new(headers: &HeaderMap, body: Body, limit: Limit) -> Result<Self, Failure> {
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
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let by = self.until.min(Moment::now().after(self.limit.pause));
            let frame = alive::timeout_at(by, self.body.frame())
                .await
                .map_err(|_| too_slow())?;
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| {
                Failure::new(Code::MalformedBody, format!("the body broke off: {error}"))
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

    /// Lets the sender finish, to whom an error is going to be told: see [`drain`].
    pub(crate) fn refuse(self, headers: &HeaderMap) {
        drain(headers, self.body);
    }
}

/// Reads a body to its end.
///
/// # Errors
/// [`Code::BodyTooLarge`], [`Code::BodyTimeout`], or [`Code::MalformedBody`] when the connection
/// breaks.
pub async fn read(headers: &HeaderMap, body: Body, limit: Limit) -> Result<Bytes, Failure> {
    let mut incoming = Incoming::new(headers, body, limit)?;
    let mut bytes = Vec::new();
    loop {
        match incoming.next().await {
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => return Ok(bytes.into()),
            Err(failure) => {
                incoming.refuse(headers);
                return Err(failure);
            }
        }
    }
}

/// Reads a body and throws it away, for a while, in the background.
///
/// Whoever is refused before its body was read is still sending; were the connection closed at
/// once, it would see a broken pipe and not the refusal. A client that waits for `100 Continue`
/// has sent nothing, and must not be told to.
pub fn drain(headers: &HeaderMap, mut body: Body) {
    static DRAINING: Semaphore = Semaphore::const_new(MOST_DRAINED);
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let Ok(permit) = DRAINING.try_acquire() else {
        return;
    };
    tokio::spawn(async move {
        let to_the_end = async { while let Some(Ok(_)) = body.frame().await {} };
        let _ = alive::timeout(DRAIN_TIME, to_the_end).await;
        drop(permit);
    });
}

fn too_large(most: usize) -> Failure {
    Failure::new(
        Code::BodyTooLarge,
        format!("the body is larger than {most} bytes, more than an honest one can have here"),
    )
}

fn too_slow() -> Failure {
    Failure::new(
        Code::BodyTimeout,
        "the body did not arrive in time: send it again, without pauses",
    )
}

/// The form of a contribution's document, by `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentForm {
    /// `application/json`.
    Json,
    /// `application/msgpack`, in either encoding of points.
    Msgpack,
}

impl DocumentForm {
    /// The form that `Content-Type` names.
    ///
    /// # Errors
    /// [`Code::UnsupportedMediaType`].
    pub fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        match media_type(headers).as_deref() {
            Some("application/json") => Ok(Self::Json),
            Some(media) if is_msgpack(media) => Ok(Self::Msgpack),
            other => Err(unsupported(
                other,
                "application/json or application/msgpack",
            )),
        }
    }
}

/// The compression of a body, by `Content-Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyCoding {
    /// None.
    Identity,
    /// gzip, RFC 1952.
    Gzip,
    /// Zstandard, RFC 8878.
    Zstd,
}

impl BodyCoding {
    /// The compression that `Content-Encoding` names; one at most.
    ///
    /// # Errors
    /// [`Code::UnsupportedMediaType`].
    pub fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut lines = headers.get_all(header::CONTENT_ENCODING).iter();
        let first = lines
            .next()
            .map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
        match (first.as_deref(), lines.next()) {
            (None | Some("" | "identity"), None) => Ok(Self::Identity),
            (Some("gzip" | "x-gzip"), None) => Ok(Self::Gzip),
            (Some("zstd"), None) => Ok(Self::Zstd),
            _ => Err(Failure::new(
                Code::UnsupportedMediaType,
                "the Content-Encoding must be gzip, zstd or none, and one only",
            )),
        }
    }

    /// Takes the compression off a stream, giving at most `most` bytes of it. Reading blocks as the
    /// stream does. Its errors hold a [`Failure`]: [`Code::BodyTooLarge`], or
    /// [`Code::MalformedBody`] for bytes that are not so compressed; or else they are the stream's.
    ///
    /// # Errors
    /// When the decompressor cannot be set up.
    pub(crate) fn decompress<'a>(
        self,
        from: impl BufRead + 'a,
        most: usize,
    ) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Identity => Box::new(from),
            Self::Gzip => Box::new(Plain::new(flate2::bufread::MultiGzDecoder::new(from), most)),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(from)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(Plain::new(decoder, most))
            }
        })
    }

    /// Takes the compression off bytes, giving at most `most`. Blocks.
    ///
    /// # Errors
    /// [`Code::BodyTooLarge`], or [`Code::MalformedBody`] for bytes that are not so compressed.
    pub(crate) fn decompressed(self, bytes: Bytes, most: usize) -> Result<Bytes, Failure> {
        if self == Self::Identity {
            return Ok(bytes);
        }
        let mut plain = Vec::new();
        self.decompress(&bytes[..], most)
            .and_then(|mut from| from.read_to_end(&mut plain))
            .map_err(broken)?;
        Ok(plain.into())
    }
}

/// What comes out of a decompressor.
struct Plain<D> {
    decoder: D,
    most: usize,
    taken: usize,
}

impl<D: Read> Plain<D> {
    fn new(decoder: D, most: usize) -> Self {
        Self {
            decoder,
            most,
            taken: 0,
        }
    }
}

impl<D: Read> Read for Plain<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte more than there may be shows that there is more.
        let left = self.most + 1 - self.taken.min(self.most);
        let len = buffer.len().min(left);
        let read = self
            .decoder
            .read(&mut buffer[..len])
            .map_err(|error| io::Error::new(error.kind(), broken(error)))?;
        self.taken += read;
        if self.taken > self.most {
            return Err(io::Error::other(too_large(self.most)));
        }
        Ok(read)
    }
}

/// The failure in an error of a [decompressing](BodyCoding::decompress) stream.
pub(crate) fn broken(error: io::Error) -> Failure {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Failure>());
    inner.cloned().unwrap_or_else(|| {
        Failure::new(
            Code::MalformedBody,
            format!("the body is not compressed as Content-Encoding says: {error}"),
        )
    })
}

/// Reads a small JSON body; `None` when it is empty.
///
/// # Errors
/// As [`read`]; [`Code::UnsupportedMediaType`], or [`Code::MalformedBody`] for JSON that is not of
/// the shape.
pub async fn small_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    pause: Duration,
) -> Result<Option<T>, Failure> {
    let bytes = small(headers, body, pause).await?;
    if bytes.is_empty() {
        Ok(None)
    } else {
        from_json(&bytes).map(Some)
    }
}

/// Reads a small JSON body's bytes, decompressed.
///
/// # Errors
/// As [`read`]; [`Code::UnsupportedMediaType`] for a body that is not called JSON.
pub async fn small(headers: &HeaderMap, body: Body, pause: Duration) -> Result<Bytes, Failure> {
    let bytes = read(headers, body, Limit::small(pause)).await?;
    if bytes.is_empty() {
        return Ok(bytes);
    }
    match media_type(headers).as_deref() {
        // What says nothing of itself can only be JSON here.
        None | Some("application/json") => {}
        other => return Err(unsupported(other, "application/json")),
    }
    BodyCoding::of(headers)?.decompressed(bytes, SMALL_BODY)
}

/// Reads JSON of a shape.
///
/// # Errors
/// [`Code::MalformedBody`].
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first == b'[') {
        // serde would take a list for the fields in their order.
        return Err(Failure::new(
            Code::MalformedBody,
            "the body must be an object, not a list",
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        use serde_json::error::Category;
        let problem = match error.classify() {
            Category::Eof => "the JSON breaks off".to_owned(),
            // An enum reads any other shape as an error of syntax.
            Category::Syntax | Category::Io
                if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() =>
            {
                "the JSON is not of the shape that is asked for here".to_owned()
            }
            Category::Syntax | Category::Io => {
                format!(
                    "this is not JSON, at line {} column {}",
                    error.line(),
                    error.column()
                )
            }
            Category::Data => {
                let text = error.to_string();
                text.split(" at line ")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            }
        };
        Failure::new(
            Code::MalformedBody,
            format!("the body is not readable: {problem}"),
        )
    })
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?;
    let text = value.to_str().unwrap_or("?");
    Some(
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
    )
}

fn unsupported(found: Option<&str>, taken: &str) -> Failure {
    let error = match found {
        Some(found) => format!("the Content-Type {found:?} is not taken here: send {taken}"),
        None => format!("the Content-Type is missing: send {taken}"),
    };
    Failure::new(Code::UnsupportedMediaType, error)
}
