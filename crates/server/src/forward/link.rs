//! Connections to the leader's internal listener.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};
use axum::response::Response;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::watch;
use tokio::time::timeout;

use super::bodies::{Lent, Relayed, Slot, another_leads};
use super::headers::{self, ADMIN_PATH, LEADS_PATH, Secret};
use super::role::{Leader, Roles};
use super::told::Told;
use crate::routes::{VERDICT_PATH, WANTED_PATH};
use crate::vetting::{Verdict, Wanted};

/// How long connecting may take: the replicas are on one network.
const CONNECT: Duration = Duration::from_secs(1);

/// After how long a silent connection is asked whether it still stands, how often, and how many times.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_AGAIN: Duration = Duration::from_secs(2);
const KEEPALIVE_TRIES: u32 = 3;

/// How long sent bytes may stay unacknowledged. As long as a lease lasts, and somewhat longer.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(8);

/// How long a connection is kept that nobody uses: shorter than the leader keeps it, so that no request
/// meets its end.
const IDLE: Duration = Duration::from_secs(30);

/// Connections that are kept though nobody uses them. A burst opens more.
const MOST_IDLE: usize = 256;

/// How long the leader may take to say that it leads.
const PROBE: Duration = Duration::from_secs(1);

/// After how many probes without an answer nobody waits for one any more: whoever is held a minute for, or
/// verifies for long, answers them all the same.
const SILENT: u32 = 3;

/// Longest answer to an operator, in bytes: a line of ten thousand.
const LONGEST_ANSWER: usize = 16 << 20;

/// A connection's buffer, in bytes.
const BUFFER: usize = 64 * 1024;

/// What sends requests to leaders. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Link {
    forwards: Client<HttpConnector, Lent>,
    asks: Client<HttpConnector, Full<Bytes>>,
    secret: Secret,
    roles: Roles,
    /// How often in a row the leader has not said that it leads.
    silences: Arc<watch::Sender<u32>>,
}

/// Why a leader could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// It did not answer.
    #[error("{0} does not answer")]
    Silent(String),
    /// It does not lead.
    #[error("{0} does not lead any more")]
    NotLeading(String),
    /// The answer is none.
    #[error("the answer of {0} cannot be read")]
    Unreadable(String),
}

/// What came of a request that was forwarded.
pub(super) enum Forwarded {
    /// It was answered.
    Answered(Response),
    /// It was not, and may be sent again.
    Again,
    /// It was not answered, and it is not known what came of it.
    Lost,
}

/// A request that is to be forwarded, perhaps more than once.
pub(super) struct Waiting {
    pub(super) parts: Parts,
    pub(super) body: Slot,
    /// Whether it had no body from the beginning.
    pub(super) is_bare: bool,
    /// The address that it counts against.
    pub(super) client: IpAddr,
}

impl Waiting {
    /// The request, to be answered in this process. None if its body is gone.
    pub(super) fn take(&self) -> Option<Request<Body>> {
        let body = match self.is_bare {
            true => Body::empty(),
            false => self.body.take()?,
        };
        Some(Request::from_parts(self.parts.clone(), body))
    }

    /// Whether it can be sent once more, although a replica may have heard it: it says the same twice, and
    /// has no body that was read.
    pub(super) fn may_repeat(&self) -> bool {
        let is_safe = matches!(self.parts.method, Method::GET | Method::HEAD);
        self.is_bare && (is_safe || REPEATABLE.contains(&self.parts.uri.path()))
    }
}

/// Calls that change nothing when they are made twice (`docs/spec/queue.md#phases`).
const REPEATABLE: [&str; 4] = [
    "/queue/checkin",
    "/queue/join",
    "/contribution/start",
    "/lobby/try_contribute",
];

impl Link {
    /// Nothing is connected before something is sent.
    pub(crate) fn new(secret: Secret, roles: Roles) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MOST_IDLE)
            .http1_max_buf_size(BUFFER)
            .set_host(false);
        Self {
            forwards: builder.build(connector()),
            asks: builder.build(connector()),
            secret,
            roles,
            silences: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Waits until the leader of this epoch cannot be expected to answer any more.
    pub(super) fn is_lost(&self, epoch: u64) -> impl Future<Output = ()> + Send + use<> {
        let another = another_leads(&self.roles, epoch);
        let mut silences = self.silences.subscribe();
        async move {
            tokio::select! {
                () = another => {}
                // The sender is the link's own, and lasts as long as whoever waits here.
                _ = silences.wait_for(|count| *count >= SILENT) => {}
            }
        }
    }

    /// Sends a request to a leader, and passes on what it answers.
    pub(super) async fn forward(
        &self,
        leader: &Leader,
        waiting: &Waiting,
        told: Told,
    ) -> Forwarded {
        let Some(body) = lent(waiting) else {
            return Forwarded::Lost;
        };
        let mut request = Request::new(body);
        *request.method_mut() = waiting.parts.method.clone();
        *request.uri_mut() = uri_at(leader, waiting.parts.uri.path_and_query());
        *request.headers_mut() =
            headers::forwarded(&waiting.parts.headers, waiting.client, &self.secret);
        name_the_host(request.headers_mut(), waiting, leader);
        told.put_into(request.headers_mut());
        let answer = tokio::select! {
            biased;
            answer = self.forwards.request(request) => answer,
            () = self.is_lost(leader.epoch) => return unanswered(waiting, false),
        };
        match answer {
            Ok(mut answer) => {
                headers::drop_own(answer.headers_mut());
                if headers::is_not_leading(answer.headers_mut()) {
                    return unanswered(waiting, true);
                }
                let relay = |body| Body::new(Relayed::new(body, self.is_lost(leader.epoch)));
                Forwarded::Answered(answer.map(relay))
            }
            Err(error) => {
                tracing::debug!(%error, leader = leader.name, "the leader could not be asked");
                unanswered(waiting, error.is_connect())
            }
        }
    }

    /// Sends a leader a body that goes on, to which the answer goes on, too.
    ///
    /// # Errors
    /// A leader that cannot be reached.
    pub(super) async fn open(
        &self,
        leader: &Leader,
        path: &'static str,
        body: Body,
    ) -> Result<Response<Incoming>, ClientError> {
        let body = Lent::whole(body);
        let request = self.own_request(&HeaderMap::new(), leader, Method::POST, path, body);
        self.forwards.request(request).await
    }

    /// Asks whether a replica leads.
    ///
    /// # Errors
    /// Why it cannot be taken for the leader.
    pub(crate) async fn probe(&self, leader: &Leader) -> Result<(), LinkError> {
        let asked = self.ask(leader, Method::POST, LEADS_PATH, Bytes::new());
        let answer = match timeout(PROBE, asked).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(LinkError::Silent(leader.name.clone())),
        };
        self.silences.send_modify(|count| match &answer {
            Ok(()) => *count = 0,
            Err(_) => *count = count.saturating_add(1),
        });
        answer
    }

    /// Sends an operator's request to the leader, as JSON, and gives its answer.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn admin(&self, leader: &Leader, request: Bytes) -> Result<Bytes, LinkError> {
        self.ask(leader, Method::POST, ADMIN_PATH, request).await
    }

    /// Gets what the leader has at a path for everybody.
    ///
    /// # Errors
    /// Why there is nothing.
    pub(crate) async fn get(
        &self,
        leader: &Leader,
        path: &'static str,
    ) -> Result<Bytes, LinkError> {
        let asked = self.ask(leader, Method::GET, path, Bytes::new());
        match timeout(PROBE, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(LinkError::Silent(leader.name.clone())),
        }
    }

    /// Whether the leader wants an upload with these headers, and against what this replica may verify it.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn wanted(
        &self,
        leader: &Leader,
        headers: &HeaderMap,
    ) -> Result<Option<Wanted>, LinkError> {
        let session = headers.get(header::AUTHORIZATION);
        let session = session.map(|value| (header::AUTHORIZATION, value.clone()));
        let headers = HeaderMap::from_iter(session);
        let asked = self.ask_with(headers, leader, Method::POST, WANTED_PATH, Bytes::new());
        let answer = asked.await?;
        let unreadable = |_| LinkError::Unreadable(leader.name.clone());
        serde_json::from_slice(&answer).map_err(unreadable)
    }

    /// Tells the leader what came of verifying an upload.
    ///
    /// # Errors
    /// Why it does not hear it.
    pub(super) async fn verdict(
        &self,
        leader: &Leader,
        verdict: &Verdict,
    ) -> Result<(), LinkError> {
        let unreadable = |_| LinkError::Unreadable(leader.name.clone());
        let verdict = serde_json::to_vec(verdict).map_err(unreadable)?;
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
        let asked = self.ask_with(headers, leader, Method::POST, VERDICT_PATH, verdict.into());
        asked.await.map(drop)
    }

    async fn ask(
        &self,
        leader: &Leader,
        method: Method,
        path: &'static str,
        body: Bytes,
    ) -> Result<Bytes, LinkError> {
        self.ask_with(HeaderMap::new(), leader, method, path, body)
            .await
    }

    async fn ask_with(
        &self,
        headers: HeaderMap,
        leader: &Leader,
        method: Method,
        path: &'static str,
        body: Bytes,
    ) -> Result<Bytes, LinkError> {
        let request = self.own_request(&headers, leader, method, path, Full::new(body));
        let silent = |_| LinkError::Silent(leader.name.clone());
        let mut answer = self.asks.request(request).await.map_err(silent)?;
        if headers::is_not_leading(answer.headers_mut()) || !answer.status().is_success() {
            return Err(LinkError::NotLeading(leader.name.clone()));
        }
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER);
        let whole = body.collect().await;
        let whole = whole.map_err(|_| LinkError::Unreadable(leader.name.clone()))?;
        Ok(whole.to_bytes())
    }

    /// A request of this replica's own, for no participant.
    fn own_request<B>(
        &self,
        headers: &HeaderMap,
        leader: &Leader,
        method: Method,
        path: &'static str,
        body: B,
    ) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri_at(leader, Some(&PathAndQuery::from_static(path)));
        *request.headers_mut() = headers::asked(headers, &self.secret);
        request
    }
}

/// Names the host, where a request came without: the leader hears HTTP/1.1, in which there is one.
pub(super) fn name_the_host(headers: &mut HeaderMap, waiting: &Waiting, leader: &Leader) {
    if waiting.parts.version < Version::HTTP_11
        && !headers.contains_key(header::HOST)
        && let Ok(host) = HeaderValue::from_str(leader.authority.as_str())
    {
        headers.insert(header::HOST, host);
    }
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE_AGAIN));
    connector.set_keepalive_retries(Some(KEEPALIVE_TRIES));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    connector
}

/// The request's body, if it can be sent.
fn lent(waiting: &Waiting) -> Option<Lent> {
    match waiting.is_bare {
        true => Slot::new(Body::empty()).lend(),
        false => waiting.body.lend(),
    }
}

/// What is to become of a request that got no answer. `is_unheard` says that no leader has done anything
/// about it.
fn unanswered(waiting: &Waiting, is_unheard: bool) -> Forwarded {
    let may_go_again = match waiting.is_bare {
        true => is_unheard || waiting.may_repeat(),
        // Nothing is done about a body of which nothing was read.
        false => waiting.body.is_whole(),
    };
    match may_go_again {
        true => Forwarded::Again,
        false => Forwarded::Lost,
    }
}

fn uri_at(leader: &Leader, path: Option<&PathAndQuery>) -> Uri {
    let mut parts = axum::http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(leader.authority.clone());
    parts.path_and_query = Some(path.cloned().unwrap_or(PathAndQuery::from_static("/")));
    // All three parts are there.
    Uri::from_parts(parts).unwrap_or_default()
}
