//! The rules: what each command does in each state.

use alloc::vec::Vec;
use core::hash::Hash;
use core::time::Duration;

use super::Queue;
use crate::{
    Command, Entry, Event, Mode, NEAR_HEAD, Outcome, Phase, Refusal, Stay, Ticket, Timestamp,
    Verdict,
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
            Command::Start { id, checks_in } => self.start(now, &id, checks_in, log),
            Command::Disconnect { id } => {
                let stay = self.stay(&id)?;
                self.disconnect(now, &stay, log);
                Ok(())
            }
            Command::Upload { id } => {
                let stay = self.stay(&id)?;
                self.extend(now, &stay, log);
                Ok(())
            }
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
        self.ask(now, ticket, log);
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
            if self.ask(now, ticket, log) {
                self.begin(now, ticket, false, log);
            }
            return Ok(());
        };
        let ticket = stay.ticket;
        if self.state.mode() == Mode::Halted {
            if stay.phase == Phase::Waiting {
                self.pollers.insert(ticket, interval);
                self.stay_in_line(now, stay, interval, log);
            }
            return Ok(());
        }
        match stay.phase {
            Phase::Waiting if self.ask(now, ticket, log) => self.begin(now, ticket, false, log),
            Phase::Waiting if fault!(self, PollJumpsTheLine) => {
                self.call(now, ticket, Vec::new(), log);
                self.begin(now, ticket, false, log);
            }
            Phase::Waiting => {
                self.pollers.insert(ticket, interval);
                self.stay_in_line(now, stay, interval, log);
            }
            Phase::Ready => self.begin(now, ticket, false, log),
            Phase::Contributing if fault!(self, PollRestartsClock) => {
                self.begin(now, ticket, false, log);
            }
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

    /// Somebody in line is there and asks for the turn: it is called if the turn is free for it.
    fn ask(&mut self, now: Timestamp, ticket: Ticket, log: &mut Vec<Entry<Id>>) -> bool {
        if let Some(passed) = self.passes_for(now, ticket) {
            self.call(now, ticket, passed, log);
            return true;
        }
        let there_for = self.rules.there_for();
        self.heard
            .retain(|&(one, at)| one != ticket && now < at.saturating_add(there_for));
        if self
            .state
            .ahead_of(ticket)
            .is_some_and(|ahead| ahead < NEAR_HEAD)
        {
            self.heard.push((ticket, now));
        }
        false
    }

    fn check_in(&mut self, now: Timestamp, stay: Stay, log: &mut Vec<Entry<Id>>) {
        let halted = self.state.mode() == Mode::Halted;
        match stay.phase {
            Phase::Waiting if halted => self.stay_in_line(now, stay, Duration::ZERO, log),
            Phase::Waiting if self.ask(now, stay.ticket, log) => {}
            Phase::Waiting if fault!(self, CallsWhoeverAsks) && self.state.turn().is_none() => {
                self.call(now, stay.ticket, Vec::new(), log);
            }
            Phase::Waiting => self.stay_in_line(now, stay, Duration::ZERO, log),
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
        let from = self.running(now);
        let (promised, margin) = self.promise(from, stay.position, at_least);
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

    /// The time that deadlines are counted from: they stand still while the queue is halted, and who
    /// shows itself then has all of its time when it goes on.
    fn running(&self, now: Timestamp) -> Timestamp {
        match self.state.halted_since() {
            Some(since) => since,
            None => now,
        }
    }

    /// Whoever checks in while contributing must go on doing so.
    fn arm_stall_timer(&mut self, now: Timestamp, ticket: Ticket, log: &mut Vec<Entry<Id>>) {
        let from = self.running(now);
        let check_in_by = from.saturating_add(self.rules.stall_limit);
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

    /// Whoever checks in while contributing and whose connection was closed has less time to come
    /// back than whoever is only silent.
    fn disconnect(&mut self, now: Timestamp, stay: &Stay, log: &mut Vec<Entry<Id>>) {
        let by = now.saturating_add(self.rules.disconnect_limit);
        let checks_in = self
            .state
            .stalled_by()
            .filter(|&stalled_by| by < stalled_by);
        if checks_in.is_some()
            && stay.phase == Phase::Contributing
            && self.state.mode() != Mode::Halted
            && !fault!(self, DisconnectIsIgnored)
        {
            self.emit(
                now,
                Event::CheckedIn {
                    ticket: stay.ticket,
                    check_in_by: by,
                    lasting_by: None,
                },
                log,
            );
        }
    }

    /// A contribution that is arriving has as long as a connection may stall, up to the contribution
    /// limit. A record of that is written once in half of that time at most. For whoever checks in,
    /// its bytes are a check-in.
    fn extend(&mut self, now: Timestamp, stay: &Stay, log: &mut Vec<Entry<Id>>) {
        if self.state.mode() == Mode::Halted {
            return;
        }
        if stay.phase == Phase::Contributing && self.state.stalled_by().is_some() {
            self.check_in(now, *stay, log);
        }
        let Some((since, by)) = self.state.contribute_by() else {
            return;
        };
        let latest = since.saturating_add(self.rules.contribution_limit);
        let contribute_by = now.saturating_add(self.rules.stall_limit).min(latest);
        let soon = now.saturating_add(self.rules.stall_limit / 2);
        if stay.phase == Phase::Contributing
            && by < contribute_by
            && (by <= soon || contribute_by == latest)
            && !fault!(self, UploadIsNotWaitedFor)
        {
            self.emit(
                now,
                Event::Extended {
                    ticket: stay.ticket,
                    contribute_by,
                },
                log,
            );
        }
    }

    fn start(
        &mut self,
        now: Timestamp,
        id: &Id,
        checks_in: bool,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        let stay = self.stay(id)?;
        match stay.phase {
            Phase::Waiting => {
                return Err(Refusal::NotYourTurn {
                    position: stay.position,
                });
            }
            Phase::Ready => {}
            // A broken download can be fetched again; the clock is not restarted. Whoever says that
            // it checks in has done so by this.
            Phase::Contributing if !fault!(self, StartRestartsClock) => {
                if checks_in && !fault!(self, StartDoesNotArm) {
                    self.check_in(now, stay, log);
                }
                return Ok(());
            }
            Phase::Contributing => {}
            Phase::Verifying => return Err(Refusal::AlreadySubmitted),
        }
        if self.state.mode() == Mode::Halted {
            return Err(Refusal::Halted);
        }
        self.begin(now, stay.ticket, checks_in, log);
        Ok(())
    }

    fn begin(&mut self, now: Timestamp, ticket: Ticket, checks_in: bool, log: &mut Vec<Entry<Id>>) {
        let contribute_by = now.saturating_add(self.contribution_limit());
        let stall_by = (checks_in && !fault!(self, StartDoesNotArm))
            .then(|| now.saturating_add(self.rules.stall_limit));
        self.emit(
            now,
            Event::Started {
                ticket,
                contribute_by,
                stall_by,
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

    pub(super) fn call(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        passed: Vec<Ticket>,
        log: &mut Vec<Entry<Id>>,
    ) {
        // Whoever is called by other means than its next poll must still be able to poll in time.
        let poll = self.pollers.get(&ticket).copied().unwrap_or_default();
        let limit = if fault!(self, PollerIsNotWaitedFor) {
            self.rules.start_limit
        } else {
            self.rules.start_limit.max(poll)
        };
        let start_by = now.saturating_add(limit);
        let called = Event::Called {
            ticket,
            start_by,
            passed,
        };
        self.emit(now, called, log);
    }

    /// The check-in deadline for somebody at this position, `at_least` so far away, and how far
    /// beyond it a record of it reaches.
    fn promise(&self, now: Timestamp, position: u64, at_least: Duration) -> (Timestamp, Duration) {
        let mut turns_ahead = position.saturating_sub(1);
        if fault!(self, EstimateIgnoresLine) {
            turns_ahead = 0;
        }
        let wait = self.state.estimated_wait(turns_ahead, now);
        let in_line = if fault!(self, BudgetIsIgnored) {
            u64::MAX
        } else {
            self.state.waiting()
        };
        let mut interval = self.rules.checkin_interval(position, in_line, wait);
        // Further back nobody waits for a poll yet: it may be late once more.
        let at_least = match position {
            0..=NEAR_HEAD => at_least,
            _ => at_least.saturating_mul(2),
        };
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
