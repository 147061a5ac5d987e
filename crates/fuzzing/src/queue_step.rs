//! Whatever commands come at whatever times, the queue's rules never panic, replaying the log gives
//! the same state, and turns are called in the order of tickets.

use std::collections::BTreeSet;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use tauline_queue_core::{Command, Entry, Event, Mode, Queue, Rules, Ticket, Timestamp, Verdict};

/// What happens, and how long after what happened before.
#[derive(Debug, Arbitrary)]
struct Happening {
    /// Small steps most of the time; the sign bit makes the clock jump back.
    later: i32,
    what: What,
}

#[derive(Debug, Arbitrary)]
enum What {
    Join(u8),
    CheckIn(u8),
    TryContribute(u8),
    Start(u8),
    Disconnect(u8),
    Upload(u8),
    Submit(u8),
    Abort(u8),
    Leave(u8),
    Judge(u8, u8),
    JudgeTurn(u8),
    Open,
    Drain,
    Halt,
    Pardon(u8),
    Expel(u8),
    Tick,
    Restart,
    RestartWithoutVolatile,
}

impl What {
    /// The command to a queue, if this is one.
    fn command(self, queue: &Queue<u8>) -> Option<Command<u8>> {
        // Twenty people make crowds and repetitions likely.
        Some(match self {
            Self::Join(id) => Command::Join { id: id % 20 },
            Self::CheckIn(id) => Command::CheckIn { id: id % 20 },
            Self::TryContribute(id) => Command::TryContribute {
                id: id % 20,
                interval: Duration::from_secs(32),
            },
            Self::Start(id) => Command::Start {
                id: id % 20,
                checks_in: id >= 128,
            },
            Self::Disconnect(id) => Command::Disconnect { id: id % 20 },
            Self::Upload(id) => Command::Upload { id: id % 20 },
            Self::Submit(id) => Command::Submit { id: id % 20 },
            Self::Abort(id) => Command::Abort { id: id % 20 },
            Self::Leave(id) => Command::Leave { id: id % 20 },
            Self::Judge(ticket, number) => Command::Judge {
                ticket: Ticket::new(ticket.into()),
                verdict: verdict(number),
            },
            Self::JudgeTurn(number) => match queue.state().turn() {
                Some(turn) => Command::Judge {
                    ticket: turn.ticket,
                    verdict: verdict(number),
                },
                None => Command::Tick,
            },
            Self::Open => Command::SetMode(Mode::Open),
            Self::Drain => Command::SetMode(Mode::Draining),
            Self::Halt => Command::SetMode(Mode::Halted),
            Self::Pardon(id) => Command::Pardon { id: id % 20 },
            Self::Expel(ticket) => Command::Expel {
                ticket: Ticket::new(ticket.into()),
            },
            Self::Tick => Command::Tick,
            Self::Restart | Self::RestartWithoutVolatile => return None,
        })
    }
}

fn verdict(number: u8) -> Verdict {
    match number % 3 {
        0 => Verdict::Valid,
        1 => Verdict::Invalid,
        _ => Verdict::CoordinatorFault,
    }
}

/// A queue, its log, and what was seen of it.
struct Life {
    rules: Rules,
    begin: Timestamp,
    now: Timestamp,
    queue: Queue<u8>,
    log: Vec<Entry<u8>>,
    passed_once: BTreeSet<Ticket>,
}

impl Life {
    fn new() -> Self {
        let begin = Timestamp::from_millis(1_000_000);
        let rules = Rules {
            checkin_max: Duration::from_secs(60),
            ..Rules::default()
        };
        Self {
            queue: Queue::new(rules, begin).expect("the rules are sound"),
            rules,
            begin,
            now: begin,
            log: Vec::new(),
            passed_once: BTreeSet::new(),
        }
    }

    fn go_on(&mut self, Happening { later, what }: Happening) {
        let step = Duration::from_millis(u64::from(later.unsigned_abs() >> 8));
        self.now = match later < 0 {
            true => self.now.saturating_sub(step),
            false => self.now.saturating_add(step),
        };
        let drops_volatile = matches!(what, What::RestartWithoutVolatile);
        match what.command(&self.queue) {
            Some(command) => self.step(command),
            None if drops_volatile => self.restart_without_volatile(),
            None => self.restart(),
        }
    }

    fn replayed(&self) -> Queue<u8> {
        Queue::replay(self.rules, self.begin, self.log.iter().cloned())
            .expect("its own log replays")
    }

    fn restart(&mut self) {
        let again = self.replayed();
        assert!(
            again.state() == self.queue.state(),
            "a replay equals the live state"
        );
        self.queue = again;
    }

    fn restart_without_volatile(&mut self) {
        self.log.retain(|entry| !entry.event.is_volatile());
        let again = self.replayed();
        let order = |queue: &Queue<u8>| -> Vec<_> {
            let line = queue.state().line();
            line.map(|(ticket, id)| (ticket, *id)).collect()
        };
        assert_eq!(order(&again), order(&self.queue), "the order survives");
        self.queue = again;
    }

    fn step(&mut self, command: Command<u8>) {
        let step = self.queue.step(self.now, command);
        for entry in &step.entries {
            if let Event::Called { ticket, passed, .. } = &entry.event {
                let line = self.queue.state().line().map(|(one, _)| one);
                assert!(
                    line.take_while(|one| one < ticket)
                        .eq(passed.iter().copied()),
                    "whoever is ahead in line is named"
                );
                for one in passed {
                    assert!(self.passed_once.insert(*one), "nobody is passed twice");
                }
            }
        }
        if let Some(last) = self.log.last() {
            let is_later = |entry: &Entry<u8>| entry.at >= last.at;
            assert!(step.entries.iter().all(is_later), "log time never falls");
        }
        self.log.extend(step.entries);
    }
}

/// Reads the bytes as commands at times, and has a queue do them.
///
/// # Panics
/// When the queue breaks a rule.
pub fn check(bytes: &[u8]) {
    let happenings = Vec::<Happening>::arbitrary_take_rest(Unstructured::new(bytes));
    let mut life = Life::new();
    for happening in happenings.unwrap_or_default() {
        life.go_on(happening);
    }
}
