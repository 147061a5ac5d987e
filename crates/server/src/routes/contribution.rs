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
use tauline_protocol::sequencer as contract;
use tauline_protocol::status::QueueStatus;

use super::base::state;
use super::sequencer;
use crate::coordinator::Counted;
use crate::http::admission::{MaybeSignedIn, SignedIn};
use crate::http::app::App;
use crate::http::body::compression::BodyCoding;
use crate::http::body::media::DocumentForm;
use crate::http::body::{self, json};
use crate::http::negotiate;
use crate::openapi::refusals::{COUNTED, EVERY, SIGNED_IN, SMALL_BODY, refusals};
use crate::refused::Refused;

/// What is answered to somebody whose turn is over, or another's.
const NO_TURN: [Code; 5] = [
    Code::NotQueued,
    Code::NotYourTurn,
    Code::StayEnded,
    Code::AlreadyContributed,
    Code::HandedOver,
];

refusals!(
    StartRefusals: EVERY,
    COUNTED,
    SIGNED_IN,
    SMALL_BODY,
    NO_TURN,
    [Code::NotAcceptable, Code::AlreadyVerifying, Code::Halted],
);

/// Hands the state out, and starts the contribution's clock (`docs/spec/http-api.md#start`).
///
/// What can be refused is refused before the clock starts. Repeating it gives the same state and does not restart
/// the clock. `Accept` chooses the form: `application/json`, `application/msgpack`, or
/// `application/msgpack; points=uncompressed`.
#[utoipa::path(
    post,
    path = "/contribution/start",
    operation_id = "contributionStart",
    tag = "contribution",
    security(("session" = [])),
    request_body(content = Option<StartRequest>, description = "What is known of the client. May be left out."),
    responses(
        (
            status = 200,
            description = "The state to build on.",
            content(
                (ref("#/components/schemas/Contribution") = "application/json"),
                (ref("#/components/schemas/MessagePack") = "application/msgpack"),
            ),
            headers(("cache-control"), ("vary"), ("content-encoding"), ("tauline-contribute-in-ms")),
        ),
        StartRefusals,
    ),
)]
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
    let mut response = state(&base, form, &parts.headers, &parts.extensions).await?;
    if let Some(left) = status.contribute_in_ms {
        response.headers_mut().insert(CONTRIBUTE_IN, left.into());
    }
    Ok(response)
}

/// How long the last byte of the contribution may take, in milliseconds from the answer to `start`.
const CONTRIBUTE_IN: HeaderName = HeaderName::from_static("tauline-contribute-in-ms");

refusals!(
    CompleteRefusals: EVERY,
    COUNTED,
    SIGNED_IN,
    SMALL_BODY,
    NO_TURN,
    [
        Code::NotStarted,
        Code::AlreadyVerifying,
        Code::EarlierOneCounted,
        Code::ContributionCount,
        Code::ContributionSizes,
        Code::ContributionPoint,
        Code::ContributionSubgroup,
        Code::ContributionPubkeyIdentity,
        Code::ContributionFirstPower,
        Code::ContributionZeroPower,
        Code::ContributionUpdateProof,
        Code::ContributionG1Powers,
        Code::ContributionG2Powers,
        Code::ContributionNoEntropy,
        Code::CoordinatorFault,
    ],
);

/// Takes the updated state, verifies it, and answers with the receipt (`docs/spec/http-api.md#complete`).
///
/// Size, session and turn are looked at before the body is read (`docs/spec/http-api.md#looked-at-first`). 400 costs
/// nothing but time: send it again. 422 ends the stay. The same contribution again gets the same receipt. Points in
/// MessagePack may be compressed or not.
#[utoipa::path(
    post,
    path = "/contribution/complete",
    operation_id = "contributionComplete",
    tag = "contribution",
    security(("session" = [])),
    request_body(
        description = "The contribution.",
        content(
            (ref("#/components/schemas/Contribution") = "application/json"),
            (ref("#/components/schemas/MessagePack") = "application/msgpack"),
        ),
    ),
    responses(
        (status = 200, description = "It is accepted.", body = ReceiptAnswer, headers(("cache-control"))),
        CompleteRefusals,
    ),
)]
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

refusals!(ProbeRefusals: EVERY, COUNTED, SIGNED_IN, [Code::BodyTooLarge]);

/// Whether a contribution of this length would be taken (`docs/spec/http-api.md#probe`).
///
/// Send the `Content-Length` of a contribution, and nothing of its body: the answer comes as soon as the headers are
/// there. So a client learns before its turn what a proxy on the way refuses.
#[utoipa::path(
    post,
    path = "/contribution/probe",
    operation_id = "contributionProbe",
    tag = "contribution",
    security(("session" = [])),
    responses(
        (status = 200, description = "It would.", body = ProbeAnswer, headers(("cache-control"))),
        ProbeRefusals,
    ),
)]
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

refusals!(
    AbortRefusals: EVERY,
    COUNTED,
    SIGNED_IN,
    SMALL_BODY,
    NO_TURN,
    [Code::AlreadyVerifying],
    [
        contract::Code::NotUsersTurn,
        contract::Code::Storage,
        contract::Code::ContributeTask,
    ],
);

/// Gives the turn up (`docs/spec/http-api.md#abort`).
///
/// A client of the sequencer's paths may abort here too: who has polled last is answered as at
/// `POST /contribute/abort`, with an empty body and that path's errors.
#[utoipa::path(
    post,
    path = "/contribution/abort",
    operation_id = "contributionAbort",
    tag = "contribution",
    security(("session" = [])),
    request_body(content = Option<AbortRequest>, description = "Why. May be left out."),
    responses(
        (status = 200, description = "How it is now.", body = QueueStatus, headers(("cache-control"))),
        AbortRefusals,
    ),
)]
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
        Some(value) if value.chars().count() > TAG_LIMIT => Err(Refused::new(
            Code::MalformedBody,
            format!("{name} is longer than {TAG_LIMIT} characters: shorten it"),
        )),
        _ => Ok(()),
    }
}
