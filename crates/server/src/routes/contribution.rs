//! `POST /contribution/start`, `/contribution/complete` and `/contribution/abort`.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tauline_protocol::contribution::{AbortRequest, SignedReceipt, StartRequest, TAG_LIMIT};
use tauline_protocol::error::Code;
use tauline_protocol::status::QueueStatus;
use tauline_transcript::DocumentError;
use tauline_transcript::contribution::RawContribution;
use tokio::sync::oneshot;

use crate::body::{self, BodyCoding, DocumentForm, Limit};
use crate::coordinator::{Admission, SubmitError};
use crate::head::Coding;
use crate::negotiate;

use super::App;
use super::admission::{MaybeSignedIn, SignedIn};
use super::failure::Failure;

/// Hands the state out. What can be refused is refused before the clock starts.
pub(super) async fn start(
    State(app): State<Arc<App>>,
    SignedIn(session): SignedIn,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let form = negotiate::form(&parts.headers).ok_or_else(|| {
        Failure::new(
            Code::NotAcceptable,
            "the state is offered as application/json, application/msgpack and application/msgpack; points=uncompressed",
        )
    })?;
    let tags: StartRequest = body::small_json(&parts.headers, body, app.body_timeout)
        .await?
        .unwrap_or_default();
    check_tag("client", tags.client.as_deref())?;
    check_tag("computation", tags.computation.as_deref())?;
    let head = app.coordinator.start(session.identity, tags).await?;
    let coding = negotiate::coding(&parts.headers, form);
    let state = head.body(form, coding).await.map_err(|error| {
        tracing::error!(%error, "the state cannot be rendered");
        Failure::new(
            Code::Internal,
            "the coordinator cannot render the state: try again",
        )
    })?;
    let mut response = state.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(form.content_type()),
    );
    headers.insert(
        header::VARY,
        HeaderValue::from_static("accept, accept-encoding"),
    );
    let coding = match coding {
        Coding::Identity => None,
        Coding::Gzip => Some("gzip"),
        Coding::Zstd => Some("zstd"),
    };
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Ok(response)
}

/// Takes the updated state. The order: size, session, turn, form; only then is the body read.
pub(super) async fn complete(
    State(app): State<Arc<App>>,
    MaybeSignedIn(session): MaybeSignedIn,
    request: Request,
) -> Result<Json<SignedReceipt>, Failure> {
    let (parts, body) = request.into_parts();
    let refuse = |failure: Failure, body| {
        body::drain(&parts.headers, body);
        Err(failure)
    };
    let sizes = app.coordinator.sizes();
    if let Err(failure) = body::check_length(&parts.headers, sizes.max_json_len()) {
        return refuse(failure, body);
    }
    let who = match session {
        Ok(session) => session.identity,
        Err(failure) => return refuse(failure, body),
    };
    match app.coordinator.may_submit(who.clone()).await {
        Ok(Admission::ReadBody) => {}
        Ok(Admission::Verifying) => {
            body::drain(&parts.headers, body);
            return Ok(Json(app.coordinator.verdict(who).await?));
        }
        Ok(Admission::Accepted(receipt)) => {
            body::drain(&parts.headers, body);
            return Ok(Json(receipt));
        }
        Err(refused) => return refuse(refused.into(), body),
    }
    let form = DocumentForm::of(&parts.headers);
    let (form, coding) = match form.and_then(|form| Ok((form, BodyCoding::of(&parts.headers)?))) {
        Ok(known) => known,
        Err(failure) => return refuse(failure, body),
    };
    let most = match form {
        DocumentForm::Json => sizes.max_json_len(),
        DocumentForm::Msgpack => sizes.max_msgpack_len(),
    };
    let limit = Limit {
        bytes: most,
        pause: app.body_timeout,
        whole: app.upload_limit,
    };
    let superseded = app.upload.enter();
    let bytes = tokio::select! {
        read = body::read(&parts.headers, body, limit) => read?,
        _ = superseded => return Err(Failure::new(
            Code::BodyTimeout,
            "a later upload took this one's place: look at its answer, or check in for the receipt",
        )),
    };
    // The last byte is here: from now on the time is the coordinator's.
    let uncompressed = Arc::new(OnceLock::new());
    let read = {
        let uncompressed = Arc::clone(&uncompressed);
        move || {
            let bytes = coding.decompress(bytes, most).map_err(|failure| {
                let error = DocumentError::Json("its compression is broken".to_owned());
                let _ = uncompressed.set(failure);
                error
            })?;
            match form {
                DocumentForm::Json => RawContribution::from_json(&bytes),
                DocumentForm::Msgpack => RawContribution::from_msgpack(&bytes),
            }
        }
    };
    match app.coordinator.complete(who, read).await {
        Ok(receipt) => Ok(Json(receipt)),
        Err(SubmitError::Malformed(error)) => {
            Err(uncompressed.get().cloned().unwrap_or_else(|| {
                Failure::new(
                    Code::MalformedBody,
                    format!("{error}; your turn is not over: send it again while the time lasts"),
                )
            }))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn abort(
    State(app): State<Arc<App>>,
    SignedIn(session): SignedIn,
    request: Request,
) -> Result<Json<QueueStatus>, Failure> {
    let (parts, body) = request.into_parts();
    let AbortRequest { reason } = body::small_json(&parts.headers, body, app.body_timeout)
        .await?
        .unwrap_or_default();
    check_tag("reason", reason.as_deref())?;
    Ok(Json(app.coordinator.abort(session.identity, reason).await?))
}

fn check_tag(name: &str, value: Option<&str>) -> Result<(), Failure> {
    match value {
        Some(value) if value.len() > TAG_LIMIT => Err(Failure::new(
            Code::MalformedBody,
            format!("{name} is longer than {TAG_LIMIT} bytes: shorten it"),
        )),
        _ => Ok(()),
    }
}

/// The one upload that is read. Only the turn's holder gets to upload, so a further upload is its
/// own second try, or the first of the next turn: either way the one before is given up, and no
/// more than one contribution is in memory.
#[derive(Default)]
pub struct UploadSlot(Mutex<Option<oneshot::Sender<()>>>);

impl UploadSlot {
    /// Takes the slot. The receiver resolves when another upload takes it.
    fn enter(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }
}
