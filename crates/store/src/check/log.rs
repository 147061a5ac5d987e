//! Replaying the log: its hash chain, the queue, and what it tells of the data beside it.

use tauline_log::tree::Tree;
use tauline_protocol::Identity;
use tauline_protocol::journal::{Beside, Digest, Record};
use tauline_protocol::public_log::{Blinding, Notice, PublicEntry};
use tauline_queue_core::{Entry, Event, Outcome, Queue, ReplayError, Rules, Ticket, Timestamp};

use super::custody::Custody;
use crate::chain::{Chain, StoredRecord};
use crate::error::StoreError;
use crate::store::Store;
use crate::turns::{History, TurnLog};

/// How many records or contributions are read at a time, which bounds the memory.
pub(super) const PAGE: u32 = 1024;

/// The result of replaying a log.
pub(super) struct Replayed {
    pub(super) queue: Queue<Identity>,
    pub(super) chain: Chain,
    /// What it tells of what is stored beside it.
    pub(super) told: Told,
    /// The tree of the public log. Empty if nothing is there to make it with, as in old data.
    pub(super) tree: Tree,
    /// Who keeps the log.
    pub(super) custody: Custody,
    /// The place of each ticket's joining, by ticket.
    pub(super) joined: Vec<u64>,
    /// The time of the last record.
    pub(super) last_at: Timestamp,
    /// What goes on following the turns.
    pub(super) turns: TurnLog,
    /// The turns that are over.
    pub(super) history: History,
}

/// What the log tells of what is stored beside it.
#[derive(Default)]
pub(super) struct Told {
    /// The contributions that were accepted, in order.
    pub(super) accepted: Vec<Accepted>,
    /// The digest of the last contribution that arrived.
    pub(super) arrived: Option<Digest>,
    /// What the log last bound that belongs to no single record.
    pub(super) beside: Option<Beside>,
    /// How often the coordinator has restarted since the last contribution arrived.
    pub(super) restarts_while_verifying: u32,
}

impl Told {
    /// Takes the next record.
    pub(super) fn take(&mut self, record: &Record) {
        match record.entry.as_ref().map(|entry| &entry.event) {
            Some(Event::Submitted { .. }) => {
                self.restarts_while_verifying = 0;
                self.arrived = record.stored;
            }
            Some(Event::Resumed {
                restarted: true, ..
            }) => self.restarts_while_verifying += 1,
            Some(Event::Ended {
                ticket,
                outcome: Outcome::Contributed,
            }) => self.accepted.push(Accepted {
                ticket: *ticket,
                sum: record.stored,
                blob: self.arrived.take(),
            }),
            _ => {}
        }
        if record.beside.is_some() {
            self.beside = record.beside;
        }
    }
}

/// What the log tells of an accepted contribution.
pub(super) struct Accepted {
    /// The stay. Not always a later one than before: whoever was passed comes after those behind.
    pub(super) ticket: Ticket,
    /// The sum of what is stored of it.
    pub(super) sum: Option<Digest>,
    /// The digest of the bytes that arrived.
    pub(super) blob: Option<Digest>,
}

/// Replays the log, and checks its hash chain.
pub(super) fn replay(store: &dyn Store, rules: Rules) -> Result<Replayed, StoreError> {
    let mut log = Log {
        store,
        page: Vec::new().into_iter(),
        chain: Chain::EMPTY,
        error: None,
        told: Told::default(),
        tree: Tree::new(),
        custody: Custody::default(),
        joined: Vec::new(),
        last_at: store.ceremony().started_at,
        turns: TurnLog::default(),
        history: History::default(),
    };
    let started_at = store.ceremony().started_at;
    let replayed = Queue::replay(rules, started_at, &mut log);
    if let Some(error) = log.error {
        return Err(error);
    }
    let queue = replayed.map_err(|error: ReplayError| StoreError::damaged(error.to_string()))?;
    Ok(Replayed {
        queue,
        chain: log.chain,
        told: log.told,
        tree: log.tree,
        custody: log.custody,
        joined: log.joined,
        last_at: log.last_at,
        turns: log.turns,
        history: log.history,
    })
}

/// Reads the log's entries. Ends at an error, which it keeps.
struct Log<'a> {
    store: &'a dyn Store,
    page: std::vec::IntoIter<StoredRecord>,
    chain: Chain,
    error: Option<StoreError>,
    told: Told,
    tree: Tree,
    custody: Custody,
    joined: Vec<u64>,
    last_at: Timestamp,
    turns: TurnLog,
    history: History,
}

impl Log<'_> {
    fn read(&mut self) -> Result<Option<Record>, StoreError> {
        let stored = match self.page.next() {
            Some(stored) => stored,
            None => {
                self.page = self.store.log(self.chain.records(), PAGE)?.into_iter();
                match self.page.next() {
                    Some(stored) => stored,
                    None => return Ok(None),
                }
            }
        };
        let record = linked(&mut self.chain, stored)?;
        self.publish(&record)?;
        self.note(&record);
        Ok(Some(record))
    }

    /// Adds the record's entry to the tree.
    fn publish(&mut self, record: &Record) -> Result<(), StoreError> {
        if let Some(secrets) = &self.store.ceremony().log {
            let entry = public_entry(self.store, record, &secrets.blinding)?;
            self.tree.push(entry.to_bytes());
        }
        Ok(())
    }

    fn note(&mut self, record: &Record) {
        let at = record.entry.as_ref().map(|entry| entry.at);
        let at = at.or(record.notice.as_ref().map(|noticed| noticed.at));
        self.last_at = self.last_at.max(at.unwrap_or_default());
        if let Some(noticed) = &record.notice {
            self.custody.take(&noticed.notice);
            self.turns.notice(&noticed.notice);
        }
        if let Some(entry) = &record.entry
            && let Some(over) = self.turns.follow(entry.at, &entry.event)
        {
            self.history.take(self.chain.records() - 1, &over);
        }
        if let Some(Event::Joined { .. }) = record.entry.as_ref().map(|entry| &entry.event) {
            self.joined.push(self.chain.records() - 1);
        }
        self.told.take(record);
    }
}

/// The record that was stored, if it goes on from this chain, which goes on with it then.
///
/// # Errors
/// When it is none, or does not go on from it.
pub(super) fn linked(chain: &mut Chain, stored: StoredRecord) -> Result<Record, StoreError> {
    let number = chain.records();
    let wrong = |what: &str| StoreError::damaged(format!("record {number} of the log {what}"));
    let record = Record::from_bytes(&stored.bytes)
        .map_err(|error| wrong(&format!("cannot be read ({error})")))?;
    let ended = match record.entry.as_ref().map(|entry| &entry.event) {
        Some(Event::Ended { ticket, .. }) => Some(*ticket),
        _ => None,
    };
    let expected = chain.append(stored.bytes, ended);
    if expected.seq != stored.seq {
        return Err(wrong("is missing"));
    }
    if expected.hash != stored.hash {
        return Err(wrong("is not what was written: its hash differs"));
    }
    if expected.ended != stored.ended {
        return Err(wrong("is filed under another ticket than its own"));
    }
    Ok(record)
}

impl Iterator for Log<'_> {
    type Item = Entry<Identity>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.error.is_none() {
            match self.read() {
                // A notice changes nothing in the queue.
                Ok(Some(record)) => {
                    if let Some(entry) = record.entry {
                        return Some(entry);
                    }
                }
                Ok(None) => return None,
                Err(error) => self.error = Some(error),
            }
        }
        None
    }
}

/// The entry that is published for a record.
///
/// # Errors
/// When the record is none, or the contribution that it tells of is not stored.
pub fn public_entry(
    store: &dyn Store,
    record: &Record,
    blinding: &Blinding,
) -> Result<PublicEntry, StoreError> {
    PublicEntry::of_record(record, blinding, |ticket| {
        let contribution = store.contribution(ticket)?.ok_or_else(|| {
            StoreError::damaged(format!(
                "the log tells of a contribution of ticket {ticket}, which is not stored"
            ))
        })?;
        Ok(contribution.accepted(blinding))
    })
}

/// Whether a notice says that other keys hold from now on.
pub(super) fn names_a_key(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Opened { .. }
            | Notice::KeyRotated { .. }
            | Notice::HandingOver { .. }
            | Notice::HandedOver { .. }
    )
}
