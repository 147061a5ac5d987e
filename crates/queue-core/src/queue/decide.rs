//! The rules: what each command does in each state.

use alloc::vec::Vec;
use core::hash::Hash;
use core::time::Duration;

use super::Queue;
use crate::{
    Command, Entry, Event, Mode, Outcome, Phase, Refusal, Stay, Ticket, Timestamp, Verdict,
};

impl<Id: Clone + Eq + Hash> Queue<Id> {
    pub(super) fn decide(
        &mut self,
        now: Timestamp,
        command: Command<Id>,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        match command {
            Command::Join { id } => self.join(now, id, log),
            Command::Poll { id, interval } => self.poll(now, id, interval, log),
            Command::CheckIn { id } => {
                let stay = self.stay(&id)?;
                self.check_in(now, stay, log);
                Ok(())
            }
            Command::Start { id } => self.start(now, &id, log),
            Command::Submit { id } => self.submit(now, &id, log),
            Command::Abort { id } => self.abort(now, &id, log),
            Command::Leave { id } => self.leave(now, &id, log),
            Command::Judge { ticket, verdict } => self.judge(now, ticket, verdict, log),
            Command::SetMode(mode) => {
                self.set_mode(now, mode, log);
                Ok(())
            }
            Command::Pardon { id } => self.pardon(now, id, log),
            Command::Tick => Ok(()),
        }
    }

    fn join(&mut self, now: Timestamp, id: Id, log: &mut Vec<Entry<Id>>) -> Result<(), Refusal> {
        if let Some(stay) = self.state.stay(&id)
            && !fault!(self, JoinsTwice)
        {
            // A page loaded again, perhaps: that alone does not make it one that checks in while
            // contributing and must go on doing so.
            if stay.phase != Phase::Contributing || self.state.stalled_by().is_some() {
                self.check_in(now, stay, log);
            }
            return Ok(());
        }
        let ticket = self.enter(now, id, Duration::ZERO, log)?;
        // Joining proves presence as well as a check-in does.
        if self.is_next(ticket) {
            self.call(now, ticket, log);
        }
        Ok(())
    }

    fn poll(
        &mut self,
        now: Timestamp,
        id: Id,
        interval: Duration,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        let Some(stay) = self.state.stay(&id) else {
            let ticket = self.enter(now, id, interval, log)?;
            self.pollers.insert(ticket, interval);
            if self.is_next(ticket) {
                self.call(now, ticket, log);
                self.begin(now, ticket, log);
            }
            return Ok(());
        };
        if self.state.mode() == Mode::Halted {
            return Ok(());
        }
        let ticket = stay.ticket;
        match stay.phase {
            Phase::Waiting if self.is_next(ticket) || fault!(self, PollJumpsTheLine) => {
                self.call(now, ticket, log);
                self.begin(now, ticket, log);
            }
            Phase::Waiting => {
                self.pollers.insert(ticket, interval);
                self.stay_in_line(now, stay, interval, log);
            }
            Phase::Ready => self.begin(now, ticket, log),
            Phase::Contributing if fault!(self, PollRestartsClock) => self.begin(now, ticket, log),
            Phase::Contributing | Phase::Verifying => {}
        }
        Ok(())
    }

    /// Begins a stay, with a first deadline `at_least` so far away.
    fn enter(
        &mut self,
        now: Timestamp,
        id: Id,
        at_least: Duration,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<Ticket, Refusal> {
        // Used up comes before the mode: the true reason, always.
        if let Some(outcome) = self.state.used_up(&id)
            && (outcome == Outcome::Contributed || !fault!(self, FailedMayRejoin))
        {
            return Err(Refusal::UsedUp { outcome });
        }
        if fault!(self, CoordinatorFaultUsesUp)
            && let Some(past) = self.state.past(&id)
            && !past.pardoned
        {
            return Err(Refusal::UsedUp {
                outcome: past.outcome,
            });
        }
        match self.state.mode() {
            Mode::Open => {}
            Mode::Draining if fault!(self, DrainingAdmits) => {}
            Mode::Draining => return Err(Refusal::Draining),
            Mode::Halted => return Err(Refusal::Halted),
        }
        let ticket = self.state.next_ticket();
        let (check_in_by, margin) = self.promise(now, self.state.waiting() + 1, at_least);
        let lasting_by = check_in_by.saturating_add(margin);
        self.emit(
            now,
            Event::Joined {
                ticket,
                id,
                check_in_by,
                lasting_by,
            },
            log,
        );
        Ok(ticket)
    }

    /// Whether the turn is free for this stay: the head's, as long as nobody has it.
    fn is_next(&self, ticket: Ticket) -> bool {
        self.state.turn().is_none() && self.state.head().is_some_and(|(head, _)| head == ticket)
    }

    fn check_in(&mut self, now: Timestamp, stay: Stay, log: &mut Vec<Entry<Id>>) {
        if self.state.mode() == Mode::Halted {
            return;
        }
        match stay.phase {
            Phase::Waiting => {
                let is_next = stay.position == 1 || fault!(self, CallsWhoeverAsks);
                if is_next && self.state.turn().is_none() {
                    self.call(now, stay.ticket, log);
                } else {
                    self.stay_in_line(now, stay, Duration::ZERO, log);
                }
            }
            Phase::Contributing => self.arm_stall_timer(now, stay.ticket, log),
            // Called already; the start deadline stands. Or submitted: nothing left to do.
            Phase::Ready | Phase::Verifying => {}
        }
    }

    /// Moves a check-in deadline, never to before what the participant was told: whoever does all
    /// that it was told keeps its place, even when everybody ahead leaves at once and what was a
    /// long wait is over early.
    fn stay_in_line(
        &mut self,
        now: Timestamp,
        stay: Stay,
        at_least: Duration,
        log: &mut Vec<Entry<Id>>,
    ) {
        let (promised, margin) = self.promise(now, stay.position, at_least);
        let mut check_in_by = promised.max(stay.deadline);
        if fault!(self, CheckInShortens) {
            check_in_by = promised;
        }
        if check_in_by == stay.deadline {
            return;
        }
        let covered = self
            .state
            .lasting_by(stay.ticket)
            .is_some_and(|by| check_in_by <= by);
        let lasting_by = (!covered && !fault!(self, PromisesAreNotLogged))
            .then(|| check_in_by.saturating_add(margin));
        self.emit(
            now,
            Event::CheckedIn {
                ticket: stay.ticket,
                check_in_by,
                lasting_by,
            },
            log,
        );
    }

    /// Whoever checks in while contributing must go on doing so.
    fn arm_stall_timer(&mut self, now: Timestamp, ticket: Ticket, log: &mut Vec<Entry<Id>>) {
        let check_in_by = now.saturating_add(self.rules.stall_limit);
        if self.state.stalled_by() != Some(check_in_by) {
            self.emit(
                now,
                Event::CheckedIn {
                    ticket,
                    check_in_by,
                    lasting_by: None,
                },
                log,
            );
        }
    }

    fn start(&mut self, now: Timestamp, id: &Id, log: &mut Vec<Entry<Id>>) -> Result<(), Refusal> {
        let stay = self.stay(id)?;
        match stay.phase {
            Phase::Waiting => {
                return Err(Refusal::NotYourTurn {
                    position: stay.position,
                });
            }
            Phase::Ready => {}
            // A broken download can be fetched again; the clock is not restarted.
            Phase::Contributing if !fault!(self, StartRestartsClock) => return Ok(()),
            Phase::Contributing => {}
            Phase::Verifying => return Err(Refusal::AlreadySubmitted),
        }
        if self.state.mode() == Mode::Halted {
            return Err(Refusal::Halted);
        }
        self.begin(now, stay.ticket, log);
        Ok(())
    }

    fn begin(&mut self, now: Timestamp, ticket: Ticket, log: &mut Vec<Entry<Id>>) {
        let contribute_by = now.saturating_add(self.rules.contribution_limit);
        self.emit(
            now,
            Event::Started {
                ticket,
                contribute_by,
            },
            log,
        );
    }

    fn submit(&mut self, now: Timestamp, id: &Id, log: &mut Vec<Entry<Id>>) -> Result<(), Refusal> {
        let stay = self.stay(id)?;
        match stay.phase {
            Phase::Waiting => {
                return Err(Refusal::NotYourTurn {
                    position: stay.position,
                });
            }
            Phase::Ready => return Err(Refusal::NotStarted),
            Phase::Contributing => {}
            Phase::Verifying => return Err(Refusal::AlreadySubmitted),
        }
        let mut verify_by = now.saturating_add(self.rules.verification_limit);
        if fault!(self, VerificationIsOnTheParticipant) {
            verify_by = stay.deadline;
        }
        self.emit(
            now,
            Event::Submitted {
                ticket: stay.ticket,
                verify_by,
            },
            log,
        );
        Ok(())
    }

    fn abort(&mut self, now: Timestamp, id: &Id, log: &mut Vec<Entry<Id>>) -> Result<(), Refusal> {
        let Stay {
            ticket,
            phase,
            position,
            ..
        } = self.stay(id)?;
        match phase {
            Phase::Waiting => Err(Refusal::NotYourTurn { position }),
            Phase::Ready | Phase::Contributing => {
                self.emit(
                    now,
                    Event::Ended {
                        ticket,
                        outcome: Outcome::Aborted,
                    },
                    log,
                );
                Ok(())
            }
            Phase::Verifying => Err(Refusal::AlreadySubmitted),
        }
    }

    fn leave(&mut self, now: Timestamp, id: &Id, log: &mut Vec<Entry<Id>>) -> Result<(), Refusal> {
        let Stay { ticket, phase, .. } = self.stay(id)?;
        match phase {
            Phase::Waiting | Phase::Ready | Phase::Contributing => {
                self.emit(
                    now,
                    Event::Ended {
                        ticket,
                        outcome: Outcome::Left,
                    },
                    log,
                );
                Ok(())
            }
            Phase::Verifying => Err(Refusal::AlreadySubmitted),
        }
    }

    fn judge(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        verdict: Verdict,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        let verified = self
            .state
            .turn()
            .filter(|turn| turn.phase == Phase::Verifying)
            .map(|turn| turn.ticket)
            .filter(|&verified| verified == ticket || fault!(self, VerdictIsNotFenced));
        let Some(ticket) = verified else {
            return Err(Refusal::StaleVerdict { ticket });
        };
        let outcome = match verdict {
            Verdict::Valid => Outcome::Contributed,
            Verdict::Invalid => Outcome::Invalid,
            Verdict::CoordinatorFault => Outcome::CoordinatorFault,
        };
        self.emit(now, Event::Ended { ticket, outcome }, log);
        Ok(())
    }

    fn set_mode(&mut self, now: Timestamp, mode: Mode, log: &mut Vec<Entry<Id>>) {
        if mode == self.state.mode() {
            return;
        }
        if let Some(since) = self.state.halted_since()
            && !fault!(self, PauseCounts)
        {
            // Before the mode, so that a log cut between the two keeps the deadlines whole.
            let pause = now.since(since);
            if !pause.is_zero() && !self.state.is_empty() {
                self.emit(
                    now,
                    Event::Resumed {
                        pause,
                        restarted: false,
                    },
                    log,
                );
            }
        }
        self.emit(now, Event::ModeSet { mode }, log);
    }

    fn pardon(&mut self, now: Timestamp, id: Id, log: &mut Vec<Entry<Id>>) -> Result<(), Refusal> {
        match self.state.used_up(&id) {
            None => Err(Refusal::NothingToPardon),
            Some(Outcome::Contributed) => Err(Refusal::ContributionIsFinal),
            Some(_) => {
                self.emit(now, Event::Pardoned { id }, log);
                Ok(())
            }
        }
    }

    pub(super) fn call(&mut self, now: Timestamp, ticket: Ticket, log: &mut Vec<Entry<Id>>) {
        // Whoever is called by other means than its next poll must still be able to poll in time.
        let poll = self.pollers.get(&ticket).copied().unwrap_or_default();
        let limit = if fault!(self, PollerIsNotWaitedFor) {
            self.rules.start_limit
        } else {
            self.rules.start_limit.max(poll)
        };
        let start_by = now.saturating_add(limit);
        self.emit(now, Event::Called { ticket, start_by }, log);
    }

    /// The check-in deadline for somebody at this position, `at_least` so far away, and how far
    /// beyond it a record of it reaches.
    fn promise(&self, now: Timestamp, position: u64, at_least: Duration) -> (Timestamp, Duration) {
        let mut turns_ahead = position.saturating_sub(1);
        if fault!(self, EstimateIgnoresLine) {
            turns_ahead = 0;
        }
        let wait = self.state.estimated_wait(turns_ahead, now);
        let mut interval = self.rules.checkin_interval(position, wait);
        if !fault!(self, PollerIsNotWaitedFor) {
            interval = interval.max(at_least);
        }
        let by = if fault!(self, DeadlineHasWrongSign) {
            now.saturating_sub(interval)
        } else {
            now.saturating_add(interval)
        };
        (by, self.rules.lasting_margin(interval))
    }

    /// The stay of this identity, or why it has none.
    fn stay(&self, id: &Id) -> Result<Stay, Refusal> {
        if let Some(stay) = self.state.stay(id) {
            return Ok(stay);
        }
        match self.state.past(id) {
            Some(past) if !past.pardoned => Err(Refusal::Ended {
                outcome: past.outcome,
            }),
            _ => Err(Refusal::NotQueued),
        }
    }
}
