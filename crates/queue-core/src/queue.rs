//! The queue and its step. What each command does is in `queue/`, from `decide.rs` on.
//!
//! Rules read the state and emit events; `State::apply` alone writes it.

mod absence;
mod call;
mod check_in;
mod deadlines;
mod decide;
mod operator;
mod turn;

use alloc::vec::Vec;
use core::hash::Hash;
use core::time::Duration;

use hashbrown::HashMap;

use crate::state::State;
use crate::{
    Command, Entry, Event, Misfit, Refusal, ReplayError, Rules, RulesError, Ticket, Timestamp,
};

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
    last_step_at: Timestamp,
    /// Whether nothing has happened since a replay, so that `Resumed` is owed.
    restarted: bool,
    /// Those in line who use `TryContribute`, and after what time they try again. Not in the log,
    /// and forgotten by a restart until they do: it decides only how long later deadlines are.
    retry_intervals: HashMap<Ticket, Duration>,
    /// Who near the head has asked lately, and when. Not in the log: it decides only whether somebody
    /// counts as there for a moment longer.
    heard: Vec<(Ticket, Timestamp)>,
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
            last_step_at: at,
            restarted: false,
            retry_intervals: HashMap::new(),
            heard: Vec::new(),
        })
    }

    /// The queue that a log which began at `at` amounts to. Volatile entries may be missing from
    /// it, and so may any number of entries from its end (`docs/spec/queue.md#replay`).
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
        queue.last_step_at = queue.state.log_time();
        queue.restarted = true;
        Ok(queue)
    }

    /// After a replay, and before the first step: the coordinator before was still there at `at`, whatever its
    /// log shows. The absence that the first step makes good counts from then
    /// (`docs/spec/queue.md#there-until`).
    pub fn was_there_until(&mut self, at: Timestamp) {
        if self.restarted {
            self.last_step_at = self.last_step_at.max(at);
        }
    }

    /// Takes the next entry of a log into account that another coordinator goes on writing.
    ///
    /// A queue that follows is looked at, and not stepped: volatile entries are missing from it, and who
    /// is there now is known where the log is written.
    ///
    /// # Errors
    ///
    /// Why the entry cannot follow what came before. The queue is then as it was.
    pub fn follow(&mut self, entry: &Entry<Id>) -> Result<(), Misfit> {
        self.state.apply(entry)?;
        self.last_step_at = self.state.log_time();
        Ok(())
    }

    /// Carries out a command at a time: the only thing that changes a queue that is not followed.
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
        let now = self.monotonic(now);
        self.make_absence_good(now, &mut step.entries);
        self.expire(now, &mut step.entries);
        self.halt_if_drained(now, &mut step.entries);
        step.result = self.decide(now, command, &mut step.entries);
        self.halt_if_drained(now, &mut step.entries);
        self.last_step_at = now;
        step
    }

    /// When to call [`Queue::step`] with [`Command::Tick`] at the latest: at the next deadline, when
    /// a free turn can pass somebody who no longer counts as there, and once in every
    /// [`tick`](Rules::tick), which shows that the coordinator is alive. `None` while nothing can
    /// come due.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        let due = self.next_deadline()?;
        let tick = self.last_step_at.saturating_add(self.rules.tick);
        let free = self.state.turn().is_none();
        let heard = self.heard.iter().filter(|_| free);
        heard
            .map(|(_, at)| at.saturating_add(self.rules.presence_limit()))
            .filter(|&at| at > self.last_step_at)
            .fold(due.min(tick), Timestamp::min)
            .into()
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

    /// Writes an event: the state first, then the caller's log.
    fn emit(&mut self, at: Timestamp, event: Event<Id>, log: &mut Vec<Entry<Id>>) {
        let entry = Entry { at, event };
        if let Err(misfit) = self.state.apply(&entry) {
            contradiction(misfit);
        }
        if let Event::Called { ticket, .. } | Event::Ended { ticket, .. } = entry.event {
            self.retry_intervals.remove(&ticket);
            self.heard.retain(|(one, _)| *one != ticket);
        }
        log.push(entry);
    }
}

/// The rules emitted an event that cannot follow from the log. No input can cause this.
#[cold]
fn contradiction(misfit: Misfit) -> ! {
    panic!("the rules of the queue contradict its log: {misfit}");
}
