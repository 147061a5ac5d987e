//! The HTTP interface (`docs/spec/http-api.md#json`), one file a resource.

mod auth;
mod base;
mod ceremony;
mod contribution;
mod contributions;
mod events;
pub(crate) mod health;
mod log;
mod login;
mod page;
mod queue;
mod sequencer;
mod transcript;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tauline_protocol::error::Code;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, Any as AnyOrigin, CorsLayer};

use crate::http::admission::{Admission, Policy, Rate, admit};
use crate::http::app::App;
use crate::http::body;
use crate::http::log::log_requests;
use crate::http::request_id;
use crate::refused::Refused;

pub(crate) use self::page::{is_document as is_page, prepare};

/// How long a browser may keep the answer of a preflight: a day, browsers take less.
const PREFLIGHT_LIFETIME: Duration = Duration::from_secs(86_400);

/// All routes. Requests must carry a [`Peer`](crate::addresses::Peer) in their extensions.
pub(crate) fn router(app: Arc<App>) -> Router {
    let admission = Admission {
        app: Arc::clone(&app),
        policies: &[auth::POLICY, sequencer::POLICY],
        otherwise: &POLICY,
    };
    Router::new()
        .route("/ceremony/status", get(ceremony::status))
        .route("/ceremony/events", get(ceremony::events))
        .route("/ceremony/transcript", get(transcript::download))
        .route("/ceremony/contributions/{number}", get(contributions::one))
        .route(
            "/ceremony/contributions/pages/{index}",
            get(contributions::piece),
        )
        .route("/ceremony/contributions/find", get(contributions::find))
        .route("/log/{*path}", get(log::serve))
        .route("/login/nonce", get(login::nonce))
        .route("/login", post(login::login))
        .route("/queue/join", post(queue::join))
        .route("/queue/checkin", post(queue::check_in))
        .route("/queue/events", get(events::events))
        .route("/queue/leave", post(queue::leave))
        .route("/contribution/start", post(contribution::start))
        .route("/contribution/complete", post(contribution::complete))
        .route("/contribution/abort", post(contribution::abort))
        .route("/contribution/probe", post(contribution::probe))
        .merge(auth::router())
        .merge(sequencer::routes())
        .merge(page::router())
        .merge(health::public(Arc::clone(&app.health)))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(admission, admit))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors())
        .layer(from_fn_with_state(Arc::clone(&app), log_requests))
        .with_state(app)
}

/// How requests to our own interface are counted, and those for paths where there is nothing.
const POLICY: Policy = Policy {
    covers: |_| true,
    rate: |_, request| match request.uri().path() {
        "/login" if request.method() == Method::POST => Rate::SignIn,
        // Answered from what was published last: whoever wants to know how the ceremony stands, is told.
        // The same for its stream, which counts as a connection.
        "/ceremony/status" | "/ceremony/events" => Rate::Free,
        // Whoever asks these restarts what does not answer.
        "/healthz" | "/readyz" => Rate::Free,
        // A page is a dozen files at once.
        path if page::is_of(path) => Rate::Free,
        // Whoever checks the log asks for much of it at once.
        path if path.starts_with(log::PREFIX) => Rate::Free,
        _ => Rate::Session,
    },
    too_many: |_, _, early| Refused::from(early).into_response(),
};

/// Any page may use the interface; its sessions are no cookies, so a page can act only for who
/// signed in to it. The headers asked for are echoed: `*` does not cover `Authorization`
/// (`docs/spec/sequencer.md#cors`).
fn cors() -> CorsLayer {
    const EXPOSED: [HeaderName; 7] = [
        request_id::HEADER,
        header::RETRY_AFTER,
        header::ETAG,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::ACCEPT_RANGES,
        header::WWW_AUTHENTICATE,
    ];
    CorsLayer::new()
        .allow_origin(AnyOrigin)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(PREFLIGHT_LIFETIME)
}

async fn nothing_here(uri: Uri, request: Request) -> Response {
    if let Some(response) = sequencer::nothing_here(&uri) {
        let (parts, body) = request.into_parts();
        body::drain(&parts.headers, body);
        return response;
    }
    Refused::new(
        Code::NotFound,
        format!("there is nothing at {}", uri.path()),
    )
    .into_response()
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    if sequencer::is_of(uri.path()) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    Refused::new(
        Code::MethodNotAllowed,
        format!(
            "{} does not take {method}; the Allow header says what it takes",
            uri.path()
        ),
    )
    .into_response()
}

/// A panic is a fault of ours: the client hears of it, the server goes on.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    tracing::error!(panic = what, "a handler panicked");
    Refused::new(
        Code::Internal,
        "the coordinator failed; your place is kept: try again",
    )
    .into_response()
}
