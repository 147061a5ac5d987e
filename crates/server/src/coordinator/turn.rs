//! A turn's end: a contribution arrives, is verified, and is judged.

use std::sync::Arc;

use tauline_protocol::Identity;
use tauline_queue_core::{Command, Outcome, Phase, Refusal, Ticket, Timestamp, Verdict};
use tracing::field::display;
use tracing::{debug, error, warn};

use super::answer::{self, SubmitError};
use super::message::{Known, No, NoReceipt, Submit, Urgent, VerdictReply, Wanted};
use super::task::{Task, Waiter};
use crate::http::upload::reader::Verification;
use crate::fingerprint::Fingerprint;
use crate::store::Write;
use crate::verifier::{Accepted, Job, Judgement};

impl Task {
    /// What follows the end of a stay whose contribution was being verified.
    pub(super) fn ended(&mut self, ticket: Ticket, outcome: Outcome) {
        self.now.arrivals.forget(ticket);
        let Some(verifying) = self
            .verifying
            .take_if(|verifying| verifying.ticket == ticket)
        else {
            return;
        };
        let told = match (outcome, self.now.judgement.take()) {
            (Outcome::Contributed, Some(Judgement::Valid(accepted))) => {
                let Accepted {
                    contribution,
                    head,
                    receipt,
                } = *accepted;
                assert_eq!(
                    contribution.number,
                    self.state().contributions(),
                    "the contribution of ticket {ticket} does not follow the head"
                );
                self.now.batch.writes.push(Write::Accepted(contribution));
                self.head = head;
                Ok(Known::Receipt(receipt))
            }
            (Outcome::Contributed, _) => {
                panic!("ticket {ticket}: accepted, but nothing was verified")
            }
            (outcome, judgement) => {
                self.drop_blob(ticket);
                Err(NoReceipt::Failed(match (outcome, judgement) {
                    (Outcome::Invalid, Some(Judgement::Invalid(check))) => {
                        SubmitError::Invalid(check)
                    }
                    _ => SubmitError::CoordinatorFault(answer::coordinator_fault(ticket)),
                }))
            }
        };
        let other = match outcome {
            Outcome::Contributed => Err(NoReceipt::Failed(answer::earlier_one_counted().into())),
            // Nothing is wrong with what this one sent, but its stay is over.
            Outcome::Invalid => Err(NoReceipt::Refused(No {
                refusal: Refusal::Ended { outcome },
                past: Some(ticket),
            })),
            _ => told.clone(),
        };
        for Waiter {
            sent_another,
            reply,
        } in verifying.waiters
        {
            let told = if sent_another { &other } else { &told }.clone();
            self.later(move || drop(reply.send(told)));
        }
    }

    /// The contribution is of no more use. If it is not stored yet, it need not be.
    fn drop_blob(&mut self, ticket: Ticket) {
        let writes = &mut self.now.batch.writes;
        let is_its_blob =
            |write: &Write| matches!(write, Write::Blob { ticket: of, .. } if *of == ticket);
        match writes.iter().position(is_its_blob) {
            Some(at) => drop(writes.remove(at)),
            None => writes.push(Write::DropBlob(ticket)),
        }
    }

    pub(super) fn submit(&mut self, now: Timestamp, submit: Submit) {
        let Submit {
            who,
            ticket,
            arrived,
            reply,
        } = submit;
        self.now.arrivals.end(ticket);
        match self.wanted(now, &who) {
            Ok(Wanted::Body(wanted)) if wanted == ticket => {
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
            Ok(Wanted::Body(_)) => {
                // The stay it arrived in is over, and its owner has a new one.
                let no = NoReceipt::Refused(self.no(&who, Refusal::NotStarted));
                self.later(move || drop(reply.send(Err(no))));
            }
            // Two uploads of one stay: the first counts.
            Ok(Wanted::Verifying | Wanted::Accepted(_)) | Err(_) => {
                self.verdict(now, &who, Some(arrived.fingerprint), reply);
            }
        }
    }

    /// Answers with the verdict on this participant's contribution, once there is one; or, if
    /// another was `sent`, with what that means for it.
    pub(super) fn verdict(
        &mut self,
        now: Timestamp,
        who: &Identity,
        sent: Option<Fingerprint>,
        reply: VerdictReply,
    ) {
        let told = match self.wanted(now, who) {
            Ok(Wanted::Verifying) => match &mut self.verifying {
                Some(verifying) => {
                    let sent_another = sent.is_some_and(|sent| sent != verifying.fingerprint);
                    verifying.waiters.push(Waiter {
                        sent_another,
                        reply,
                    });
                    return;
                }
                None => Err(NoReceipt::Refused(self.no(who, Refusal::NotStarted))),
            },
            Ok(Wanted::Accepted(ticket)) => Ok(Known::Accepted(ticket, sent)),
            Ok(Wanted::Body(_)) => Err(NoReceipt::Refused(self.no(who, Refusal::NotStarted))),
            Err(no) => Err(NoReceipt::Refused(no)),
        };
        self.later(move || drop(reply.send(told)));
    }

    pub(super) fn judged(&mut self, ticket: Ticket, mut judgement: Judgement) {
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
        self.now.judgement = Some(judgement);
        let result = self.carry_out(self.time(), Command::Judge { ticket, verdict }, note);
        self.now.judgement = None;
        if let Err(refusal) = result {
            let identity = identity.map(display);
            warn!(%ticket, identity, %refusal, "a verdict came too late");
        }
    }

    /// Whether the body of a contribution of this participant's is wanted.
    pub(super) fn wanted(&mut self, at: Timestamp, who: &Identity) -> Result<Wanted, No> {
        let _ = self.carry_out(at, Command::Tick, None);
        if let Some(stay) = self.state().stay(who) {
            return match stay.phase {
                Phase::Waiting => Err(self.no(
                    who,
                    Refusal::NotYourTurn {
                        position: stay.position,
                    },
                )),
                Phase::Ready => Err(self.no(who, Refusal::NotStarted)),
                Phase::Contributing => Ok(Wanted::Body(stay.ticket)),
                Phase::Verifying => Ok(Wanted::Verifying),
            };
        }
        match self.state().past(who) {
            Some(past) if past.outcome == Outcome::Contributed => Ok(Wanted::Accepted(past.ticket)),
            Some(past) if !past.pardoned => Err(self.no(
                who,
                Refusal::Ended {
                    outcome: past.outcome,
                },
            )),
            _ => Err(self.no(who, Refusal::NotQueued)),
        }
    }

    pub(super) fn start_verifying(&mut self) {
        let Some(verifying) = &mut self.verifying else {
            return;
        };
        let ticket = verifying.ticket;
        let judging = match verifying.verification.take() {
            Some(Verification::Begun(judging)) => judging,
            Some(Verification::ToDo(contribution)) => self.verifier.start(Job {
                ticket,
                identity: verifying.identity.clone(),
                head: Arc::clone(&self.head),
                contribution,
                key: self.key.clone(),
            }),
            None => return,
        };
        debug!(%ticket, identity = %verifying.identity, "verifying");
        let urgently = self.urgently.clone();
        tokio::spawn(async move {
            if let Ok(judgement) = judging.await {
                // The task may be gone by then: the next start verifies again.
                let _ = urgently.send(Urgent::Judged(ticket, judgement));
            }
        });
    }

    /// Judges at once what was verified before it could be submitted: then one commit covers both,
    /// and nobody hears of one without the other.
    fn judge_if_verified(&mut self, ticket: Ticket) {
        if let Some(verifying) = &mut self.verifying
            && verifying.ticket == ticket
            && let Some(Verification::Begun(judging)) = &mut verifying.verification
            && let Ok(judgement) = judging.try_recv()
        {
            verifying.verification = None;
            self.judged(ticket, judgement);
        }
    }
}
