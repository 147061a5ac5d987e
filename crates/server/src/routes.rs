//! The HTTP interface (`docs/spec/http-api.md#json`), one file a resource.

mod among_replicas;
mod auth;
mod base;
mod ceremony;
mod contribution;
mod contributions;
mod docs;
mod events;
pub(crate) mod health;
mod log;
mod login;
mod page;
mod queue;
mod sequencer;
#[cfg(test)]
mod tests;
mod transcript;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::Code;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, Any as AnyOrigin, CorsLayer};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::health::Health;
use crate::http::admission::{Admission, Policy, Rate, admit};
use crate::http::app::App;
use crate::http::body::unread::read_what_is_refused;
use crate::http::log::log_requests;
use crate::http::request_id;
use crate::refused::Refused;

pub(crate) use self::among_replicas::{
    VERDICT_PATH, WANTED_PATH, is_among_replicas, router as among_replicas,
};
pub(crate) use self::base::{LEFT_OUT, unrendered};
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
    let (routes, document) = documented(Arc::clone(&app.health));
    routes
        .merge(docs::router(document))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(admission, admit))
        .layer(from_fn(read_what_is_refused))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors())
        .layer(from_fn_with_state(Arc::clone(&app), log_requests))
        .with_state(app)
}

/// The routes, and what they say of themselves. A route that is not documented is found by a test.
fn documented(health: Arc<Health>) -> (Router<Arc<App>>, OpenApi) {
    let (routes, mut document) = OpenApiRouter::new()
        .routes(routes!(ceremony::status))
        .routes(routes!(ceremony::events))
        .routes(routes!(transcript::download))
        .routes(routes!(contributions::one))
        .routes(routes!(contributions::piece))
        .routes(routes!(contributions::find))
        .routes(routes!(log::serve))
        .routes(routes!(login::nonce))
        .routes(routes!(login::login))
        .routes(routes!(queue::join))
        .routes(routes!(queue::check_in))
        .routes(routes!(events::events))
        .routes(routes!(queue::leave))
        .routes(routes!(contribution::start))
        .routes(routes!(contribution::complete))
        .routes(routes!(contribution::abort))
        .routes(routes!(contribution::probe))
        .merge(auth::router())
        .merge(sequencer::routes())
        .merge(page::router())
        .merge(health::public(health))
        .split_for_parts();
    document.merge(health::document_of_metrics());
    (routes, document)
}

/// What every replica answers itself, whether it leads or not: the page, the interface's document, and how
/// this process is. Everything else is refused: nobody leads.
pub(crate) fn everywhere(health: Arc<Health>) -> Router {
    let (_, document) = documented(Arc::clone(&health));
    let routes: Router = page::router().merge(health::public(health)).into();
    routes
        .merge(docs::router(document))
        .fallback(nobody_leads)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(read_what_is_refused))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors())
}

/// Whether every replica answers itself what is asked at a path.
pub(crate) fn is_everywhere(path: &str) -> bool {
    page::is_of(path) || docs::is_of(path) || matches!(path, "/healthz" | "/readyz")
}

async fn nobody_leads(uri: Uri) -> Response {
    let refused = Refused::unavailable();
    match sequencer::is_of(uri.path()) {
        true => sequencer::refusal(uri.path(), &refused),
        false => refused.into_response(),
    }
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
        path if page::is_of(path) || docs::is_of(path) => Rate::Free,
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

async fn nothing_here(uri: Uri) -> Response {
    if let Some(response) = sequencer::nothing_here(&uri) {
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
