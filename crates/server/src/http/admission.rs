//! What is settled before any handler runs: who asks, and whether it asks too often.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::Code;

use super::app::App;
use super::limits::TooMany;
use crate::addresses::Peer;
use crate::connections::Place;
use crate::measures::Limit;
use crate::refused::Refused;
use crate::signin::session::Session;

/// Who asks, as far as that is known without a session.
#[derive(Clone)]
pub(crate) struct Client {
    /// The address, behind a proxy that is trusted or not.
    pub(crate) address: IpAddr,
    /// The connection's place.
    pub(crate) place: Option<Arc<Place>>,
}

/// Whether the request carries a session, and if not, why not.
#[derive(Clone)]
pub(crate) struct Admitted(Result<Session, Refused>);

/// The session of a request: handlers that need one take this.
pub(crate) struct SignedIn(pub(crate) Session);

/// A session, or the refusal that goes with its absence: for handlers that look at something else
/// first.
pub(crate) struct MaybeSignedIn(pub(crate) Result<Session, Refused>);

/// What a router wants its requests to be counted against, and says to who asks too often.
pub(crate) struct Policy {
    /// Whether a path is the router's.
    pub(crate) covers: fn(&str) -> bool,
    /// The rate limit that a request counts against.
    pub(crate) rate: fn(&App, &Request) -> Rate,
    /// The answer to a request that is one too many.
    pub(crate) too_many: fn(&App, &Parts, TooMany) -> Response,
}

/// A rate limit. Requests without a session count against their address's in place of the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// None: the answer costs less than counting.
    Free,
    /// That of sign-ins.
    SignIn,
    /// That of sessions.
    Session,
    /// That of sessions at the sequencer's API.
    Lobby,
}

impl Rate {
    /// The limit that it counts against.
    fn limit(self, has_session: bool) -> Limit {
        match self {
            Self::SignIn => Limit::SignIn,
            Self::Session if has_session => Limit::Session,
            Self::Lobby if has_session => Limit::Lobby,
            Self::Free | Self::Session | Self::Lobby => Limit::Anonymous,
        }
    }
}

/// The application, and the policies of its routers. The first that covers a path holds for it.
#[derive(Clone)]
pub(crate) struct Admission {
    pub(crate) app: Arc<App>,
    pub(crate) policies: &'static [Policy],
    /// For all other paths.
    pub(crate) otherwise: &'static Policy,
}

impl Admission {
    fn policy(&self, path: &str) -> &'static Policy {
        let mut policies = self.policies.iter();
        policies
            .find(|policy| (policy.covers)(path))
            .unwrap_or(self.otherwise)
    }
}

/// Finds the session and counts the request against its rate limit, or against the address's.
pub(crate) async fn admit(
    State(admission): State<Admission>,
    mut request: Request,
    next: Next,
) -> Response {
    let app = &admission.app;
    let peer = request
        .extensions()
        .get::<Peer>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
    if let Err(refused) = one_of_each(&request) {
        return refused.into_response();
    }
    let client = app.proxies.client(peer, request.headers());
    app.proxies.notice_proxy(peer, request.headers());
    let session = session_of(app, request.headers()).await;
    if let (Ok(session), Some(place)) = (&session, request.extensions().get::<Arc<Place>>()) {
        place.signed_in(&session.hash);
    }
    let policy = admission.policy(request.uri().path());
    let rate = (policy.rate)(app, &request);
    let counted = match (rate, &session) {
        (Rate::Free, _) => Ok(()),
        (Rate::SignIn, _) => app.limits.login(client),
        (Rate::Session, Ok(session)) => app.limits.session(&session.hash),
        (Rate::Lobby, Ok(session)) => app.limits.lobby(&session.hash),
        (Rate::Session | Rate::Lobby, Err(_)) => app.limits.anonymous(client),
    };
    if let Err(early) = counted {
        app.measures.limited(rate.limit(session.is_ok()));
        let (parts, _) = request.into_parts();
        return (policy.too_many)(app, &parts, early);
    }
    request.extensions_mut().insert(Admitted(session));
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let client = Client {
        address: client,
        place,
    };
    request.extensions_mut().insert(client);
    let mut response = next.run(request).await;
    // Answers are about one caller at one moment; the transcript says otherwise for itself.
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The session that a request's headers name.
///
/// # Errors
/// When there is none.
pub(crate) async fn session_of(app: &App, headers: &HeaderMap) -> Result<Session, Refused> {
    app.sign_in.sessions.find(token(headers)?).await
}

/// Refuses what could be read in two ways by this server and a proxy in front of it: two hosts, or
/// two sessions; and, in HTTP/1.1, no host at all (RFC 9112, section 3.2)
/// (`docs/spec/http-api.md#one-of-each`).
fn one_of_each(request: &Request) -> Result<(), Refused> {
    let headers = request.headers();
    let count = |name: header::HeaderName| headers.get_all(name).iter().count();
    let problem = match count(header::HOST) {
        0 if request.version() == Version::HTTP_11 && request.uri().host().is_none() => {
            "there is no Host header: name the host that you ask"
        }
        0 | 1 if count(header::AUTHORIZATION) > 1 => {
            "there are two Authorization headers: send one session"
        }
        0 | 1 => return Ok(()),
        _ => "there are two Host headers: name one host",
    };
    Err(Refused::new(Code::InvalidParameter, problem))
}

/// The token of `Authorization: Bearer`; the scheme's case does not matter (RFC 9110, 11.1)
/// (`docs/spec/http-api.md#bearer`).
fn token(headers: &HeaderMap) -> Result<&str, Refused> {
    let missing = |problem: &str| {
        Refused::new(
            Code::SessionMissing,
            format!("{problem}: sign in with POST /login and send Authorization: Bearer TOKEN"),
        )
    };
    let value = headers
        .get(header::AUTHORIZATION)
        .ok_or_else(|| missing("this needs a session"))?
        .to_str()
        .map_err(|_| missing("the Authorization header is not readable"))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(missing("the Authorization header is of another scheme")),
    }
}

impl FromRequestParts<Arc<App>> for MaybeSignedIn {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Infallible> {
        let admitted = parts.extensions.get::<Admitted>().cloned();
        Ok(Self(admitted.map_or_else(
            || Err(Refused::new(Code::Internal, "the request was not admitted")),
            |admitted| admitted.0,
        )))
    }
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let Ok(MaybeSignedIn(session)) = MaybeSignedIn::from_request_parts(parts, app).await;
        session.map(Self)
    }
}
