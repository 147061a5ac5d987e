//! A contribution on its way to its receipt, as its sender sees it.

use std::sync::Arc;

use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_queue_core::Ticket;
use tauline_transcript::{DocumentError, RawContribution, Received};
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tracing::error;

use super::message::{self, Known, Message, NoReceipt, Submit, Wanted};
use super::{Admission, Coordinator, Refused, SubmitError};
use crate::http::upload::reader::{Arrived, Verification};
use crate::fingerprint::Fingerprint;
use crate::base::Head;
use crate::verifier::Job;

impl Coordinator {
    /// Whether to read the body of this participant's contribution at all.
    ///
    /// # Errors
    /// When it is not the participant's turn, or it has not started.
    pub async fn may_submit(&self, who: Identity) -> Result<Admission, Refused> {
        Ok(
            match self.ask(|reply| Message::MaySubmit { who, reply }).await? {
                Wanted::Body(_) => Admission::ReadBody,
                Wanted::Verifying => Admission::Verifying,
                Wanted::Accepted(ticket) => Admission::Accepted(self.receipt(ticket).await?),
            },
        )
    }

    /// Waits for the verdict on the contribution that is being verified; gives the receipt again
    /// of one that was accepted.
    ///
    /// # Errors
    /// When there is neither, or the verdict is not a good one.
    pub async fn verdict(&self, who: Identity) -> Result<SignedReceipt, SubmitError> {
        let sent = None;
        self.hear_verdict(|reply| Message::Verdict { who, sent, reply })
            .await
    }

    /// Answers a contribution that was sent while one was being verified, or after one was
    /// accepted: with that one's verdict, if it is the same.
    ///
    /// # Errors
    /// [`Code::EarlierOneCounted`](tauline_protocol::error::Code::EarlierOneCounted) when it is
    /// another; otherwise those of [`verdict`](Self::verdict).
    pub(crate) async fn sent_again(
        &self,
        who: Identity,
        sent: Fingerprint,
    ) -> Result<SignedReceipt, SubmitError> {
        let sent = Some(sent);
        self.hear_verdict(|reply| Message::Verdict { who, sent, reply })
            .await
    }

    /// Takes the contribution whose last byte has just arrived, and answers with its receipt.
    ///
    /// `read` makes the document of the body, on a blocking thread; its verification starts when it is
    /// stored. Otherwise this is [`complete_arriving`](Self::complete_arriving).
    ///
    /// # Errors
    /// Those of [`complete_arriving`](Self::complete_arriving).
    pub async fn complete<F>(&self, who: Identity, read: F) -> Result<SignedReceipt, SubmitError>
    where
        F: FnOnce() -> Result<RawContribution, DocumentError> + Send + 'static,
    {
        let read = async {
            let document = move || Ok(read()?.into());
            tokio::task::spawn_blocking(document).await
        };
        self.complete_read(who, read, false).await
    }

    /// Takes the contribution whose last byte has just arrived and which is being read, and answers
    /// with its receipt.
    ///
    /// The participant's clock stops at this call. What can be read is verified while it is being
    /// stored; nobody hears of the verdict before both are durable. Everything runs to its end even if the caller
    /// goes away. A body that cannot be read leaves the turn as it was. The same contribution again
    /// gets the same answer.
    ///
    /// # Errors
    /// When it is not the participant's turn, the body cannot be read, a check fails, the
    /// coordinator does, or another contribution of the participant's was there first.
    pub async fn complete_arriving<R>(
        &self,
        who: Identity,
        reading: R,
    ) -> Result<SignedReceipt, SubmitError>
    where
        R: Future<Output = Result<Result<Received, SubmitError>, JoinError>> + Send + 'static,
    {
        self.complete_read(who, reading, true).await
    }

    async fn complete_read<R>(
        &self,
        who: Identity,
        reading: R,
        verify_at_once: bool,
    ) -> Result<SignedReceipt, SubmitError>
    where
        R: Future<Output = Result<Result<Received, SubmitError>, JoinError>> + Send + 'static,
    {
        let this = self.clone();
        let at = self.clock().now();
        let to_the_end = tokio::spawn(async move {
            let arrived = |reply| Message::Arrived {
                who: who.clone(),
                at,
                reply,
            };
            let (wanted, head) = this.ask(arrived).await?;
            match wanted {
                Wanted::Body(ticket) => {
                    let head = verify_at_once.then_some(head);
                    this.read_and_submit(who, ticket, reading, head).await
                }
                // Another upload of this stay was quicker.
                Wanted::Verifying | Wanted::Accepted(_) => {
                    let document = read(reading).await?.shared_document();
                    let sent = blocking(move || Ok(Fingerprint::of(&document))).await?;
                    this.sent_again(who, sent).await
                }
            }
        });
        match to_the_end.await {
            Ok(answer) => answer,
            Err(_) => Err(Refused::unavailable().into()),
        }
    }

    /// With a `head` to verify it against, verification begins at once.
    async fn read_and_submit<R>(
        &self,
        who: Identity,
        ticket: Ticket,
        reading: R,
        head: Option<Arc<Head>>,
    ) -> Result<SignedReceipt, SubmitError>
    where
        R: Future<Output = Result<Result<Received, SubmitError>, JoinError>>,
    {
        let arrived = async {
            let contribution = read(reading).await?;
            let document = contribution.shared_document();
            let verification = match head {
                Some(head) => Verification::Begun(self.verifier().start(Job {
                    ticket,
                    identity: who.clone(),
                    head,
                    contribution,
                    key: self.shared.key.clone(),
                })),
                None => Verification::ToDo(contribution),
            };
            blocking(move || Ok(Arrived::new(&document, verification)?)).await
        };
        let arrived = match arrived.await {
            Ok(arrived) => arrived,
            Err(unreadable) => {
                // Without it, the time that reading may take runs out by itself.
                let _ = self.mailbox.send(Message::Unreadable { ticket }).await;
                return Err(unreadable);
            }
        };
        self.hear_verdict(|reply| {
            Message::Submit(Box::new(Submit {
                who,
                ticket,
                arrived,
                reply,
            }))
        })
        .await
    }

    async fn hear_verdict(
        &self,
        message: impl FnOnce(message::VerdictReply) -> Message,
    ) -> Result<SignedReceipt, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.mailbox
            .send(message(reply))
            .await
            .map_err(|_| Refused::unavailable())?;
        match answer.await {
            Ok(Ok(Known::Receipt(receipt))) => Ok(receipt),
            Ok(Ok(Known::Accepted(ticket, None))) => Ok(self.receipt(ticket).await?),
            Ok(Ok(Known::Accepted(ticket, Some(sent)))) => {
                Ok(self.receipt_for(ticket, sent).await?)
            }
            Ok(Err(NoReceipt::Failed(error))) => Err(error),
            Ok(Err(NoReceipt::Refused(no))) => Err(self.refusal(no).await.into()),
            Err(_) => Err(Refused::unavailable().into()),
        }
    }
}

/// What a blocking thread makes of a body.
async fn read<R>(reading: R) -> Result<Received, SubmitError>
where
    R: Future<Output = Result<Result<Received, SubmitError>, JoinError>>,
{
    reading.await.unwrap_or_else(|error| {
        error!(%error, "reading a contribution failed");
        Err(Refused::internal().into())
    })
}

/// What takes some milliseconds, on a blocking thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SubmitError> + Send + 'static,
) -> Result<T, SubmitError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            error!(%error, "work on a contribution failed");
            Err(Refused::internal().into())
        }
    }
}
