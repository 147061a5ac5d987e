//! `POST /contribute` and `/contribute/abort`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use tauline_protocol::Identity;
use tauline_protocol::contribution::{ReceiptAnswer, SignedReceipt};

use super::error::SequencerError;
use super::lobby::signed_in;
use crate::http::admission::MaybeSignedIn;
use crate::http::app::App;
use crate::http::body;
use crate::http::body::compression::BodyCoding;
use crate::http::body::media::DocumentForm;
use crate::refused::Refused;

/// Most bytes of a contribution (`docs/spec/sequencer.md#body-limit`). A ceremony whose
/// contributions are larger takes larger ones.
const BODY_LIMIT: usize = 10_485_760;

/// Takes the updated state. The sequencer parsed millions of bytes before it asked whose turn it is
/// (`docs/spec/sequencer.md#contribute`, `docs/spec/sequencer.md#order`,
/// `docs/spec/sequencer.md#turn-first`).
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

/// `POST /contribute/abort` (`docs/spec/sequencer.md#abort`).
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
