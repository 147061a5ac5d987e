//! `POST /contribute` and `/contribute/abort`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use tauline_protocol::Identity;
use tauline_protocol::contribution::{ReceiptAnswer, SignedReceipt};

use crate::coordinator::Admission;
use crate::http::admission::MaybeSignedIn;
use crate::http::app::App;
use crate::http::body::{self, BodyCoding, DocumentForm};
use crate::http::failure::Failure;
use crate::http::upload;

use super::lobby::signed_in;
use super::refusal::Refusal;

/// Most bytes of a contribution (`docs/spec/sequencer.md#body-limit`). A ceremony whose
/// contributions are larger takes larger ones.
const BODY_LIMIT: usize = 10_485_760;

/// Takes the updated state. The order: size, session, turn, form; only then is the body read. The
/// sequencer parsed millions of bytes before it asked whose turn it is
/// (`docs/spec/sequencer.md#contribute`, `docs/spec/sequencer.md#order`,
/// `docs/spec/sequencer.md#turn-first`).
pub(super) async fn contribute(
    State(app): State<Arc<App>>,
    MaybeSignedIn(session): MaybeSignedIn,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let refuse = |refusal: Refusal, body| {
        body::drain(&parts.headers, body);
        Err(refusal)
    };
    let most = BODY_LIMIT.max(app.coordinator.sizes().max_json_len());
    if body::check_length(&parts.headers, most).is_err() {
        return refuse(Refusal::too_long(), body);
    }
    let who = match signed_in(&parts.headers, session) {
        Ok(session) => session.identity,
        Err(failure) => return refuse(Refusal::of_contribution(&failure), body),
    };
    let admission = match app.coordinator.may_submit(who.clone()).await {
        Ok(admission) => admission,
        Err(refused) => return refuse(refused.into(), body),
    };
    let coding = match BodyCoding::of(&parts.headers) {
        Ok(coding) if is_json(&parts.headers) => coding,
        _ => return refuse(Refusal::not_json(), body),
    };
    let (body, grew_too_long) = limited(body, most);
    let form = DocumentForm::Json;
    let received = match admission {
        Admission::ReadBody => upload::receive(&app, who, &parts, body, form, coding).await,
        // What a client sends again gets the answer that the first got; something else does not.
        Admission::Verifying | Admission::Accepted(_) => {
            upload::receive_again(&app, who, &parts, body, form, coding).await
        }
    };
    match received {
        Ok(signed) => Ok(receipt(signed)),
        Err(_) if grew_too_long.load(Ordering::Relaxed) => Err(Refusal::grew_too_long()),
        Err(failure) => Err(Refusal::of_contribution(&failure)),
    }
}

/// `POST /contribute/abort` (`docs/spec/sequencer.md#abort`).
pub(super) async fn abort_turn(
    State(app): State<Arc<App>>,
    MaybeSignedIn(session): MaybeSignedIn,
    request: Request,
) -> Result<Response, Refusal> {
    match signed_in(request.headers(), session) {
        Ok(session) => Ok(abort(&app, session.identity, request).await),
        Err(failure) => Err(Refusal::of_contribution(&failure)),
    }
}

/// Gives the turn up and answers with nothing, as the sequencer did.
pub(in crate::routes) async fn abort(app: &App, who: Identity, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    body::drain(&parts.headers, body);
    match app.coordinator.abort(who, None).await {
        Ok(_) => Body::empty().into_response(),
        Err(refused) => Refusal::from(refused).into_response(),
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
        Err(error) => Failure::new(
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

/// The body up to so many bytes, and whether there were more.
fn limited(body: Body, most: usize) -> (Body, Arc<AtomicBool>) {
    let over = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&over);
    let mut left = most;
    let pieces = body.into_data_stream().map(move |piece| {
        let piece: Bytes = piece.map_err(std::io::Error::other)?;
        match left.checked_sub(piece.len()) {
            Some(rest) => left = rest,
            None => {
                seen.store(true, Ordering::Relaxed);
                return Err(std::io::Error::other("length limit exceeded"));
            }
        }
        Ok(piece)
    });
    (Body::from_stream(pieces), over)
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
