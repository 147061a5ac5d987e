//! The rules: time, absence and deadlines. What each command does is in `queue/decide.rs`.
//!
//! Rules read the state and emit events; `State::apply` alone writes it.

use alloc::vec::Vec;
use core::hash::Hash;
use core::time::Duration;

use hashbrown::HashMap;

use crate::state::State;
use crate::{
    Command, Entry, Event, Misfit, Mode, NEAR_HEAD, Outcome, Phase, Refusal, ReplayError, Rules,
    RulesError, Ticket, Timestamp,
};

/// Whether a deliberate fault is switched on. Without the `faults` feature it is the word `false`.
#[cfg(feature = "faults")]
macro_rules! fault {
    ($queue:expr, $fault:ident) => {
        $queue.fault == Some(crate::Fault::$fault)
    };
}
#[cfg(not(feature = "faults"))]
macro_rules! fault {
    ($queue:expr, $fault:ident) => {
        false
    };
}

// After the macro, which it uses.
mod decide;

/// A first in, first out queue for one turn at a time.
///
/// It holds no clock and does nothing by itself: [`Queue::step`] is told the time and a command,
/// and answers with what happened.
#[derive(Clone, Debug)]
pub struct Queue<Id> {
    rules: Rules,
    state: State<Id>,
    /// When the coordinator was last seen alive: the time of the last step, or that of the log
    /// after a replay.
    seen: Timestamp,
    /// Whether nothing has happened since a replay, so that `Resumed` is owed.
    restarted: bool,
    /// Those in line who poll, and after what time they poll again. Not in the log, and forgotten
    /// by a restart until the next poll: it decides nothing but how long a deadline to come is.
    pollers: HashMap<Ticket, Duration>,
    /// When those near the head were last heard of who were lately. Not in the log: it decides
    /// nothing but whether somebody counts as there for a moment longer.
    heard: Vec<(Ticket, Timestamp)>,
    #[cfg(feature = "faults")]
    fault: Option<crate::Fault>,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the entries belong in the log, and the result to whoever asked"]
pub struct Step<Id> {
    /// What happened, in order. A refused command can have entries too: deadlines that had passed
    /// by then. All of them belong in the log, in one commit, before anyone hears of the result.
    pub entries: Vec<Entry<Id>>,
    /// Whether the command was carried out. A command that finds its work done already, such as a
    /// repeated join or start, succeeds without an entry.
    pub result: Result<(), Refusal>,
}

impl<Id: Clone + Eq + Hash> Queue<Id> {
    /// An empty, open queue whose log begins at `at`.
    ///
    /// # Errors
    ///
    /// If the rules are not usable: see [`Rules::validate`].
    pub fn new(rules: Rules, at: Timestamp) -> Result<Self, RulesError> {
        rules.validate()?;
        Ok(Self {
            rules,
            state: State::new(&rules, at),
            seen: at,
            restarted: false,
            pollers: HashMap::new(),
            heard: Vec::new(),
            #[cfg(feature = "faults")]
            fault: None,
        })
    }

    /// The queue that a log which began at `at` amounts to. Volatile entries may be missing from
    /// it, and so may any number of entries from its end.
    ///
    /// The first step after it emits [`Event::Resumed`] if anybody is in the queue: the time from
    /// the last entry to that step costs nobody anything.
    ///
    /// # Errors
    ///
    /// If the rules are not usable, or no queue can have written this log; a log that was damaged,
    /// reordered or cut in the middle is refused at the first entry that does not fit.
    pub fn replay(
        rules: Rules,
        at: Timestamp,
        entries: impl IntoIterator<Item = Entry<Id>>,
    ) -> Result<Self, ReplayError> {
        let mut queue = Self::new(rules, at)?;
        for (index, entry) in (0..).zip(entries) {
            queue
                .state
                .apply(&entry)
                .map_err(|misfit| ReplayError::Entry { index, misfit })?;
        }
        queue.seen = queue.state.log_time();
        queue.restarted = true;
        Ok(queue)
    }

    /// Carries out a command at a time: the only thing that changes a queue.
    ///
    /// Always in one order: time that has fallen is held at the latest time seen; an absence of the
    /// coordinator is made good; deadlines that have passed end their stays; the command is
    /// decided; a drained queue halts.
    ///
    /// `now` should come from a clock that runs steadily while the process lives, started at the
    /// wall clock's time or at [`State::log_time`], whichever is later: while a clock is behind the
    /// log, time stands still.
    pub fn step(&mut self, now: Timestamp, command: Command<Id>) -> Step<Id> {
        let mut step = Step {
            entries: Vec::new(),
            result: Ok(()),
        };
        let now = self.hold(now);
        self.make_absence_good(now, &mut step.entries);
        if !fault!(self, LateIsInTime) {
            self.expire(now, &mut step.entries);
        }
        self.settle(now, &mut step.entries);
        step.result = self.decide(now, command, &mut step.entries);
        if fault!(self, LateIsInTime) {
            self.expire(now, &mut step.entries);
        }
        self.settle(now, &mut step.entries);
        self.seen = now;
        step
    }

    /// When to call [`Queue::step`] with [`Command::Tick`] at the latest: at the next deadline, when
    /// a free turn can pass somebody who no longer counts as there, and once in every
    /// [`tick`](Rules::tick), which shows that the coordinator is alive. `None` while nothing can
    /// come due.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        let due = self.next_deadline()?;
        let tick = self.seen.saturating_add(self.rules.tick);
        let free = self.state.turn().is_none();
        let heard = self.heard.iter().filter(|_| free);
        heard
            .map(|(_, at)| at.saturating_add(self.rules.there_for()))
            .filter(|&at| at > self.seen)
            .fold(due.min(tick), Timestamp::min)
            .into()
    }

    /// When the next stay ends if nothing is heard. Grace is included. `None` while nothing can come
    /// due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.state.mode() == Mode::Halted && !fault!(self, HaltedClockRuns) {
            return None;
        }
        let in_line = self
            .state
            .earliest_check_in()
            .map(|by| self.due(Phase::Waiting, by));
        let in_turn = self.turn_due().map(|(due, _, _)| due);
        in_line.into_iter().chain(in_turn).min()
    }

    /// The state, for reading.
    #[must_use]
    pub fn state(&self) -> &State<Id> {
        &self.state
    }

    /// The settings.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Breaks a rule. For tests of tests.
    #[cfg(feature = "faults")]
    #[doc(hidden)]
    pub fn break_rule(&mut self, fault: Option<crate::Fault>) {
        self.fault = fault;
    }

    /// Writes an event: the state first, then the caller's log.
    fn emit(&mut self, at: Timestamp, event: Event<Id>, log: &mut Vec<Entry<Id>>) {
        let entry = Entry { at, event };
        if let Err(misfit) = self.state.apply(&entry) {
            broken(misfit);
        }
        if let Event::Called { ticket, .. } | Event::Ended { ticket, .. } = entry.event {
            self.pollers.remove(&ticket);
            self.heard.retain(|(one, _)| *one != ticket);
        }
        log.push(entry);
    }

    /// Time for the rules: it never falls, whatever the clock does.
    fn hold(&self, now: Timestamp) -> Timestamp {
        if fault!(self, TimeFalls) {
            return now.max(self.state.log_time());
        }
        now.max(self.state.log_time()).max(self.seen)
    }

    /// Moves all deadlines if the coordinator was away: after a restart, and when it comes clearly
    /// later after the last step than one that lives.
    fn make_absence_good(&mut self, now: Timestamp, log: &mut Vec<Entry<Id>>) {
        let restarted = self.restarted && !fault!(self, RestartCounts);
        self.restarted = false;
        let stalled = !fault!(self, CoordinatorStallCounts)
            && self.state.mode() != Mode::Halted
            && now.since(self.seen) > self.rules.longest_gap();
        if (restarted || stalled) && !self.state.is_empty() {
            // Whoever was there before the absence is there after it.
            let gap = now.since(self.seen);
            for (_, at) in &mut self.heard {
                *at = at.saturating_add(gap);
            }
            let pause = now.since(self.state.halted_since().unwrap_or(self.seen));
            self.emit(now, Event::Resumed { pause, restarted }, log);
        }
    }

    /// Ends every stay whose deadline has passed, the earliest first, ties by ticket.
    fn expire(&mut self, now: Timestamp, log: &mut Vec<Entry<Id>>) {
        if self.state.mode() == Mode::Halted && !fault!(self, HaltedClockRuns) {
            return;
        }
        loop {
            let in_turn = self.turn_due();
            let in_line = self
                .state
                .earliest_check_in()
                .map(|by| self.due(Phase::Waiting, by));
            // In a tie the turn goes first.
            let (ticket, outcome) = match (in_turn, in_line) {
                (Some((due, ticket, outcome)), in_line)
                    if due <= now && in_line.is_none_or(|in_line| due <= in_line) =>
                {
                    (ticket, outcome)
                }
                (_, Some(due)) if due <= now => match self.state.next_to_miss() {
                    Some(ticket) => (ticket, Outcome::MissedCheckIn),
                    None => return,
                },
                _ => return,
            };
            self.emit(now, Event::Ended { ticket, outcome }, log);
        }
    }

    /// Halts a draining queue that is empty: the last contribution is completely processed
    /// (`queue-protocol.md`, coordinator handover).
    fn settle(&mut self, now: Timestamp, log: &mut Vec<Entry<Id>>) {
        if self.state.mode() == Mode::Draining
            && self.state.is_empty()
            && !fault!(self, DrainNeverHalts)
        {
            self.emit(now, Event::ModeSet { mode: Mode::Halted }, log);
        }
        if fault!(self, CallsAbsentHead)
            && self.state.mode() != Mode::Halted
            && self.state.turn().is_none()
            && let Some((ticket, _)) = self.state.head()
        {
            self.call(now, ticket, Vec::new(), log);
        }
    }

    /// Whom a free turn passes if it goes to this stay now, in order; `None` if it may not go to it:
    /// the turn is taken, the stay is not among the first three, or somebody ahead is there, is
    /// expected within the shortest interval, or was passed as often as a stay may be.
    fn passes_for(&self, now: Timestamp, ticket: Ticket) -> Option<Vec<Ticket>> {
        let ahead = self.state.ahead_of(ticket).filter(|&ahead| {
            self.state.turn().is_none() && (ahead < NEAR_HEAD || fault!(self, PassesFromAnywhere))
        })?;
        let mut passed = Vec::new();
        let line = self.state.near_head().map(|(one, _)| one);
        for one in line.take_while(|&one| one != ticket) {
            if !self.may_be_passed(now, one) {
                return None;
            }
            passed.push(one);
        }
        (passed.len() as u64 == ahead).then_some(passed)
    }

    fn may_be_passed(&self, now: Timestamp, ticket: Ticket) -> bool {
        let Some((by, passed)) = self.state.waiting_until(ticket) else {
            return false;
        };
        let expected = by <= now.saturating_add(self.rules.checkin_min);
        let is_there = self
            .heard
            .iter()
            .any(|&(one, at)| one == ticket && now < at.saturating_add(self.rules.there_for()));
        (passed < self.rules.passes || fault!(self, PassesAgain))
            && (!expected || fault!(self, PassesWhoIsExpected))
            && (!is_there || fault!(self, PassesWhoIsThere))
    }

    /// Whether a free turn goes to this stay if it asks now.
    #[must_use]
    pub fn would_be_called(&self, now: Timestamp, ticket: Ticket) -> bool {
        self.state.mode() != Mode::Halted && self.passes_for(self.hold(now), ticket).is_some()
    }

    /// How long a turn that starts now lasts at most, from its start to the last byte: the
    /// [`contribution_limit`](Rules::contribution_limit), or what follows from the contributions of
    /// late where [`contribution_min`](Rules::contribution_min) is given.
    #[must_use]
    pub fn contribution_limit(&self) -> Duration {
        self.rules.limit_after(self.state.longest_usual_work())
    }

    /// When a deadline comes due. Grace is the participant's: verification is the coordinator's own
    /// work, which needs no allowance for latency.
    fn due(&self, phase: Phase, by: Timestamp) -> Timestamp {
        match phase {
            Phase::Verifying => by,
            _ if fault!(self, GraceForgotten) => by,
            _ => by.saturating_add(self.rules.checkin_grace),
        }
    }

    /// When the turn is over at the latest, and how it then ends.
    fn turn_due(&self) -> Option<(Timestamp, Ticket, Outcome)> {
        let turn = self.state.turn()?;
        if fault!(self, ReadyHasNoTimer) && turn.phase == Phase::Ready {
            return None;
        }
        if fault!(self, VerifyingHasNoTimer) && turn.phase == Phase::Verifying {
            return None;
        }
        let mut outcome = turn.overdue;
        if fault!(self, StalledIsCalledTimedOut) && outcome == Outcome::Stalled {
            outcome = Outcome::TimedOut;
        }
        Some((self.due(turn.phase, turn.deadline), turn.ticket, outcome))
    }
}

/// The rules emitted an event that cannot follow from the log. No input can cause this.
#[cold]
fn broken(misfit: Misfit) -> ! {
    panic!("the rules of the queue contradict its log: {misfit}");
}
