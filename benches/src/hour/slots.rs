//! The course of each participation and of each turn, from the notes of a run.

use std::collections::BTreeMap;

use super::population::Fate;
use super::turn::BEFORE_UPLOAD;
use super::world::{Event, What};

/// When a person reached each step, if it did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Life {
    pub(super) arrived: Option<f64>,
    pub(super) joined: Option<f64>,
    pub(super) granted: Option<f64>,
    /// When it was no longer in line, for any reason.
    pub(super) out: Option<f64>,
}

/// The course of a turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    from: f64,
    to: f64,
    pub(super) accepted: Option<f64>,
    pub(super) vanished: Option<f64>,
    fate: Fate,
}

impl Slot {
    /// The time from granting this turn to granting the next one.
    pub(super) fn length(&self) -> f64 {
        self.to - self.from
    }

    /// The time from the receipt to granting the next turn, without the time in which nobody was in
    /// line.
    pub(super) fn idle(&self, lives: &BTreeMap<usize, Life>) -> f64 {
        let free = self.accepted.unwrap_or(self.to);
        let from = lives
            .values()
            .filter(|life| life.out.is_none_or(|out| out > free))
            .filter_map(|life| life.joined)
            .fold(self.to, f64::min);
        self.to - from.max(free)
    }

    /// How and when the participant vanished, and the time from then to granting the next turn.
    pub(super) fn lost(&self) -> Option<(String, f64)> {
        Some((kind(&self.fate), self.to - self.vanished?))
    }
}

/// The course of everybody's participation.
pub(super) fn lives(events: &[Event]) -> BTreeMap<usize, Life> {
    let mut lives: BTreeMap<usize, Life> = BTreeMap::new();
    for event in events {
        if event.what == What::Over {
            continue;
        }
        let life = lives.entry(event.who).or_default();
        match event.what {
            What::Arrived => life.arrived = Some(event.at),
            What::Joined => life.joined = Some(event.at),
            What::Granted { .. } => {
                life.granted = Some(event.at);
                life.out = Some(event.at);
            }
            What::Left | What::Dropped { .. } => {
                life.out = life.out.or(Some(event.at));
            }
            _ => {}
        }
    }
    lives
}

/// All turns but the last, which has no end.
///
/// A receipt may be noted after the next turn is granted, so the turn's number tells which turn it
/// belongs to.
pub(super) fn slots(events: &[Event], fate: impl Fn(usize) -> Option<Fate>) -> Vec<Slot> {
    let mut granted = Vec::new();
    let (mut accepted, mut vanished) = (BTreeMap::new(), BTreeMap::new());
    for event in events {
        match event.what {
            What::Granted { turn } => granted.push((turn, event.at)),
            What::Accepted { turn, .. } => drop(accepted.insert(turn, event.at)),
            What::Vanished { turn } => drop(vanished.insert(turn, event.at)),
            _ => {}
        }
    }
    let slot = |((turn, from), (_, to)): (&(usize, f64), &(usize, f64))| {
        Some(Slot {
            from: *from,
            to: *to,
            accepted: accepted.get(turn).copied(),
            vanished: vanished.get(turn).copied(),
            fate: fate(*turn)?,
        })
    };
    granted
        .iter()
        .zip(granted.iter().skip(1))
        .filter_map(slot)
        .collect()
}

/// When and how the participant vanished, as text.
fn kind(fate: &Fate) -> String {
    let when = match fate.at < BEFORE_UPLOAD {
        true => "before the upload",
        false => "in the upload",
    };
    let how = match fate.quietly {
        true => "connections open",
        false => "connections closed",
    };
    format!("{when}, {how}")
}
