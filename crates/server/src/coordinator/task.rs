//! The one task that owns the queue.
//!
//! Its law: store the contribution's blob, then `Submit`; step; append; commit; publish; reply.
//! Memory changes first, but nobody hears of it before the commit, and a commit that fails ends
//! the process: what was never durable was never said.

use std::collections::HashSet;
use std::sync::Arc;

use k256::ecdsa::SigningKey;
use tauline_protocol::Identity;
use tauline_protocol::journal::Record;
use tauline_queue_core::{
    Command, Entry, Event, MaySubmit, Outcome, Queue, Refusal, State, Step, Ticket, Timestamp,
};
use tauline_store::check::Binding;
use tauline_store::{Batch, Chain, Contribution, Store, Write};
use tokio::sync::{mpsc, watch};

use super::log_line::{Line, Names};
use super::message::{Message, Urgent};
use super::presence::waiters::Held;
use super::reply::{No, Reply, Standing, VerdictReply};
use super::turn::arrivals::Arrivals;
use super::{Caller, ClientKey, Fault, TICK};
use crate::base::CurrentBase;
use crate::clock::Clock;
use crate::fingerprint::Fingerprint;
use crate::status::{self, Published};
use crate::submission::{Arrived, Verification};
use crate::verifier::{Judgement, Verifier};

/// Messages that one commit covers at most: enough that a burst costs few commits, few enough
/// that the first of them does not wait long.
pub(super) const BATCH: usize = 256;

/// The coordinator's task.
pub(super) struct Task {
    pub(super) queue: Queue<Identity>,
    pub(super) store: Arc<dyn Store>,
    pub(super) chain: Chain,
    pub(super) binding: Binding,
    pub(super) names: Names,
    pub(super) base: Arc<CurrentBase>,
    pub(super) key: SigningKey,
    pub(super) clock: Clock,
    pub(super) verifier: Verifier,
    pub(super) mailbox: mpsc::Receiver<Message>,
    pub(super) published: watch::Sender<Arc<Published>>,
    pub(super) urgent: mpsc::UnboundedReceiver<Urgent>,
    pub(super) urgent_mailbox: mpsc::UnboundedSender<Urgent>,
    pub(super) verifying: Option<Verifying>,
    pub(super) now: Now,
}

/// What belongs to the batch or the moment, empty when a task starts.
#[derive(Default)]
pub(super) struct Now {
    pub(super) batch: Batch,
    /// What the log says of the batch, once it is durable.
    pub(super) lines: Vec<Line>,
    pub(super) replies: Vec<Box<dyn FnOnce() + Send>>,
    /// The contribution of the `Submit` that is being carried out.
    pub(super) submitted: Option<Arrived>,
    /// The judgement that is being carried out.
    pub(super) judgement: Option<Judgement>,
    /// Whether the contribution that was being verified is not to be verified again.
    pub(super) gives_up: bool,
    /// Whether a verification has to be started after the commit.
    pub(super) start_verifying: bool,
    pub(super) arrivals: Arrivals,
    pub(super) held: Held,
    /// Those who were last heard of by a try. Forgotten by a restart, until their next.
    pub(super) only_trying: HashSet<Identity>,
    /// Set when positions in line may have changed since followers were told.
    pub(super) line_moved: bool,
    pub(super) positions_told: Timestamp,
    /// Followers that have not been told yet.
    pub(super) to_tell: Vec<Identity>,
    pub(super) released: bool,
    /// Whether the mailbox is shut and empty.
    pub(super) drained: bool,
    pub(super) closing_by: Option<Timestamp>,
}

/// The contribution that is being verified.
pub(super) struct Verifying {
    pub(super) ticket: Ticket,
    pub(super) identity: Identity,
    pub(super) fingerprint: Fingerprint,
    /// Until its verdict is waited for.
    pub(super) verification: Option<Verification>,
    pub(super) waiters: Vec<Waiter>,
}

/// Somebody who waits for the verdict.
pub(super) struct Waiter {
    /// Whether what it sent is another contribution than the one that is being verified.
    pub(super) sent_another: bool,
    pub(super) reply: VerdictReply,
}

impl Now {
    /// The contribution of a stay that is judged to be good.
    fn accepted(&self, ticket: Ticket) -> Option<&Contribution> {
        match &self.judgement {
            Some(Judgement::Valid(accepted)) => {
                Some(&accepted.contribution).filter(|it| it.ticket == ticket)
            }
            _ => None,
        }
    }
}

impl Task {
    /// Runs until it is closed or all handles are gone.
    pub(super) async fn run(mut self) -> Result<(), Fault> {
        // The first step after a restart makes the absence good; a contribution that was being
        // verified is verified again.
        self.now.start_verifying = self.verifying.is_some() && !self.now.gives_up;
        if let Some(verifying) = self.verifying.as_ref().filter(|_| self.now.gives_up) {
            let fault = "this coordinator has ended again and again while verifying it".to_owned();
            self.judged(verifying.ticket, Judgement::Fault(fault));
        }
        self.end_batch()?;
        let clock = self.clock.clone();
        let mut messages = Vec::with_capacity(BATCH);
        while !self.is_closed() {
            let wake = self.wake_at();
            let sleep = async {
                match wake {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(urgent) = self.urgent.recv() => match urgent {
                    Urgent::Judged(ticket, judgement) => self.judged(ticket, judgement),
                    Urgent::Disconnected(who) => self.disconnected(&who),
                    Urgent::ReleaseHeld => self.now.released = true,
                },
                count = self.mailbox.recv_many(&mut messages, BATCH), if !self.now.drained => {
                    self.now.drained = count == 0;
                    if self.now.drained && self.now.closing_by.is_none() {
                        // All handles are gone.
                        return Ok(());
                    }
                }
                () = sleep => {}
            }
            messages.sort_by_key(|message| !message.stops_a_clock());
            for message in messages.drain(..) {
                self.hear(message);
            }
            self.end_batch()?;
        }
        Ok(())
    }

    /// Time for the rules: the clock's, but not past the deadline of a contribution that arrived
    /// in time and is still being read.
    pub(super) fn time(&self) -> Timestamp {
        self.now.arrivals.hold(self.clock.now(), &self.queue)
    }

    pub(super) fn state(&self) -> &State<Identity> {
        self.queue.state()
    }

    fn is_closed(&self) -> bool {
        self.now.closing_by.is_some_and(|by| {
            self.now.drained && (self.verifying.is_none() || by <= self.clock.now())
        })
    }

    /// When to look again if nothing happens.
    fn wake_at(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let telling = (!self.now.to_tell.is_empty()).then_some(now);
        // A deadline that has passed is held up by a contribution that is being read: see `time`.
        let due = self.queue.wake_at().map(|wake| {
            if wake > now {
                wake
            } else {
                now.saturating_add(TICK)
            }
        });
        let positions = self
            .now
            .line_moved
            .then(|| self.now.positions_told.saturating_add(TICK));
        [
            telling,
            due,
            positions,
            self.now.held.next(),
            self.now.closing_by,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn hear(&mut self, message: Message) {
        let now = self.time();
        match message {
            Message::Join { who, reply } => {
                self.now.only_trying.remove(&who.who);
                let id = who.who.clone();
                let result = self.carry_out(now, Command::Join { id }, None);
                self.reply_standing(now, who, result, reply);
            }
            Message::CheckIn { who, reply } => {
                self.now.only_trying.remove(&who.who);
                let id = who.who.clone();
                // Whoever is not in the queue is told where it stands: no error.
                let _ = self.carry_out(now, Command::CheckIn { id }, None);
                self.reply_standing(now, who, Ok(()), reply);
            }
            Message::TryContribute {
                who,
                interval,
                until,
                reply,
            } => self.try_contribute(now, who, interval, until, reply),
            Message::TriesOnly { who, reply } => {
                let only_tries = self.now.only_trying.contains(&who);
                self.reply(reply, Ok(only_tries));
            }
            Message::Hold {
                who,
                hold,
                at_once_unless,
            } => {
                // A stream alone is no other client: a page may show it beside one that tries.
                if hold.starts_stall_timer {
                    self.now.only_trying.remove(&who);
                }
                self.hold(now, &who, hold, at_once_unless);
            }
            Message::InQueue { who, reply } => {
                let in_queue = self.state().stay(&who).is_some();
                self.reply(reply, Ok(in_queue));
            }
            Message::Start {
                who,
                note,
                checks_in,
                reply,
            } => {
                self.now.only_trying.remove(&who);
                let id = who.clone();
                let result = self.carry_out(now, Command::Start { id, checks_in }, note);
                let base = Arc::clone(&self.base);
                let answer = result
                    .map(|()| base)
                    .map_err(|refusal| self.no(&who, refusal));
                self.reply(reply, answer);
            }
            Message::MaySubmit { who, reply } => {
                let wanted = self.may_submit(now, &who);
                self.reply(reply, wanted);
            }
            Message::Arrived { who, at, reply } => {
                let wanted = self.may_submit(at, &who);
                if let Ok(MaySubmit::Yes(ticket)) = wanted {
                    let grace = self.queue.rules().checkin_grace;
                    self.now.arrivals.begin(ticket, self.clock.now(), grace);
                }
                let base = Arc::clone(&self.base);
                self.reply(reply, wanted.map(|wanted| (wanted, base)));
            }
            Message::Uploading { who } => {
                let _ = self.carry_out(now, Command::Upload { id: who }, None);
            }
            Message::Unreadable { ticket } => self.now.arrivals.end(ticket),
            Message::Submit(submit) => self.submit(now, *submit),
            Message::Verdict { who, sent, reply } => self.verdict(now, &who, sent, reply),
            Message::Leave { who, reply } => {
                let others = self.now.held.others(&who.who, who.client);
                let result = match others {
                    0 => {
                        let id = who.who.clone();
                        self.carry_out(now, Command::Leave { id }, None)
                    }
                    // The place is the other client's, too.
                    _ => Ok(()),
                };
                self.reply_standing(now, who, result, reply);
            }
            Message::Abort { who, reason, reply } => {
                let result = self.carry_out(now, Command::Abort { id: who.clone() }, reason);
                self.reply_standing(now, who.into(), result, reply);
            }
            Message::InLine { first, reply } => {
                let line = self.in_line(now, first);
                self.later(move || drop(reply.send(line)));
            }
            Message::HowFar { whom, reply } => {
                let state = self.state();
                let statuses: Vec<_> = whom
                    .iter()
                    .map(|who| status::queue_status(state, who, now))
                    .collect();
                self.later(move || drop(reply.send(statuses)));
            }
            Message::Obey { order, reply } => {
                let result = self.obey(now, order);
                self.later(move || drop(reply.send(result)));
            }
            Message::Close { patience } => {
                self.now.released = true;
                self.now.closing_by = Some(self.clock.now().saturating_add(patience));
                // What is in the mailbox already is answered; later messages find it shut.
                self.mailbox.close();
            }
        }
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
        let Step { entries, result } = self.queue.step(at, command);
        for entry in entries {
            let takes_note = matches!(
                entry.event,
                Event::Started { .. }
                    | Event::Ended {
                        outcome: Outcome::Aborted | Outcome::Invalid,
                        ..
                    }
            );
            let note = if takes_note { note.take() } else { None };
            self.record(entry, note);
        }
        result
    }

    fn record(&mut self, entry: Entry<Identity>, note: Option<String>) {
        self.now.held.touch(&entry.event);
        if entry.event.is_volatile() {
            return;
        }
        let mut stored = None;
        if let Event::Submitted { ticket, .. } = entry.event
            && let Some(Arrived {
                verification,
                blob,
                fingerprint,
            }) = self.now.submitted.take()
            && let Some(identity) = self.state().id_of(ticket).cloned()
        {
            stored = Some(*blob.digest());
            self.now.batch.writes.push(Write::Blob { ticket, blob });
            self.verifying = Some(Verifying {
                ticket,
                identity,
                fingerprint,
                verification: Some(verification),
                waiters: Vec::new(),
            });
            self.now.start_verifying = true;
        }
        let line = Line::new(&entry.event, note.as_deref(), &mut self.names);
        self.now.lines.push(line);
        let ended = match entry.event {
            Event::Ended { ticket, outcome } => Some((ticket, outcome)),
            _ => None,
        };
        let moves_the_line = matches!(entry.event, Event::Called { .. } | Event::Ended { .. });
        if let Some((ticket, Outcome::Contributed)) = ended {
            stored = self.now.accepted(ticket).map(Contribution::sum);
        }
        let mut record = Record::new(entry, note);
        record.stored = stored;
        record.beside = self.binding.take(self.store.accounts());
        let bytes = record.to_bytes();
        let record = self.chain.append(bytes, ended.map(|(ticket, _)| ticket));
        self.now.batch.writes.push(Write::Record(record));
        self.now.line_moved |= moves_the_line;
        if let Some((ticket, outcome)) = ended {
            self.ended(ticket, outcome);
        }
    }

    /// Everything that time and presence bring about; then one commit; then the world hears of it.
    fn end_batch(&mut self) -> Result<(), Fault> {
        let now = self.time();
        let _ = self.carry_out(now, Command::Tick, None);
        self.attend(now);
        if !self.now.batch.writes.is_empty() {
            self.store.commit(&self.now.batch).map_err(Fault::Store)?;
            self.now.batch.writes.clear();
            self.now.lines.drain(..).for_each(Line::tell);
            let published = Published::new(&self.queue, self.chain, now);
            self.published.send_replace(Arc::new(published));
        }
        for reply in self.now.replies.drain(..) {
            reply();
        }
        if std::mem::take(&mut self.now.start_verifying) {
            self.start_verifying();
        }
        Ok(())
    }

    pub(super) fn standing(&self, now: Timestamp, who: &Identity) -> Standing {
        let state = self.state();
        let past = match state.stay(who) {
            Some(_) => None,
            None => state.past(who).map(|past| (past.ticket, past.outcome)),
        };
        Standing {
            status: status::queue_status(state, who, now),
            past,
        }
    }

    pub(super) fn no(&self, who: &Identity, refusal: Refusal) -> No {
        No {
            refusal,
            past: self.state().past(who).map(|past| past.ticket),
        }
    }

    /// How a participant stands, told to one of its clients.
    pub(super) fn standing_by(
        &self,
        now: Timestamp,
        who: &Identity,
        client: Option<ClientKey>,
    ) -> Standing {
        let mut standing = self.standing(now, who);
        standing.status.other_clients = self.now.held.others(who, client);
        standing
    }

    fn reply_standing(
        &mut self,
        now: Timestamp,
        who: Caller,
        result: Result<(), Refusal>,
        reply: Reply<Standing>,
    ) {
        let Caller { who, client } = who;
        let answer = result
            .map(|()| self.standing_by(now, &who, client))
            .map_err(|refusal| self.no(&who, refusal));
        self.reply(reply, answer);
    }

    pub(super) fn reply<T: Send + 'static>(&mut self, reply: Reply<T>, answer: Result<T, No>) {
        self.later(move || drop(reply.send(answer)));
    }

    /// Does something after the commit.
    pub(super) fn later(&mut self, what: impl FnOnce() + Send + 'static) {
        self.now.replies.push(Box::new(what));
    }
}
