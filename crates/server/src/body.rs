//! Request bodies: how large, how long, in which form.

use std::io::Read;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use tauline_protocol::error::Code;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::negotiate::is_msgpack;
use crate::routes::failure::Failure;

/// Longest small JSON body, in bytes: sign-in messages have a few hundred, the rest fewer.
pub const SMALL_BODY: usize = 16 * 1024;

/// Largest zstd window that is decoded, as a power of two: 8 MiB, which RFC 8878 (section 3.1.1.1.2)
/// asks every decoder to support, and which bounds what a small body can make the decoder allocate.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Bodies read and thrown away at one time, so that their senders get to read the refusal.
const MOST_DRAINED: usize = 64;
/// How long one body is read and thrown away for.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// How much of a body is taken, and how slowly.
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

/// Reads a body to its end.
///
/// # Errors
/// [`Code::BodyTooLarge`], [`Code::BodyTimeout`], or [`Code::MalformedBody`] when the connection
/// breaks.
pub async fn read(headers: &HeaderMap, mut body: Body, limit: Limit) -> Result<Bytes, Failure> {
    check_length(headers, limit.bytes)?;
    let whole = async {
        let mut bytes = Vec::new();
        loop {
            let frame = timeout(limit.pause, body.frame())
                .await
                .map_err(|_| too_slow())?;
            let Some(frame) = frame else {
                return Ok(Bytes::from(bytes));
            };
            let frame = frame.map_err(|error| {
                Failure::new(Code::MalformedBody, format!("the body broke off: {error}"))
            })?;
            if let Ok(data) = frame.into_data() {
                if bytes.len() + data.len() > limit.bytes {
                    return Err(too_large(limit.bytes));
                }
                bytes.extend_from_slice(&data);
            }
        }
    };
    match timeout(limit.whole, whole).await {
        Ok(read) => {
            if read.is_err() {
                drain(headers, body);
            }
            read
        }
        Err(_) => Err(too_slow()),
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
        let _ = timeout(DRAIN_TIME, to_the_end).await;
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

    /// Takes the compression off, giving at most `most` bytes. Blocks.
    ///
    /// # Errors
    /// [`Code::BodyTooLarge`], or [`Code::MalformedBody`] for bytes that are not so compressed.
    pub fn decompress(self, bytes: Bytes, most: usize) -> Result<Bytes, Failure> {
        let broken = |error: std::io::Error| {
            Failure::new(
                Code::MalformedBody,
                format!("the body is not compressed as Content-Encoding says: {error}"),
            )
        };
        match self {
            Self::Identity => Ok(bytes),
            Self::Gzip => bounded(flate2::read::MultiGzDecoder::new(&bytes[..]), most, broken),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(&bytes[..]).map_err(broken)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
                bounded(decoder, most, broken)
            }
        }
    }
}

fn bounded(
    from: impl Read,
    most: usize,
    broken: impl Fn(std::io::Error) -> Failure,
) -> Result<Bytes, Failure> {
    let mut plain = Vec::new();
    from.take(most as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(broken)?;
    if plain.len() > most {
        Err(too_large(most))
    } else {
        Ok(plain.into())
    }
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
    BodyCoding::of(headers)?.decompress(bytes, SMALL_BODY)
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
