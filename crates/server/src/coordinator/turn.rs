//! A turn, from its start to the last byte of its contribution: what its owner asks, and what the
//! task does.

pub(super) mod arrivals;
mod verdict;

use std::sync::Arc;

use tauline_protocol::Identity;
use tauline_protocol::contribution::{SignedReceipt, StartRequest};
use tauline_protocol::status::QueueStatus;
use tauline_queue_core::{Command, MaySubmit, Refusal, Ticket, Timestamp};
use tauline_transcript::{DocumentError, RawContribution, Received};
use tokio::task::JoinError;
use tracing::error;

use super::Coordinator;
use super::message::{Message, Submit};
use super::reply::{No, NoReceipt};
use super::task::Task;
use crate::base::CurrentBase;
use crate::fingerprint::Fingerprint;
use crate::refused::Refused;
use crate::submission::{Arrived, SubmitError, Verification};
use crate::verifier::Job;

/// Whether the body of a contribution is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Yes: it is this participant's turn.
    ReadBody,
    /// No: one is being verified. [`Coordinator::verdict`] waits for what comes of it.
    Verifying,
    /// No: one was accepted, and this is its receipt.
    Accepted(SignedReceipt),
}

impl Coordinator {
    /// Starts the turn and gives the state to build on. Repeating it gives the same state and does
    /// not restart the clock. The names of the participant's programs go into the log.
    ///
    /// # Errors
    /// When it is not the participant's turn.
    pub async fn start(
        &self,
        who: Identity,
        tags: StartRequest,
    ) -> Result<Arc<CurrentBase>, Refused> {
        let note = note_of(&tags);
        let checks_in = tags.checks_in;
        self.ask(|reply| Message::Start {
            who,
            note,
            checks_in,
            reply,
        })
        .await
    }

    /// Gives the turn up, for a reason that goes into the log.
    ///
    /// # Errors
    /// When it is not the participant's turn, or the contribution is being verified.
    pub async fn abort(
        &self,
        who: Identity,
        reason: Option<String>,
    ) -> Result<QueueStatus, Refused> {
        let standing = self
            .ask(|reply| Message::Abort { who, reason, reply })
            .await?;
        self.complete_status(standing).await
    }

    /// Whether to read the body of this participant's contribution at all.
    ///
    /// # Errors
    /// When it is not the participant's turn, or it has not started.
    pub async fn may_submit(&self, who: Identity) -> Result<Admission, Refused> {
        Ok(
            match self.ask(|reply| Message::MaySubmit { who, reply }).await? {
                MaySubmit::Yes(_) => Admission::ReadBody,
                MaySubmit::Verifying(_) => Admission::Verifying,
                MaySubmit::Accepted(ticket) => Admission::Accepted(self.receipt(ticket).await?),
            },
        )
    }

    /// Bytes of this participant's contribution arrive. Worth saying once a second.
    pub(crate) fn uploading(&self, who: &Identity) {
        // When the mailbox is full, there will be more of them to say so.
        let _ = self
            .mailbox
            .try_send(Message::Uploading { who: who.clone() });
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
            let (wanted, base) = this.ask(arrived).await?;
            match wanted {
                MaySubmit::Yes(ticket) => {
                    let base = verify_at_once.then_some(base);
                    this.read_and_submit(who, ticket, reading, base).await
                }
                // Another upload of this stay was quicker.
                MaySubmit::Verifying(_) | MaySubmit::Accepted(_) => {
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

    /// With a `base` to verify it against, verification begins at once.
    async fn read_and_submit<R>(
        &self,
        who: Identity,
        ticket: Ticket,
        reading: R,
        base: Option<Arc<CurrentBase>>,
    ) -> Result<SignedReceipt, SubmitError>
    where
        R: Future<Output = Result<Result<Received, SubmitError>, JoinError>>,
    {
        let arrived = async {
            let contribution = read(reading).await?;
            let document = contribution.shared_document();
            let verification = match base {
                Some(base) => Verification::Begun(self.verifier().start(Job {
                    ticket,
                    identity: who.clone(),
                    base,
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
}

impl Task {
    /// Whether a contribution of this participant's is wanted, now that it is `at`.
    pub(super) fn may_submit(&mut self, at: Timestamp, who: &Identity) -> Result<MaySubmit, No> {
        let _ = self.carry_out(at, Command::Tick, None);
        let may = self.state().may_submit(who);
        may.map_err(|refusal| self.no(who, refusal))
    }

    pub(super) fn submit(&mut self, now: Timestamp, submit: Submit) {
        let Submit {
            who,
            ticket,
            arrived,
            reply,
        } = submit;
        self.now.arrivals.end(ticket);
        match self.may_submit(now, &who) {
            Ok(MaySubmit::Yes(wanted)) if wanted == ticket => {
                self.now.submitted = Some(arrived);
                let result = self.carry_out(now, Command::Submit { id: who.clone() }, None);
                self.now.submitted = None;
                match result {
                    Ok(()) => {
                        self.verdict(now, &who, None, reply);
                        self.judge_if_verified(ticket);
                    }
                    Err(refusal) => {
                        let no = NoReceipt::Refused(self.no(&who, refusal));
                        self.later(move || drop(reply.send(Err(no))));
                    }
                }
            }
            Ok(MaySubmit::Yes(_)) => {
                // The stay it arrived in is over, and its owner has a new one.
                let no = NoReceipt::Refused(self.no(&who, Refusal::NotStarted));
                self.later(move || drop(reply.send(Err(no))));
            }
            // Two uploads of one stay: the first counts.
            Ok(MaySubmit::Verifying(_) | MaySubmit::Accepted(_)) | Err(_) => {
                self.verdict(now, &who, Some(arrived.fingerprint), reply);
            }
        }
    }
}

/// The names of a participant's programs, as the log notes them.
fn note_of(tags: &StartRequest) -> Option<String> {
    let StartRequest {
        client,
        computation,
        ..
    } = tags;
    match (client, computation) {
        (None, None) => None,
        (Some(client), None) => Some(format!("client {client}")),
        (None, Some(computation)) => Some(format!("computation {computation}")),
        (Some(client), Some(computation)) => {
            Some(format!("client {client}, computation {computation}"))
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
