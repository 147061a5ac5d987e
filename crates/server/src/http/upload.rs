//! A contribution's body on its way in: from the first byte to the receipt.

mod places;
mod reader;

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tokio::time::Instant;

use self::places::{Current, Repeats};
use super::body::compression::BodyCoding;
use super::body::media::DocumentForm;
use super::body::{self, Incoming, Limit};
use crate::coordinator::{Admission, Coordinator, Counted};
use crate::refused::Refused;
use crate::traces::Traces;

/// How often the coordinator hears that bytes of an upload arrive.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The contributions that are being sent.
pub(crate) struct Uploads {
    coordinator: Coordinator,
    traces: Traces,
    /// Longest pause in a body.
    pause: Duration,
    /// Longest time for a whole body: its deadline and the grace on it.
    whole: Duration,
    current: Current,
    repeats: Repeats,
}

/// An upload whose body is wanted.
struct Upload {
    who: Identity,
    headers: HeaderMap,
    body: Body,
    form: DocumentForm,
    coding: BodyCoding,
}

impl Uploads {
    /// None yet.
    pub(crate) fn new(
        coordinator: Coordinator,
        traces: Traces,
        pause: Duration,
        whole: Duration,
    ) -> Self {
        Self {
            coordinator,
            traces,
            pause,
            whole,
            current: Current::default(),
            repeats: Repeats::default(),
        }
    }

    /// Takes the contribution that a request brings, and gives its receipt.
    ///
    /// `sender` looks at the stated length and the session, `form` at what the body is. The order:
    /// size, session, turn, form; only then is the body read
    /// (`docs/spec/http-api.md#looked-at-first`). The body of who is refused is thrown away.
    ///
    /// # Errors
    /// What the participant is told.
    pub(crate) async fn take<E: From<Refused>>(
        &self,
        request: Request,
        sender: impl FnOnce(&HeaderMap) -> Result<Identity, E>,
        form: impl FnOnce(&HeaderMap) -> Result<(DocumentForm, BodyCoding), E>,
    ) -> Result<Counted, E> {
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        let wanted = async {
            let who = sender(&headers)?;
            let admission = self.coordinator.may_submit(who.clone()).await?;
            let (form, coding) = form(&headers)?;
            Ok((who, admission, form, coding))
        };
        let (who, admission, form, coding) = match wanted.await {
            Ok(wanted) => wanted,
            Err(refusal) => {
                body::drain(&headers, body);
                return Err(refusal);
            }
        };
        let upload = Upload {
            who,
            headers,
            body,
            form,
            coding,
        };
        let counted = match admission {
            Admission::ReadBody => self.receive(upload).await,
            // What is sent again gets the answer that the first got; something else does not.
            Admission::Verifying | Admission::Accepted(_) => self.receive_again(upload).await,
        };
        Ok(counted?)
    }

    /// Reads a contribution to its end, has it verified, and gives its receipt.
    ///
    /// # Errors
    /// What the participant is told: a body that is too large, too slow, broken or superseded, and a
    /// contribution that is refused.
    async fn receive(&self, upload: Upload) -> Result<Counted, Refused> {
        let Upload {
            who,
            headers,
            body,
            form,
            coding,
        } = upload;
        let limit = self.limit(form);
        let superseded = self.current.enter();
        let mut incoming = Incoming::new(&headers, body, limit)?;
        let verifier = self.coordinator.verifier().clone();
        let sizes = self.coordinator.sizes().clone();
        let (feed, reading) = reader::start(verifier, sizes, form, coding, limit.bytes);
        let attached = self.coordinator.attach(&who);
        let mut spell = self.traces.in_the_turn("upload");
        let to_the_end = async {
            let mut told: Option<Instant> = None;
            while let Some(piece) = incoming.next().await? {
                if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                    told = Some(Instant::now());
                    self.coordinator.uploading(&who);
                }
                feed.piece(piece).await;
            }
            Ok(())
        };
        let read = tokio::select! {
            read = to_the_end => read,
            _ = superseded => return Err(superseded_by_a_later_one()),
        };
        if let Err(refused) = read {
            incoming.refuse(&headers);
            return Err(refused);
        }
        attached.detach();
        spell.note("tauline.bytes", incoming.taken());
        drop(spell);
        // The last byte is here: from now on the time is the coordinator's.
        let read = async {
            feed.end().await;
            reading.await
        };
        self.coordinator.complete_arriving(who, read).await
    }

    /// Reads a contribution of somebody of whom one is being verified or was accepted, and answers
    /// it with that one's receipt if it is the same (`docs/spec/http-api.md#sent-again`).
    ///
    /// Nothing of it is verified: it costs a parser's work, and is read only when few others are.
    ///
    /// # Errors
    /// What the participant is told: that an earlier one counted and this is another; otherwise as
    /// [`receive`](Self::receive).
    async fn receive_again(&self, upload: Upload) -> Result<Counted, Refused> {
        let Upload {
            who,
            headers,
            body,
            form,
            coding,
        } = upload;
        let limit = self.limit(form);
        let (turn, superseded) = self.repeats.enter(&who);
        let to_the_end = async {
            let room = self.repeats.room().await;
            let bytes = body::read(&headers, body, limit).await?;
            Ok::<_, Refused>((bytes, room))
        };
        let (bytes, room) = tokio::select! {
            read = to_the_end => read?,
            _ = superseded => return Err(superseded_by_a_later_one()),
        };
        drop(turn);
        let verifier = self.coordinator.verifier().clone();
        let sizes = self.coordinator.sizes().clone();
        let compared = tokio::task::spawn_blocking(move || {
            let bytes = coding.decompressed(bytes, limit.bytes)?;
            reader::compare(&verifier, &sizes, form, &bytes).map_err(Refused::malformed_again)
        });
        let sent = compared.await.map_err(|_| Refused::internal())??;
        drop(room);
        self.coordinator.sent_again(who, sent).await
    }

    fn limit(&self, form: DocumentForm) -> Limit {
        let sizes = self.coordinator.sizes();
        Limit {
            bytes: match form {
                DocumentForm::Json => sizes.max_json_len(),
                DocumentForm::Msgpack => sizes.max_msgpack_len(),
            },
            pause: self.pause,
            whole: self.whole,
        }
    }
}

fn superseded_by_a_later_one() -> Refused {
    Refused::new(
        Code::BodyTimeout,
        "a later upload of yours took this one's place: its answer is the one that counts",
    )
}
