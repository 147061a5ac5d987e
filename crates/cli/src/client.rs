//! A client of the queue API: one method a call, no retries, no state but the session's token.
//!
//! Redirects are not followed: the token would go wherever they point. Whoever calls decides
//! what is worth repeating; [`ClientError::is_transient`] tells.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tauline_protocol::contribution::{AbortRequest, SignedReceipt, StartRequest};
use tauline_protocol::error::{Code, ErrorBody};
use tauline_protocol::login::{LoginAnswer, LoginRequest, NonceAnswer};
use tauline_protocol::status::{CeremonyStatus, QueueStatus};
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};

/// This program's name and version, as the coordinator's logs and records show it.
pub const NAME: &str = concat!("tauline/", env!("CARGO_PKG_VERSION"));

/// How long a connection may take to be made. Ours: three lost SYN packets.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long the answer to a small request may take, its hold not counted. Ours: a coordinator
/// answers in milliseconds; a retry costs nothing, and a dead connection must not cost the
/// check-in grace of 5 s (`http-queue-api.md`, Deadlines).
const ANSWER_LIMIT: Duration = Duration::from_secs(4);

/// How long a download or an upload may stand still. Ours: a mobile connection changes cells in
/// less.
const IDLE_LIMIT: Duration = Duration::from_secs(15);

/// How long the verdict on a contribution may take after its last byte. Ours: far over the
/// seconds that verification takes; a repeated upload is answered by the same verdict.
const VERDICT_LIMIT: Duration = Duration::from_secs(120);

/// Largest small answer, in bytes.
const ANSWER_LEN: u64 = 1 << 20;

/// Pieces in which a contribution is sent, in bytes: the grain of the progress shown.
const PIECE_LEN: usize = 32 << 10;

/// The forms in which powers travel (`ceremony.md`, Documents).
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// JSON: readable, the largest.
    Json,
    /// MessagePack with compressed points: half as large.
    Msgpack,
    /// MessagePack with uncompressed points: as large as JSON, the quickest to read.
    MsgpackUncompressed,
}

impl Form {
    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Msgpack => "application/msgpack",
            Self::MsgpackUncompressed => "application/msgpack; points=uncompressed",
        }
    }

    /// This form first, the others if it is not offered.
    fn accept(self) -> String {
        format!(
            "{}, application/msgpack;q=0.5, application/json;q=0.4",
            self.media_type()
        )
    }
}

/// A state of the powers as it came.
pub struct Download {
    /// The document.
    pub bytes: Vec<u8>,
    /// Whether it is JSON; MessagePack otherwise.
    pub is_json: bool,
}

/// Bytes of a transfer that are done, and all of them if that is known.
pub type Progress<'a> = &'a dyn Fn(u64, Option<u64>);

/// The coordinator's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// Code and sentence.
    pub body: ErrorBody,
    /// When to come back, if it said so.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// The code, if this version knows it.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.body.known_code()
    }

    /// Whether the code is one of these.
    #[must_use]
    pub fn is(&self, codes: &[Code]) -> bool {
        self.code().is_some_and(|code| codes.contains(&code))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.body.error, self.body.code)
    }
}

/// Why a call has no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The coordinator could not be reached, or the connection was cut.
    #[error("{0}")]
    Network(String),
    /// It answered, and said no.
    #[error("{0}")]
    Refused(Refused),
    /// A gateway in front of it answered that it is not there.
    #[error("a gateway answers {status}: the coordinator behind it does not")]
    Gateway {
        /// The HTTP status.
        status: StatusCode,
    },
    /// Whatever answered is no coordinator, or not of this version.
    #[error("{0}")]
    Unreadable(String),
}

impl ClientError {
    /// Whether the same call may succeed later: the place in the queue does not depend on it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Network(_) | Self::Gateway { .. } => true,
            Self::Unreadable(_) => false,
            Self::Refused(refused) => {
                refused.is(&[
                    Code::RateLimited,
                    Code::BodyTimeout,
                    Code::Internal,
                    Code::Unavailable,
                ]) || (refused.status == 429)
            }
        }
    }

    /// When the coordinator wants to be asked again, if it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refused) => refused.retry_after,
            _ => None,
        }
    }

    /// The error as the end of a verb that talks to `server`.
    #[must_use]
    pub fn into_failure(self, server: &Url) -> Failure {
        match self {
            Self::Network(why) => Failure::io(format!("cannot reach {server}: {why}"))
                .help("check the address and the connection, and that the coordinator runs"),
            Self::Refused(refused) if refused.status == 429 => {
                Failure::io(format!("the coordinator limits requests: {refused}"))
                    .help("try again later")
            }
            Self::Refused(refused) => {
                Failure::bad(format!("the coordinator refuses: {}", refused.body.error))
                    .code(&refused.body.code)
            }
            Self::Gateway { .. } => Failure::io(format!("{server}: {self}"))
                .help("the coordinator may be restarting: try again soon"),
            Self::Unreadable(why) => Failure::io(format!("{server}: {why}"))
                .help("check that the address is a Tauline coordinator's"),
        }
    }
}

/// Reads `--server URL`.
///
/// # Errors
/// What is not the `http` or `https` address of a server, in words for the command line.
pub fn parse_server(text: &str) -> Result<Url, String> {
    let example = "write it in full, for example https://ceremony.example.org";
    let mut url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        _ if !text.contains("://") => {
            return Err(format!(
                "the address must start with http:// or https://; {example}"
            ));
        }
        Ok(url) => {
            return Err(format!(
                "{}:// is not http:// or https://; {example}",
                url.scheme()
            ));
        }
        Err(error) => return Err(format!("{error}; {example}")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address must not hold a user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("the address must end with its path; {example}"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// Whether the address is this machine's own.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}

/// Whether a host, as it stands in an address, is this machine.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The HTTP side of the client, shared by many participants of one process.
///
/// # Errors
/// When the machine's TLS cannot be set up.
pub fn http(server: &Url) -> Outcome<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(NAME)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_LIMIT)
        .tcp_keepalive(Duration::from_secs(15))
        .tcp_nodelay(true);
    if is_loopback(server) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| {
        Failure::io(format!("cannot set up TLS: {}", cause(&error)))
            .help("check that this machine's certificates are installed (ca-certificates)")
    })
}

/// One session with a coordinator.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    server: Url,
    token: Option<Arc<Zeroizing<String>>>,
}

impl Client {
    /// A client without a session.
    #[must_use]
    pub fn new(http: reqwest::Client, server: Url) -> Self {
        Self {
            http,
            server,
            token: None,
        }
    }

    /// The coordinator's address.
    #[must_use]
    pub fn server(&self) -> &Url {
        &self.server
    }

    /// `GET /ceremony/status`.
    ///
    /// # Errors
    /// See [`ClientError`]; so for all calls.
    pub async fn status(&self) -> Result<CeremonyStatus, ClientError> {
        self.call(self.request(Method::GET, "ceremony/status")?)
            .await
    }

    /// `GET /login/nonce`.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn nonce(&self) -> Result<NonceAnswer, ClientError> {
        self.call(self.request(Method::GET, "login/nonce")?).await
    }

    /// `POST /login`; the token is kept for the calls that follow.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn login(&mut self, proof: &LoginRequest) -> Result<LoginAnswer, ClientError> {
        // An older session must not be sent along: it may be what the coordinator forgot.
        self.token = None;
        let answer: LoginAnswer = self.call(self.post("login", proof)?).await?;
        self.token = Some(Arc::new(Zeroizing::new(answer.token.clone())));
        Ok(answer)
    }

    /// `POST /queue/join`.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn join(&self) -> Result<QueueStatus, ClientError> {
        self.call(self.request(Method::POST, "queue/join")?).await
    }

    /// `POST /queue/checkin`; the answer is held until the standing changes, `wait` at most.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn check_in(&self, wait: Duration) -> Result<QueueStatus, ClientError> {
        let mut request = self.request(Method::POST, "queue/checkin")?;
        if wait.as_secs() > 0 {
            request = request.query(&[("wait", wait.as_secs())]);
        }
        self.call_within(request, wait + ANSWER_LIMIT).await
    }

    /// `POST /queue/leave`.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn leave(&self) -> Result<QueueStatus, ClientError> {
        self.call(self.request(Method::POST, "queue/leave")?).await
    }

    /// `POST /contribution/abort`.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn abort(&self, reason: &str) -> Result<QueueStatus, ClientError> {
        let body = AbortRequest {
            reason: Some(reason.to_owned()),
        };
        self.call(self.post("contribution/abort", &body)?).await
    }

    /// `POST /contribution/start`: the state to build on, at most `limit` bytes of it.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn start(
        &self,
        form: Form,
        limit: u64,
        progress: Progress<'_>,
    ) -> Result<Download, ClientError> {
        let tags = StartRequest {
            client: Some(NAME.to_owned()),
            computation: Some("tauline-transcript on blst".to_owned()),
        };
        let request = self
            .post("contribution/start", &tags)?
            .header(ACCEPT, form.accept());
        let response = self.send(request, IDLE_LIMIT).await?;
        let is_json = media_type(&response) == "application/json";
        let bytes = read_body(response, limit, progress).await?;
        Ok(Download { bytes, is_json })
    }

    /// `POST /contribution/complete`: sends the contribution and waits for the verdict.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn complete(
        &self,
        form: Form,
        document: &Arc<Vec<u8>>,
        progress: Progress<'_>,
    ) -> Result<SignedReceipt, ClientError> {
        let total = document.len() as u64;
        let sent = Arc::new(AtomicU64::new(0));
        let request = self
            .request(Method::POST, "contribution/complete")?
            .header(CONTENT_TYPE, form.media_type())
            .header(CONTENT_LENGTH, total)
            .body(pieces(document, &sent));
        let answer = async {
            let response = request.send().await.map_err(network)?;
            read_answer(accepted(response).await?).await
        };
        tokio::pin!(answer);
        progress(0, Some(total));
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            tokio::select! {
                answer = &mut answer => {
                    if answer.is_ok() {
                        progress(total, Some(total));
                    }
                    return answer;
                }
                () = sleep(Duration::from_millis(100)) => {}
            }
            let now = sent.load(Ordering::Relaxed);
            progress(now, Some(total));
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
            let limit = if now < total {
                IDLE_LIMIT
            } else {
                VERDICT_LIMIT
            };
            if since.elapsed() > limit {
                return Err(ClientError::Network(
                    "the connection stands still".to_owned(),
                ));
            }
        }
    }

    /// `GET /ceremony/transcript`, the part after `offset` if the one named by `etag` still is to
    /// be had. The body is the caller's to read.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn transcript(
        &self,
        offset: u64,
        etag: Option<&str>,
    ) -> Result<Response, ClientError> {
        let mut request = self
            .request(Method::GET, "ceremony/transcript")?
            // Bytes as they are: a range of a compressed body would be another thing.
            .header(reqwest::header::ACCEPT_ENCODING, "identity");
        if let Some(etag) = etag.filter(|_| offset > 0) {
            request = request
                .header(reqwest::header::RANGE, format!("bytes={offset}-"))
                .header(reqwest::header::IF_RANGE, etag);
        }
        // The coordinator may first have to write the file out.
        self.send(request, VERDICT_LIMIT).await
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ClientError> {
        let url = self
            .server
            .join(path)
            .map_err(|e| ClientError::Unreadable(e.to_string()))?;
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.as_str());
        }
        Ok(request)
    }

    fn post(&self, path: &str, body: &impl Serialize) -> Result<RequestBuilder, ClientError> {
        Ok(self.request(Method::POST, path)?.json(body))
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        self.call_within(request, ANSWER_LIMIT + CONNECT_LIMIT)
            .await
    }

    async fn call_within<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        limit: Duration,
    ) -> Result<T, ClientError> {
        let answer = async { read_answer(self.send(request, limit).await?).await };
        timeout(limit, answer).await.map_err(|_| no_answer(limit))?
    }

    /// Sends a request; the headers of a success are its answer.
    async fn send(
        &self,
        request: RequestBuilder,
        limit: Duration,
    ) -> Result<Response, ClientError> {
        let response = timeout(limit, request.send())
            .await
            .map_err(|_| no_answer(limit))?
            .map_err(network)?;
        timeout(limit, accepted(response))
            .await
            .map_err(|_| no_answer(limit))?
    }
}

/// Reads a body piece by piece, at most `limit` bytes of it.
async fn read_body(
    mut response: Response,
    limit: u64,
    progress: Progress<'_>,
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

async fn read_answer<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let path = response.url().path().to_owned();
    let bytes = read_body(response, ANSWER_LEN, &|_, _| {}).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        ClientError::Unreadable(format!("the answer to {path} is not understood: {error}"))
    })
}

/// Passes a success on; turns everything else into its error.
async fn accepted(response: Response) -> Result<Response, ClientError> {
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
    let path = response.url().path().to_owned();
    let body = read_body(response, ANSWER_LEN, &|_, _| {}).await;
    match body.map(|bytes| serde_json::from_slice::<ErrorBody>(&bytes)) {
        Ok(Ok(body)) => Err(ClientError::Refused(Refused {
            status: status.as_u16(),
            body,
            retry_after,
        })),
        _ if matches!(status.as_u16(), 502..=504) => Err(ClientError::Gateway { status }),
        _ => Err(ClientError::Unreadable(format!("{path} answers {status}"))),
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

fn media_type(response: &Response) -> String {
    let value = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or("").split(';').next().unwrap_or("");
    essence.trim().to_ascii_lowercase()
}

/// The document as a body that counts what has been taken from it.
fn pieces(document: &Arc<Vec<u8>>, sent: &Arc<AtomicU64>) -> reqwest::Body {
    let (document, sent) = (Arc::clone(document), Arc::clone(sent));
    let starts = (0..document.len()).step_by(PIECE_LEN);
    let pieces = starts.map(move |start| {
        let end = document.len().min(start + PIECE_LEN);
        sent.store(end as u64, Ordering::Relaxed);
        Ok::<_, std::io::Error>(document[start..end].to_vec())
    });
    reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
}

fn no_answer(limit: Duration) -> ClientError {
    ClientError::Network(format!("no answer within {} s", limit.as_secs()))
}

fn network(error: reqwest::Error) -> ClientError {
    ClientError::Network(cause(&error))
}

/// The innermost cause of an error: the outer ones repeat the address.
fn cause(error: &dyn std::error::Error) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_address_is_http_and_complete() {
        let parsed = |text: &str| parse_server(text).map(String::from);
        assert_eq!(
            parsed("http://127.0.0.1:3000").unwrap(),
            "http://127.0.0.1:3000/"
        );
        assert_eq!(
            parsed("https://a.org/ceremony").unwrap(),
            "https://a.org/ceremony/"
        );
        for (bad, says) in [
            ("localhost:3000", "must start with http://"),
            ("127.0.0.1:3000", "must start with http://"),
            ("", "must start with http://"),
            ("ftp://a.org", "ftp:// is not http://"),
            ("http://", "empty host"),
            ("http://user:pass@a.org", "user name"),
            ("http://a.org/?x=1", "must end with its path"),
        ] {
            let error = parsed(bad).unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }

    #[test]
    fn a_prefix_of_the_path_is_kept() {
        let server = parse_server("https://a.org/ceremony").unwrap();
        assert_eq!(
            server.join("queue/join").unwrap().as_str(),
            "https://a.org/ceremony/queue/join"
        );
    }

    #[test]
    fn loopback_is_recognised() {
        for (text, is) in [
            ("http://localhost:1", true),
            ("http://127.0.0.2", true),
            ("http://[::1]:3000", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.org", false),
        ] {
            assert_eq!(is_loopback(&parse_server(text).unwrap()), is, "{text}");
        }
    }

    #[test]
    fn only_what_may_pass_is_repeated() {
        let refused = |code: Code| {
            let body = ErrorBody::new(code, "");
            ClientError::Refused(Refused {
                status: code.status(),
                body,
                retry_after: None,
            })
        };
        assert!(ClientError::Network(String::new()).is_transient());
        assert!(
            ClientError::Gateway {
                status: StatusCode::BAD_GATEWAY
            }
            .is_transient()
        );
        assert!(!ClientError::Unreadable(String::new()).is_transient());
        let transient: Vec<&str> = Code::ALL
            .iter()
            .filter(|c| refused(**c).is_transient())
            .map(|c| c.as_str())
            .collect();
        assert_eq!(
            transient,
            [
                "Request::BodyTimeout",
                "Request::RateLimited",
                "Server::Internal",
                "Server::Unavailable"
            ]
        );
    }
}
