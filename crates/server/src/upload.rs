//! A contribution's body on its way in: from the first byte to the receipt.
//!
//! Whoever calls [`receive`] has made sure that the body is wanted: it is this participant's turn.

use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::request::Parts;
use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error::Code;
use tokio::sync::oneshot;

use crate::arriving;
use crate::body::{BodyCoding, DocumentForm, Incoming, Limit};
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
    let mut incoming = Incoming::new(&parts.headers, body, limit)?;
    let verifier = app.coordinator.verifier().clone();
    let (feed, reading) = arriving::start(verifier, sizes.clone(), form, coding, most);
    let to_the_end = async {
        while let Some(piece) = incoming.next().await? {
            feed.piece(piece).await;
        }
        Ok(())
    };
    let read = tokio::select! {
        read = to_the_end => read,
        _ = superseded => return Err(Failure::new(
            Code::BodyTimeout,
            "a later upload of yours took this one's place: its answer is the one that counts",
        )),
    };
    if let Err(failure) = read {
        incoming.refuse(&parts.headers);
        return Err(failure);
    }
    // The last byte is here: from now on the time is the coordinator's.
    let verdict = app.coordinator.complete_arriving(who, async {
        feed.end().await;
        reading.await
    });
    Ok(verdict.await?)
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
