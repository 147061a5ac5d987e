//! The figures of a run, in unscaled seconds.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tauline_queue_core::Ticket;

use super::journal::Stay;
use super::population::Fate;
use super::slots::{Slot, lives, slots};
use super::world::{Event, What};

/// Mean, median and maximum of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// How many numbers.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their median.
    pub median: f64,
    /// The smallest that 95 in 100 do not exceed.
    pub p95: f64,
    /// The greatest.
    pub most: f64,
}

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The time from the first turn to the end of the run.
    pub hours: f64,
    /// How many people joined the line.
    pub joined: usize,
    /// How many of them still wait at the end.
    pub waiting: usize,
    /// How many went away in line without saying so.
    pub left: usize,
    /// How many polls, or check-ins in line, were sent.
    pub polls: u64,
    /// How many of them were lost.
    pub polls_lost: usize,
    /// Requests that broke and were repeated.
    pub broken: Vec<String>,
    /// How many turns were granted.
    pub turns: usize,
    /// How many contributions were accepted.
    pub accepted: usize,
    /// The same in an hour.
    pub accepted_an_hour: f64,
    /// The time from granting a turn to granting the next one.
    pub slot: Spread,
    /// The same, for turns whose contribution was accepted.
    pub slot_accepted: Spread,
    /// The time from a receipt to granting the next turn, without the time in which nobody was in
    /// line.
    pub idle: Spread,
    /// The time from the last byte to the receipt, in real milliseconds.
    pub verdict_ms: Spread,
    /// The time from granting a turn to granting the next one, if the participant vanished.
    pub lost: Spread,
    /// The time from vanishing to granting the next turn, by how and when the participant vanished.
    pub lost_after_vanishing: BTreeMap<String, Spread>,
    /// How many people were passed by somebody behind them in line.
    pub passed: usize,
    /// How often anybody was passed at most.
    pub passed_at_most: u32,
    /// People who did all they should and lost their place, and what they were told. Those who lost
    /// two polls in a row are not among them, since the coordinator tolerates one.
    pub dropped: Vec<String>,
    /// How many people lost their place after two or more polls in a row were lost.
    pub dropped_after_two: usize,
    /// How many stays ended in each way.
    pub outcomes: BTreeMap<String, usize>,
    /// The time from arriving to the turn, in minutes.
    pub wait_minutes: Spread,
}

/// The bounds that `--check` checks.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How often anybody may be passed.
    pub passes: u32,
    /// Mean idle time of an accepted turn, in seconds.
    pub idle: f64,
    /// Mean length of a turn that is lost, in seconds.
    pub lost: f64,
}

impl Spread {
    fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let at = |share: f64| {
            let index = (count as f64 * share) as usize;
            values.get(index.min(count.saturating_sub(1))).copied()
        };
        Self {
            count,
            mean: values.iter().sum::<f64>() / (count.max(1) as f64),
            median: at(0.5).unwrap_or_default(),
            p95: at(0.95).unwrap_or_default(),
            most: at(1.0).unwrap_or_default(),
        }
    }
}

impl Figures {
    /// The figures of a run that ended with [`What::Over`].
    ///
    /// # Errors
    /// A run without a turn.
    pub fn new(
        events: &[Event],
        polls: u64,
        scale: f64,
        fate: impl Fn(usize) -> Option<Fate>,
        stays: &BTreeMap<Ticket, Stay>,
    ) -> Result<Self> {
        let lives = lives(events);
        let slots = slots(events, fate);
        let granted = |event: &&Event| matches!(event.what, What::Granted { .. });
        let first = events.iter().find(granted).context("nobody had a turn")?.at;
        let hours = (events.last().map_or(first, |event| event.at) - first) / 3600.0;
        let count = |is: fn(&What) -> bool| events.iter().filter(|it| is(&it.what)).count();
        let accepted = count(|it| matches!(it, What::Accepted { .. }));
        let good = || slots.iter().filter(|slot| slot.accepted.is_some());
        let lost = || slots.iter().filter(|slot| slot.vanished.is_some());
        let in_line = || lives.values().filter(|life| life.joined.is_some());
        let passed = || stays.values().map(|stay| stay.passed);
        let waits = lives.values();
        let waits = waits.filter_map(|life| Some((life.granted? - life.arrived?) / 60.0));
        Ok(Self {
            hours,
            joined: in_line().count(),
            waiting: in_line().filter(|life| life.out.is_none()).count(),
            left: count(|it| matches!(it, What::Left)),
            polls,
            polls_lost: count(|it| matches!(it, What::Missed)),
            broken: told(events, |it| match it {
                What::Broke { why } => Some(why),
                _ => None,
            }),
            turns: count(|it| matches!(it, What::Granted { .. })),
            accepted,
            accepted_an_hour: accepted as f64 / hours,
            slot: Spread::of(slots.iter().map(Slot::length)),
            slot_accepted: Spread::of(good().map(Slot::length)),
            idle: Spread::of(good().map(|slot| slot.idle(&lives))),
            verdict_ms: Spread::of(verdicts(events).map(|seconds| seconds / scale * 1e3)),
            lost: Spread::of(lost().map(Slot::length)),
            lost_after_vanishing: by_kind(lost().filter_map(Slot::lost)),
            passed: passed().filter(|times| *times > 0).count(),
            passed_at_most: passed().max().unwrap_or_default(),
            dropped: told(events, |it| match it {
                What::Dropped { why, lost: 0..2 } => Some(why),
                _ => None,
            }),
            dropped_after_two: count(|it| matches!(it, What::Dropped { lost: 2.., .. })),
            outcomes: outcomes(stays),
            wait_minutes: Spread::of(waits),
        })
    }

    /// Checks that the run kept the bounds.
    ///
    /// # Errors
    /// The first bound that it did not keep.
    pub fn check(&self, bounds: &Bounds) -> Result<()> {
        ensure!(
            self.passed_at_most <= bounds.passes,
            "somebody was passed {} times, more than {}",
            self.passed_at_most,
            bounds.passes
        );
        ensure!(
            self.dropped.is_empty(),
            "people were dropped who did all they should: {}",
            self.dropped.join("; ")
        );
        ensure!(
            self.idle.mean <= bounds.idle,
            "{:.1} s of a turn were idle, more than {}",
            self.idle.mean,
            bounds.idle
        );
        ensure!(
            self.lost.mean <= bounds.lost,
            "a lost turn cost {:.1} s, more than {}",
            self.lost.mean,
            bounds.lost
        );
        Ok(())
    }
}

/// The times from a last byte to its receipt.
fn verdicts(events: &[Event]) -> impl Iterator<Item = f64> {
    events.iter().filter_map(|event| match event.what {
        What::Accepted { sent, .. } => Some(event.at - sent),
        _ => None,
    })
}

fn by_kind(lost: impl Iterator<Item = (String, f64)>) -> BTreeMap<String, Spread> {
    let mut kinds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (kind, seconds) in lost {
        kinds.entry(kind).or_default().push(seconds);
    }
    let spread = |(kind, seconds)| (kind, Spread::of(seconds));
    kinds.into_iter().map(spread).collect()
}

fn outcomes(stays: &BTreeMap<Ticket, Stay>) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    for outcome in stays.values().filter_map(|stay| stay.outcome) {
        *outcomes.entry(format!("{outcome:?}")).or_default() += 1;
    }
    outcomes
}

fn told<'a>(events: &'a [Event], which: impl Fn(&'a What) -> Option<&'a String>) -> Vec<String> {
    let told = events.iter().filter_map(|event| {
        let what = which(&event.what)?;
        Some(format!("{} at {:.0} s: {what}", event.who, event.at))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FATES: [Fate; 3] = [
        Fate {
            seconds: 30.0,
            vanishes: false,
            at: 0.5,
            quietly: false,
        },
        Fate {
            seconds: 30.0,
            vanishes: true,
            at: 0.5,
            quietly: true,
        },
        Fate {
            seconds: 30.0,
            vanishes: false,
            at: 0.9,
            quietly: false,
        },
    ];

    /// Three people: the first contributes, the second, who comes late, vanishes, the third has the
    /// turn when the run ends.
    fn events() -> Vec<Event> {
        let event = |at, who, what| Event { at, who, what };
        vec![
            event(0.0, 0, What::Arrived),
            event(1.0, 0, What::Joined),
            event(1.0, 0, What::Granted { turn: 0 }),
            event(
                31.0,
                0,
                What::Accepted {
                    turn: 0,
                    sent: 30.9,
                },
            ),
            event(40.0, 1, What::Arrived),
            event(50.0, 1, What::Joined),
            event(52.0, 1, What::Granted { turn: 1 }),
            event(60.0, 2, What::Arrived),
            event(60.0, 2, What::Joined),
            event(67.0, 1, What::Vanished { turn: 1 }),
            event(100.0, 2, What::Granted { turn: 2 }),
            event(3601.0, 0, What::Over),
        ]
    }

    fn figures(events: &[Event]) -> Figures {
        let fate = |turn| FATES.get(turn).copied();
        Figures::new(events, 7, 10.0, fate, &BTreeMap::new()).unwrap()
    }

    fn bounds() -> Bounds {
        Bounds {
            passes: 1,
            idle: 2.0,
            lost: 48.0,
        }
    }

    #[test]
    fn slots_lie_between_states() {
        let figures = figures(&events());
        assert_eq!((figures.turns, figures.accepted), (3, 1));
        assert_eq!(figures.hours, 1.0);
        assert_eq!(figures.accepted_an_hour, 1.0);
        assert_eq!(figures.slot_accepted.mean, 51.0);
        assert_eq!(figures.lost.mean, 48.0);
        let after = &figures.lost_after_vanishing["before the upload, connections open"];
        assert_eq!((after.count, after.mean), (1, 33.0));
        assert!((figures.verdict_ms.mean - 10.0).abs() < 1e-6);
        assert_eq!((figures.joined, figures.waiting), (3, 0));
        figures.check(&bounds()).unwrap();
    }

    #[test]
    fn a_receipt_belongs_to_its_turn_even_if_it_is_seen_later() {
        let mut events = events();
        events[3].at = 53.0;
        events.sort_by(|a, b| a.at.total_cmp(&b.at));
        let figures = figures(&events);
        assert_eq!(figures.idle.mean, -1.0);
        assert_eq!((figures.slot_accepted.count, figures.lost.count), (1, 1));
    }

    #[test]
    fn a_turn_is_idle_only_while_somebody_stands_in_line() {
        let mut events = events();
        assert_eq!(figures(&events).idle.mean, 2.0, "since the second came");
        events[5].at = 20.0;
        events.sort_by(|a, b| a.at.total_cmp(&b.at));
        assert_eq!(figures(&events).idle.mean, 21.0, "since the receipt");
        assert!(figures(&events).check(&bounds()).is_err());
    }

    #[test]
    fn who_is_dropped_or_passed_too_often_fails_the_check() {
        let mut events = events();
        let why = "no".to_owned();
        events.insert(
            8,
            Event {
                at: 60.0,
                who: 3,
                what: What::Dropped { why, lost: 1 },
            },
        );
        let dropped = figures(&events).check(&bounds()).unwrap_err();
        assert!(dropped.to_string().ends_with("3 at 60 s: no"), "{dropped}");
        let why = "no".to_owned();
        events[8].what = What::Dropped { why, lost: 2 };
        figures(&events).check(&bounds()).unwrap();
        assert_eq!(figures(&events).dropped_after_two, 1);
        let mut passed = figures(&self::events());
        passed.passed_at_most = 2;
        assert!(passed.check(&bounds()).is_err());
        let mut dear = figures(&self::events());
        dear.lost.mean = 48.1;
        assert!(dear.check(&bounds()).is_err());
    }
}
