//! A seeded world around a queue, and what of it is durable: people who come, check in, vanish, poll,
//! contribute or fail to; an operator who pauses, drains and pardons; a coordinator that stands still,
//! crashes and comes back, at times with other settings.
//!
//! Nothing is watched here. What comes out is what a public log is made of.

use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tauline_queue_core::{Command, Entry, Mode, Phase, Queue, Rules, Ticket, Timestamp, Verdict};

/// A participant.
pub(crate) type Id = u64;

/// What a coordinator writes into its log.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Record {
    /// A process has started, with these settings.
    Started(Timestamp, Rules),
    /// Something happened to the queue.
    Entry(Entry<Id>),
}

pub(crate) struct World {
    rng: ChaCha8Rng,
    queue: Queue<Id>,
    rules: Rules,
    began: Timestamp,
    clock: u64,
    /// What is durable of the queue.
    log: Vec<Entry<Id>>,
    records: Vec<Record>,
    newest: Id,
    /// How many want to be in line.
    crowd: u64,
    rhythm: Duration,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rules = rules(&mut rng);
        let clock = 1_790_000_000_000;
        let began = Timestamp::from_millis(clock);
        let crowd = *[3, 10, 40, 300].choose(&mut rng).unwrap();
        let rhythm = Duration::from_millis(rng.gen_range(1_000..40_000));
        Self {
            queue: Queue::new(rules, began).unwrap(),
            records: vec![Record::Started(began, rules)],
            rng,
            rules,
            began,
            clock,
            log: Vec::new(),
            newest: 0,
            crowd,
            rhythm,
        }
    }

    /// Goes on until there are so many records.
    pub(crate) fn live(&mut self, records: usize) {
        while self.records.len() < records {
            match self.rng.gen_range(0..1500) {
                0 => self.crash(),
                1 => {
                    // What was not durable has never happened.
                    let command = self.someone_does_something();
                    let _ = self.queue.step(self.now(), command);
                    self.crash();
                }
                _ => {
                    self.pass_time();
                    let command = self.someone_does_something();
                    self.step(command);
                }
            }
        }
    }

    /// Serves everybody in line who is still there, and ends.
    pub(crate) fn drain(&mut self) {
        self.step(Command::SetMode(Mode::Open));
        self.step(Command::SetMode(Mode::Draining));
        while let Some(wake) = self.queue.wake_at() {
            self.clock = self.clock.max(wake.as_millis());
            self.step(Command::Tick);
        }
    }

    pub(crate) fn into_records(self) -> Vec<Record> {
        self.records
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock)
    }

    fn step(&mut self, command: Command<Id>) {
        let step = self.queue.step(self.now(), command);
        for entry in step.entries {
            if !entry.event.is_volatile() {
                self.log.push(entry.clone());
                self.records.push(Record::Entry(entry));
            }
        }
    }

    /// The coordinator's timer keeps it awake, but for one time in a hundred.
    fn pass_time(&mut self) {
        let until = self.clock
            + match self.rng.gen_range(0..1000) {
                0..700 => self.rng.gen_range(0..700),
                700..980 => self.rng.gen_range(0..5_000),
                980..998 => self.rng.gen_range(0..60_000),
                _ => self.rng.gen_range(0..1_000_000),
            };
        if self.rng.gen_bool(0.99) {
            while let Some(wake) = self.queue.wake_at().filter(|it| it.as_millis() <= until) {
                self.clock = self.clock.max(wake.as_millis());
                self.step(Command::Tick);
            }
        }
        self.clock = self.clock.max(until);
    }

    /// Another process takes over, from what is durable.
    fn crash(&mut self) {
        if self.rng.gen_bool(0.1) {
            self.rules = rules(&mut self.rng);
        }
        let log = self.log.iter().cloned();
        // Of rules that are broken on purpose a log may come that does not follow from itself.
        let Ok(queue) = Queue::replay(self.rules, self.began, log) else {
            return;
        };
        self.queue = queue;
        self.clock += self.rng.gen_range(0..90_000);
        let log_time = self.queue.state().log_time().as_millis();
        self.clock = self.clock.max(log_time);
        let started = Record::Started(self.now(), self.rules);
        self.records.push(started);
        self.clock += self.rng.gen_range(0..2_000);
    }

    fn someone_does_something(&mut self) -> Command<Id> {
        let state = self.queue.state();
        let turn = state.turn().map(|turn| (*turn.id, turn.ticket, turn.phase));
        let (waiting, mode) = (state.waiting(), state.mode());
        match self.rng.gen_range(0..2000) {
            0..2 => return Command::SetMode(Mode::Draining),
            2..5 => return Command::SetMode(Mode::Halted),
            5..8 => return Command::SetMode(Mode::Open),
            8..20 => return Command::Pardon { id: self.anybody() },
            20..30 => {
                // A verdict that comes too late, on any stay.
                let ticket = Ticket::new(self.rng.gen_range(0..state.next_ticket().value() + 2));
                let verdict = Verdict::Valid;
                return Command::Judge { ticket, verdict };
            }
            30..60 => return Command::Tick,
            _ => {}
        }
        if mode != Mode::Open && self.rng.gen_bool(0.05) {
            return Command::SetMode(Mode::Open);
        }
        if let Some(turn) = turn
            && self.rng.gen_bool(0.35)
            && turn.0 % 9 != 4
        {
            return self.with_turn(turn);
        }
        if waiting < self.crowd && self.rng.gen_bool(0.4) {
            let id = match self.rng.gen_bool(0.85) {
                true => {
                    self.newest += 1;
                    self.newest
                }
                false => self.anybody(),
            };
            return self.come(id);
        }
        let reach = match self.rng.gen_bool(0.6) {
            true => 3,
            false => usize::MAX,
        };
        let line = self.queue.state().line().take(reach);
        let line: Vec<Id> = line.map(|(_, id)| *id).collect();
        match line.choose(&mut self.rng) {
            // One in nine joins and is never heard of again.
            Some(&id) if id % 9 == 4 => Command::Tick,
            Some(&id) if self.rng.gen_bool(0.01) => Command::Leave { id },
            Some(&id) => match self.come(id) {
                Command::Join { id } => Command::CheckIn { id },
                tries => tries,
            },
            None => Command::Tick,
        }
    }

    fn with_turn(&mut self, (id, ticket, phase): (Id, Ticket, Phase)) -> Command<Id> {
        // Every other participant says that it will check in.
        let checks_in = id.is_multiple_of(2);
        match (phase, self.rng.gen_range(0..20)) {
            (Phase::Verifying, 0..12) => {
                let verdict = match self.rng.gen_range(0..12) {
                    0 => Verdict::CoordinatorFault,
                    1 => Verdict::Invalid,
                    _ => Verdict::Valid,
                };
                Command::Judge { ticket, verdict }
            }
            (Phase::Ready, 0..14) => Command::Start { id, checks_in },
            (Phase::Contributing, 0..5) => Command::Submit { id },
            (Phase::Contributing, 5..9) => Command::Upload { id },
            (Phase::Contributing, 9..10) => Command::Disconnect { id },
            (_, 18) if self.rng.gen_bool(0.2) => Command::Abort { id },
            (_, 19) if self.rng.gen_bool(0.2) => Command::Leave { id },
            _ => Command::CheckIn { id },
        }
    }

    /// One in three has a program that has only the one call.
    fn come(&self, id: Id) -> Command<Id> {
        let interval = self.rhythm;
        match id % 3 {
            1 => Command::TryContribute { id, interval },
            _ => Command::Join { id },
        }
    }

    /// Somebody seen lately, or one that never was.
    fn anybody(&mut self) -> Id {
        let back = self.rng.gen_range(0..100.min(self.newest + 2));
        (self.newest + 1).saturating_sub(back)
    }
}

/// Settings of any kind; often the default.
fn rules(rng: &mut ChaCha8Rng) -> Rules {
    if rng.gen_bool(0.4) {
        return Rules::default();
    }
    let mut secs = |half_seconds: std::ops::Range<u64>| {
        Duration::from_millis(rng.gen_range(half_seconds) * 500)
    };
    // A gap between two steps that is no absence is covered by the grace.
    let grace = secs(5..14);
    let mut rules = Rules {
        checkin_max: secs(20..400),
        checkin_min: secs(2..20),
        checkin_grace: grace,
        checkin_relaxed: secs(1..120),
        start_limit: secs(2..40),
        contribution_limit: secs(40..400),
        stall_limit: secs(4..80),
        disconnect_limit: secs(2..60),
        verification_limit: secs(4..100),
        expected_turn: secs(1..120),
        lasting_step: secs(0..200),
        tick: secs(1..3),
        ..Rules::default()
    };
    rules.checkin_rate = *[1, 2, 5, 1000].choose(rng).unwrap();
    rules.passes = *[0, 1, 1, 1, 2].choose(rng).unwrap();
    if rng.gen_bool(0.5) {
        rules.contribution_min = Some(Duration::from_millis(rng.gen_range(4..40) * 500));
    }
    rules
}
