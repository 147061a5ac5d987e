//! A client of the queue API: one method for each call, without retries. Its only state is the
//! session's token.
//!
//! Redirects are not followed, because the token would be sent wherever they point. The caller
//! decides whether to repeat a call; [`ClientError::is_transient`] says whether that can help.

mod address;
mod calls;
mod error;
mod live;
mod outgoing;
mod scheme;
mod tls;
mod transfer;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tauline_protocol::auth::AuthLinks;
use tauline_protocol::contribution::{AbortRequest, StartRequest};
use tauline_protocol::login::{LoginAnswer, LoginRequest, NonceAnswer};
use tauline_protocol::status::{CeremonyStatus, QueueStatus};
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

pub use self::address::{is_loopback, is_loopback_host, parse_server};
pub(crate) use self::calls::{Answered, Call, Calls, Seen};
pub use self::error::{ClientError, Refusal, where_it_went};
pub use self::outgoing::Outgoing;
pub(crate) use self::outgoing::Writer;
pub use self::transfer::next_piece;
use self::transfer::{IDLE_LIMIT, accepted, cause, network, no_answer, read_answer, read_body};
use crate::exit::{Failure, Outcome};

/// This program's name and version, as the coordinator's logs and records show it.
pub const NAME: &str = concat!("tauline/", env!("CARGO_PKG_VERSION"));

/// How long it may take to connect. Enough for three lost SYN packets.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long the answer to a small request may take, not counting the time for which the coordinator
/// was asked to hold it. A coordinator answers in milliseconds and a retry costs nothing, but
/// waiting on a dead connection must not use up the check-in grace of 5 s
/// (`docs/spec/queue.md#grace`).
const ANSWER_LIMIT: Duration = Duration::from_secs(4);

/// How long the verdict may take after the last byte of a contribution was sent. Verification
/// takes seconds, and an upload that is repeated gets the same verdict.
const VERDICT_LIMIT: Duration = Duration::from_secs(120);

/// The forms in which powers travel (`docs/spec/ceremony.md#base`,
/// `docs/spec/ceremony.md#msgpack`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

    /// The `Accept` header: this form first, the others if it is not offered.
    fn accept(self) -> String {
        format!(
            "{}, application/msgpack;q=0.5, application/json;q=0.4",
            self.media_type()
        )
    }
}

/// The powers that the coordinator handed out, as they came.
pub struct Download {
    /// The document.
    pub bytes: Vec<u8>,
    /// Whether it is JSON; MessagePack otherwise.
    pub is_json: bool,
}

/// Is told how many bytes of a transfer are done, and how many there are in all if that is known.
pub type TransferProgress<'a> = &'a dyn Fn(u64, Option<u64>);

/// The connections of a client. Many participants of one process can share them.
///
/// # Errors
/// When the machine's TLS cannot be set up.
pub fn http(server: &Url) -> Outcome<reqwest::Client> {
    // Fails if this process has named its TLS cryptography before, which is then kept.
    let _ = rustls::crypto::ring::default_provider().install_default();
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
    /// Whether the participant checks in while it contributes.
    checks_in: bool,
    /// Who notes how the calls go.
    calls: Option<Arc<Calls>>,
}

impl Client {
    /// A client without a session.
    #[must_use]
    pub fn new(http: reqwest::Client, server: Url) -> Self {
        Self {
            http,
            server,
            token: None,
            checks_in: false,
            calls: None,
        }
    }

    /// The same session, whose calls are noted here, as are those of its copies.
    #[must_use]
    pub(crate) fn noted_by(mut self, calls: Arc<Calls>) -> Self {
        self.calls = Some(calls);
        self
    }

    /// The same session, which says at the start of a turn that it will check in during the turn.
    #[must_use]
    pub fn checking_in(mut self) -> Self {
        self.checks_in = true;
        self
    }

    /// The same session on connections of its own.
    #[must_use]
    pub fn on(&self, http: reqwest::Client) -> Self {
        Self {
            http,
            ..self.clone()
        }
    }

    /// The same coordinator, asked as anybody may.
    #[must_use]
    pub(crate) fn without_session(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
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
    /// See [`ClientError`], here and for all other calls.
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
        // The older session is not sent along: the coordinator may have forgotten it.
        self.token = None;
        let login = self.call(self.post("login", proof)?);
        let answer: LoginAnswer = self.noted(Call::SignIn, login).await?;
        self.token = Some(Arc::new(Zeroizing::new(answer.token.clone())));
        Ok(answer)
    }

    /// `GET /auth/request_link`: the links at which a browser begins to sign in. Afterwards it is
    /// sent to `redirect_to` with its session, even if its owner has taken part already.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn auth_links(&self, redirect_to: &Url) -> Result<AuthLinks, ClientError> {
        let request = self
            .request(Method::GET, "auth/request_link")?
            .query(&[("redirect_to", redirect_to.as_str()), ("returning", "true")]);
        self.call(request).await
    }

    /// Takes over a session that a browser opened.
    pub(crate) fn enter(&mut self, session: Zeroizing<String>) {
        self.token = Some(Arc::new(session));
    }

    /// `POST /queue/join`.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn join(&self) -> Result<QueueStatus, ClientError> {
        let join = self.call(self.request(Method::POST, "queue/join")?);
        self.noted(Call::Join, join).await
    }

    /// `POST /queue/checkin`. The coordinator holds the answer until the participant's status
    /// changes, but no longer than `wait`.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn check_in(&self, wait: Duration) -> Result<QueueStatus, ClientError> {
        let mut request = self.request(Method::POST, "queue/checkin")?;
        let mut call = Call::CheckIn;
        if wait.as_secs() > 0 {
            request = request.query(&[("wait", wait.as_secs())]);
            call = Call::Untimed;
        }
        let check_in = self.call_within(request, wait + ANSWER_LIMIT);
        self.noted(call, check_in).await
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

    /// `POST /contribution/start`: the powers to build on, of at most `limit` bytes.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn start(
        &self,
        form: Form,
        limit: u64,
        progress: TransferProgress<'_>,
    ) -> Result<Download, ClientError> {
        let tags = StartRequest {
            client: Some(NAME.to_owned()),
            computation: Some("tauline-transcript on blst".to_owned()),
            checks_in: self.checks_in,
        };
        let request = self
            .post("contribution/start", &tags)?
            .header(ACCEPT, form.accept());
        let start = self.send(request, IDLE_LIMIT);
        let response = self.noted(Call::Start, start).await?;
        let is_json = media_type(&response) == "application/json";
        let bytes = read_body(response, limit, progress).await?;
        Ok(Download { bytes, is_json })
    }

    /// `GET /ceremony/transcript`: the part after `offset` if the coordinator still has the version
    /// named by `etag`, and otherwise all of it. The caller reads the body.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn transcript(
        &self,
        offset: u64,
        etag: Option<&str>,
    ) -> Result<Response, ClientError> {
        let mut request = self
            .request(Method::GET, "ceremony/transcript")?
            // Not compressed: a range of a compressed body is not the body of a range.
            .header(reqwest::header::ACCEPT_ENCODING, "identity");
        if let Some(etag) = etag.filter(|_| offset > 0) {
            request = request
                .header(reqwest::header::RANGE, format!("bytes={offset}-"))
                .header(reqwest::header::IF_RANGE, etag);
        }
        // The coordinator may have to make the file first.
        self.send(request, VERDICT_LIMIT).await
    }

    /// `GET /log/…`: a file of the public log, of at most `limit` bytes.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn log(&self, path: &str, limit: u64) -> Result<Vec<u8>, ClientError> {
        let request = self.request(Method::GET, &format!("log/{path}"))?;
        let response = self.send(request, IDLE_LIMIT).await?;
        read_body(response, limit, |_, _| {}).await
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

    /// Makes a call, and notes how it goes where somebody wants to know.
    async fn noted<T>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let began = Instant::now();
        let answer = answer.await;
        if let Some(calls) = &self.calls {
            calls.note(call, began, answer.as_ref().err());
        }
        answer
    }

    /// Sends a request and waits for the headers of the answer. Anything but a success is an error.
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

fn media_type(response: &Response) -> String {
    let value = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or("").split(';').next().unwrap_or("");
    essence.trim().to_ascii_lowercase()
}
