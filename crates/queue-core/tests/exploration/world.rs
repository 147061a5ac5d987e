//! A queue, its durable log, and what its people were told.

use std::sync::Arc;

use tauline_queue_core::{Command, Entry, Mode, Phase, Queue, Rules, Step, Ticket, Timestamp};

use crate::beginnings::SECOND;

pub(crate) type Id = u8;

/// How many people there are.
pub(crate) const PEOPLE: Id = 3;

/// When the log began. Milliseconds.
const BEGAN: u64 = 1_790_000_000 * SECOND;

/// What one of the people was told, and what became of it, by what was answered and what the log says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    /// The stay, if it is not over.
    pub(crate) ticket: Option<u64>,
    /// Until when it has time by the last answer to it, absences of the coordinator's added.
    pub(crate) told: Option<Told>,
    /// When it last asked in line, if the coordinator that heard it lives.
    pub(crate) heard: Option<u64>,
    /// How often this stay was passed.
    pub(crate) passed: u32,
    /// Whether it tried and waits, and the coordinator that heard it lives.
    pub(crate) tried: bool,
    /// Up to where the durable log covers check-ins.
    pub(crate) lasting_by: u64,
    /// Whether a stay used it up that was not pardoned.
    pub(crate) barred: bool,
    pub(crate) contributed: bool,
}

impl Person {
    /// Where somebody stands who is not in the queue: used up, and for good.
    pub(crate) fn standing(&self) -> (bool, bool) {
        (self.barred, self.contributed)
    }
}

/// A deadline that somebody was told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) by: u64,
    /// Since when an absence moves it: in the turn, since the phase began.
    pub(crate) since: u64,
}

/// The durable log: the last entry, and those before it, which other worlds share.
struct Link {
    entry: Entry<Id>,
    before: Option<Arc<Link>>,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) queue: Queue<Id>,
    durable: Option<Arc<Link>>,
    /// What a steady clock shows. Milliseconds.
    pub(crate) now: u64,
    /// When a coordinator last took a step.
    pub(crate) lived_until: u64,
    /// Whether it died since.
    pub(crate) restarted: bool,
    pub(crate) halted_at: Option<u64>,
    pub(crate) people: [Person; PEOPLE as usize],
    /// Whether whoever contributes checks in, and whether it said so at the start.
    pub(crate) checks_in: bool,
    pub(crate) said_so: bool,
    /// Kinds of events and outcomes that there were, a bit for each.
    pub(crate) happened: u32,
}

impl World {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            queue: Queue::new(rules, Timestamp::from_millis(BEGAN)).unwrap(),
            durable: None,
            now: BEGAN,
            lived_until: BEGAN,
            restarted: false,
            halted_at: None,
            people: Default::default(),
            checks_in: false,
            said_so: false,
            happened: 0,
        }
    }

    /// A step of somebody whom nobody watches.
    pub(crate) fn prepare(&mut self, command: Command<Id>) {
        let step = self
            .queue
            .step(Timestamp::from_millis(self.now), command.clone());
        assert_eq!(step.result, Ok(()), "{command:?}");
        self.keep(&step);
    }

    pub(crate) fn keep(&mut self, step: &Step<Id>) {
        for entry in &step.entries {
            if !entry.event.is_volatile() {
                let before = self.durable.take();
                let entry = entry.clone();
                self.durable = Some(Arc::new(Link { entry, before }));
            }
        }
    }

    /// The time of the last durable entry.
    pub(crate) fn durable_until(&self) -> u64 {
        self.durable
            .as_ref()
            .map_or(BEGAN, |link| link.entry.at.as_millis())
    }

    fn durable_log(&self) -> Vec<Entry<Id>> {
        let mut log = Vec::new();
        let mut link = self.durable.as_ref();
        while let Some(last) = link {
            log.push(last.entry.clone());
            link = last.before.as_ref();
        }
        log.reverse();
        log
    }

    /// The coordinator dies; volatile events are lost. What the durable log says of order, tickets,
    /// phases and outcomes is what was (`docs/spec/queue.md#replay`).
    pub(crate) fn crash(&mut self, outage: u64) {
        let log = self.durable_log();
        let began = Timestamp::from_millis(BEGAN);
        let replayed = Queue::replay(*self.queue.rules(), began, log).unwrap();
        {
            let (live, again) = (self.queue.state(), replayed.state());
            assert!(live.line().eq(again.line()), "another line after a crash");
            let turn = |queue: &Queue<Id>| {
                let turn = queue.state().turn();
                turn.map(|turn| (turn.ticket, *turn.id, turn.phase, turn.since))
            };
            assert_eq!(turn(&self.queue), turn(&replayed), "another turn");
            assert_eq!(live.mode(), again.mode());
            assert_eq!(live.halted_since(), again.halted_since());
            assert_eq!(live.mode_after_pause(), again.mode_after_pause());
            assert_eq!(live.next_ticket(), again.next_ticket());
            assert_eq!(live.contributions(), again.contributions());
            assert_eq!(live.last_contributed(), again.last_contributed());
            for id in 0..PEOPLE {
                assert_eq!(live.past(&id), again.past(&id), "another past of {id}");
                let (was, is) = (live.stay(&id), again.stay(&id));
                let passed =
                    |stay: Option<_>| stay.map(|stay: tauline_queue_core::Stay| stay.passed);
                assert_eq!(passed(was), passed(is), "passes of {id}");
            }
        }
        self.queue = replayed;
        self.restarted = true;
        self.now += outage;
        self.checks_in = self.said_so;
        for person in &mut self.people {
            person.heard = None;
            person.tried = false;
        }
    }

    /// Adds to what everybody was told the time in which the coordinator was really away
    /// (`docs/spec/queue.md#absence`).
    pub(crate) fn account_for_absence(&mut self, time: u64, before: Mode, was_empty: bool) {
        let crashed = std::mem::take(&mut self.restarted);
        let mode = self.queue.state().mode();
        let gap = self.queue.rules().tick.as_millis() as u64 * 5 / 2;
        let from = match before {
            Mode::Halted if mode == Mode::Halted && !crashed => return,
            Mode::Halted => {
                let since = self.halted_at.unwrap_or(time);
                self.halted_at = (mode == Mode::Halted).then_some(time);
                since
            }
            _ if crashed => self.lived_until,
            _ if !was_empty && time - self.lived_until > gap => {
                for person in &mut self.people {
                    person.heard = person.heard.map(|at| at + time - self.lived_until);
                }
                self.lived_until
            }
            _ => return,
        };
        for told in self.people.iter_mut().filter_map(|one| one.told.as_mut()) {
            let missed = time.saturating_sub(from.max(told.since));
            told.by += missed;
            if told.since > 0 {
                told.since += missed;
            }
        }
    }

    /// When a deadline has passed: with its grace, which the coordinator's own has not
    /// (`docs/spec/queue.md#grace`).
    pub(crate) fn due(&self, phase: Phase, deadline: Timestamp) -> u64 {
        let grace = match phase {
            Phase::Verifying => 0,
            _ => self.queue.rules().checkin_grace.as_millis() as u64,
        };
        deadline.as_millis() + grace
    }

    pub(crate) fn person_of(&mut self, ticket: Ticket) -> &mut Person {
        let found = self
            .people
            .iter_mut()
            .find(|person| person.ticket == Some(ticket.value()));
        found.unwrap_or_else(|| panic!("ticket {ticket} is nobody's"))
    }

    /// How far somebody has come who is in the queue.
    pub(crate) fn phase_of(&self, id: Id) -> Option<Phase> {
        self.queue.state().stay(&id).map(|stay| stay.phase)
    }
}
