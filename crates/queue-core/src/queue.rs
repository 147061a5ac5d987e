//! The rules: time, absence and deadlines. What each command does is in `queue/decide.rs`.
//!
//! Rules read the state and emit events; `State::apply` alone writes it.

use alloc::vec::Vec;
use core::hash::Hash;
use core::time::Duration;

use hashbrown::HashMap;

use crate::state::State;
use crate::{
    Command, Entry, Event, Misfit, Mode, Outcome, Phase, Refusal, ReplayError, Rules, RulesError,
    Ticket, Timestamp,
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

    /// When to call [`Queue::step`] with [`Command::Tick`] at the latest, so that no stay outlives
    /// its deadline. Grace is included. `None` while nothing can come due.
    ///
    /// A tick every second or so besides costs nothing and makes the length of an absence precise.
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

    /// Moves all deadlines if the coordinator was away: after a restart, and when it comes so late
    /// that it cannot have been alive when a deadline passed.
    fn make_absence_good(&mut self, now: Timestamp, log: &mut Vec<Entry<Id>>) {
        let restarted = self.restarted && !fault!(self, RestartCounts);
        self.restarted = false;
        let stalled = !fault!(self, CoordinatorStallCounts)
            && self
                .next_deadline()
                .is_some_and(|due| now > due.saturating_add(self.rules.stall_limit));
        if (restarted || stalled) && !self.state.is_empty() {
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
            // The turn has the lower ticket, and so goes first in a tie.
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
            self.call(now, ticket, log);
        }
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
