//! What all people of a run share: the clock, their contributions, and notes of what happened.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::population::{Fate, Population};

/// The interface that the clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Clients {
    /// That of the Ethereum ceremony: clients poll every half minute.
    Polls,
    /// Tauline's own: clients send check-ins that are held, as `tauline contribute` does.
    Own,
}

/// Something that happened to a person, with the time in unscaled seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// When it happened.
    pub at: f64,
    /// The person's number.
    pub who: usize,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum What {
    /// Arrived, and signs in.
    Arrived,
    /// Joined the line.
    Joined,
    /// Got the powers of the turn with this number, from 0.
    Granted {
        /// The turn.
        turn: usize,
    },
    /// Vanished in its turn.
    Vanished {
        /// The turn.
        turn: usize,
    },
    /// Got the receipt.
    Accepted {
        /// The turn.
        turn: usize,
        /// When the last byte was sent.
        sent: f64,
    },
    /// Went away in line.
    Left,
    /// Lost its place or turn without having vanished or gone away.
    Dropped {
        /// What it was told.
        why: String,
        /// How many polls in a row were lost just before.
        lost: u32,
    },
    /// A poll was lost before it was sent.
    Missed,
    /// A request broke and was repeated.
    Broke {
        /// How.
        why: String,
    },
    /// The run is over.
    Over,
}

/// What all people of a run share.
#[derive(Debug)]
pub struct World {
    /// The coordinator's address.
    pub url: String,
    /// The interface that the clients use.
    pub clients: Clients,
    /// For how many seconds a check-in during a turn asks to be held. If 0, none is sent.
    pub beat: f64,
    /// All times are divided by this.
    pub scale: f64,
    population: Population,
    began: Instant,
    /// The contributions, by the second power in G1 of the powers they build on.
    bodies: HashMap<String, Vec<u8>>,
    notes: Mutex<Notes>,
    over: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Notes {
    events: Vec<Event>,
    granted: usize,
    polls: u64,
}

impl World {
    /// A world in which nobody has arrived yet, with a chain of contributions from the initial
    /// powers, as JSON.
    ///
    /// # Errors
    /// A chain that cannot be read.
    pub fn new(
        url: String,
        clients: Clients,
        beat: f64,
        scale: f64,
        population: Population,
        chain: Vec<Vec<u8>>,
    ) -> Result<Self> {
        let mut bodies = HashMap::new();
        // All initial powers are the generator, which is also the first power of every
        // contribution.
        let mut on = None;
        for body in chain {
            let document: Value = serde_json::from_slice(&body)?;
            let before = match on.take() {
                Some(power) => power,
                None => power(&document, 0)?,
            };
            on = Some(power(&document, 1)?);
            bodies.insert(before, body);
        }
        Ok(Self {
            url,
            clients,
            beat,
            scale,
            population,
            began: Instant::now(),
            bodies,
            notes: Mutex::default(),
            over: watch::Sender::new(false),
        })
    }

    /// Sets the clock to 0.
    pub fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// When each person arrives.
    #[must_use]
    pub fn arrivals(&self) -> &[f64] {
        &self.population.arrivals
    }

    /// Unscaled seconds since the beginning.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * self.scale
    }

    /// Waits until this number of unscaled seconds has passed since the beginning, or for ever if
    /// it is infinite.
    pub async fn sleep_until(&self, at: f64) {
        if at.is_infinite() {
            return std::future::pending().await;
        }
        let at = self.began + Duration::from_secs_f64(at.max(0.0) / self.scale);
        tokio::time::sleep_until(at.into()).await;
    }

    /// Waits for this number of unscaled seconds.
    pub async fn sleep(&self, seconds: f64) {
        self.sleep_until(self.now() + seconds).await;
    }

    /// Notes what happened just now.
    pub fn note(&self, who: usize, what: What) {
        self.note_at(self.now(), who, what);
    }

    /// Notes what happened at a time.
    pub fn note_at(&self, at: f64, who: usize, what: What) {
        self.notes(|notes| notes.events.push(Event { at, who, what }));
    }

    /// Counts a poll, or a check-in in line.
    pub fn count_poll(&self) {
        self.notes(|notes| notes.polls += 1);
    }

    /// Notes that somebody has got the powers. Returns the turn's number, and how it goes.
    ///
    /// # Errors
    /// More turns than people.
    pub fn grant(&self, who: usize) -> Result<(usize, Fate)> {
        let at = self.now();
        let turn = self.notes(|notes| {
            let turn = notes.granted;
            notes.granted += 1;
            let what = What::Granted { turn };
            notes.events.push(Event { at, who, what });
            turn
        });
        let fate = self.population.turns.get(turn);
        Ok((turn, *fate.context("nobody has two turns")?))
    }

    /// How a turn goes.
    #[must_use]
    pub fn fate(&self, turn: usize) -> Option<&Fate> {
        self.population.turns.get(turn)
    }

    /// The contribution that builds on these powers.
    ///
    /// # Errors
    /// Powers to which the chain has no contribution.
    pub fn contribution_on(&self, state: &Value) -> Result<&[u8]> {
        let body = self.bodies.get(&power(state, 1)?);
        Ok(body.context("a state of the chain")?)
    }

    /// Ends the run: everybody stops where they are.
    pub fn end(&self) {
        self.over.send_replace(true);
    }

    /// Waits for the end of the run.
    pub async fn over(&self) {
        let mut over = self.over.subscribe();
        // The sender is in `self`, so this does not fail.
        let _ = over.wait_for(|over| *over).await;
    }

    /// What happened, ordered by time, and how many polls there were.
    #[must_use]
    pub fn take_notes(&self) -> (Vec<Event>, u64) {
        let notes = self.notes(std::mem::take);
        let mut events = notes.events;
        events.sort_by(|a, b| a.at.total_cmp(&b.at));
        (events, notes.polls)
    }

    fn notes<T>(&self, act: impl FnOnce(&mut Notes) -> T) -> T {
        act(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A power in G1 of the first sub-ceremony.
fn power(document: &Value, number: usize) -> Result<String> {
    let power = &document["contributions"][0]["powersOfTau"]["G1Powers"][number];
    Ok(power.as_str().context("a contribution has powers")?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_contribution_chain;

    #[test]
    fn each_state_has_its_contribution() {
        let chain = json_contribution_chain(&"4:2".parse().unwrap(), 3).unwrap();
        let nobody = Population {
            arrivals: Vec::new(),
            turns: Vec::new(),
        };
        let world =
            World::new(String::new(), Clients::Own, 5.0, 1.0, nobody, chain.clone()).unwrap();
        let mut state: Value = serde_json::from_slice(&chain[0]).unwrap();
        let powers = &mut state["contributions"][0]["powersOfTau"]["G1Powers"];
        powers[1] = powers[0].clone();
        assert_eq!(world.contribution_on(&state).unwrap(), chain[0]);
        for (before, after) in chain.iter().zip(&chain[1..]) {
            let state = serde_json::from_slice(before).unwrap();
            assert_eq!(world.contribution_on(&state).unwrap(), after);
        }
        let last = serde_json::from_slice(&chain[2]).unwrap();
        assert!(world.contribution_on(&last).is_err());
    }
}
