//! `POST /contribute` and `/contribute/abort`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use tauline_protocol::Identity;
use tauline_protocol::contribution::{ReceiptAnswer, SignedReceipt};
use tauline_protocol::error::Code as OwnCode;
use tauline_protocol::sequencer::Code;

use super::error::SequencerError;
use super::lobby::signed_in;
use crate::http::admission::MaybeSignedIn;
use crate::http::app::App;
use crate::http::body;
use crate::http::body::compression::BodyCoding;
use crate::http::body::media::DocumentForm;
use crate::openapi::refusals::{EVERY, Refusal, refusals};
use crate::refused::Refused;

/// Most bytes of a contribution (`docs/spec/sequencer.md#body-limit`). A ceremony whose
/// contributions are larger takes larger ones.
const BODY_LIMIT: usize = 10_485_760;

refusals!(
    ContributeRefusals: EVERY,
    [
        Code::InvalidSessionId,
        Code::RateLimited,
        Code::NotUsersTurn,
        Code::UnexpectedNumContributions,
        Code::UnexpectedNumG1Powers,
        Code::UnexpectedNumG2Powers,
        Code::InvalidG1Power,
        Code::InvalidG2Power,
        Code::ZeroPubkey,
        Code::PubKeyPairingFailed,
        Code::G1PairingFailed,
        Code::G2PairingFailed,
        Code::InvalidG1FirstValue,
        Code::InvalidG2FirstValue,
        Code::ZeroG1,
        Code::ContributionNoEntropy,
        Code::ContributeTask,
        Code::Storage,
    ],
    [OwnCode::MalformedBody, OwnCode::BodyTimeout].map(|code| Refusal::from(code).at(400)),
    [
        Refusal::plain(413, "The body is too long."),
        Refusal::plain(415, "The body is not called JSON."),
        Refusal::plain(422, "The body is JSON, and no contribution."),
    ],
);

/// Takes the updated state, verifies it, and answers with the receipt (`docs/spec/sequencer.md#contribute`).
///
/// Size, header, turn and type are looked at in this order, and only then is the body read
/// (`docs/spec/sequencer.md#order`, `docs/spec/sequencer.md#turn-first`). The sequencer parsed millions of bytes
/// before it asked whose turn it is. A body that is no JSON is 400, one that is no contribution is 422: neither costs
/// the turn.
#[utoipa::path(
    post,
    path = "/contribute",
    operation_id = "sequencerContribute",
    tag = "sequencer",
    security(("session" = [])),
    request_body(
        content = ref("#/components/schemas/Contribution"),
        content_type = "application/json",
        description = "The contribution.",
    ),
    responses(
        (status = 200, description = "It is accepted.", body = ReceiptAnswer, headers(("cache-control"))),
        ContributeRefusals,
    ),
)]
pub(super) async fn contribute(
    State(app): State<Arc<App>>,
    MaybeSignedIn(session): MaybeSignedIn,
    request: Request,
) -> Result<Response, SequencerError> {
    let max = BODY_LIMIT.max(app.coordinator.sizes().max_json_len());
    let sender = |headers: &HeaderMap| {
        body::check_length(headers, max).map_err(|_| SequencerError::too_long())?;
        Ok(signed_in(headers, session)?.identity)
    };
    let form = |headers: &HeaderMap| match BodyCoding::of(headers) {
        Ok(coding) if is_json(headers) => Ok((DocumentForm::Json, coding)),
        _ => Err(SequencerError::not_json()),
    };
    let counted = app.uploads.take(request, sender, form).await;
    counted.map(|counted| receipt(counted.receipt))
}

refusals!(
    AbortRefusals: EVERY,
    [
        Code::InvalidSessionId,
        Code::RateLimited,
        Code::NotUsersTurn,
        Code::ContributeTask,
        Code::Storage,
    ],
);

/// Gives the turn up (`docs/spec/sequencer.md#abort`).
///
/// A body is not read.
#[utoipa::path(
    post,
    path = "/contribute/abort",
    operation_id = "sequencerAbort",
    tag = "sequencer",
    security(("session" = [])),
    responses(
        (status = 200, description = "It is given up. The body is empty.", headers(("cache-control"))),
        AbortRefusals,
    ),
)]
pub(super) async fn abort_turn(
    State(app): State<Arc<App>>,
    MaybeSignedIn(session): MaybeSignedIn,
    request: Request,
) -> Result<Response, SequencerError> {
    match signed_in(request.headers(), session) {
        Ok(session) => Ok(abort(&app, session.identity, request).await),
        Err(refused) => Err(refused.into()),
    }
}

/// Gives the turn up and answers with nothing, as the sequencer did.
pub(in crate::routes) async fn abort(app: &App, who: Identity, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    body::drain(&parts.headers, body);
    match app.coordinator.abort(who, None).await {
        Ok(_) => Body::empty().into_response(),
        Err(refused) => SequencerError::from(refused).into_response(),
    }
}

/// Indented by two spaces, as the sequencer wrote it (`docs/spec/sequencer.md#receipt`).
fn receipt(signed: SignedReceipt) -> Response {
    match serde_json::to_string_pretty(&ReceiptAnswer::from(signed)) {
        Ok(text) => {
            let json = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, json)], text).into_response()
        }
        // Two strings have a JSON form.
        Err(error) => Refused::new(
            tauline_protocol::error::Code::Internal,
            format!("the receipt cannot be written: {error}"),
        )
        .into_response(),
    }
}

/// Whether `Content-Type` is JSON: `application/json` or `application/…+json`, with any parameters
/// (`docs/spec/sequencer.md#content-type`).
fn is_json(headers: &HeaderMap) -> bool {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|media| media.trim().to_ascii_lowercase());
    media
        .as_deref()
        .and_then(|media| media.strip_prefix("application/"))
        .is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_content_type() {
        for (media, json) in [
            ("application/json", true),
            ("application/json;charset=utf-8", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/json", false),
            ("application/msgpack", false),
            ("application/x-www-form-urlencoded", false),
            ("application/", false),
            ("json", false),
        ] {
            let headers = HeaderMap::from_iter([(
                header::CONTENT_TYPE,
                HeaderValue::from_str(media).unwrap(),
            )]);
            assert_eq!(is_json(&headers), json, "{media}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
