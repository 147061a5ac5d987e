//! How the time between contributions was spent, as the participants saw it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::fate::Fate;
use super::parts::Role;
use crate::numbers;

/// Mean, median and maximum of times, in milliseconds.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spread {
    pub(super) mean_in_ms: u64,
    pub(super) median_in_ms: u64,
    pub(super) longest_in_ms: u64,
}

impl Spread {
    pub(super) fn of(mut times: Vec<u64>) -> Option<Self> {
        times.sort_unstable();
        let longest = *times.last()?;
        Some(Self {
            mean_in_ms: times.iter().sum::<u64>() / times.len() as u64,
            median_in_ms: times[times.len() / 2],
            longest_in_ms: longest,
        })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |ms: u64| numbers::duration(Duration::from_millis(ms));
        write!(
            f,
            "mean {}, median {}, longest {}",
            text(self.mean_in_ms),
            text(self.median_in_ms),
            text(self.longest_in_ms)
        )
    }
}

/// The time that was lost by those who were called and dropped out in one way.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lost {
    pub(super) role: Role,
    pub(super) silent: bool,
    pub(super) slots: usize,
    /// The time from the call to the next participant's start.
    pub(super) cost: Spread,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manner = self.role.manner(self.silent);
        let slots = numbers::count(self.slots as u64, "slot");
        write!(f, "{slots} to {}{manner}: {}", self.role.name(), self.cost)
    }
}

/// A time in which nobody computed.
#[derive(Debug)]
pub(super) struct Idle {
    /// When it ended.
    pub(super) until: Instant,
    /// How long it was, in milliseconds.
    pub(super) time: u64,
}

/// How the time between contributions was spent.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// The times from an accepted contribution to the next start, or to the next call if nobody
    /// started.
    pub(super) idle: Vec<Idle>,
    /// The times from the call of a participant who dropped out to the next start.
    lost: Vec<(Role, bool, u64)>,
}

impl Slots {
    pub(super) fn of(fates: &[Fate]) -> Self {
        let mut called: Vec<(Instant, &Fate)> = fates
            .iter()
            .filter_map(|fate| Some((fate.times.called?, fate)))
            .collect();
        called.sort_by_key(|(at, _)| *at);
        let mut slots = Self::default();
        for pair in called.windows(2) {
            let [(called_at, fate), (next_called, next)] = pair else {
                continue;
            };
            let until = next.times.started.unwrap_or(*next_called);
            let since = |at: Instant| until.saturating_duration_since(at).as_millis() as u64;
            match fate.part.role {
                Role::Contribute => slots.idle.extend(fate.times.accepted.map(|at| Idle {
                    until,
                    time: since(at),
                })),
                role => slots.lost.push((role, fate.part.silent, since(*called_at))),
            }
        }
        slots
    }

    /// The lost time for each way to drop out.
    pub(super) fn lost(mut self) -> Vec<Lost> {
        self.lost.sort_unstable();
        let ways = self
            .lost
            .chunk_by(|a, b| a.0 == b.0 && a.0.manner(a.1) == b.0.manner(b.1));
        ways.filter_map(|way| {
            Some(Lost {
                role: way[0].0,
                silent: way[0].1,
                slots: way.len(),
                cost: Spread::of(way.iter().map(|(.., cost)| *cost).collect())?,
            })
        })
        .collect()
    }
}

/// Accepted contributions in an hour, from the first arrival to the last receipt.
pub(super) fn turns_an_hour(fates: &[Fate]) -> Option<u64> {
    let first = fates.iter().filter_map(|fate| fate.times.joined).min()?;
    let accepted = || fates.iter().filter_map(|fate| fate.times.accepted);
    let time = accepted().max()?.saturating_duration_since(first);
    let rate = accepted().count() as f64 * 3600.0 / time.as_secs_f64();
    rate.is_finite().then_some(rate.round() as u64)
}

/// Milliseconds between two moments, if both came.
pub(super) fn between(from: Option<Instant>, to: Option<Instant>) -> Option<u64> {
    Some(to?.saturating_duration_since(from?).as_millis() as u64)
}
