//! A contribution's body on its way in: from the first byte to the receipt.
//!
//! Whoever calls [`receive`] has made sure that the body is wanted: it is this participant's turn.
//! Who has sent a contribution before, in the same stay, comes to [`receive_again`].

pub(crate) mod reader;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error::Code;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::http::app::App;
use crate::http::body::{self, BodyCoding, DocumentForm, Incoming, Limit};
use crate::http::failure::Failure;
use crate::refused::Refused;
use crate::submission::SubmitError;

/// How often the coordinator hears that bytes of an upload arrive.
const TELL_EVERY: Duration = Duration::from_secs(1);

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
    let limit = limit(app, form);
    let most = limit.bytes;
    let superseded = app.upload.enter();
    let mut incoming = Incoming::new(&parts.headers, body, limit)?;
    let verifier = app.coordinator.verifier().clone();
    let (feed, reading) = reader::start(verifier, sizes.clone(), form, coding, most);
    let attached = app.coordinator.attach(&who);
    let to_the_end = async {
        let mut told: Option<Instant> = None;
        while let Some(piece) = incoming.next().await? {
            if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                told = Some(Instant::now());
                app.coordinator.uploading(&who);
            }
            feed.piece(piece).await;
        }
        Ok(())
    };
    let read = tokio::select! {
        read = to_the_end => read,
        _ = superseded => return Err(took_its_place()),
    };
    if let Err(failure) = read {
        incoming.refuse(&parts.headers);
        return Err(failure);
    }
    attached.detach();
    // The last byte is here: from now on the time is the coordinator's.
    let verdict = app.coordinator.complete_arriving(who, async {
        feed.end().await;
        reading.await
    });
    Ok(verdict.await?)
}

/// Reads a contribution of somebody of whom one is being verified or was accepted, and answers it
/// with that one's receipt if it is the same (`docs/spec/http-api.md#sent-again`).
///
/// Nothing of it is verified: it costs a parser's work, and is read only when few others are.
///
/// # Errors
/// What the participant is told: that an earlier one counted and this is another; otherwise as
/// [`receive`].
pub async fn receive_again(
    app: &App,
    who: Identity,
    parts: &Parts,
    body: Body,
    form: DocumentForm,
    coding: BodyCoding,
) -> Result<SignedReceipt, Failure> {
    let limit = limit(app, form);
    let (turn, superseded) = app.repeats.enter(&who);
    let to_the_end = async {
        let room = app.repeats.room().await;
        let bytes = body::read(&parts.headers, body, limit).await?;
        Ok::<_, Failure>((bytes, room))
    };
    let (bytes, room) = tokio::select! {
        read = to_the_end => read?,
        _ = superseded => return Err(took_its_place()),
    };
    drop(turn);
    let verifier = app.coordinator.verifier().clone();
    let sizes = app.coordinator.sizes().clone();
    let compared = tokio::task::spawn_blocking(move || {
        let bytes = coding.decompressed(bytes, limit.bytes)?;
        reader::compare(&verifier, &sizes, form, &bytes).map_err(Failure::malformed_again)
    });
    let sent = compared
        .await
        .map_err(|_| Failure::from(Refused::internal()))??;
    drop(room);
    let verdict = app.coordinator.sent_again(who, sent).await;
    verdict.map_err(|error: SubmitError| error.into())
}

fn limit(app: &App, form: DocumentForm) -> Limit {
    let sizes = app.coordinator.sizes();
    Limit {
        bytes: match form {
            DocumentForm::Json => sizes.max_json_len(),
            DocumentForm::Msgpack => sizes.max_msgpack_len(),
        },
        pause: app.body_timeout,
        whole: app.upload_limit,
    }
}

fn took_its_place() -> Failure {
    Failure::new(
        Code::BodyTimeout,
        "a later upload of yours took this one's place: its answer is the one that counts",
    )
}

/// Uploads at a time that are read only to be compared. Ours: each takes as much memory as its
/// body is long, and a core for as long as a parser needs.
const REPEATS: usize = 4;

/// The uploads that are read only to be compared with an earlier one: one of each participant's,
/// the latest, and few in all.
pub struct Repeats {
    room: Semaphore,
    latest: Mutex<HashMap<Identity, (u64, oneshot::Sender<()>)>>,
    numbers: AtomicU64,
}

impl Default for Repeats {
    fn default() -> Self {
        Self {
            room: Semaphore::new(REPEATS),
            latest: Mutex::default(),
            numbers: AtomicU64::default(),
        }
    }
}

impl Repeats {
    /// Takes this participant's place. The receiver resolves when a later one takes it.
    fn enter<'a>(&'a self, who: &'a Identity) -> (Repeat<'a>, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.latest().insert(who.clone(), (number, sender));
        let repeats = self;
        let repeat = Repeat {
            repeats,
            who,
            number,
        };
        (repeat, receiver)
    }

    /// Waits until few others are being read.
    async fn room(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.room.acquire().await.ok()
    }

    fn latest(&self) -> MutexGuard<'_, HashMap<Identity, (u64, oneshot::Sender<()>)>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A participant's place, until it is dropped.
struct Repeat<'a> {
    repeats: &'a Repeats,
    who: &'a Identity,
    number: u64,
}

impl Drop for Repeat<'_> {
    fn drop(&mut self) {
        let mut latest = self.repeats.latest();
        if latest
            .get(self.who)
            .is_some_and(|(number, _)| *number == self.number)
        {
            latest.remove(self.who);
        }
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
