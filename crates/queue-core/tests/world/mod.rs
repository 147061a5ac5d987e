//! A seeded world around a queue: participants who come, vanish in line or in their turn, come late,
//! check in twice, poll by a rhythm and lose one poll in ten, abort, leave and send rubbish; an
//! operator; a clock that jumps both ways; and a coordinator that is paused for any time, crashes and
//! loses what it had not yet committed.
//!
//! After every step three things are asserted. The answer is that of [`Reference`], which has the
//! same rules in another form. The invariants of the queue hold. And what the participants were
//! told holds, by the world's own account of who was promised what and when the coordinator was
//! really away. Whatever fails panics, with the seed and the step.

mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tauline_queue_core::{
    Command, Entry, Event, Fault, Mode, Outcome, Phase, Queue, Refusal, Rules, Step, Ticket,
    Timestamp, Verdict,
};

use reference::{Id, Reference};

/// What a run has seen: proof that it went where it should.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) steps: u64,
    pub(crate) restarts: u64,
    pub(crate) lost_commits: u64,
    pub(crate) clock_fell: u64,
    pub(crate) pauses: u64,
    pub(crate) lost_polls: u64,
    pub(crate) passes: u64,
    pub(crate) longest_line: u64,
    pub(crate) by_event: BTreeMap<String, u64>,
    pub(crate) by_outcome: BTreeMap<String, u64>,
    pub(crate) by_refusal: BTreeMap<String, u64>,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.events += other.events;
        self.steps += other.steps;
        self.restarts += other.restarts;
        self.lost_commits += other.lost_commits;
        self.clock_fell += other.clock_fell;
        self.pauses += other.pauses;
        self.lost_polls += other.lost_polls;
        self.passes += other.passes;
        self.longest_line = self.longest_line.max(other.longest_line);
        for (mine, theirs) in [
            (&mut self.by_event, other.by_event),
            (&mut self.by_outcome, other.by_outcome),
            (&mut self.by_refusal, other.by_refusal),
        ] {
            for (name, count) in theirs {
                *mine.entry(name).or_default() += count;
            }
        }
    }
}

/// Who watches a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // Each test that has this module uses what it needs of it.
pub(crate) enum Watch {
    /// The reference, the invariants and the promises.
    Everything,
    /// The invariants and the promises, which do not know what the rules are.
    NoReference,
}

/// One life of a queue, until its log has this many entries.
pub(crate) fn live(seed: u64, events: u64, watch: Watch, fault: Option<Fault>) -> Tally {
    let mut world = World::new(seed, watch, fault);
    while world.tally.events < events {
        world.turn_of_events();
    }
    world.close();
    world.tally
}

struct World {
    seed: u64,
    rng: ChaCha8Rng,
    watch: Watch,
    fault: Option<Fault>,
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
    /// Tickets in line that have polled since the last restart.
    polled: BTreeSet<u64>,
    /// When whoever is among the first three was last heard of.
    heard: BTreeMap<Id, u64>,
    /// How many turns have passed each ticket, by the log.
    passed: BTreeMap<u64, u32>,
    /// Those who poll by a rhythm and wait: by the coordinator's clock, when they poll next, and
    /// whether their last poll was lost.
    rhythm: BTreeMap<Id, (u64, bool)>,
    newest: Id,
    /// How busy this world is: how many want to be in line.
    crowd: u64,
    /// After what time those poll again who poll; those with a rhythm poll twice in it, and so may
    /// lose one.
    poll: Duration,
    tally: Tally,
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

impl World {
    fn new(seed: u64, watch: Watch, fault: Option<Fault>) -> Self {
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
        let poll = secs(&mut rng, 2..100);
        let clock = 1_790_000_000_000;
        let began = Timestamp::from_millis(clock);
        let mut queue = Queue::new(rules, began).unwrap();
        queue.break_rule(fault);
        Self {
            seed,
            watch,
            fault,
            queue,
            reference: Reference::new(rules, clock),
            began,
            log: Vec::new(),
            clock,
            lived_until: clock,
            crashed_at: None,
            halted_at: None,
            told: BTreeMap::new(),
            polled: BTreeSet::new(),
            heard: BTreeMap::new(),
            passed: BTreeMap::new(),
            rhythm: BTreeMap::new(),
            newest: 0,
            crowd,
            poll,
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
        // The coordinator's timer, and those who poll by a rhythm.
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
            self.poll_by_rhythm();
        }
        self.clock = self.clock.max(until);
        // What was sent while the coordinator was paused is heard afterwards.
        self.poll_by_rhythm();
    }

    fn poll_by_rhythm(&mut self) {
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
                true => self.tally.lost_polls += 1,
                false => {
                    let poll = self.poll(id);
                    self.step(poll);
                }
            }
        }
    }

    /// When somebody with a rhythm polls again: so that two polls, of which one may be lost, come
    /// within the time that was said.
    fn next_by_rhythm(&mut self) -> u64 {
        let most = ms(self.poll) / 2;
        self.clock + self.rng.gen_range(most / 2..=most)
    }

    fn someone_does_something(&mut self) -> Command<Id> {
        let state = self.queue.state();
        let turn = state.turn().map(|turn| (*turn.id, turn.ticket, turn.phase));
        let waiting = state.waiting();
        let mode = state.mode();
        match self.rng.gen_range(0..1000) {
            0..3 => return Command::SetMode(Mode::Draining),
            3..6 => return Command::SetMode(Mode::Halted),
            6..9 => return Command::SetMode(Mode::Open),
            9..14 => return Command::Pardon { id: self.anybody() },
            14..20 => {
                let ticket = Ticket::new(self.rng.gen_range(0..state.next_ticket().value() + 2));
                return Command::Judge {
                    ticket,
                    verdict: Verdict::Valid,
                };
            }
            20..40 => return Command::Tick,
            40..80 => return self.rubbish(),
            _ => {}
        }
        // A queue that is not open does not stay so for ever.
        if mode != Mode::Open && self.rng.gen_bool(0.02) {
            return Command::SetMode(Mode::Open);
        }
        if let Some((id, ticket, phase)) = turn
            && self.rng.gen_bool(0.35)
            && !self.has_vanished(id)
        {
            return match (phase, self.rng.gen_range(0..20)) {
                (Phase::Ready | Phase::Contributing, 12..16) if self.polls(id) => self.poll(id),
                (Phase::Verifying, 0..12) => {
                    let verdict = match self.rng.gen_range(0..8) {
                        0 => Verdict::CoordinatorFault,
                        1 | 2 => Verdict::Invalid,
                        _ => Verdict::Valid,
                    };
                    Command::Judge { ticket, verdict }
                }
                (Phase::Ready, 0..12) => self.start(id),
                (Phase::Contributing, 0..10) if id.is_multiple_of(5) && self.rng.gen_bool(0.95) => {
                    Command::Upload { id }
                }
                (Phase::Contributing, 0..3) => Command::Submit { id },
                (Phase::Contributing, 3..5) => Command::Upload { id },
                (Phase::Contributing, 5..6) => Command::Disconnect { id },
                (Phase::Contributing, 6..8) => self.start(id),
                (_, 18) => Command::Abort { id },
                (_, 19) => Command::Leave { id },
                _ => Command::CheckIn { id },
            };
        }
        // A large crowd comes faster than it goes.
        let eager = if self.crowd > 10 { 0.6 } else { 0.3 };
        if waiting < self.crowd && self.rng.gen_bool(eager) {
            let id = if self.rng.gen_bool(0.8) {
                self.newest += 1;
                self.newest
            } else {
                self.anybody()
            };
            return match self.polls(id) {
                true => self.poll(id),
                false => Command::Join { id },
            };
        }
        // Somebody in line checks in; near the head more often, as there the interval is short.
        let reach = if self.rng.gen_bool(0.5) {
            3
        } else {
            usize::MAX
        };
        let line: Vec<Id> = self
            .queue
            .state()
            .line()
            .take(reach)
            .map(|(_, id)| *id)
            .collect();
        match line.choose(&mut self.rng) {
            Some(&id) if self.has_vanished(id) => Command::Tick,
            Some(&id) if self.rng.gen_bool(0.005) => Command::Leave { id },
            Some(&id) if self.has_rhythm(id) => Command::Tick,
            Some(&id) if self.rng.gen_bool(0.05) => Command::Join { id },
            Some(&id) if self.polls(id) && self.rng.gen_bool(0.9) => self.poll(id),
            Some(&id) => Command::CheckIn { id },
            None => Command::Tick,
        }
    }

    /// A participant's command at random, fitting or not.
    fn rubbish(&mut self) -> Command<Id> {
        let id = match self.queue.state().turn() {
            Some(turn) if self.rng.gen_bool(0.3) => *turn.id,
            _ => self.anybody(),
        };
        match self.rng.gen_range(0..8) {
            5 => self.poll(id),
            6 => Command::Disconnect { id },
            7 => Command::Upload { id },
            0 => Command::Join { id },
            1 => Command::CheckIn { id },
            2 => self.start(id),
            3 => Command::Submit { id },
            _ => Command::Abort { id },
        }
    }

    /// Somebody seen before, rather lately, or one that never was.
    fn anybody(&mut self) -> Id {
        let back = self.rng.gen_range(0..100.min(self.newest + 2));
        (self.newest + 1).saturating_sub(back)
    }

    /// One in nine joins and is never heard of again.
    fn has_vanished(&self, id: Id) -> bool {
        id % 9 == 4
    }

    /// One in three has a program that knows only how to poll; most of what it does is that.
    fn polls(&self, id: Id) -> bool {
        id % 3 == 1
    }

    /// Some of those poll by a rhythm and do nothing else while they wait.
    fn has_rhythm(&self, id: Id) -> bool {
        id % 6 == 1 && !self.has_vanished(id)
    }

    fn poll(&self, id: Id) -> Command<Id> {
        let interval = self.poll;
        Command::Poll { id, interval }
    }

    /// Every other participant says that it will check in.
    fn start(&self, id: Id) -> Command<Id> {
        let checks_in = id.is_multiple_of(2);
        Command::Start { id, checks_in }
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

    /// Adds to everybody's account the time in which the coordinator was really away.
    fn account_for_absence(&mut self, time: u64, before: Mode, was_empty: bool) {
        let tick = ms(self.queue.rules().tick);
        let mode = self.queue.state().mode();
        let crashed_at = self.crashed_at.take();
        let outage = if before == Mode::Halted {
            let since = self.halted_at.unwrap_or(time);
            if mode == Mode::Halted && crashed_at.is_none() {
                return;
            }
            self.halted_at = (mode == Mode::Halted).then_some(time);
            Some(time.saturating_sub(since))
        } else if let Some(at) = crashed_at {
            Some(time.saturating_sub(at))
        } else if !was_empty && time - self.lived_until > 5 * tick / 2 {
            Some(time - self.lived_until)
        } else {
            None
        };
        if let Some(outage) = outage {
            self.told.values_mut().for_each(|told| *told += outage);
            if crashed_at.is_none() && before != Mode::Halted {
                self.heard.values_mut().for_each(|heard| *heard += outage);
            }
        }
    }

    fn take_note(&mut self, entry: &Entry<Id>, time: u64, command: &Command<Id>) {
        let place = self.place();
        assert_eq!(
            entry.at.as_millis(),
            time,
            "{place}: log time never falls nor runs ahead"
        );
        self.tally.events += 1;
        *self.tally.by_event.entry(word(&entry.event)).or_default() += 1;
        match &entry.event {
            Event::Called { ticket, passed, .. } => {
                let (Command::Join { id } | Command::CheckIn { id } | Command::Poll { id, .. }) =
                    command
                else {
                    panic!("{place}: {ticket} was called without having checked in");
                };
                let caller = self.queue.state().stay(id).map(|stay| stay.ticket);
                assert_eq!(caller, Some(*ticket), "{place}: {id} asked");
                self.note_passes(*ticket, passed, time);
                self.told.remove(id);
                self.heard.remove(id);
                self.rhythm.remove(id);
                let polled = self.polled.remove(&ticket.value());
                let stay = self.queue.state().stay(id);
                if let Some(stay) = stay.filter(|stay| stay.phase == Phase::Ready) {
                    let held = stay.deadline.as_millis() - time;
                    assert!(
                        !polled || held >= ms(self.poll),
                        "{place}: {id} polls, and the turn is held for {held} ms"
                    );
                }
            }
            Event::Ended { ticket, outcome } => {
                *self.tally.by_outcome.entry(word(outcome)).or_default() += 1;
                let id = self.id_of(*ticket);
                self.heard.remove(&id);
                assert!(
                    self.rhythm.remove(&id).is_none() || *outcome != Outcome::MissedCheckIn,
                    "{place}: {id} kept its rhythm and lost its place"
                );
                if let Some(told) = self.told.remove(&id)
                    && *outcome == Outcome::MissedCheckIn
                {
                    let grace = ms(self.queue.rules().checkin_grace);
                    assert!(time >= told + grace, "{place}: {id} had time until {told}");
                }
            }
            Event::ModeSet { mode: Mode::Halted } => self.halted_at = Some(time),
            _ => {}
        }
    }

    /// All who are ahead in line are named; none is among them who is there or expected soon, or was
    /// passed as often as may be.
    fn note_passes(&mut self, called: Ticket, passed: &[Ticket], time: u64) {
        let place = self.place();
        let rules = *self.queue.rules();
        let ahead: Vec<Ticket> = (self.queue.state().line())
            .map(|(ticket, _)| ticket)
            .take_while(|ticket| *ticket < called)
            .collect();
        assert_eq!(ahead, passed, "{place}: {called} was called past them");
        assert!(passed.len() < 3, "{place}: {called} was not near the head");
        for ticket in passed {
            self.tally.passes += 1;
            let count = self.passed.entry(ticket.value()).or_default();
            *count += 1;
            assert!(
                *count <= rules.passes,
                "{place}: {ticket} passed {count} times"
            );
            let id = self.queue.state().id_of(*ticket).unwrap();
            let stay = self.queue.state().stay(id).unwrap();
            assert_eq!(stay.passed, *count, "{place}: {ticket}");
            let left = stay.deadline.as_millis().saturating_sub(time);
            assert!(
                left > ms(rules.checkin_min),
                "{place}: {ticket} is expected in {left} ms"
            );
            let there_until = self
                .heard
                .get(id)
                .map(|heard| heard + ms(rules.checkin_min / 5));
            assert!(
                there_until <= Some(time),
                "{place}: {ticket} was there, and was passed"
            );
        }
    }

    /// What a turn's deadline must be after these commands, whatever the rules are.
    fn assert_turn_is_timed(&self, command: &Command<Id>, result: Result<(), Refusal>, time: u64) {
        let place = self.place();
        let rules = self.queue.rules();
        let (Command::Start { id, .. } | Command::Upload { id } | Command::Disconnect { id }) =
            command
        else {
            return;
        };
        let state = self.queue.state();
        let turn = state.turn().filter(|turn| {
            (turn.id, turn.phase) == (id, Phase::Contributing) && state.mode() != Mode::Halted
        });
        let Some(turn) = turn.filter(|_| result.is_ok()) else {
            return;
        };
        let left = turn.deadline.as_millis().saturating_sub(time);
        let checks_in = turn.overdue == Outcome::Stalled;
        match command {
            Command::Start {
                checks_in: true, ..
            } => assert!(
                left <= ms(rules.stall_limit).max(ms(rules.disconnect_limit)),
                "{place}: {id} checks in, and has {left} ms"
            ),
            Command::Disconnect { .. } if checks_in => assert!(
                left <= ms(rules.disconnect_limit),
                "{place}: {id} is gone, and has {left} ms"
            ),
            Command::Upload { .. } => {
                let end = turn.since.as_millis() + ms(rules.contribution_limit);
                let least = (ms(rules.stall_limit) / 2).min(end.saturating_sub(time));
                assert!(left >= least, "{place}: {id} uploads, and has {left} ms");
            }
            _ => {}
        }
    }

    fn id_of(&self, ticket: Ticket) -> Id {
        let joined = self.log.iter().rev().find_map(|entry| match &entry.event {
            Event::Joined {
                ticket: joined, id, ..
            } if *joined == ticket => Some(*id),
            _ => None,
        });
        // Who joined in this very step can only have been called by it.
        joined.unwrap_or_else(|| panic!("{}: {ticket} ended and never began", self.place()))
    }

    /// A participant reads in the answer until when it has time.
    fn note_promise(
        &mut self,
        command: &Command<Id>,
        result: Result<(), Refusal>,
        time: u64,
        contributing_by: Option<Timestamp>,
    ) {
        let (Command::Join { id } | Command::CheckIn { id } | Command::Poll { id, .. }) = command
        else {
            return;
        };
        if let Command::Poll { .. } = command
            && result.is_ok()
            && self.queue.state().mode() != Mode::Halted
            && let Some(stay) = self.queue.state().stay(id)
        {
            let place = self.place();
            let left = stay.deadline.as_millis().saturating_sub(time);
            match stay.phase {
                Phase::Waiting => {
                    let poll = ms(self.poll);
                    assert!(left >= poll, "{place}: {id} is to poll again in {left} ms");
                    self.polled.insert(stay.ticket.value());
                }
                Phase::Contributing => assert!(
                    contributing_by.is_none_or(|by| stay.deadline == by),
                    "{place}: polling moved the clock of {id}"
                ),
                Phase::Ready => panic!("{place}: {id} polled and did not start"),
                Phase::Verifying => {}
            }
        }
        if result.is_ok()
            && let Some(stay) = self.queue.state().stay(id)
            && stay.phase == Phase::Waiting
        {
            let deadline = stay.deadline.as_millis();
            if stay.position <= 3 && self.queue.state().mode() != Mode::Halted {
                self.heard.insert(*id, time);
            }
            if self.has_rhythm(*id)
                && matches!(command, Command::Poll { .. })
                && !self.rhythm.contains_key(id)
            {
                let next = self.next_by_rhythm();
                self.rhythm.insert(*id, (next, false));
            }
            let told = self.told.insert(*id, deadline).unwrap_or_default();
            assert!(
                deadline >= told,
                "{}: {id} was told {told}, now {deadline}",
                self.place()
            );
        }
    }

    fn assert_invariants(&mut self, time: u64) {
        let place = self.place();
        let state = self.queue.state();
        let rules = self.queue.rules();
        let grace = ms(rules.checkin_grace);
        let runs = state.mode() != Mode::Halted;
        self.tally.longest_line = self.tally.longest_line.max(state.waiting());

        // At most one turn, which has left the line, and whose timer runs.
        if let Some(turn) = state.turn() {
            assert_ne!(turn.phase, Phase::Waiting, "{place}");
            let stay = state.stay(turn.id).unwrap();
            assert_eq!(
                (stay.ticket, stay.phase, stay.position),
                (turn.ticket, turn.phase, 0)
            );
            let allowed = if turn.phase == Phase::Verifying {
                0
            } else {
                grace
            };
            let due = turn.deadline.as_millis() + allowed;
            assert!(
                !runs || due > time,
                "{place}: {:?} outlives its deadline",
                turn.phase
            );
            assert!(
                turn.called_at <= turn.since && turn.since.as_millis() <= time,
                "{place}"
            );
            let ahead = state.line().take_while(|(ticket, _)| *ticket < turn.ticket);
            assert!(ahead.count() < 3, "{place}: {} has the turn", turn.ticket);
        }
        // The line is in ticket order; each has one place, one deadline ahead, and its number.
        let longest = ms(rules.longest_interval(self.tally.longest_line))
            .max(ms(rules.checkin_min))
            .max(2 * ms(self.poll));
        let furthest = longest + ms(rules.lasting_step).max(longest / 2);
        let mut last = None;
        let mut position = 0;
        for (ticket, id) in state.line() {
            assert!(last < Some(ticket), "{place}: the line is out of order");
            last = Some(ticket);
            position += 1;
            let stay = state
                .stay(id)
                .unwrap_or_else(|| panic!("{place}: {id} has no stay"));
            assert_eq!(
                (stay.ticket, stay.position),
                (ticket, position),
                "{place}: place of {id}"
            );
            assert_eq!(state.position(id), Some(position), "{place}: place of {id}");
            assert_eq!(state.id_of(ticket), Some(id), "{place}");
            assert_eq!(
                state.used_up(id),
                None,
                "{place}: {id} is in line and used up"
            );
            let deadline = stay.deadline.as_millis();
            if runs {
                assert!(
                    deadline + grace > time,
                    "{place}: {id} outlives its deadline"
                );
                // So an absent head is waited for no longer than this.
                assert!(
                    deadline <= time + furthest,
                    "{place}: {id} has until {deadline}"
                );
                let told = self.told.get(id).copied().unwrap_or_default();
                assert!(
                    deadline >= told,
                    "{place}: {id} was told {told}, has until {deadline}"
                );
            }
        }
        assert_eq!(position, state.waiting(), "{place}");
        // Draining ends.
        assert!(
            state.mode() != Mode::Draining || !state.is_empty(),
            "{place}: drained, not halted"
        );
        // The timer is set as long as anything can come due.
        assert_eq!(
            self.queue.next_deadline().is_some(),
            runs && !state.is_empty(),
            "{place}"
        );
    }

    /// The coordinator dies between two steps; the next starts from its log, which a store may have
    /// kept with or without volatile entries.
    fn crash(&mut self) {
        self.tally.restarts += 1;
        self.assert_replay_equals_live();
        let with_volatile = self.rng.gen_bool(0.3);
        if !with_volatile {
            self.log.retain(|entry| !entry.event.is_volatile());
        }
        self.reference.restart(with_volatile);
        self.reference.log_ends(self.log_time());
        self.restart();
    }

    /// The coordinator dies after a step and before its entries are committed: nobody has heard of
    /// the result, and it never happened.
    fn crash_before_commit(&mut self) {
        self.tally.lost_commits += 1;
        self.pass_time();
        let command = self.someone_does_something();
        let _ = self.queue.step(self.now(), command);
        self.reference.restart(true);
        self.reference.log_ends(self.log_time());
        self.restart();
    }

    fn restart(&mut self) {
        let rules = *self.queue.rules();
        self.queue = Queue::replay(rules, self.began, self.log.iter().cloned())
            .unwrap_or_else(|error| panic!("{}: {error}", self.place()));
        self.queue.break_rule(self.fault);
        self.polled.clear();
        self.heard.clear();
        // Away since the last step of a live coordinator, through any number of crashes.
        self.crashed_at.get_or_insert(self.lived_until);
        if self.rng.gen_bool(0.9) {
            self.clock += self.rng.gen_range(0..120_000);
        }
    }

    fn assert_replay_equals_live(&self) {
        let place = self.place();
        let rules = *self.queue.rules();
        let live = self.queue.state();
        let replayed = Queue::replay(rules, self.began, self.log.iter().cloned())
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(
            replayed.state() == live,
            "{place}: replay differs from live"
        );

        let durable = self
            .log
            .iter()
            .filter(|entry| !entry.event.is_volatile())
            .cloned();
        let durable = Queue::replay(rules, self.began, durable)
            .unwrap_or_else(|error| panic!("{place}: without volatile entries: {error}"));
        let durable = durable.state();
        assert!(
            durable.line().eq(live.line()),
            "{place}: another line without volatile entries"
        );
        let turn = |queue: &Queue<Id>| {
            queue
                .state()
                .turn()
                .map(|turn| (turn.ticket, *turn.id, turn.phase, turn.since))
        };
        assert_eq!(
            durable
                .turn()
                .map(|turn| (turn.ticket, *turn.id, turn.phase, turn.since)),
            turn(&self.queue),
            "{place}"
        );
        assert_eq!(durable.mode(), live.mode(), "{place}");
        assert_eq!(durable.contributions(), live.contributions(), "{place}");
        assert_eq!(
            durable.last_contributed(),
            live.last_contributed(),
            "{place}"
        );
        assert_eq!(durable.next_ticket(), live.next_ticket(), "{place}");
        assert_eq!(durable.mean_turn(), live.mean_turn(), "{place}");
        for id in 0..=self.newest {
            assert_eq!(durable.past(&id), live.past(&id), "{place}: {id}");
        }
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

/// The first word of how a value is written: the name of an enum's variant.
fn word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default()
        .to_owned()
}
