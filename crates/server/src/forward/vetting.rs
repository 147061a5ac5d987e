//! Uploads that a follower verifies while it passes them on (see [`crate::vetting`]).
//!
//! The body goes to the leader as ever, and nothing here makes it slower: the same pieces go to a reader of this
//! replica's. Whatever goes wrong with that is told, or shows, and then the leader verifies.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::request::Parts;
use axum::http::{Method, header};
use hyper::body::{Frame, SizeHint};
use tauline_store::failpoint::failpoint;
use tauline_transcript::Received;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::deputy::Deputy;
use super::link::Link;
use super::role::Leader;
use crate::base::CurrentBase;
use crate::http::body::compression::BodyCoding;
use crate::http::body::media::DocumentForm;
use crate::http::upload::most_bytes;
use crate::http::upload::reader::{self, Decoder};
use crate::submission::stored;
use crate::verifier::Judgement;
use crate::vetting::{Finding, Verdict, VettingId, Wanted};

/// How long the leader may take to say whether an upload is wanted, and to hear a verdict.
const ANSWER: Duration = Duration::from_secs(1);

/// Pause before a verdict is told again that did not arrive.
const AGAIN: Duration = Duration::from_millis(100);

/// Whether a request brings a contribution.
pub(super) fn is_upload(parts: &Parts) -> bool {
    parts.method == Method::POST
        && matches!(parts.uri.path(), "/contribution/complete" | "/contribute")
        && parts.headers.contains_key(header::AUTHORIZATION)
}

/// The form and the compression of what a request brings, if it can be read at all.
fn form_of(parts: &Parts) -> Option<(DocumentForm, BodyCoding)> {
    let form = match parts.uri.path() {
        // The leader looks at what it is called.
        "/contribute" => DocumentForm::Json,
        _ => DocumentForm::of(&parts.headers).ok()?,
    };
    Some((form, BodyCoding::of(&parts.headers).ok()?))
}

/// A piece of a body, or its end.
enum Piece {
    Bytes(Bytes),
    End,
}

/// Where a body can be listened in on. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Tap(Arc<Mutex<Option<UnboundedSender<Piece>>>>);

impl Tap {
    /// The pieces that are read from now on. They are no more than the leader takes: it has asked for
    /// them, and takes no more than a contribution has.
    fn listen(&self) -> UnboundedReceiver<Piece> {
        let (to, pieces) = mpsc::unbounded_channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
        pieces
    }

    fn say(&self, piece: Piece) {
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_end = matches!(piece, Piece::End);
        let is_heard = to.as_ref().is_some_and(|to| to.send(piece).is_ok());
        if is_end || !is_heard {
            *to = None;
        }
    }

    /// Nothing more comes, and it is not the end.
    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A body that is passed on, and may be listened in on.
pub(super) struct Tapped {
    body: Body,
    tap: Tap,
}

impl Tapped {
    pub(super) fn new(body: Body, tap: Tap) -> Self {
        Self { body, tap }
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        self.tap.close();
    }
}

impl HttpBody for Tapped {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    self.tap.say(Piece::Bytes(bytes.clone()));
                }
                // Who knows the length does not ask for more.
                if self.body.is_end_stream() {
                    self.tap.say(Piece::End);
                }
            }
            Poll::Ready(None) => self.tap.say(Piece::End),
            Poll::Ready(Some(Err(_))) => self.tap.close(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An upload that is being verified here, until this is dropped.
pub(super) struct Vetted {
    pub(super) id: VettingId,
    verifying: JoinHandle<()>,
}

impl Drop for Vetted {
    fn drop(&mut self) {
        self.verifying.abort();
    }
}

/// Verifies here what a request brings to this leader, if the leader wants it, and this replica has the state that
/// it builds on.
pub(super) async fn vet(
    deputy: Deputy,
    link: &Link,
    leader: &Arc<Leader>,
    parts: &Parts,
    tap: &Tap,
) -> Option<Vetted> {
    let (form, coding) = form_of(parts)?;
    let asked = timeout(ANSWER, link.wanted(leader, &parts.headers)).await;
    let wanted = asked.ok()?.ok()??;
    let base = deputy.state(wanted.base).await?;
    let id = wanted.id;
    let work = Work {
        deputy,
        wanted,
        base,
        form,
        coding,
    };
    let (link, leader) = (link.clone(), Arc::clone(leader));
    let pieces = tap.listen();
    let verifying = tokio::spawn(async move {
        let Some(verdict) = work.verdict(pieces).await else {
            return;
        };
        failpoint("vetting-judged");
        // The leader's answer to the upload ends this.
        while !matches!(
            timeout(ANSWER, link.verdict(&leader, &verdict)).await,
            Ok(Ok(()))
        ) {
            sleep(AGAIN).await;
        }
    });
    Some(Vetted { id, verifying })
}

/// An upload that is verified here.
struct Work {
    deputy: Deputy,
    wanted: Wanted,
    base: Arc<CurrentBase>,
    form: DocumentForm,
    coding: BodyCoding,
}

impl Work {
    /// What comes of it. None if the body does not arrive whole.
    async fn verdict(self, mut pieces: UnboundedReceiver<Piece>) -> Option<Verdict> {
        let coordinator = &self.deputy.coordinator;
        let decoder = Decoder {
            verifier: coordinator.verifier().clone(),
            sizes: coordinator.sizes().clone(),
        };
        let most = most_bytes(coordinator.sizes(), self.form);
        let (feed, reading) = reader::start(Some(decoder), self.form, self.coding, most);
        let mut taken = 0;
        while let Piece::Bytes(piece) = pieces.recv().await? {
            taken += piece.len();
            if taken > most {
                // The leader refuses it.
                return None;
            }
            feed.piece(piece).await;
        }
        feed.end().await;
        // What cannot be read is refused by the leader, in the same words as ever.
        let received = reading.await.ok()?.ok()?;
        failpoint("vetting-read");
        self.judge(received).await
    }

    async fn judge(self, received: Received) -> Option<Verdict> {
        let document = received.shared_document();
        let Wanted {
            id,
            ticket,
            identity,
            base,
        } = self.wanted;
        let coordinator = self.deputy.coordinator;
        let judging = coordinator.judge(ticket, identity, self.base, received);
        let sum = tokio::task::spawn_blocking(move || stored(&document));
        let document = *sum.await.ok()?.ok()?.digest();
        Some(Verdict {
            id,
            base,
            document,
            finding: found(judging.await.ok()),
        })
    }
}

fn found(judgement: Option<Judgement>) -> Finding {
    match judgement {
        Some(Judgement::Valid(accepted)) => Finding::Valid {
            bls: (accepted.contribution.witness.iter())
                .map(|entry| entry.bls_signature.is_some())
                .collect(),
            ecdsa: accepted.contribution.ecdsa.is_some(),
        },
        Some(Judgement::Invalid(check)) => Finding::Invalid(check),
        Some(Judgement::Fault(fault)) => {
            tracing::error!(
                fault,
                "verification failed to come to a verdict: the leader verifies"
            );
            Finding::Undecided
        }
        None => Finding::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn heard(mut pieces: UnboundedReceiver<Piece>) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::Bytes(piece) => bytes.extend_from_slice(&piece),
                Piece::End => return (bytes, true),
            }
        }
        (bytes, false)
    }

    fn stream(pieces: Vec<Result<&'static str, std::io::Error>>) -> Body {
        Body::from_stream(futures_util::stream::iter(pieces))
    }

    #[tokio::test]
    async fn whoever_listens_hears_what_is_passed_on_and_whether_it_is_whole() {
        let tap = Tap::default();
        let pieces = tap.listen();
        let body = Tapped::new(Body::from("all of it"), tap.clone());
        assert_eq!(body.size_hint().exact(), Some(9));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "all of it");
        assert_eq!(heard(pieces).await, (b"all of it".to_vec(), true));
        let pieces = tap.listen();
        let body = Tapped::new(stream(vec![Ok("a"), Ok("b")]), tap.clone());
        body.collect().await.unwrap();
        assert_eq!(heard(pieces).await, (b"ab".to_vec(), true));
        let pieces = tap.listen();
        let broken = std::io::ErrorKind::ConnectionReset.into();
        let body = Tapped::new(stream(vec![Ok("a"), Err(broken)]), tap.clone());
        assert!(body.collect().await.is_err());
        assert_eq!(heard(pieces).await, (b"a".to_vec(), false));
        let pieces = tap.listen();
        drop(Tapped::new(Body::from("nothing of it"), tap.clone()));
        assert_eq!(heard(pieces).await, (Vec::new(), false));
        // Nobody listens.
        let body = Tapped::new(Body::from("all of it"), tap);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "all of it");
    }
}
