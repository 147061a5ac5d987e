//! What a rehearsal was like from its beginning to its end, for charts.

use std::collections::BTreeMap;
use std::time::Duration;

use tauline_protocol::status::EndedWord;
use tokio::time::Instant;

use super::fate::Fate;
use super::latencies::{millis, percentile};
use super::parts::Role;
use super::samples::Sample;
use super::slots::{Slots, between};
use crate::client::{Call, Seen};

/// Something at a time since the beginning: a number of milliseconds, or of participants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) at: Duration,
    pub(super) value: u64,
}

/// What a rehearsal was like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Series {
    /// From the first arrival to the last thing that is known.
    pub(super) length: Duration,
    /// Lengths of turns that brought a contribution, from the call to the receipt, in milliseconds.
    pub(super) turns: Vec<u64>,
    /// How many stays ended in each way.
    pub(super) ends: BTreeMap<&'static str, u64>,
    /// When contributions were accepted, in order.
    pub(super) accepted: Vec<Duration>,
    /// From a receipt to the next start, in milliseconds, and when that was.
    pub(super) idle: Vec<Point>,
    /// How many were in line.
    pub(super) line: Vec<Point>,
    /// How long check-ins took, in milliseconds.
    pub(super) check_ins: Vec<Point>,
    /// When calls failed.
    pub(super) failed: Vec<Duration>,
}

impl Series {
    pub(super) fn of(began: Instant, fates: &[Fate], samples: &[Sample], seen: &Seen) -> Self {
        let since = |at: Instant| at.saturating_duration_since(began);
        let accepted = || fates.iter().filter_map(|fate| fate.times.accepted);
        let mut series = Self {
            turns: fates
                .iter()
                .filter(|fate| fate.part.role == Role::Contribute)
                .filter_map(|fate| between(fate.times.called, fate.times.accepted))
                .collect(),
            accepted: accepted().map(since).collect(),
            idle: Slots::of(fates)
                .idle
                .iter()
                .map(|idle| point(since(idle.until), idle.time))
                .collect(),
            line: samples.iter().map(|it| point(it.at, it.waiting)).collect(),
            check_ins: check_ins(seen),
            failed: seen.failed_at.clone(),
            ..Self::default()
        };
        for fate in fates {
            *series.ends.entry(end(fate)).or_default() += 1;
        }
        series.accepted.sort_unstable();
        let points = [&series.idle, &series.line, &series.check_ins];
        let times = points.into_iter().flatten().map(|it| it.at);
        let times = times.chain(series.accepted.iter().copied());
        series.length = times.max().unwrap_or_default();
        series
    }

    /// Turns an hour around each of so many times, which lie evenly. Nothing for a rehearsal without two
    /// contributions.
    pub(super) fn rates(&self, count: u32) -> Vec<Point> {
        if self.accepted.len() < 2 || self.length.is_zero() {
            return Vec::new();
        }
        // Long enough for some ten turns.
        let window = (self.length * 10 / self.accepted.len() as u32).max(self.length / count);
        let rate = |at: Duration| {
            let from = at.saturating_sub(window / 2);
            let to = (at + window / 2).min(self.length);
            let within = |at: &Duration| from <= *at && *at < to;
            let turns = self.accepted.iter().filter(|at| within(at)).count();
            let hours = (to - from).as_secs_f64() / 3600.0;
            point(at, (turns as f64 / hours).round() as u64)
        };
        (0..=count).map(|i| rate(self.length * i / count)).collect()
    }

    /// For each of at most so many stretches with check-ins: the time before which half of them, and 99 of
    /// 100, were answered.
    pub(super) fn check_in_percentiles(&self, stretches: u32) -> Vec<(Duration, u64, u64)> {
        let length = self.length.max(Duration::from_millis(1)) / stretches;
        let length = length.max(Duration::from_millis(1));
        let mut by_stretch: BTreeMap<u128, Vec<u64>> = BTreeMap::new();
        for one in &self.check_ins {
            let stretch = one.at.as_millis() / length.as_millis().max(1);
            by_stretch.entry(stretch).or_default().push(one.value);
        }
        let percentiles = by_stretch.into_iter().map(|(stretch, mut times)| {
            times.sort_unstable();
            let middle = length * stretch as u32 + length / 2;
            (middle, percentile(&times, 50), percentile(&times, 99))
        });
        percentiles.collect()
    }
}

fn point(at: Duration, value: u64) -> Point {
    Point { at, value }
}

fn check_ins(seen: &Seen) -> Vec<Point> {
    let check_ins = seen.answered.iter().filter(|it| it.call == Call::CheckIn);
    check_ins.map(|it| point(it.at, millis(it))).collect()
}

/// How a stay ended, as far as it is known.
fn end(fate: &Fate) -> &'static str {
    match (fate.part.role, &fate.result, fate.end) {
        (_, Err(_), _) => "failed",
        (Role::Contribute, Ok(_), _) => EndedWord::Contributed.as_str(),
        (_, Ok(_), Some(end)) => end.as_str(),
        (_, Ok(_), None) => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_rate_is_that_of_the_turns_around_it() {
        // Each 10 s, and from the middle on each 20 s.
        let mut accepted: Vec<Duration> = (1..=60).map(|i| seconds(i * 10)).collect();
        accepted.extend((1..=30).map(|i| seconds(600 + i * 20)));
        let series = Series {
            length: seconds(1200),
            accepted,
            ..Series::default()
        };
        let rates = series.rates(12);
        assert_eq!(rates.len(), 13);
        assert!((330..=390).contains(&rates[3].value), "{rates:?}");
        assert!((160..=200).contains(&rates[9].value), "{rates:?}");
        assert!(Series::default().rates(12).is_empty());
    }

    #[test]
    fn check_ins_are_counted_in_the_stretch_in_which_they_were_answered() {
        let series = Series {
            length: seconds(100),
            check_ins: vec![
                point(seconds(1), 5),
                point(seconds(2), 7),
                point(seconds(3), 900),
                point(seconds(100), 3),
            ],
            ..Series::default()
        };
        let stretches = series.check_in_percentiles(10);
        assert_eq!(stretches, [(seconds(5), 7, 900), (seconds(105), 3, 3)]);
    }
}
