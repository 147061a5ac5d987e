//! The turns that are over, as the log tells them.
//!
//! All of it follows from the log, so nothing of it is stored: it is made at each start, and goes on
//! with each record.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tauline_protocol::public_log::Notice;
use tauline_queue_core::{Event, Outcome, Ticket, Timestamp};

/// How many of the latest turns are remembered: those that a page draws.
pub const LATEST: usize = 100;

/// A stay that was called and is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastTurn {
    /// Which.
    pub ticket: Ticket,
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended.
    pub ended_at: Timestamp,
    /// From the call to the end, without absences of the coordinator.
    pub length: Duration,
    /// The number of the contribution, if one was accepted.
    pub number: Option<u64>,
}

/// When a contribution was made. There may be some hundred thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When its owner joined.
    pub joined_at: Timestamp,
    /// When the state was handed out.
    pub started_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// From the call to the acceptance, without absences of the coordinator.
    pub turn: Duration,
}

/// Follows the log and tells the turns that end.
#[derive(Debug, Default)]
pub struct TurnLog {
    /// When those who are in line joined.
    joined: HashMap<Ticket, Timestamp>,
    running: Option<Running>,
    contributions: u64,
    /// How many contributions were carried over from another log: nothing tells when they were made.
    carried_over: u64,
}

#[derive(Debug)]
struct Running {
    ticket: Ticket,
    joined_at: Timestamp,
    /// Absences of the coordinator since then have moved it.
    called_at: Timestamp,
    started_at: Timestamp,
}

/// What is known of turns and contributions at some moment.
#[derive(Debug, Default)]
pub struct History {
    /// The latest turns, at most [`LATEST`], the newest last.
    pub latest: VecDeque<PastTurn>,
    /// All contributions.
    pub contributions: Made,
}

/// Where each contribution is in the log, and when it was made.
#[derive(Debug, Default)]
pub struct Made(Vec<(u64, Option<Times>)>);

/// An accepted contribution, or another turn, that the log has just told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// The turn. None if the contribution was carried over from another log.
    pub turn: Option<PastTurn>,
    /// When its contribution was made, if one was accepted.
    pub times: Option<Times>,
    /// Whether a contribution was accepted.
    pub is_accepted: bool,
}

impl TurnLog {
    /// Takes a notice. One that tells of contributions from another log comes before them.
    pub fn notice(&mut self, notice: &Notice) {
        if let Notice::Recovered { contributions, .. } = notice {
            self.carried_over = *contributions;
        }
    }

    /// Takes the next event. Returns the turn that is over by it, if one is.
    pub fn follow<Id>(&mut self, at: Timestamp, event: &Event<Id>) -> Option<Over> {
        match event {
            Event::Joined { ticket, .. } => {
                self.joined.insert(*ticket, at);
            }
            Event::Called { ticket, .. } => {
                self.running = Some(Running {
                    ticket: *ticket,
                    joined_at: self.joined.remove(ticket).unwrap_or(at),
                    called_at: at,
                    started_at: at,
                });
            }
            Event::Started { .. } => {
                if let Some(running) = &mut self.running {
                    running.started_at = at;
                }
            }
            // Nobody's time. The end of a pause is told in the same way.
            Event::Resumed { pause, .. } => {
                if let Some(running) = &mut self.running {
                    running.called_at = running.called_at.saturating_add(*pause);
                }
            }
            Event::Ended { ticket, outcome } => return self.ended(*ticket, *outcome, at),
            Event::CheckedIn { .. }
            | Event::Extended { .. }
            | Event::Submitted { .. }
            | Event::ModeSet { .. }
            | Event::Pardoned { .. } => {}
        }
        None
    }

    fn ended(&mut self, ticket: Ticket, outcome: Outcome, at: Timestamp) -> Option<Over> {
        let Some(running) = self.running.take_if(|running| running.ticket == ticket) else {
            // It ended in line.
            self.joined.remove(&ticket);
            return None;
        };
        let is_accepted = outcome == Outcome::Contributed;
        self.contributions += u64::from(is_accepted);
        let number = is_accepted.then_some(self.contributions);
        if number.is_some_and(|number| number <= self.carried_over) {
            return Some(Over {
                turn: None,
                times: None,
                is_accepted,
            });
        }
        let length = at.since(running.called_at);
        let times = Times {
            joined_at: running.joined_at,
            started_at: running.started_at,
            accepted_at: at,
            turn: length,
        };
        Some(Over {
            turn: Some(PastTurn {
                ticket,
                outcome,
                ended_at: at,
                length,
                number,
            }),
            times: is_accepted.then_some(times),
            is_accepted,
        })
    }
}

impl History {
    /// Takes a turn that is over by the entry in this place of the log.
    pub fn take(&mut self, entry: u64, over: &Over) {
        self.remember(over);
        self.contributions.take(entry, over);
    }

    /// Takes a turn, but not its contribution.
    pub(crate) fn remember(&mut self, over: &Over) {
        if let Some(turn) = over.turn {
            if self.latest.len() == LATEST {
                self.latest.pop_front();
            }
            self.latest.push_back(turn);
        }
    }
}

impl Made {
    /// Takes the next contribution, if that is what is over by the entry in this place of the log.
    pub fn take(&mut self, entry: u64, over: &Over) {
        if over.is_accepted {
            self.0.push((entry, over.times));
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The place in the log of the entry by which the contribution of this number was accepted.
    #[must_use]
    pub fn entry(&self, number: u64) -> Option<u64> {
        self.of(number).map(|(entry, _)| *entry)
    }

    /// When the contribution of this number was made. None if it was carried over from another log.
    #[must_use]
    pub fn times(&self, number: u64) -> Option<Times> {
        self.of(number).and_then(|(_, times)| *times)
    }

    fn of(&self, number: u64) -> Option<&(u64, Option<Times>)> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.0.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1000 * seconds)
    }

    fn joined(ticket: u64) -> Event<()> {
        Event::Joined {
            ticket: Ticket::new(ticket),
            id: (),
            check_in_by: at(0),
            lasting_by: at(0),
        }
    }

    fn called(ticket: u64) -> Event<()> {
        Event::Called {
            ticket: Ticket::new(ticket),
            start_by: at(0),
            passed: Vec::new(),
        }
    }

    fn started(ticket: u64) -> Event<()> {
        Event::Started {
            ticket: Ticket::new(ticket),
            contribute_by: at(0),
            stall_by: None,
        }
    }

    fn ended(ticket: u64, outcome: Outcome) -> Event<()> {
        Event::Ended {
            ticket: Ticket::new(ticket),
            outcome,
        }
    }

    /// What a log with these events tells, with entries from 0.
    fn told(log: &mut TurnLog, events: &[(u64, Event<()>)]) -> History {
        let mut history = History::default();
        for (entry, (seconds, event)) in (0..).zip(events) {
            if let Some(over) = log.follow(at(*seconds), event) {
                history.take(entry, &over);
            }
        }
        history
    }

    #[test]
    fn a_turn_lasts_from_the_call_to_the_end_and_a_contribution_has_its_times() {
        let history = told(
            &mut TurnLog::default(),
            &[
                (10, joined(1)),
                (11, called(1)),
                (12, joined(2)),
                (13, started(1)),
                (43, ended(1, Outcome::Contributed)),
                (43, called(2)),
                (58, ended(2, Outcome::FailedToStart)),
            ],
        );
        let [first, second] = [history.latest[0], history.latest[1]];
        assert_eq!(first.length, Duration::from_secs(32));
        assert_eq!((first.number, second.number), (Some(1), None));
        assert_eq!(second.outcome, Outcome::FailedToStart);
        assert_eq!(second.length, Duration::from_secs(15));
        assert_eq!(history.contributions.entry(1), Some(4));
        let times = history.contributions.times(1).unwrap();
        assert_eq!(
            (times.joined_at, times.started_at, times.accepted_at),
            (at(10), at(13), at(43))
        );
        assert_eq!(times.turn, Duration::from_secs(32));
        assert_eq!(history.contributions.entry(0), None);
        assert_eq!(history.contributions.times(2), None);
    }

    #[test]
    fn who_leaves_the_line_had_no_turn() {
        let mut log = TurnLog::default();
        let history = told(
            &mut log,
            &[
                (0, joined(1)),
                (0, called(1)),
                (1, joined(2)),
                (2, ended(2, Outcome::Left)),
                (3, ended(1, Outcome::Aborted)),
            ],
        );
        let tickets: Vec<u64> = history.latest.iter().map(|it| it.ticket.value()).collect();
        assert_eq!(tickets, [1]);
        assert!(log.joined.is_empty() && log.running.is_none());
    }

    #[test]
    fn an_absence_of_the_coordinator_makes_no_turn_longer() {
        let pause = Duration::from_secs(1000);
        let restarted = true;
        let history = told(
            &mut TurnLog::default(),
            &[
                (0, joined(1)),
                (0, called(1)),
                (5, started(1)),
                (1010, Event::Resumed { pause, restarted }),
                (1030, ended(1, Outcome::Contributed)),
            ],
        );
        assert_eq!(history.latest[0].length, Duration::from_secs(30));
        let times = history.contributions.times(1).unwrap();
        assert_eq!((times.started_at, times.accepted_at), (at(5), at(1030)));
    }

    #[test]
    fn the_latest_hundred_are_remembered() {
        let events: Vec<_> = (1..=130)
            .flat_map(|ticket| {
                [
                    (ticket, joined(ticket)),
                    (ticket, called(ticket)),
                    (ticket, ended(ticket, Outcome::Contributed)),
                ]
            })
            .collect();
        let history = told(&mut TurnLog::default(), &events);
        assert_eq!(history.latest.len(), LATEST);
        assert_eq!(history.latest[0].number, Some(31));
        assert_eq!(history.contributions.count(), 130);
        assert_eq!(history.contributions.entry(130), Some(389));
    }

    #[test]
    fn of_what_was_carried_over_from_another_log_no_times_are_told() {
        let mut log = TurnLog::default();
        log.notice(&Notice::Recovered {
            origin: "old.example/log".to_owned(),
            entries: 9,
            root: tauline_protocol::public_log::Hex32([0; 32]),
            coordinator: "0x".to_owned(),
            contributions: 1,
            in_line: 0,
            used_up: 0,
            reason: "it burned".to_owned(),
        });
        let events: Vec<_> = [1, 2]
            .into_iter()
            .flat_map(|ticket| {
                [
                    (ticket, joined(ticket)),
                    (ticket, called(ticket)),
                    (ticket, ended(ticket, Outcome::Contributed)),
                ]
            })
            .collect();
        let history = told(&mut log, &events);
        assert_eq!(history.latest.len(), 1);
        assert_eq!(history.latest[0].number, Some(2));
        assert_eq!(history.contributions.entry(1), Some(2));
        assert_eq!(history.contributions.times(1), None);
        assert!(history.contributions.times(2).is_some());
    }
}
