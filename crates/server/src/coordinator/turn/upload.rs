//! A contribution on its way in: asked for, arriving, read and submitted.

use std::sync::Arc;

use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::journal::Digest;
use tauline_queue_core::{Command, MaySubmit, Refusal, Ticket, Timestamp};
use tauline_store::Write;
use tauline_store::failpoint::failpoint;
use tauline_transcript::{DocumentError, RawContribution, Received};
use tokio::task::JoinError;
use tracing::error;

use crate::base::CurrentBase;
use crate::coordinator::handle::Coordinator;
use crate::coordinator::reply::{Counted, Reply, SubmitAnswer};
use crate::coordinator::task::{Message, Task, Verifying};
use crate::coordinator::turn::vetted;
use crate::fingerprint::Fingerprint;
use crate::refused::Refused;
use crate::submission::{Arrived, Verification, stored};
use crate::verifier::Job;
use crate::vetting::Vetting;

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
    /// Whether to read the body of this participant's contribution at all.
    ///
    /// # Errors
    /// When it is not the participant's turn, or it has not started.
    pub async fn may_submit(&self, who: Identity) -> Result<Admission, Refused> {
        let may = self.ask(who, |task, now, who| task.may_submit(now, who));
        Ok(match may.await? {
            MaySubmit::Yes(_) => {
                self.still_here()?;
                Admission::ReadBody
            }
            MaySubmit::Verifying(_) => Admission::Verifying,
            MaySubmit::Accepted(ticket) => Admission::Accepted(self.receipt(ticket).await?),
        })
    }

    /// Bytes of this participant's contribution arrive. Worth saying once a second.
    pub(crate) fn uploading(&self, who: &Identity) {
        let id = who.clone();
        let message = Message::new(move |task, now| {
            let _ = task.carry_out(now, Command::Upload { id }, None);
        });
        // When the mailbox is full, there will be more of them to say so.
        let _ = self.mailbox.try_send(message);
    }

    /// Takes the contribution whose last byte has just arrived, and answers with its receipt.
    ///
    /// `read` makes the document of the body, on a blocking thread; its verification starts when it
    /// is stored. Otherwise this is [`complete_arriving`](Self::complete_arriving).
    ///
    /// # Errors
    /// Those of [`complete_arriving`](Self::complete_arriving).
    pub async fn complete<F>(&self, who: Identity, read: F) -> Result<SignedReceipt, Refused>
    where
        F: FnOnce() -> Result<RawContribution, DocumentError> + Send + 'static,
    {
        let read = async {
            let document = move || read().map(Received::from).map_err(Refused::malformed);
            tokio::task::spawn_blocking(document).await
        };
        let counted = self.complete_read(who, read, Verified::OnceStored);
        Ok(counted.await?.receipt)
    }

    /// Takes the contribution whose last byte has just arrived and which is being read, and answers
    /// with its receipt.
    ///
    /// The participant's clock stops at this call. What can be read is verified while it is being
    /// stored; nobody hears of the verdict before both are durable. Everything runs to its end even
    /// if the caller goes away. A body that cannot be read leaves the turn as it was. The same
    /// contribution again gets the same answer.
    ///
    /// # Errors
    /// When it is not the participant's turn, the body cannot be read, a check fails, the
    /// coordinator does, or another contribution of the participant's was there first.
    pub async fn complete_arriving<R>(&self, who: Identity, reading: R) -> Result<Counted, Refused>
    where
        R: Future<Output = Result<Result<Received, Refused>, JoinError>> + Send + 'static,
    {
        self.complete_read(who, reading, Verified::Here).await
    }

    /// As [`complete_arriving`](Self::complete_arriving), for a contribution that another replica may be
    /// verifying.
    ///
    /// # Errors
    /// Those of [`complete_arriving`](Self::complete_arriving).
    pub(crate) async fn complete_vetted<R>(
        &self,
        who: Identity,
        reading: R,
        vetting: Option<Vetting>,
    ) -> Result<Counted, Refused>
    where
        R: Future<Output = Result<Result<Received, Refused>, JoinError>> + Send + 'static,
    {
        let verified = vetting.map_or(Verified::Here, Verified::There);
        self.complete_read(who, reading, verified).await
    }

    async fn complete_read<R>(
        &self,
        who: Identity,
        reading: R,
        verified: Verified,
    ) -> Result<Counted, Refused>
    where
        R: Future<Output = Result<Result<Received, Refused>, JoinError>> + Send + 'static,
    {
        let this = self.clone();
        let at = self.clock().now();
        let to_the_end = tokio::spawn(async move {
            let arrived = this.ask_first(who.clone(), move |task, _, who| task.arrived(at, who));
            let (may_submit, base) = arrived.await?;
            match may_submit {
                MaySubmit::Yes(ticket) => {
                    let arriving = Arriving {
                        ticket,
                        base,
                        verified,
                    };
                    this.read_and_submit(who, arriving, reading).await
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
            Err(_) => Err(Refused::unavailable()),
        }
    }

    async fn read_and_submit<R>(
        &self,
        who: Identity,
        arriving: Arriving,
        reading: R,
    ) -> Result<Counted, Refused>
    where
        R: Future<Output = Result<Result<Received, Refused>, JoinError>>,
    {
        let ticket = arriving.ticket;
        let arrived = match self.arrived(&who, arriving, reading).await {
            Ok(arrived) => arrived,
            Err(unreadable) => {
                let message = Message::new(move |task, _| task.moment.arrivals.end(ticket));
                // Without it, the time that reading may take runs out by itself.
                let _ = self.mailbox.send(message).await;
                return Err(unreadable);
            }
        };
        failpoint("contribution-read");
        self.hear_verdict(move |task, now, reply| task.submit(now, &who, ticket, arrived, reply))
            .await
    }

    /// A contribution that can be read, kept, and on its way to a verdict.
    async fn arrived<R>(
        &self,
        who: &Identity,
        arriving: Arriving,
        reading: R,
    ) -> Result<Arrived, Refused>
    where
        R: Future<Output = Result<Result<Received, Refused>, JoinError>>,
    {
        let Arriving {
            ticket,
            base,
            verified,
        } = arriving;
        let contribution = read(reading).await?;
        let document = contribution.shared_document();
        let job = Job {
            ticket,
            identity: who.clone(),
            base,
            contribution,
            key: self.shared.key.clone(),
        };
        let begun = match verified {
            Verified::OnceStored => Ok(Verification::ToDo(job.contribution)),
            Verified::Here => Ok(Verification::Begun(self.verifier().start(job))),
            // Its verdict has to name what is stored.
            Verified::There(vetting) => Err((job, vetting)),
        };
        let store = Arc::clone(&self.shared.store);
        let keep = move || {
            let blob = stored(&document).map_err(Refused::malformed)?;
            // Where powers are kept apart, the task does not wait for it.
            store.prepare(&blob).map_err(|error| {
                error!(%error, "a contribution could not be kept; it can be sent again");
                Refused::unavailable()
            })?;
            Ok((blob, Fingerprint::of(&document)))
        };
        let (blob, fingerprint) = blocking(keep).await?;
        let there = |(job, vetting)| {
            let verifier = self.verifier().clone();
            Verification::Begun(vetted::judging(verifier, job, *blob.digest(), vetting))
        };
        Ok(Arrived {
            verification: begun.unwrap_or_else(there),
            blob,
            fingerprint,
        })
    }

    /// The stay of the contribution that is wanted of this participant now, and what it builds on; none if
    /// none is.
    pub(crate) async fn wanted_of(
        &self,
        who: Identity,
    ) -> Result<Option<(Ticket, Arc<CurrentBase>)>, Refused> {
        let wanted = self.ask(who, |task, now, who| {
            Ok(match task.may_submit(now, who) {
                Ok(MaySubmit::Yes(ticket)) => Some((ticket, Arc::clone(&task.base))),
                _ => None,
            })
        });
        wanted.await
    }
}

/// A contribution whose last byte is here.
struct Arriving {
    ticket: Ticket,
    /// What it builds on.
    base: Arc<CurrentBase>,
    verified: Verified,
}

/// Where, and from when on, a contribution is verified.
enum Verified {
    /// Here, once it is stored.
    OnceStored,
    /// Here, as soon as it is read.
    Here,
    /// By another replica.
    There(Vetting),
}

impl Task {
    /// Whether a contribution of this participant's is wanted, now that it is `at`.
    pub(super) fn may_submit(
        &mut self,
        at: Timestamp,
        who: &Identity,
    ) -> Result<MaySubmit, Refusal> {
        let _ = self.carry_out(at, Command::Tick, None);
        self.state().may_submit(who)
    }

    /// The last byte of a contribution arrived at `at`. Its owner's clock stops while it is being
    /// read. The answer comes with the state that it builds on, if it is wanted.
    fn arrived(
        &mut self,
        at: Timestamp,
        who: &Identity,
    ) -> Result<(MaySubmit, Arc<CurrentBase>), Refusal> {
        let may_submit = self.may_submit(at, who)?;
        if let MaySubmit::Yes(ticket) = may_submit {
            let grace = self.queue.rules().checkin_grace;
            let now = self.clock.now();
            self.moment.arrivals.begin(ticket, now, grace);
        }
        Ok((may_submit, Arc::clone(&self.base)))
    }

    /// A contribution could be read, which arrived in this stay.
    fn submit(
        &mut self,
        now: Timestamp,
        who: &Identity,
        ticket: Ticket,
        arrived: Arrived,
        reply: Reply<SubmitAnswer>,
    ) {
        self.moment.arrivals.end(ticket);
        match self.may_submit(now, who) {
            Ok(MaySubmit::Yes(wanted)) if wanted == ticket => {
                self.pending.submitted = Some(arrived);
                let result = self.carry_out(now, Command::Submit { id: who.clone() }, None);
                self.pending.submitted = None;
                match result {
                    Ok(()) => {
                        self.verdict(now, who, None, reply);
                        self.judge_if_verified(ticket);
                    }
                    Err(refusal) => self.refuse(reply, who, refusal),
                }
            }
            // The stay it arrived in is over, and its owner has a new one.
            Ok(MaySubmit::Yes(_)) => self.refuse(reply, who, Refusal::NotStarted),
            // Two uploads of one stay: the first counts.
            Ok(MaySubmit::Verifying(_) | MaySubmit::Accepted(_)) | Err(_) => {
                self.verdict(now, who, Some(arrived.fingerprint), reply);
            }
        }
    }

    /// Puts the contribution that is being submitted into the batch and has it verified after the
    /// commit. Gives the digest of what is stored.
    pub(in crate::coordinator) fn keep_submitted(&mut self, ticket: Ticket) -> Option<Digest> {
        let Arrived {
            verification,
            blob,
            fingerprint,
        } = self.pending.submitted.take()?;
        let identity = self.state().id_of(ticket).cloned()?;
        let digest = *blob.digest();
        self.pending.batch.writes.push(Write::Blob { ticket, blob });
        self.verifying = Some(Verifying {
            ticket,
            identity,
            fingerprint,
            verification: Some(verification),
            waiters: Vec::new(),
        });
        self.pending.starts_verifying = true;
        Some(digest)
    }
}

/// What a blocking thread makes of a body.
async fn read<R>(reading: R) -> Result<Received, Refused>
where
    R: Future<Output = Result<Result<Received, Refused>, JoinError>>,
{
    reading.await.unwrap_or_else(|error| {
        error!(%error, "reading a contribution failed");
        Err(Refused::internal())
    })
}

/// What takes some milliseconds, on a blocking thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            error!(%error, "work on a contribution failed");
            Err(Refused::internal())
        }
    }
}
