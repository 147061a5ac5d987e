//! Who arrives when, and how each turn goes: a seed decides all of it.
//!
//! The k-th turn that is granted gets the k-th length and fate, whoever has it. Two coordinators,
//! or two settings of one, therefore see the same turns in the same order, and differ only in how
//! they deal with them.

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp, LogNormal};
use serde::{Deserialize, Serialize};

/// Median length of a turn in seconds: download, computing, upload.
const MEDIAN: f64 = 25.0;
/// Standard deviation of its logarithm.
const SIGMA: f64 = 0.5;
/// Share of people who vanish in their turn.
const VANISH: f64 = 0.13;
/// The crowd arrives within this number of seconds.
const RUSH: f64 = 60.0;
/// The mean time after which those who go away in line do so, in seconds.
const PATIENCE: f64 = 1800.0;

/// The streams of a seed's random numbers. A person has the stream [`PEOPLE`] plus its number.
const ARRIVALS: u64 = 0;
const TURNS: u64 = 1;
const PEOPLE: u64 = 2;

/// The parameters of a population.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct Made {
    /// Seed of the population.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Length of the run in hours.
    #[arg(long, default_value_t = 1.75)]
    pub hours: f64,
    /// How many people arrive within the first minute.
    #[arg(long, default_value_t = 60)]
    pub crowd: usize,
    /// How many people an hour arrive at random times after that.
    #[arg(long, default_value_t = 90.0)]
    pub rate: f64,
    /// Share of polls, or of check-ins in line, that are lost before they are sent.
    #[arg(long, default_value_t = 0.0)]
    pub misses: f64,
    /// Share of people who go away in line without saying so.
    #[arg(long, default_value_t = 0.0)]
    pub leavers: f64,
}

/// The people, in the order of arrival, and the turns, in the order in which they are granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Population {
    /// When each person arrives, in seconds.
    pub arrivals: Vec<f64>,
    /// How each turn goes. There are as many turns as people.
    pub turns: Vec<Fate>,
}

/// How a turn goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fate {
    /// The time from getting the powers to sending the last byte, if the participant does not
    /// vanish.
    pub seconds: f64,
    /// Whether its participant vanishes.
    pub vanishes: bool,
    /// When the participant vanishes, as a share of `seconds`.
    pub at: f64,
    /// Whether its connections stay open then, as when a machine goes to sleep. Otherwise they are
    /// closed, as when a program is killed.
    pub quietly: bool,
}

/// A person's random numbers, and whether and when it goes away in line.
#[derive(Debug)]
pub struct Nature {
    /// Decides the times between polls, and which ones are lost.
    pub random: ChaCha8Rng,
    /// After how many seconds in line it goes away, if it does.
    pub leaves_after: Option<f64>,
    /// Whether its connections stay open then.
    pub quietly: bool,
}

impl Population {
    /// The population of a seed.
    ///
    /// # Errors
    /// A rate that is not positive.
    pub fn new(made: &Made) -> Result<Self> {
        let mut random = stream(made.seed, ARRIVALS);
        let mut arrivals: Vec<f64> = (0..made.crowd)
            .map(|_| random.gen_range(0.0..RUSH))
            .collect();
        arrivals.sort_by(f64::total_cmp);
        let between = Exp::new(made.rate / 3600.0).context("--rate is more than 0")?;
        let mut at = RUSH + random.sample(between);
        while at < made.hours * 3600.0 {
            arrivals.push(at);
            at += random.sample(between);
        }
        let mut random = stream(made.seed, TURNS);
        let length = LogNormal::new(MEDIAN.ln(), SIGMA).context("a distribution")?;
        let turns = arrivals
            .iter()
            .map(|_| Fate {
                seconds: random.sample(length),
                vanishes: random.gen_bool(VANISH),
                at: random.r#gen(),
                quietly: random.r#gen(),
            })
            .collect();
        Ok(Self { arrivals, turns })
    }
}

impl Nature {
    /// The nature of the person with this number.
    ///
    /// # Errors
    /// Never in practice.
    pub fn new(made: &Made, number: usize) -> Result<Self> {
        let mut random = stream(made.seed, PEOPLE + number as u64);
        let patience = Exp::new(1.0 / PATIENCE).context("a distribution")?;
        let (leaves, after) = (
            random.r#gen::<f64>() < made.leavers,
            random.sample(patience),
        );
        Ok(Self {
            quietly: random.r#gen(),
            leaves_after: leaves.then_some(after),
            random,
        })
    }
}

fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(seed: u64) -> Made {
        Made {
            seed,
            hours: 100.0,
            crowd: 60,
            rate: 90.0,
            misses: 0.0,
            leavers: 0.2,
        }
    }

    #[test]
    fn a_seed_fixes_everybody() {
        let one = Population::new(&made(1)).unwrap();
        assert_eq!(one, Population::new(&made(1)).unwrap());
        assert_ne!(one, Population::new(&made(2)).unwrap());
    }

    #[test]
    fn a_longer_run_begins_like_a_shorter_one() {
        let long = Population::new(&made(1)).unwrap();
        let short = Population::new(&Made {
            hours: 1.0,
            ..made(1)
        })
        .unwrap();
        let many = short.arrivals.len();
        assert_eq!(short.arrivals[..], long.arrivals[..many]);
        assert_eq!(short.turns[..], long.turns[..many]);
    }

    #[test]
    fn people_come_and_vanish_as_often_as_asked() {
        let population = Population::new(&made(1)).unwrap();
        let people = population.arrivals.len() as f64;
        assert!((people - 60.0 - 90.0 * 100.0).abs() < 300.0, "{people}");
        assert_eq!(
            population.arrivals.iter().filter(|at| **at < 60.0).count(),
            60
        );
        assert!(population.arrivals.is_sorted());
        let share = |what: fn(&Fate) -> bool| {
            population.turns.iter().filter(|turn| what(turn)).count() as f64 / people
        };
        assert!((share(|turn| turn.vanishes) - 0.13).abs() < 0.02);
        assert!((share(|turn| turn.quietly) - 0.5).abs() < 0.03);
        assert!((share(|turn| turn.seconds < 25.0) - 0.5).abs() < 0.03);
        assert!((share(|turn| turn.seconds < 25.0 * 0.5f64.exp()) - 0.8413).abs() < 0.03);
        let leavers = (0..1000).filter(|number| {
            let nature = Nature::new(&made(1), *number).unwrap();
            nature.leaves_after.is_some()
        });
        assert!((leavers.count() as f64 - 200.0).abs() < 50.0);
    }
}
