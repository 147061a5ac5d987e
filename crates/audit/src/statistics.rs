//! Figures of a ceremony, told from its log.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tauline_protocol::public_log::Commitment;
use tauline_queue_core::{Entry, Event, Mode, Outcome, State, Timestamp};

/// An hour in milliseconds.
const HOUR: u64 = 3_600_000;

/// Hours that are told one by one: a year of them.
const MAX_HOURS: usize = 366 * 24;

/// Figures of a ceremony. Lengths are in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Statistics {
    /// Stays that began.
    pub joined: u64,
    /// Turns that began.
    pub turns: u64,
    /// How stays ended.
    pub outcomes: Outcomes,
    /// From joining to being called, of all who were called.
    pub waits: Waits,
    /// Turns that went past somebody.
    pub passes: u64,
    /// How long the turn was free while somebody was in line and the ceremony was not halted. Absences
    /// of the coordinator are not counted.
    pub idle: u64,
    /// The same by the hour; hours in which nothing happened are left out.
    pub hours: Vec<Hour>,
}

/// How stays ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are the outcomes")]
pub struct Outcomes {
    pub contributed: u64,
    pub missed_checkin: u64,
    pub failed_to_start: u64,
    pub timed_out: u64,
    pub stalled: u64,
    pub invalid: u64,
    pub aborted: u64,
    pub left: u64,
    pub expelled: u64,
    pub coordinator_fault: u64,
}

impl Outcomes {
    fn count(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Contributed => &mut self.contributed,
            Outcome::MissedCheckIn => &mut self.missed_checkin,
            Outcome::FailedToStart => &mut self.failed_to_start,
            Outcome::TimedOut => &mut self.timed_out,
            Outcome::Stalled => &mut self.stalled,
            Outcome::Invalid => &mut self.invalid,
            Outcome::Aborted => &mut self.aborted,
            Outcome::Left => &mut self.left,
            Outcome::Expelled => &mut self.expelled,
            Outcome::CoordinatorFault => &mut self.coordinator_fault,
        } += 1;
    }
}

/// Waits in milliseconds, by nearest rank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Waits {
    /// Half waited no longer.
    pub median: u64,
    /// Nine of ten waited no longer.
    pub nine_tenths: u64,
    /// Nobody waited longer.
    pub longest: u64,
}

/// An hour of a ceremony.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Hour {
    /// When it began.
    pub began: Timestamp,
    /// Stays that began.
    pub joined: u64,
    /// Contributions that were accepted.
    pub contributed: u64,
    /// Turns that ended without one.
    pub lost: u64,
    /// Milliseconds that the turn was free while somebody was in line. Those of a turn that stayed
    /// free beyond the hour's end are counted where that ended.
    pub idle: u64,
}

/// The figures while the log is read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    so_far: Statistics,
    hours: BTreeMap<u64, Hour>,
    waits: Vec<u64>,
}

/// What an event's figures need of the state before it.
pub(crate) struct Figures {
    /// How long the turn was free with somebody in line, in milliseconds.
    idle: u64,
    /// How long whoever is called has waited, in milliseconds.
    wait: Option<u64>,
    /// Whether the stay that ends has the turn.
    has_turn: bool,
}

impl Figures {
    pub(crate) fn of(state: &State<Commitment>, entry: &Entry<Commitment>) -> Self {
        let millis = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let is_free = state.turn().is_none() && state.waiting() > 0;
        let away = match &entry.event {
            Event::Resumed { pause, .. } => *pause,
            _ => Duration::ZERO,
        };
        let idle = match is_free && state.mode() != Mode::Halted {
            true => entry.at.since(state.log_time()).saturating_sub(away),
            false => Duration::ZERO,
        };
        let ticket = entry.event.ticket();
        let stay = ticket.filter(|_| matches!(entry.event, Event::Called { .. }));
        let stay = stay.and_then(|it| state.stay(state.id_of(it)?));
        Self {
            idle: millis(idle),
            wait: stay.map(|stay| millis(entry.at.since(stay.joined_at))),
            has_turn: ticket.is_some() && state.turn().map(|turn| turn.ticket) == ticket,
        }
    }
}

impl Tally {
    /// An event that could follow.
    pub(crate) fn take(&mut self, entry: &Entry<Commitment>, figures: &Figures) {
        let number = entry.at.as_millis() / HOUR;
        let hour = self.hours.entry(number).or_insert_with(|| Hour {
            began: Timestamp::from_millis(number * HOUR),
            ..Hour::default()
        });
        hour.idle = hour.idle.saturating_add(figures.idle);
        self.so_far.idle = self.so_far.idle.saturating_add(figures.idle);
        match &entry.event {
            Event::Joined { .. } => {
                hour.joined += 1;
                self.so_far.joined += 1;
            }
            Event::Called { passed, .. } => {
                self.so_far.turns += 1;
                self.so_far.passes += u64::from(!passed.is_empty());
                self.waits.extend(figures.wait);
            }
            Event::Ended { outcome, .. } => {
                self.so_far.outcomes.count(*outcome);
                match outcome {
                    Outcome::Contributed => hour.contributed += 1,
                    _ => hour.lost += u64::from(figures.has_turn),
                }
            }
            _ => {}
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let rank = |of_hundred: usize| {
            let rank = (of_hundred * waits.len()).div_ceil(100);
            waits.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        Statistics {
            waits: Waits {
                median: rank(50),
                nine_tenths: rank(90),
                longest: rank(100),
            },
            hours: self.hours.values().copied().take(MAX_HOURS).collect(),
            ..self.so_far.clone()
        }
    }
}
