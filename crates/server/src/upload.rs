//! A contribution's body on its way in: from the first byte to the receipt.
//!
//! Whoever calls [`receive`] has made sure that the body is wanted: it is this participant's turn.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Body;
use axum::http::request::Parts;
use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error::Code;
use tauline_transcript::{DocumentError, RawContribution};
use tokio::sync::oneshot;

use crate::body::{self, BodyCoding, DocumentForm, Limit};
use crate::coordinator::SubmitError;
use crate::routes::App;
use crate::routes::failure::Failure;

/// Reads a contribution to its end, has it verified, and gives its receipt.
///
/// # Errors
/// What the participant is told: a body that is too large, too slow, broken or superseded, and a
/// contribution that is refused.
pub async fn receive(
    app: &App,
    who: Identity,
    parts: &Parts,
    body: Body,
    form: DocumentForm,
    coding: BodyCoding,
) -> Result<SignedReceipt, Failure> {
    let sizes = app.coordinator.sizes();
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
        Ok(receipt) => Ok(receipt),
        Err(SubmitError::Malformed(error)) => Err(uncompressed
            .get()
            .cloned()
            .unwrap_or_else(|| Failure::malformed(error))),
        Err(error) => Err(error.into()),
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
