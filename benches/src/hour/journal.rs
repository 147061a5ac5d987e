//! The coordinator's journal: who was in line, who was passed, and how each stay ended.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tauline_protocol::Identity;
use tauline_protocol::journal::Record;
use tauline_queue_core::{Event, Outcome, Ticket};

/// One stay in the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stay {
    /// Its participant's identity.
    pub id: String,
    /// How many turns went to people behind it while it was in line.
    pub passed: u32,
    /// How it ended, if it did.
    #[serde(skip)]
    pub outcome: Option<Outcome>,
    waits: bool,
}

/// Reads the journal of a coordinator that has stopped.
///
/// # Errors
/// A database that cannot be read.
pub fn read(database: &Path) -> Result<Vec<Record>> {
    let database = rusqlite::Connection::open(database)?;
    let mut statement = database.prepare("SELECT record FROM journal ORDER BY seq")?;
    let records = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    records
        .map(|bytes| Ok(Record::from_bytes(&bytes?)?))
        .collect()
}

/// The stays in a journal, in the order of the line.
///
/// Who was passed is worked out from the order of calls, and compared with what the journal says.
///
/// # Errors
/// A journal in which somebody is called who is not in line, or in which others are named than
/// those who were passed.
pub fn stays<'a>(
    events: impl Iterator<Item = &'a Event<Identity>>,
) -> Result<BTreeMap<Ticket, Stay>> {
    let mut stays: BTreeMap<Ticket, Stay> = BTreeMap::new();
    for event in events {
        match event {
            Event::Joined { ticket, id, .. } => {
                let stay = Stay {
                    id: id.to_string(),
                    passed: 0,
                    outcome: None,
                    waits: true,
                };
                stays.insert(*ticket, stay);
            }
            Event::Called { ticket, passed, .. } => {
                let ahead = stays.range_mut(..ticket).filter(|(_, stay)| stay.waits);
                let mut counted = Vec::new();
                for (ticket, stay) in ahead {
                    stay.passed += 1;
                    counted.push(*ticket);
                }
                ensure!(
                    counted == *passed,
                    "{ticket} was called past {counted:?}, and the journal says {passed:?}"
                );
                let called = stays.get_mut(ticket).context("nobody has this ticket")?;
                called.waits = false;
            }
            Event::Ended { ticket, outcome } => {
                let ended = stays.get_mut(ticket).context("nobody has this ticket")?;
                ended.waits = false;
                ended.outcome = Some(*outcome);
            }
            _ => {}
        }
    }
    Ok(stays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tauline_queue_core::Timestamp;

    fn joined(ticket: u64) -> Event<Identity> {
        Event::Joined {
            ticket: Ticket::new(ticket),
            id: format!("invite|p{ticket}").parse().unwrap(),
            check_in_by: Timestamp::from_millis(0),
            lasting_by: Timestamp::from_millis(0),
        }
    }

    fn ended(ticket: u64) -> Event<Identity> {
        Event::Ended {
            ticket: Ticket::new(ticket),
            outcome: Outcome::MissedCheckIn,
        }
    }

    fn passed(events: &[Event<Identity>]) -> Vec<u32> {
        let stays = stays(events.iter()).unwrap();
        stays.values().map(|stay| stay.passed).collect()
    }

    /// A turn that is given to the stay of this number, past these.
    fn called(ticket: u64, passed: &[u64]) -> Event<Identity> {
        Event::Called {
            ticket: Ticket::new(ticket),
            start_by: Timestamp::from_millis(0),
            passed: passed.iter().copied().map(Ticket::new).collect(),
        }
    }

    #[test]
    fn who_waits_ahead_of_who_is_called_was_passed() {
        let line = [joined(1), joined(2), joined(3), joined(4)];
        let with = |more: &[Event<Identity>]| passed(&[&line[..], more].concat());
        let strict = [called(1, &[]), called(2, &[]), called(3, &[])];
        assert_eq!(with(&strict), [0, 0, 0, 0]);
        assert_eq!(with(&[called(3, &[1, 2])]), [1, 1, 0, 0]);
        let twice = [called(2, &[1]), called(3, &[1]), called(1, &[])];
        assert_eq!(with(&twice), [2, 0, 0, 0]);
        let gone_before = [ended(1), called(3, &[2])];
        assert_eq!(with(&gone_before), [0, 1, 0, 0]);
    }

    #[test]
    fn a_journal_that_hides_who_was_passed_is_none() {
        let line = [joined(1), joined(2)];
        for wrong in [called(2, &[]), called(1, &[2])] {
            let events = [&line[..], &[wrong]].concat();
            assert!(stays(events.iter()).is_err());
        }
    }

    #[test]
    fn a_journal_that_calls_nobody_is_none() {
        assert!(stays([called(1, &[])].iter()).is_err());
    }
}
