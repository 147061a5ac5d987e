//! What is settled before any handler runs: who asks, and whether it asks too often.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::Code;

use crate::connections::Place;
use crate::http::body;
use crate::signin::session::Session;

use super::app::App;
use super::failure::Failure;
use crate::routes::{auth, sequencer};

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

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
pub(crate) struct Caller(Result<Session, Failure>);

/// The session of a request: handlers that need one take this.
pub(crate) struct SignedIn(pub(crate) Session);

/// A session, or the refusal that goes with its absence: for handlers that look at something else
/// first.
pub(crate) struct MaybeSignedIn(pub(crate) Result<Session, Failure>);

/// Finds the session and counts the request against its limit, or against the address's.
pub(crate) async fn admit(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request
        .extensions()
        .get::<Peer>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
    if let Err(failure) = one_of_each(&request) {
        let (parts, body) = request.into_parts();
        body::drain(&parts.headers, body);
        return failure.into_response();
    }
    let client = app.limits.client(peer, request.headers());
    app.limits.notice_proxy(peer, request.headers());
    let session = match token(request.headers()) {
        Ok(token) => app
            .sign_in
            .sessions
            .find(token)
            .await
            .map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    if let (Ok(session), Some(place)) = (&session, request.extensions().get::<Arc<Place>>()) {
        place.signed_in(&session.hash);
    }
    let path = request.uri().path();
    let counted = match &session {
        _ if is_login(&app, &request) => app.limits.login(client),
        // Answered from what was published last, which costs less than counting: whoever wants to
        // know how the ceremony stands, is told.
        _ if path == "/ceremony/status" || sequencer::is_free(path) => Ok(()),
        Ok(session) if sequencer::is_of(path) => app.limits.lobby(&session.hash),
        Ok(session) => app.limits.session(&session.hash),
        Err(_) => app.limits.anonymous(client),
    };
    if let Err(early) = counted {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let refusal = auth::too_many(&app, &parts, early).unwrap_or_else(|| {
            match sequencer::is_of(path) && !auth::is_of(path) {
                true => sequencer::rate_limited(),
                false => Failure::from(early).into_response(),
            }
        });
        body::drain(&parts.headers, body);
        return refusal;
    }
    request.extensions_mut().insert(Caller(session));
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

/// Refuses what could be read in two ways by this server and a proxy in front of it: two hosts, or
/// two sessions; and, in HTTP/1.1, no host at all (RFC 9112, section 3.2)
/// (`docs/spec/http-api.md#one-of-each`).
fn one_of_each(request: &Request) -> Result<(), Failure> {
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
    Err(Failure::new(Code::InvalidParameter, problem))
}

fn is_login(app: &App, request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::POST && path == "/login" || auth::is_sign_in(app, request)
}

/// The token of `Authorization: Bearer`; the scheme's case does not matter (RFC 9110, 11.1)
/// (`docs/spec/http-api.md#bearer`).
fn token(headers: &HeaderMap) -> Result<&str, Failure> {
    let missing = |problem: &str| {
        Failure::new(
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
        let caller = parts.extensions.get::<Caller>().cloned();
        Ok(Self(caller.map_or_else(
            || Err(Failure::new(Code::Internal, "the request was not admitted")),
            |caller| caller.0,
        )))
    }
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let Ok(MaybeSignedIn(session)) = MaybeSignedIn::from_request_parts(parts, app).await;
        session.map(Self)
    }
}
