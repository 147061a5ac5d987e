//! `POST /contribution/start`, `/contribution/complete`, `/contribution/abort` and
//! `/contribution/probe`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use tauline_protocol::contribution::{
    AbortRequest, ProbeAnswer, ReceiptAnswer, StartRequest, TAG_LIMIT,
};
use tauline_protocol::error::Code;

use super::base::state;
use super::sequencer;
use crate::coordinator::Counted;
use crate::http::admission::{MaybeSignedIn, SignedIn};
use crate::http::app::App;
use crate::http::body::compression::BodyCoding;
use crate::http::body::media::DocumentForm;
use crate::http::body::{self, json};
use crate::http::negotiate;
use crate::refused::Refused;

/// Hands the state out. What can be refused is refused before the clock starts
/// (`docs/spec/http-api.md#start`).
pub(super) async fn start(
    State(app): State<Arc<App>>,
    SignedIn(session): SignedIn,
    request: Request,
) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let form = negotiate::form(&parts.headers).ok_or_else(|| {
        Refused::new(
            Code::NotAcceptable,
            "the state is offered as application/json, application/msgpack and application/msgpack; points=uncompressed",
        )
    })?;
    let tags: StartRequest = json::read(&parts.headers, body, app.body_timeout)
        .await?
        .unwrap_or_default();
    check_tag("client", tags.client.as_deref())?;
    check_tag("computation", tags.computation.as_deref())?;
    let caller = session.caller();
    let base = app.coordinator.start(session.identity, tags).await?;
    let (status, _) = app.coordinator.follow(caller, None, Duration::ZERO).await?;
    let mut response = state(&base, form, &parts.headers).await?;
    if let Some(left) = status.contribute_in_ms {
        response.headers_mut().insert(CONTRIBUTE_IN, left.into());
    }
    Ok(response)
}

/// How long the last byte of the contribution may take, in milliseconds from the answer to `start`.
const CONTRIBUTE_IN: HeaderName = HeaderName::from_static("tauline-contribute-in-ms");

/// Takes the updated state (`docs/spec/http-api.md#complete`,
/// `docs/spec/http-api.md#looked-at-first`).
pub(super) async fn complete(
    State(app): State<Arc<App>>,
    MaybeSignedIn(session): MaybeSignedIn,
    request: Request,
) -> Result<Json<ReceiptAnswer>, Refused> {
    let max = app.coordinator.sizes().max_json_len();
    let sender = |headers: &HeaderMap| {
        body::check_length(headers, max)?;
        session.map(|session| session.identity)
    };
    let form = |headers: &HeaderMap| {
        let form = DocumentForm::of(headers)?;
        BodyCoding::of(headers).map(|coding| (form, coding))
    };
    let Counted { number, receipt } = app.uploads.take(request, sender, form).await?;
    Ok(Json(ReceiptAnswer::from(receipt).numbered(number)))
}

/// Says whether a contribution of the stated length would be taken, as soon as the headers are
/// there: the body is not read. So a client learns before its turn what a proxy on the way refuses
/// (`docs/spec/http-api.md#probe`).
pub(super) async fn probe(
    State(app): State<Arc<App>>,
    SignedIn(_): SignedIn,
    headers: HeaderMap,
) -> Result<Json<ProbeAnswer>, Refused> {
    let limit = app.coordinator.sizes().max_json_len();
    body::check_length(&headers, limit)?;
    let limit = limit as u64;
    Ok(Json(ProbeAnswer { limit }))
}

/// The rule: `docs/spec/http-api.md#abort`.
pub(super) async fn abort(
    State(app): State<Arc<App>>,
    SignedIn(session): SignedIn,
    request: Request,
) -> Result<Response, Refused> {
    // Clients of the sequencer's API abort here too, where its specification had it.
    if app.coordinator.only_tries(&session.identity).await? {
        return Ok(sequencer::abort(&app, session.identity, request)
            .await
            .into_response());
    }
    let (parts, body) = request.into_parts();
    let AbortRequest { reason } = json::read(&parts.headers, body, app.body_timeout)
        .await?
        .unwrap_or_default();
    check_tag("reason", reason.as_deref())?;
    let status = app.coordinator.abort(session.identity, reason).await?;
    Ok(Json(status).into_response())
}

fn check_tag(name: &str, value: Option<&str>) -> Result<(), Refused> {
    match value {
        Some(value) if value.len() > TAG_LIMIT => Err(Refused::new(
            Code::MalformedBody,
            format!("{name} is longer than {TAG_LIMIT} bytes: shorten it"),
        )),
        _ => Ok(()),
    }
}
