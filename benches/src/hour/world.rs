//! What all people of a run share: the clock, the bodies of their uploads, the notes on what
//! happened.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::population::{Fate, Population};

/// The interface that the people's clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Clients {
    /// That of Ethereum's ceremony: they poll every half minute.
    Polls,
    /// Tauline's own: they hold check-ins, as `tauline contribute` does.
    Own,
}

/// Something that happened to a person, with the time in unscaled seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// When.
    pub at: f64,
    /// To whom.
    pub who: usize,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum What {
    /// Came, and signs in.
    Arrived,
    /// Stands in line.
    Joined,
    /// Has the state of the turn of this number, from 0.
    Granted {
        /// The turn.
        turn: usize,
    },
    /// Vanished in its turn.
    Vanished {
        /// The turn.
        turn: usize,
    },
    /// Has the receipt.
    Accepted {
        /// The turn.
        turn: usize,
        /// When the last byte was sent.
        sent: f64,
    },
    /// Went away in line.
    Left,
    /// Is out, and neither vanished nor went away.
    Dropped {
        /// What it was told.
        why: String,
        /// How many of its polls, one after the other, were lost just before.
        lost: u32,
    },
    /// A poll never left the client.
    Missed,
    /// A request broke, and was sent again.
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
    /// Where the coordinator serves.
    pub url: String,
    /// What their clients know.
    pub clients: Clients,
    /// Seconds that a check-in is held in one's turn; 0 sends none.
    pub beat: f64,
    /// Times are divided by this.
    pub scale: f64,
    population: Population,
    began: Instant,
    /// The contribution on the state whose second power in G1 is this.
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
    /// One in which nobody has come, with a chain of contributions from the initial state, each as
    /// JSON.
    ///
    /// # Errors
    /// A chain that is none.
    pub fn new(
        url: String,
        clients: Clients,
        beat: f64,
        scale: f64,
        population: Population,
        chain: Vec<Vec<u8>>,
    ) -> Result<Self> {
        let mut bodies = HashMap::new();
        // In the initial state every power is the generator, which is also everybody's first.
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

    /// When each person comes.
    #[must_use]
    pub fn arrivals(&self) -> &[f64] {
        &self.population.arrivals
    }

    /// Unscaled seconds since the beginning.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * self.scale
    }

    /// Waits until so many unscaled seconds have passed since the beginning; for ever, if infinite.
    pub async fn sleep_until(&self, at: f64) {
        if at.is_infinite() {
            return std::future::pending().await;
        }
        let at = self.began + Duration::from_secs_f64(at.max(0.0) / self.scale);
        tokio::time::sleep_until(at.into()).await;
    }

    /// Waits for so many unscaled seconds.
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

    /// Notes that somebody has the state: the next turn, and what becomes of it.
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

    /// What becomes of a turn.
    #[must_use]
    pub fn fate(&self, turn: usize) -> Option<&Fate> {
        self.population.turns.get(turn)
    }

    /// The contribution on a state.
    ///
    /// # Errors
    /// A state that the chain has no contribution on.
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
        // An error would be that the sender is gone, and it is in `self`.
        let _ = over.wait_for(|over| *over).await;
    }

    /// What happened, in the order of time, and how many polls there were.
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
