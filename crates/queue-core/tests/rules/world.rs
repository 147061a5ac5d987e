//! A queue with its clock and its log, and short words for what happens to it.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use tauline_queue_core::{
    Command, Entry, Mode, Outcome, Phase, Queue, Refusal, Rules, Step, Ticket, Timestamp, Verdict,
};

/// Most tests have names for identities.
pub(crate) type Id = &'static str;

/// The grace of the default rules, less a millisecond.
pub(crate) const IN_GRACE: Duration = Duration::from_millis(4999);
/// The shortest time that there is.
pub(crate) const MS: Duration = Duration::from_millis(1);
/// The interval of those who only try.
pub(crate) const TRY_EVERY: Duration = secs(32);

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Identities for a crowd of this size.
pub(crate) fn crowd(number: usize) -> Vec<Id> {
    (0..number)
        .map(|number| &*Box::leak(format!("{number}").into_boxed_str()))
        .collect()
}

pub(crate) fn used_up(outcome: Outcome) -> Refusal {
    Refusal::UsedUp { outcome }
}

pub(crate) fn ended(outcome: Outcome) -> Refusal {
    Refusal::Ended { outcome }
}

/// A start by somebody who does not check in while it contributes.
pub(crate) fn start<I>(id: I) -> Command<I> {
    Command::Start {
        id,
        checks_in: false,
    }
}

pub(crate) struct World<I> {
    pub(crate) queue: Queue<I>,
    pub(crate) began: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) log: Vec<Entry<I>>,
}

impl<I: Copy + Debug + Eq + Hash> World<I> {
    pub(crate) fn new() -> Self {
        Self::with(Rules::default())
    }

    pub(crate) fn with(rules: Rules) -> Self {
        let began = Timestamp::from_millis(1_790_000_000_000);
        Self {
            queue: Queue::new(rules, began).unwrap(),
            began,
            now: began,
            log: Vec::new(),
        }
    }

    pub(crate) fn step(&mut self, command: Command<I>) -> Step<I> {
        let step = self.queue.step(self.now, command);
        self.log.extend(step.entries.iter().cloned());
        step
    }

    /// Carries out a command that must succeed.
    pub(crate) fn must(&mut self, command: Command<I>) -> &mut Self {
        let step = self.step(command.clone());
        assert_eq!(step.result, Ok(()), "{command:?}");
        self
    }

    pub(crate) fn refused(&mut self, command: Command<I>) -> Refusal {
        self.step(command).result.expect_err("must be refused")
    }

    pub(crate) fn join(&mut self, id: I) -> &mut Self {
        self.must(Command::Join { id })
    }

    pub(crate) fn check_in(&mut self, id: I) -> &mut Self {
        self.must(Command::CheckIn { id })
    }

    pub(crate) fn try_contribute(&mut self, id: I) -> &mut Self {
        let interval = TRY_EVERY;
        self.must(Command::TryContribute { id, interval })
    }

    pub(crate) fn start(&mut self, id: I) -> &mut Self {
        self.must(start(id))
    }

    pub(crate) fn start_checking_in(&mut self, id: I) -> &mut Self {
        let checks_in = true;
        self.must(Command::Start { id, checks_in })
    }

    pub(crate) fn disconnect(&mut self, id: I) -> &mut Self {
        self.must(Command::Disconnect { id })
    }

    pub(crate) fn upload(&mut self, id: I) -> &mut Self {
        self.must(Command::Upload { id })
    }

    pub(crate) fn submit(&mut self, id: I) -> &mut Self {
        self.must(Command::Submit { id })
    }

    pub(crate) fn abort(&mut self, id: I) -> &mut Self {
        self.must(Command::Abort { id })
    }

    pub(crate) fn leave(&mut self, id: I) -> &mut Self {
        self.must(Command::Leave { id })
    }

    pub(crate) fn pardon(&mut self, id: I) -> &mut Self {
        self.must(Command::Pardon { id })
    }

    pub(crate) fn expel(&mut self, ticket: u64) -> &mut Self {
        let ticket = Ticket::new(ticket);
        self.must(Command::Expel { ticket })
    }

    pub(crate) fn set_mode(&mut self, mode: Mode) -> &mut Self {
        self.must(Command::SetMode(mode))
    }

    pub(crate) fn judge(&mut self, verdict: Verdict) -> &mut Self {
        let ticket = self.queue.state().turn().unwrap().ticket;
        self.must(Command::Judge { ticket, verdict })
    }

    /// A whole turn of somebody who was called.
    pub(crate) fn contribute(&mut self, id: I) -> &mut Self {
        self.start(id).submit(id).judge(Verdict::Valid)
    }

    /// Time passes, and the coordinator's timer works.
    pub(crate) fn wait(&mut self, time: Duration) -> &mut Self {
        let until = self.now.saturating_add(time);
        while let Some(due) = self.queue.wake_at().filter(|&due| due <= until) {
            self.now = self.now.max(due);
            self.must(Command::Tick);
        }
        self.now = until;
        self.must(Command::Tick)
    }

    /// The same, while these check in every four seconds.
    pub(crate) fn wait_with(&mut self, seconds: u64, present: &[I]) -> &mut Self {
        for second in 0..seconds {
            self.wait(secs(1));
            for &id in present {
                if second % 4 == 0 {
                    self.check_in(id);
                }
            }
        }
        self
    }

    /// Time passes, and the coordinator does nothing.
    pub(crate) fn sleep(&mut self, time: Duration) -> &mut Self {
        self.now = self.now.saturating_add(time);
        self
    }

    /// The process dies and another takes over from the durable log.
    pub(crate) fn restart(&mut self) -> &mut Self {
        self.log.retain(|entry| !entry.event.is_volatile());
        let rules = *self.queue.rules();
        self.queue = Queue::replay(rules, self.began, self.log.clone()).unwrap();
        self
    }

    pub(crate) fn phase(&self, id: I) -> Option<Phase> {
        self.queue.state().stay(&id).map(|stay| stay.phase)
    }

    pub(crate) fn position(&self, id: I) -> Option<u64> {
        self.queue.state().stay(&id).map(|stay| stay.position)
    }

    /// How long it is until the deadline.
    pub(crate) fn left(&self, id: I) -> Duration {
        let stay = self.queue.state().stay(&id).unwrap();
        stay.deadline.since(self.now)
    }

    pub(crate) fn ended(&self, id: I) -> Option<Outcome> {
        self.queue.state().past(&id).map(|past| past.outcome)
    }
}
