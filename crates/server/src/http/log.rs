//! A line of the log for each request, and for each fault that was answered; its span, where requests are
//! traced; and the request's name, which ties them together.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use super::app::App;
use super::refusal::Fault;
use super::request_id::{HEADER, RequestId};
use crate::addresses::Peer;
use crate::traces::Spell;

/// Names each request in its answer, logs faults, and each request with its outcome and duration at
/// the level of debugging; the query, which could carry anything, is left out.
pub(crate) async fn log_requests(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let id = RequestId::of(request.headers());
    let told = tracing::enabled!(tracing::Level::DEBUG).then(|| Told {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        started: Instant::now(),
    });
    let mut spell = traced(&app, &request, &id);
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    app.measures.answered(status);
    spell.note("http.response.status_code", i64::from(status));
    if let Some(Fault { code, error }) = response.extensions_mut().remove::<Fault>() {
        tracing::warn!(request = %id.as_str(), code, %error, "answered with a fault");
        spell.note("error.type", code);
        spell.failed("answered with a fault");
    }
    if let Some(told) = told {
        told.tell(&id, status);
    }
    response.headers_mut().insert(HEADER, id.into_value());
    response
}

/// The request as a span. Of its path, only the pattern is told: a path could hold anything. What it says it
/// is part of is believed from a proxy that is trusted.
fn traced(app: &App, request: &Request, id: &RequestId) -> Spell {
    if !app.traces.are_collected() {
        return Spell::default();
    }
    let peer = request.extensions().get::<Peer>();
    let is_trusted = peer.is_some_and(|peer| app.proxies.contain(peer.0.to_canonical()));
    let method = word(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let name = match route {
        Some(route) => format!("{method} {}", route.as_str()),
        None => method.to_owned(),
    };
    let believed = is_trusted.then(|| request.headers());
    let mut spell = app.traces.request(name, believed);
    spell.note("http.request.method", method);
    if let Some(route) = route {
        spell.note("http.route", route.as_str().to_owned());
    }
    spell.note("tauline.request_id", id.as_str().to_owned());
    spell
}

/// A method that is known; others could be anything.
fn word(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    let mut known = known.into_iter();
    known
        .find(|known| *known == method.as_str())
        .unwrap_or("_OTHER")
}

/// What is told of a request.
struct Told {
    method: String,
    path: String,
    started: Instant,
}

impl Told {
    fn tell(self, id: &RequestId, status: u16) {
        let Self {
            method,
            path,
            started,
        } = self;
        let took = started.elapsed();
        tracing::debug!(request = %id.as_str(), %method, %path, status, ms = took.as_millis(), "request");
    }
}
