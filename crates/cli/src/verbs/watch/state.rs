//! What is known of a ceremony that is watched.

use std::time::Duration;

use tokio::time::Instant;

use super::heard::{Heard, Via};
use super::told::Told;
use crate::shown::escaped;

/// How the coordinator is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Connection {
    Here(Via),
    /// It does not answer.
    Lost {
        since: Instant,
        why: String,
    },
}

/// What came of a move of the ceremony.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    /// It was followed from this address.
    FollowedFrom(String),
    /// It was not followed.
    NotFollowed { why: String },
}

/// What the coordinator told last.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) told: Told,
    /// As it came.
    pub(super) text: String,
    /// When it came.
    pub(super) at: Instant,
}

/// What is known of the ceremony.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// The address of the coordinator that has it, as far as it was followed.
    pub(super) server: String,
    pub(super) connection: Connection,
    pub(super) seen: Option<Seen>,
    pub(super) moved: Option<Move>,
    /// How often something has happened.
    pub(super) changes: u64,
}

impl State {
    /// Nothing is known yet of the ceremony at this address.
    pub(super) fn new(server: String, now: Instant) -> Self {
        let connection = Connection::Lost {
            since: now,
            why: "connecting".to_owned(),
        };
        Self {
            server,
            connection,
            seen: None,
            moved: None,
            changes: 0,
        }
    }

    /// Takes in what is heard. Returns whether anything has changed but that time went by.
    pub(super) fn hear(&mut self, heard: &Heard, now: Instant) -> bool {
        let changed = match heard {
            Heard::Status { told, text, via } => {
                let connected = self.connect(Connection::Here(*via));
                let mut told = Told::clone(told);
                let before = self.seen.take().map(|seen| seen.told);
                if let Some(before) = &before {
                    told.go_on_from(before);
                }
                let is_new = before.is_none_or(|before| !before.is_same(&told));
                self.seen = Some(Seen {
                    told,
                    text: text.clone(),
                    at: now,
                });
                connected || is_new
            }
            Heard::Alive => self.connect(Connection::Here(Via::Stream)),
            Heard::Lost { why } => {
                let why = escaped(why);
                let since = match self.connection {
                    Connection::Lost { since, .. } => since,
                    Connection::Here(_) => now,
                };
                self.connect(Connection::Lost { since, why })
            }
            Heard::Moved { to } => {
                let from = std::mem::replace(&mut self.server, to.to_string());
                self.seen = None;
                self.moved = Some(Move::FollowedFrom(from));
                true
            }
            Heard::NotFollowed { why } => {
                let moved = Some(Move::NotFollowed { why: escaped(why) });
                let before = std::mem::replace(&mut self.moved, moved);
                before != self.moved
            }
        };
        self.changes += u64::from(changed);
        changed
    }

    fn connect(&mut self, connection: Connection) -> bool {
        let before = std::mem::replace(&mut self.connection, connection);
        before != self.connection
    }

    /// What the coordinator told last.
    pub(super) fn told(&self) -> Option<&Told> {
        self.seen.as_ref().map(|seen| &seen.told)
    }

    /// What the coordinator's clock shows, in Unix seconds.
    pub(super) fn clock(&self, now: Instant) -> Option<u64> {
        let seen = self.seen.as_ref()?;
        let since = now.saturating_duration_since(seen.at).as_secs();
        Some(seen.told.status.time.saturating_add(since))
    }

    /// For how long the turn has gone on.
    pub(super) fn turn_age(&self, now: Instant) -> Option<Duration> {
        let seen = self.seen.as_ref()?;
        let told = Duration::from_millis(seen.told.status.turn?.age_in_ms);
        match seen.told.is_paused() {
            // No deadline runs.
            true => Some(told),
            false => Some(told.saturating_add(now.saturating_duration_since(seen.at))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{NOW, paused, running, seen, status, turn};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn time_goes_on_by_the_coordinators_clock_between_two_statuses() {
        let (state, now) = seen(running());
        assert_eq!(state.clock(now), Some(NOW + 2));
        assert_eq!(state.turn_age(now), Some(44 * SECOND));
        let (state, now) = seen(paused());
        assert_eq!(state.turn_age(now), Some(42 * SECOND), "no deadline runs");
    }

    #[test]
    fn turns_are_put_together_from_what_is_told_bit_by_bit() {
        let (mut state, now) = seen(running());
        let mut told = running();
        let new = [
            turn(1_499, "contributed", NOW, 1),
            turn(1_500, "timedOut", NOW, 1),
        ];
        told.recent = Some(new.to_vec());
        assert!(state.hear(&status(told.clone(), Via::Stream), now));
        let tickets = |state: &State| {
            let turns = state.told().unwrap().turns();
            let tickets: Vec<u64> = turns.iter().map(|turn| turn.ticket).collect();
            tickets
        };
        let last_hundred: Vec<u64> = (1_401..=1_500).collect();
        assert_eq!(tickets(&state), last_hundred);
        told.recent = Some(Vec::new());
        assert!(!state.hear(&status(told.clone(), Via::Stream), now));
        assert_eq!(tickets(&state), last_hundred);
        told.recent = None;
        assert!(!state.hear(&status(told.clone(), Via::Stream), now));
        // Another coordinator's turns are others.
        told.status.coordinator_address = "0x00".to_owned();
        told.recent = Some(new[..1].to_vec());
        assert!(state.hear(&status(told, Via::Stream), now));
        assert_eq!(tickets(&state), [1_499]);
    }

    #[test]
    fn a_connection_is_lost_since_it_was_lost_first() {
        let (mut state, now) = seen(running());
        let lost = |why: &str| Heard::Lost {
            why: why.to_owned(),
        };
        assert!(state.hear(&lost("refused"), now));
        assert!(!state.hear(&lost("refused"), now + SECOND));
        assert!(state.hear(&lost("\u{1b}[2J"), now + 2 * SECOND));
        let lost = Connection::Lost {
            since: now,
            why: "\\u{1b}[2J".to_owned(),
        };
        assert_eq!(state.connection, lost);
        assert!(state.told().is_some(), "what was told last stays");
        assert!(state.hear(&status(running(), Via::Polls), now + 3 * SECOND));
        assert_eq!(state.connection, Connection::Here(Via::Polls));
        assert!(!state.hear(&status(running(), Via::Polls), now + 8 * SECOND));
        assert!(state.hear(&Heard::Alive, now + 9 * SECOND));
        assert_eq!(state.changes, 5);
    }

    #[test]
    fn whoever_follows_a_move_knows_nothing_of_the_new_place_yet() {
        let (mut state, now) = seen(running());
        let to: reqwest::Url = "https://next.example.org/".parse().unwrap();
        assert!(state.hear(&Heard::Moved { to }, now));
        assert_eq!(state.server, "https://next.example.org/");
        assert!(state.told().is_none());
        let from = "https://ceremony.example.org/".to_owned();
        assert_eq!(state.moved, Some(Move::FollowedFrom(from)));
    }
}
