//! The verdict on a contribution that has arrived: how it comes about, and who hears of it.

use std::sync::Arc;

use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_queue_core::{Command, MaySubmit, Outcome, Refusal, Ticket, Timestamp, Verdict};
use tauline_store::Write;
use tauline_store::failpoint::failpoint;
use tracing::field::display;
use tracing::{debug, error, warn};

use crate::coordinator::handle::Coordinator;
use crate::coordinator::refusals;
use crate::coordinator::reply::{Counted, Reply, RulesRefusal, SubmitAnswer};
use crate::coordinator::task::{Message, Task, VerdictWaiter};
use crate::fingerprint::Fingerprint;
use crate::refused::Refused;
use crate::submission::Verification;
use crate::verifier::{Accepted, Job, Judgement};

impl Coordinator {
    /// Waits for the verdict on the contribution that is being verified; gives the receipt again
    /// of one that was accepted.
    ///
    /// # Errors
    /// When there is neither, or the verdict is not a good one.
    pub async fn verdict(&self, who: Identity) -> Result<SignedReceipt, Refused> {
        let counted =
            self.hear_verdict(move |task, now, reply| task.verdict(now, &who, None, reply));
        Ok(counted.await?.receipt)
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
    ) -> Result<Counted, Refused> {
        self.hear_verdict(move |task, now, reply| task.verdict(now, &who, Some(sent), reply))
            .await
    }

    /// Has the task do something that a verdict answers, and makes the receipt if it is not there
    /// yet.
    pub(super) async fn hear_verdict(
        &self,
        act: impl FnOnce(&mut Task, Timestamp, Reply<SubmitAnswer>) + Send + 'static,
    ) -> Result<Counted, Refused> {
        match self.ask_held(act).await? {
            SubmitAnswer::Counted(counted) => Ok(counted),
            SubmitAnswer::AcceptedBefore { ticket, sent } => self.counted(ticket, sent).await,
            SubmitAnswer::Failed(refused) => Err(refused),
        }
    }
}

impl Task {
    /// Answers with the verdict on this participant's contribution, once there is one; or, if
    /// another was `sent`, with what that means for it.
    pub(super) fn verdict(
        &mut self,
        now: Timestamp,
        who: &Identity,
        sent: Option<Fingerprint>,
        reply: Reply<SubmitAnswer>,
    ) {
        match self.may_submit(now, who) {
            Ok(MaySubmit::Verifying(_)) => match &mut self.verifying {
                Some(verifying) => {
                    let sent_another = sent.is_some_and(|sent| sent != verifying.fingerprint);
                    verifying.waiters.push(VerdictWaiter {
                        sent_another,
                        reply,
                    });
                }
                None => self.refuse(reply, who, Refusal::NotStarted),
            },
            Ok(MaySubmit::Accepted(ticket)) => {
                self.reply(reply, Ok(SubmitAnswer::AcceptedBefore { ticket, sent }));
            }
            Ok(MaySubmit::Yes(_)) => self.refuse(reply, who, Refusal::NotStarted),
            Err(refusal) => self.refuse(reply, who, refusal),
        }
    }

    /// Starts verifying, or waits for a verification that was started before; either way the task
    /// hears of the judgement by a message.
    pub(in crate::coordinator) fn start_verifying(&mut self) {
        let Some(verifying) = &mut self.verifying else {
            return;
        };
        failpoint("contribution-stored");
        let ticket = verifying.ticket;
        let judging = match verifying.verification.take() {
            Some(Verification::Begun(judging)) => judging,
            Some(Verification::ToDo(contribution)) => self.verifier.start(Job {
                ticket,
                identity: verifying.identity.clone(),
                base: Arc::clone(&self.base),
                contribution,
                key: self.key.clone(),
            }),
            None => return,
        };
        debug!(%ticket, identity = %verifying.identity, "verifying");
        let urgent_mailbox = self.urgent_mailbox.clone();
        tokio::spawn(async move {
            if let Ok(judgement) = judging.await {
                // The task may be gone by then: the next start verifies again.
                let message = Message::new(move |task, _| task.judged(ticket, judgement));
                let _ = urgent_mailbox.send(message);
            }
        });
    }

    /// Judges at once what was verified before it could be submitted: then one commit covers both,
    /// and nobody hears of one without the other.
    pub(super) fn judge_if_verified(&mut self, ticket: Ticket) {
        if let Some(verifying) = &mut self.verifying
            && verifying.ticket == ticket
            && let Some(Verification::Begun(judging)) = &mut verifying.verification
            && let Ok(judgement) = judging.try_recv()
        {
            verifying.verification = None;
            self.judged(ticket, judgement);
        }
    }

    /// A verification has ended: the rules hear of the verdict.
    pub(in crate::coordinator) fn judged(&mut self, ticket: Ticket, mut judgement: Judgement) {
        failpoint("verdict-reached");
        // Before the log hears of it: its record binds the sum of all that is kept.
        if let Judgement::Valid(accepted) = &mut judgement
            && let Some(verifying) = self.verifying.as_ref().filter(|it| it.ticket == ticket)
        {
            accepted.contribution.digest = Some(*verifying.fingerprint.digest());
        }
        let (verdict, note) = match &judgement {
            Judgement::Valid(_) => (Verdict::Valid, None),
            Judgement::Invalid(check) => (Verdict::Invalid, Some(check.to_string())),
            Judgement::Fault(fault) => {
                let identity = self.state().id_of(ticket).map(display);
                error!(%ticket, identity, fault, "verification failed to come to a verdict");
                (Verdict::CoordinatorFault, None)
            }
        };
        let identity = self.state().id_of(ticket).cloned();
        self.pending.judgement = Some(judgement);
        let result = self.carry_out(self.time(), Command::Judge { ticket, verdict }, note);
        self.pending.judgement = None;
        if let Err(refusal) = result {
            let identity = identity.map(display);
            warn!(%ticket, identity, %refusal, "a verdict came too late");
        }
    }

    /// What follows the end of a stay whose contribution was being verified.
    pub(in crate::coordinator) fn ended(&mut self, ticket: Ticket, outcome: Outcome) {
        self.moment.arrivals.forget(ticket);
        let Some(verifying) = self
            .verifying
            .take_if(|verifying| verifying.ticket == ticket)
        else {
            return;
        };
        let answer = match (outcome, self.pending.judgement.take()) {
            (Outcome::Contributed, Some(Judgement::Valid(accepted))) => {
                SubmitAnswer::Counted(self.accept(ticket, *accepted))
            }
            (Outcome::Contributed, _) => {
                panic!("ticket {ticket}: accepted, but nothing was verified")
            }
            (outcome, judgement) => {
                self.drop_blob(ticket);
                SubmitAnswer::Failed(match (outcome, judgement) {
                    (Outcome::Invalid, Some(Judgement::Invalid(check))) => Refused::invalid(check),
                    _ => refusals::coordinator_fault(ticket),
                })
            }
        };
        let answer_to_another = match outcome {
            Outcome::Contributed => Ok(SubmitAnswer::Failed(refusals::earlier_one_counted())),
            // Nothing is wrong with what this one sent, but its stay is over.
            Outcome::Invalid => Err(RulesRefusal {
                refusal: Refusal::Ended { outcome },
                past: Some(ticket),
            }),
            _ => Ok(answer.clone()),
        };
        for waiter in verifying.waiters {
            let answer = match waiter.sent_another {
                true => answer_to_another.clone(),
                false => Ok(answer.clone()),
            };
            self.reply(waiter.reply, answer);
        }
    }

    /// Puts what an accepted contribution changes into the batch, and gives its receipt.
    fn accept(&mut self, ticket: Ticket, accepted: Accepted) -> Counted {
        let Accepted {
            contribution,
            base,
            receipt,
        } = accepted;
        assert_eq!(
            contribution.number,
            self.state().contributions(),
            "the contribution of ticket {ticket} does not follow the base"
        );
        let number = contribution.number;
        let writes = &mut self.pending.batch.writes;
        writes.push(Write::Accepted(contribution));
        self.base = base;
        Counted { number, receipt }
    }

    /// The contribution is of no more use. If it is not stored yet, it need not be.
    fn drop_blob(&mut self, ticket: Ticket) {
        let writes = &mut self.pending.batch.writes;
        let is_its_blob =
            |write: &Write| matches!(write, Write::Blob { ticket: of, .. } if *of == ticket);
        match writes.iter().position(is_its_blob) {
            Some(at) => drop(writes.remove(at)),
            None => writes.push(Write::DropBlob(ticket)),
        }
    }
}
