//! A contribution's body on its way in: from the first byte to the receipt.

mod places;
pub(crate) mod reader;

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_transcript::Sizes;
use tokio::time::Instant;

use self::places::{Current, Repeats};
use self::reader::Decoder;
use super::body::compression::BodyCoding;
use super::body::media::DocumentForm;
use super::body::{self, Incoming, Limit};
use crate::coordinator::{Admission, Coordinator, Counted};
use crate::refused::Refused;
use crate::traces::Traces;
use crate::vetting::{Verdict, VettingId, Vettings, Wanted};

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
    vettings: Vettings,
}

/// An upload whose body is wanted.
struct Upload {
    who: Identity,
    headers: HeaderMap,
    body: Body,
    form: DocumentForm,
    coding: BodyCoding,
    /// If another replica verifies it.
    vetting: Option<VettingId>,
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
            vettings: Vettings::default(),
        }
    }

    /// Whether another replica may verify what this participant sends, and against what.
    pub(crate) async fn wanted(&self, who: Identity) -> Option<Wanted> {
        let wanted = self.coordinator.wanted_of(who.clone()).await;
        let (ticket, base) = wanted.ok().flatten()?;
        let base = base.its_id().await.ok()?;
        Some(Wanted {
            id: self.vettings.expect(who.clone()),
            ticket,
            identity: who,
            base,
        })
    }

    /// Takes the verdict of another replica.
    pub(crate) fn vetted(&self, verdict: Verdict) {
        self.vettings.take(verdict);
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
        let vetting = parts.extensions.get::<VettingId>().copied();
        let headers = parts.headers;
        let who = sender(&headers)?;
        let admission = self.coordinator.may_submit(who.clone()).await?;
        let (form, coding) = form(&headers)?;
        let upload = Upload {
            who,
            headers,
            body,
            form,
            coding,
            vetting,
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
            vetting,
        } = upload;
        let limit = self.limit(form);
        let superseded = self.current.enter();
        let mut incoming = Incoming::new(&headers, body, limit)?;
        let claimed = vetting.and_then(|id| self.vettings.claim(id, &who));
        // The other replica hangs on this request: if it is gone, the request is dropped, and this with it.
        let (vetting, _presence) = claimed.unzip();
        let decoder = vetting.is_none().then(|| self.decoder());
        let (feed, reading) = reader::start(decoder, form, coding, limit.bytes);
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
        let read: Result<(), Refused> = tokio::select! {
            read = to_the_end => read,
            _ = superseded => Err(superseded_by_a_later_one()),
        };
        read?;
        attached.detach();
        spell.note("tauline.bytes", incoming.taken());
        drop(spell);
        // The last byte is here: from now on the time is the coordinator's.
        let read = async {
            feed.end().await;
            reading.await
        };
        self.coordinator.complete_vetted(who, read, vetting).await
    }

    fn decoder(&self) -> Decoder {
        Decoder {
            verifier: self.coordinator.verifier().clone(),
            sizes: self.coordinator.sizes().clone(),
        }
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
            vetting: _,
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
        Limit {
            bytes: most_bytes(self.coordinator.sizes(), form),
            pause: self.pause,
            whole: self.whole,
        }
    }
}

/// Most bytes of a contribution.
pub(crate) fn most_bytes(sizes: &Sizes, form: DocumentForm) -> usize {
    match form {
        DocumentForm::Json => sizes.max_json_len(),
        DocumentForm::Msgpack => sizes.max_msgpack_len(),
    }
}

fn superseded_by_a_later_one() -> Refused {
    Refused::new(
        Code::BodyTimeout,
        "a later upload of yours took this one's place: its answer is the one that counts",
    )
}
