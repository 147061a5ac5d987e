//! Reading bodies piece by piece, with limits on their length and on pauses.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER, SERVER};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use tauline_protocol::error::{Code, ErrorBody};
use tokio::time::timeout;

use super::error::{ClientError, Refusal};
use super::tls;

/// How long a download or an upload may pause. A mobile connection changes cells in less
/// time.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(15);

/// The longest answer to a call that is no download, in bytes.
const MAX_ANSWER_LEN: u64 = 1 << 20;

/// Reads a body piece by piece, at most `limit` bytes of it.
pub(super) async fn read_body(
    mut response: Response,
    limit: u64,
    progress: impl Fn(u64, Option<u64>),
) -> Result<Vec<u8>, ClientError> {
    let total = response.content_length();
    let too_long = || {
        ClientError::Unreadable(format!(
            "the answer is longer than any honest one ({limit} bytes)"
        ))
    };
    if total.is_some_and(|total| total > limit) {
        return Err(too_long());
    }
    let mut bytes = Vec::with_capacity(total.unwrap_or(0) as usize);
    progress(0, total);
    while let Some(piece) = next_piece(&mut response).await? {
        if (bytes.len() + piece.len()) as u64 > limit {
            return Err(too_long());
        }
        bytes.extend_from_slice(&piece);
        progress(bytes.len() as u64, total);
    }
    Ok(bytes)
}

/// The next piece of a body; nothing at its end.
///
/// # Errors
/// A connection that was cut or stands still.
pub async fn next_piece(
    response: &mut Response,
) -> Result<Option<impl std::ops::Deref<Target = [u8]> + use<>>, ClientError> {
    timeout(IDLE_LIMIT, response.chunk())
        .await
        .map_err(|_| ClientError::Network("the connection stands still".to_owned()))?
        .map_err(network)
}

pub(super) async fn read_answer<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let path = response.url().path().to_owned();
    let bytes = read_body(response, MAX_ANSWER_LEN, |_, _| {}).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        ClientError::Unreadable(format!("the answer to {path} is not understood: {error}"))
    })
}

/// Returns a success, and turns every other answer into an error.
pub(super) async fn accepted(response: Response) -> Result<Response, ClientError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if let Some(target) = response
        .headers()
        .get(LOCATION)
        .filter(|_| status.is_redirection())
    {
        let target = String::from_utf8_lossy(target.as_bytes()).into_owned();
        return Err(ClientError::Unreadable(format!(
            "it redirects to {target}: give that server's address to --server"
        )));
    }
    let retry_after = retry_after(response.headers());
    let proxy = proxy(response.headers());
    let path = response.url().path().to_owned();
    let body = read_body(response, MAX_ANSWER_LEN, |_, _| {}).await;
    match body.map(|bytes| serde_json::from_slice::<ErrorBody>(&bytes)) {
        Ok(Ok(body)) if body.known_code() == Some(Code::BodyTooLarge) => {
            Err(ClientError::TooLarge {
                by: "the coordinator".to_owned(),
            })
        }
        Ok(Ok(body)) => Err(ClientError::Refused(Refusal {
            status: status.as_u16(),
            body,
            retry_after,
        })),
        _ if status == StatusCode::PAYLOAD_TOO_LARGE => Err(ClientError::TooLarge { by: proxy }),
        _ if matches!(status.as_u16(), 502..=504) => Err(ClientError::Gateway { status }),
        _ => Err(ClientError::Unreadable(format!("{path} answers {status}"))),
    }
}

/// The proxy in front of the coordinator, named by its `Server` header.
fn proxy(headers: &HeaderMap) -> String {
    /// The longest name that is shown, in bytes.
    const MAX_NAME_LEN: usize = 60;
    let name = headers.get(SERVER).and_then(|value| value.to_str().ok());
    match name.filter(|name| !name.is_empty() && name.len() <= MAX_NAME_LEN) {
        Some(name) => format!("a proxy in front of the coordinator ({name})"),
        None => "a proxy in front of the coordinator".to_owned(),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

pub(super) fn no_answer(limit: Duration) -> ClientError {
    ClientError::Network(format!("no answer within {} s", limit.as_secs()))
}

pub(super) fn network(error: reqwest::Error) -> ClientError {
    match tls::error(&error) {
        Some(rustls::Error::InvalidCertificate(error)) => tls::untrusted(error),
        Some(rustls::Error::InvalidMessage(error)) => ClientError::NotTls(format!("{error:?}")),
        _ => ClientError::Network(cause(&error)),
    }
}

/// The innermost cause of an error: the outer ones repeat the address.
pub(super) fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
