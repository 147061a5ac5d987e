//! A seeded world around a queue: participants who come, vanish in line or in their turn, come late,
//! check in twice, try by a rhythm and lose one try in ten, abort, leave and send rubbish; an
//! operator; a clock that jumps both ways; and a coordinator that is paused for any time, crashes and
//! loses what it had not yet committed.
//!
//! After every step three things are asserted. The answer is that of [`Reference`], which has the
//! same rules in another form. The invariants of the queue hold. And what the participants were
//! told holds, by the world's own account of who was promised what and when the coordinator was
//! really away. Whatever fails panics, with the seed and the step.

mod invariants;
mod people;
mod promises;
mod restarts;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tauline_queue_core::{
    Command, Entry, Event, Mode, Outcome, Phase, Queue, Refusal, Rules, Step, Ticket, Timestamp,
    Verdict,
};

pub(crate) use tally::Tally;

use crate::reference::{Id, Reference};
use tally::word;

/// Who watches a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// The reference, the invariants and the promises.
    Everything,
    /// The invariants and the promises, which do not know what the rules are.
    NoReference,
}

/// One life of a queue, until its log has this many entries.
pub(crate) fn live(seed: u64, events: u64, watch: Watch) -> Tally {
    let mut life = Life::new(seed, watch);
    while life.tally.events < events {
        life.turn_of_events();
    }
    life.close();
    life.tally
}

struct Life {
    seed: u64,
    rng: ChaCha8Rng,
    watch: Watch,
    queue: Queue<Id>,
    reference: Reference,
    began: Timestamp,
    /// All entries since the last restart, and before it what was left of them.
    log: Vec<Entry<Id>>,
    /// What the coordinator's clock shows.
    clock: u64,
    /// Time by the queue: the last step's.
    lived_until: u64,
    /// The time of the last step before a crash, until somebody resumes.
    crashed_at: Option<u64>,
    halted_at: Option<u64>,
    /// Until when each waiting identity was told that it has time, outages since then added.
    told: BTreeMap<Id, u64>,
    /// Tickets in line that have tried since the last restart.
    tried: BTreeSet<u64>,
    /// When whoever is among the first three was last heard of.
    heard: BTreeMap<Id, u64>,
    /// Who may not join: used up by the log, and not pardoned since.
    barred: BTreeSet<Id>,
    /// How many turns have passed each ticket, by the log.
    passed: BTreeMap<u64, u32>,
    /// Those who try by a rhythm and wait: by the coordinator's clock, when they try next, and
    /// whether their last try was lost.
    rhythm: BTreeMap<Id, (u64, bool)>,
    newest: Id,
    /// How busy this world is: how many want to be in line.
    crowd: u64,
    /// After what time those try again who only try; those with a rhythm try twice in it, and so may
    /// lose one.
    try_interval: Duration,
    tally: Tally,
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

impl Life {
    fn new(seed: u64, watch: Watch) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let secs = |rng: &mut ChaCha8Rng, half_seconds: std::ops::Range<u64>| {
            Duration::from_millis(rng.gen_range(half_seconds) * 500)
        };
        // A long line holds only where check-ins may be far apart.
        let crowd = *[3, 10, 100].choose(&mut rng).unwrap();
        let relaxed = if crowd > 10 { 300..400 } else { 1..120 };
        // A gap between two steps that is no absence is covered by the grace.
        let grace = rng.gen_range(3..14);
        let tick = 1..2 * grace / 5 + 1;
        let rules = if rng.gen_bool(0.3) {
            Rules::default()
        } else {
            Rules {
                checkin_max: secs(&mut rng, 20..400),
                checkin_min: secs(&mut rng, 2..20),
                checkin_grace: Duration::from_millis(500 * grace),
                checkin_rate: *[1, 2, 5, 1000].choose(&mut rng).unwrap(),
                checkin_relaxed: secs(&mut rng, relaxed),
                passes: *[0, 1, 1, 1, 2].choose(&mut rng).unwrap(),
                start_limit: secs(&mut rng, 2..40),
                contribution_limit: secs(&mut rng, 40..400),
                contribution_min: rng.gen_bool(0.5).then(|| secs(&mut rng, 4..40)),
                stall_limit: secs(&mut rng, 4..80),
                disconnect_limit: secs(&mut rng, 2..60),
                verification_limit: secs(&mut rng, 4..100),
                expected_turn: secs(&mut rng, 1..120),
                lasting_step: secs(&mut rng, 0..200),
                tick: secs(&mut rng, tick),
            }
        };
        let try_interval = secs(&mut rng, 2..100);
        let clock = 1_790_000_000_000;
        let began = Timestamp::from_millis(clock);
        let queue = Queue::new(rules, began).unwrap();
        Self {
            seed,
            watch,
            queue,
            reference: Reference::new(rules, clock),
            began,
            log: Vec::new(),
            clock,
            lived_until: clock,
            crashed_at: None,
            halted_at: None,
            told: BTreeMap::new(),
            tried: BTreeSet::new(),
            heard: BTreeMap::new(),
            barred: BTreeSet::new(),
            passed: BTreeMap::new(),
            rhythm: BTreeMap::new(),
            newest: 0,
            crowd,
            try_interval,
            rng,
            tally: Tally::default(),
        }
    }

    fn turn_of_events(&mut self) {
        match self.rng.gen_range(0..2000) {
            0 => self.crash(),
            1 => self.crash_before_commit(),
            _ => {
                self.pass_time();
                let command = self.someone_does_something();
                self.step(command);
            }
        }
    }

    /// Mostly a little; sometimes to just around a deadline; sometimes the coordinator is paused, or
    /// its clock is set back or forward.
    fn pass_time(&mut self) {
        let diligent = self.rng.gen_bool(0.98);
        self.tally.pauses += u64::from(!diligent);
        let until = match self.rng.gen_range(0..1000) {
            0..700 => self.clock + self.rng.gen_range(0..700),
            700..900 => self.clock + self.rng.gen_range(0..5_000),
            900..980 => match self.queue.next_deadline() {
                Some(due) => (due.as_millis() + self.rng.gen_range(0..3)).max(self.clock + 1) - 1,
                None => self.clock + self.rng.gen_range(0..60_000),
            },
            980..990 => self.clock + self.rng.gen_range(0..100_000),
            990..994 => {
                // Set back: the queue's time must not follow.
                self.tally.clock_fell += 1;
                let fall = self.rng.gen_range(0..20_000);
                self.clock = self.clock.saturating_sub(fall);
                for (next, _) in self.rhythm.values_mut() {
                    *next = next.saturating_sub(fall);
                }
                return;
            }
            994..996 => {
                let jump = self.rng.gen_range(0..4_000_000);
                self.clock += jump;
                for (next, _) in self.rhythm.values_mut() {
                    *next += jump;
                }
                return;
            }
            _ => self.clock,
        };
        // The coordinator's timer, and those who try by a rhythm.
        loop {
            let wake = self.queue.wake_at().map(Timestamp::as_millis);
            let next = self.rhythm.values().map(|(next, _)| *next).min();
            let Some(at) = wake
                .into_iter()
                .chain(next)
                .min()
                .filter(|&at| diligent && at <= until)
            else {
                break;
            };
            let before = (self.tally.events, self.lived_until);
            self.clock = self.clock.max(at);
            if wake.is_some_and(|wake| wake <= self.clock) {
                self.step(Command::Tick);
                let after = (self.tally.events, self.lived_until);
                let place = self.place();
                assert_ne!(before, after, "{place}: a tick at {at} does nothing");
            }
            self.try_by_rhythm();
        }
        self.clock = self.clock.max(until);
        // What was sent while the coordinator was paused is heard afterwards.
        self.try_by_rhythm();
    }

    fn try_by_rhythm(&mut self) {
        let due: Vec<Id> = (self.rhythm.iter())
            .filter(|(_, (next, _))| *next <= self.clock)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let Some(&(_, lost_last)) = self.rhythm.get(&id) else {
                continue; // no longer in line by what another did
            };
            let lost = !lost_last && self.rng.gen_bool(0.1);
            let next = self.next_by_rhythm();
            self.rhythm.insert(id, (next, lost));
            match lost {
                true => self.tally.lost_tries += 1,
                false => {
                    let again = self.try_contribute(id);
                    self.step(again);
                }
            }
        }
    }

    fn place(&self) -> String {
        format!("seed {}, step {}", self.seed, self.tally.steps)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock)
    }

    fn step(&mut self, command: Command<Id>) {
        self.tally.steps += 1;
        let now = self.now();
        let mode_before = self.queue.state().mode();
        let empty_before = self.queue.state().is_empty();
        let contributing_before = self.contributing();
        let verifying_before = self.verifying();
        let step = self.queue.step(now, command.clone());
        if self.watch == Watch::Everything {
            let (entries, result) = self.reference.step(now, &command);
            let Step {
                entries: actual,
                result: answer,
            } = &step;
            let place = self.place();
            assert_eq!(*actual, entries, "{place}: entries of {command:?} at {now}");
            assert_eq!(*answer, result, "{place}: answer to {command:?} at {now}");
        }

        let time = self.queue_time(now);
        let resumed = |entry: &Entry<Id>| matches!(entry.event, Event::Resumed { .. });
        let contributing_by = contributing_before
            .filter(|_| !step.entries.iter().any(resumed))
            .filter(|(ticket, _)| self.contributing().is_some_and(|(now, _)| now == *ticket))
            .map(|(_, by)| by);
        self.account_for_absence(time, mode_before, empty_before);
        for entry in &step.entries {
            self.take_note(entry, time, &command);
            self.assert_ended_rightly(entry, &command, verifying_before);
        }
        self.log.extend(step.entries.iter().cloned());
        if let Err(refusal) = step.result {
            *self.tally.by_refusal.entry(word(&refusal)).or_default() += 1;
        }
        self.note_promise(&command, step.result, time, contributing_by);
        self.assert_turn_is_timed(&command, step.result, time);
        self.lived_until = time;
        self.assert_invariants(time);
    }

    /// Who contributes, and until when.
    fn contributing(&self) -> Option<(Ticket, Timestamp)> {
        let turn = self.queue.state().turn()?;
        (turn.phase == Phase::Contributing).then_some((turn.ticket, turn.deadline))
    }

    /// Whose contribution is being verified.
    fn verifying(&self) -> Option<Ticket> {
        let turn = self.queue.state().turn()?;
        (turn.phase == Phase::Verifying).then_some(turn.ticket)
    }

    /// What the queue's time must be: the clock's, unless that has fallen.
    fn queue_time(&self, now: Timestamp) -> u64 {
        match self.crashed_at {
            Some(_) => now.as_millis().max(self.log_time()),
            None => now.as_millis().max(self.lived_until),
        }
    }

    fn log_time(&self) -> u64 {
        self.log
            .last()
            .map_or(self.began, |entry| entry.at)
            .as_millis()
    }

    /// At the end: the log holds, and ticks alone empty a draining queue.
    fn close(&mut self) {
        self.step(Command::SetMode(Mode::Open));
        self.step(Command::SetMode(Mode::Draining));
        self.assert_replay_equals_live();
        self.rhythm.clear();
        while let Some(due) = self.queue.wake_at() {
            self.clock = self.clock.max(due.as_millis());
            self.step(Command::Tick);
        }
        assert!(
            self.queue.state().is_empty(),
            "{}: ticks do not drain it",
            self.place()
        );
        assert_eq!(self.queue.state().mode(), Mode::Halted, "{}", self.place());
        self.assert_replay_equals_live();
    }
}
