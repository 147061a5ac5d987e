//! The task's state, and how it takes one step: through the rules, into the batch.

use std::collections::HashSet;
use std::sync::{Arc, RwLock};

use k256::ecdsa::SigningKey;
use metrics::Histogram;
use tauline_log::note::Signer;
use tauline_protocol::Identity;
use tauline_protocol::journal::Record;
use tauline_protocol::public_log::{EntryError, Notice, PublicEntry};
use tauline_protocol::statement::PromisedPhase;
use tauline_queue_core::{
    Command, Entry, Event, Outcome, Phase, Queue, Refusal, State, Step, Ticket, Timestamp,
};
use tauline_store::check::{Binding, GivenTo, Plan};
use tauline_store::turns::{Made, Over, TurnLog};
use tauline_store::{Batch, Chain, Contribution, Store, TokenHash, Write};
use tokio::sync::{mpsc, watch};

use super::log_line::{LogLine, Owners};
use super::presence::waiters::HeldAnswers;
use super::reply::{Reply, RulesRefusal, Standing, SubmitAnswer};
use super::turn::arrivals::Arrivals;
use crate::base::CurrentBase;
use crate::clock::Clock;
use crate::fingerprint::Fingerprint;
use crate::measures::Turns;
use crate::public_log::{Promise, PublicLog};
use crate::recent::Recent;
use crate::status::{self, Published};
use crate::submission::{Arrived, Verification};
use crate::traces::TurnSpans;
use crate::verifier::{Judgement, Verifier};

/// The coordinator's task.
pub(super) struct Task {
    pub(super) queue: Queue<Identity>,
    pub(super) store: Arc<dyn Store>,
    pub(super) chain: Chain,
    pub(super) binding: Binding,
    pub(super) owners: Owners,
    pub(super) base: Arc<CurrentBase>,
    pub(super) log: Arc<PublicLog>,
    pub(super) key: SigningKey,
    pub(super) clock: Clock,
    pub(super) verifier: Verifier,
    pub(super) published: watch::Sender<Arc<Published>>,
    /// For messages to itself.
    pub(super) urgent_mailbox: mpsc::UnboundedSender<Message>,
    pub(super) pending: Pending,
    pub(super) verifying: Option<Verifying>,
    /// What is planned.
    pub(super) plan: Plan,
    /// To whom the ceremony was given. Nothing happens any more then.
    pub(super) given_to: Option<GivenTo>,
    pub(super) moment: Moment,
    /// What is measured of turns.
    pub(super) turns: Turns,
    /// What tells when turns are over.
    pub(super) turn_log: TurnLog,
    /// The turns that were over last.
    pub(super) recent: Arc<Recent>,
    /// When contributions were made.
    pub(super) made: Arc<RwLock<Made>>,
    /// What is traced of turns.
    pub(super) spans: TurnSpans,
    /// How long commits take.
    pub(super) commit_times: Histogram,
}

/// What the next commit will hold, and what waits for it.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) batch: Batch,
    /// The batch's records as entries of the public log.
    pub(super) entries: Vec<PublicEntry>,
    pub(super) log_lines: Vec<LogLine>,
    /// The turns that are over by the batch.
    pub(super) ended: Vec<Ended>,
    pub(super) replies: Vec<Box<dyn FnOnce() + Send>>,
    /// The contribution of the `Submit` that is being carried out.
    pub(super) submitted: Option<Arrived>,
    /// The judgement that is being carried out.
    pub(super) judgement: Option<Judgement>,
    /// What signs the public log once the batch is durable, if that changes.
    pub(super) signer: Option<Signer>,
    /// Whether a verification has to be started after the commit.
    pub(super) starts_verifying: bool,
}

/// A turn that is over by the batch.
pub(super) struct Ended {
    /// The place of the entry that ended it in the log.
    pub(super) entry: u64,
    pub(super) over: Over,
    pub(super) contributor: Option<Identity>,
}

/// What is known of those who are connected right now. It is not in the log: a restart forgets it.
#[derive(Default)]
pub(super) struct Moment {
    /// Contributions that have arrived and are being read.
    pub(super) arrivals: Arrivals,
    pub(super) held: HeldAnswers,
    /// Those whose last call was a try.
    pub(super) only_trying: HashSet<Identity>,
    /// Whether positions in line may have changed since followers were told.
    pub(super) line_moved: bool,
    /// When followers were last told their positions.
    pub(super) positions_told: Timestamp,
    /// Followers that have not been told yet.
    pub(super) to_tell: Vec<Identity>,
    /// Whether no answer is held any more, since the coordinator stops.
    pub(super) released: bool,
    /// When the task ends at the latest, once it was asked to.
    pub(super) closing_by: Option<Timestamp>,
}

/// The contribution that is being verified.
pub(super) struct Verifying {
    pub(super) ticket: Ticket,
    pub(super) identity: Identity,
    pub(super) fingerprint: Fingerprint,
    /// Until its verdict is waited for.
    pub(super) verification: Option<Verification>,
    pub(super) waiters: Vec<VerdictWaiter>,
}

/// Somebody who waits for the verdict.
pub(super) struct VerdictWaiter {
    /// Whether what it sent is another contribution than the one that is being verified.
    pub(super) sent_another: bool,
    pub(super) reply: Reply<SubmitAnswer>,
}

/// Something for the task to do, at the time that it then is.
pub(super) struct Message {
    pub(super) act: Act,
    /// Whether it is heard before whatever else waits in the mailbox.
    pub(super) comes_first: bool,
}

type Act = Box<dyn FnOnce(&mut Task, Timestamp) + Send>;

impl Message {
    /// A message that waits for its turn.
    pub(super) fn new(act: impl FnOnce(&mut Task, Timestamp) + Send + 'static) -> Self {
        Self {
            act: Box::new(act),
            comes_first: false,
        }
    }

    /// A message that stops somebody's clock, and must not wait.
    pub(super) fn first(act: impl FnOnce(&mut Task, Timestamp) + Send + 'static) -> Self {
        Self {
            comes_first: true,
            ..Self::new(act)
        }
    }
}

impl Pending {
    /// The contribution of a stay that is judged to be good.
    pub(super) fn accepted(&self, ticket: Ticket) -> Option<&Contribution> {
        match &self.judgement {
            Some(Judgement::Valid(accepted)) => {
                Some(&accepted.contribution).filter(|it| it.ticket == ticket)
            }
            _ => None,
        }
    }
}

impl Task {
    /// Time for the rules: the clock's, but not past the deadline of a contribution that arrived
    /// in time and is still being read.
    pub(super) fn time(&self) -> Timestamp {
        self.moment.arrivals.hold(self.clock.now(), &self.queue)
    }

    pub(super) fn state(&self) -> &State<Identity> {
        self.queue.state()
    }

    /// Steps the queue and puts what happened into the batch. The note goes with the entry that
    /// the command itself causes.
    ///
    /// A turn that has become free, by time or by the command, is offered to those who are there
    /// before anybody else can ask for it.
    pub(super) fn carry_out(
        &mut self,
        at: Timestamp,
        command: Command<Identity>,
        note: Option<String>,
    ) -> Result<(), Refusal> {
        let _ = self.step(at, Command::Tick, None);
        self.offer_turn(at);
        let result = self.step(at, command, note);
        self.offer_turn(at);
        result
    }

    /// One step, as [`carry_out`](Self::carry_out), without an offer.
    pub(super) fn step(
        &mut self,
        at: Timestamp,
        command: Command<Identity>,
        mut note: Option<String>,
    ) -> Result<(), Refusal> {
        if self.given_to.is_some() {
            return Err(self.refusal_of_what_is_gone(&command));
        }
        let Step { entries, result } = self.queue.step(at, command);
        for entry in entries {
            let takes_note = matches!(
                entry.event,
                Event::Started { .. }
                    | Event::Ended {
                        outcome: Outcome::Aborted | Outcome::Invalid | Outcome::Expelled,
                        ..
                    }
            );
            let note = if takes_note { note.take() } else { None };
            self.record(entry, note);
        }
        result
    }

    /// Why nothing is done where the ceremony was given away: for this coordinator, it is halted for good.
    /// Whoever has contributed here is told so.
    fn refusal_of_what_is_gone(&self, command: &Command<Identity>) -> Refusal {
        let id = match command {
            Command::Join { id, .. } | Command::TryContribute { id, .. } => Some(id),
            _ => None,
        };
        match id.and_then(|id| self.state().used_up(id)) {
            Some(outcome @ Outcome::Contributed) => Refusal::UsedUp { outcome },
            _ => Refusal::Halted,
        }
    }

    /// Puts an entry into the batch as a record of the log, with what is stored beside it.
    fn record(&mut self, entry: Entry<Identity>, note: Option<String>) {
        self.moment.held.touch(&entry.event);
        if entry.event.is_volatile() {
            return;
        }
        let mut stored = None;
        if let Event::Submitted { ticket, .. } = entry.event {
            stored = self.keep_submitted(ticket);
        }
        let line = LogLine::new(&entry, note.as_deref(), &mut self.owners);
        self.pending.log_lines.push(line);
        self.follow_turns(&entry);
        let ended = match entry.event {
            Event::Ended { ticket, outcome } => Some((ticket, outcome)),
            _ => None,
        };
        let moves_the_line = matches!(entry.event, Event::Called { .. } | Event::Ended { .. });
        let mut record = Record::new(entry, note);
        if let Some((ticket, Outcome::Contributed)) = ended
            && let Some(contribution) = self.pending.accepted(ticket)
        {
            stored = Some(contribution.sum());
            record.accepted = Some(contribution.accepted(self.log.blinding()));
        }
        record.stored = stored;
        self.append(record, ended.map(|(ticket, _)| ticket));
        self.moment.line_moved |= moves_the_line;
        if let Some((ticket, outcome)) = ended {
            self.ended(ticket, outcome);
        }
    }

    /// Puts a record into the batch, and its entry into the public log's.
    fn append(&mut self, mut record: Record, ended: Option<Ticket>) {
        record.beside = self.binding.take(self.store.accounts());
        let missing = |_| Err(EntryError::Incomplete("no contribution that was accepted"));
        #[expect(clippy::expect_used, reason = "this coordinator made the record whole")]
        let entry = PublicEntry::of_record(&record, self.log.blinding(), missing)
            .expect("a record of this version has its entry");
        self.pending.entries.push(entry);
        let record = self.chain.append(record.to_bytes(), ended);
        self.pending.batch.writes.push(Write::Record(record));
    }

    /// Puts what the coordinator has to say into the batch (`docs/spec/public-log.md#notices`).
    pub(super) fn give_notice(&mut self, notice: Notice) {
        let at = self.clock.now().max(self.state().log_time());
        self.append(Record::of_notice(at, notice), None);
    }

    pub(super) fn standing(&self, now: Timestamp, who: &Identity) -> Standing {
        let state = self.state();
        let past = match state.stay(who) {
            Some(_) => None,
            None => state.past(who).map(|past| (past.ticket, past.outcome)),
        };
        let promise = state.stay(who).and_then(|stay| {
            let phase = match stay.phase {
                Phase::Waiting => PromisedPhase::Waiting,
                Phase::Ready => PromisedPhase::Ready,
                Phase::Contributing | Phase::Verifying => return None,
            };
            Some(Promise {
                ticket: stay.ticket,
                phase,
                kept_until: stay.deadline,
                at: now,
            })
        });
        Standing {
            status: status::queue_status(state, who, now),
            past,
            promise,
        }
    }

    /// How a participant stands, told to one of its clients.
    pub(super) fn standing_by(
        &self,
        now: Timestamp,
        who: &Identity,
        client: Option<TokenHash>,
    ) -> Standing {
        let mut standing = self.standing(now, who);
        standing.status.other_clients = self.moment.held.others(who, client);
        standing
    }

    pub(super) fn reply<T: Send + 'static>(
        &mut self,
        reply: Reply<T>,
        answer: Result<T, RulesRefusal>,
    ) {
        self.later(move || drop(reply.send(answer)));
    }

    /// Answers with a refusal by the rules.
    pub(super) fn refuse<T: Send + 'static>(
        &mut self,
        reply: Reply<T>,
        who: &Identity,
        refusal: Refusal,
    ) {
        let refusal = self.refusal(who, refusal);
        self.reply(reply, Err(refusal));
    }

    /// A refusal by the rules, with what its words need.
    pub(super) fn refusal(&self, who: &Identity, refusal: Refusal) -> RulesRefusal {
        let past = self.state().past(who).map(|past| past.ticket);
        RulesRefusal { refusal, past }
    }

    /// Does something after the commit.
    pub(super) fn later(&mut self, what: impl FnOnce() + Send + 'static) {
        self.pending.replies.push(Box::new(what));
    }
}
