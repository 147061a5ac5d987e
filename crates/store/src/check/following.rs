//! A log that is followed while another process writes it.
//!
//! Whoever writes has checked all that is stored beside the log when it began. Whoever follows checks the log
//! itself: its chain, and that no entry is out of place. What is stored beside it is checked when it is
//! served, as ever. Whoever may have to lead checks the contributions, too, so that it can go on from here.

use tauline_log::tree::Tree;
use tauline_protocol::Identity;
use tauline_protocol::public_log::PublicEntry;
use tauline_queue_core::{Event, Queue, Rules, Timestamp};

use super::custody::Custody;
use super::log::{self, PAGE, Replayed, Told, linked, public_entry};
use super::stored::{Checked, Kept, contributions, contributions_to, finished};
use crate::chain::Chain;
use crate::error::StoreError;
use crate::store::Store;
use crate::turns::{History, Over, TurnLog};

/// What the log amounts to so far.
pub struct Following {
    /// The queue. Nobody who only shows up by a check-in does so here.
    pub queue: Queue<Identity>,
    /// The log's hash chain.
    pub chain: Chain,
    /// Who keeps the public log, and what is planned.
    pub custody: Custody,
    /// The time of the last record.
    pub last_at: Timestamp,
    /// The tree of the public log when it began to be followed, until somebody takes it.
    pub tree: Tree,
    /// The place of each ticket's joining in the log by then, by ticket, until somebody takes it.
    pub joined: Vec<u64>,
    /// The latest turns; and the contributions that were made by then, until somebody takes them.
    pub history: History,
    turns: TurnLog,
    told: Told,
    /// The contributions that were checked.
    kept: Kept,
}

/// What a record tells.
pub struct News {
    /// The record's entry in the public log.
    pub entry: PublicEntry,
    /// The place of the record in the log, and the turn that is over by it.
    pub over: Option<(u64, Over)>,
    /// Whether it is about the keys by which the log is written, which are read at the start.
    pub is_about_keys: bool,
}

impl Following {
    /// Replays what is there.
    ///
    /// # Errors
    /// A log that was damaged, or an error of the medium.
    pub fn begin(store: &dyn Store, rules: Rules) -> Result<Self, StoreError> {
        let replayed = log::replay(store, rules)?;
        Ok(Self {
            queue: replayed.queue,
            chain: replayed.chain,
            custody: replayed.custody,
            last_at: replayed.last_at,
            tree: replayed.tree,
            joined: replayed.joined,
            history: replayed.history,
            turns: replayed.turns,
            told: replayed.told,
            kept: Kept::default(),
        })
    }

    /// How many contributions there are that were not held against the log.
    #[must_use]
    pub fn unchecked(&self) -> u64 {
        let accepted = self.queue.state().contributions();
        accepted.saturating_sub(self.kept.tally.count)
    }

    /// Holds the contributions that are stored against the log, as far as that was not done before.
    ///
    /// # Errors
    /// When they are not those of the log, or an error of the medium.
    pub fn check(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let kept = std::mem::take(&mut self.kept);
        let last = self.queue.state().contributions();
        self.kept = contributions_to(last, store, &self.queue, &self.told, kept)?;
        match self.kept.spoiled.take() {
            Some(spoiled) => Err(spoiled),
            None => Ok(()),
        }
    }

    /// The content of a store after all checks, if it holds the log that was followed: only the rest of it is
    /// read. What was taken of this must have been given back, as it was with the last record that was read.
    /// None if other keys hold there.
    ///
    /// # Errors
    /// The first contradiction, or an error of the medium.
    pub fn take_over(mut self, store: &dyn Store) -> Result<Option<Checked>, StoreError> {
        if !self.is_in(store)? {
            return Ok(None);
        }
        loop {
            let news = self.go_on(store)?;
            if news.is_empty() {
                break;
            }
            for news in news {
                if news.is_about_keys {
                    return Ok(None);
                }
                let place = self.tree.push(news.entry.to_bytes());
                if let Some(Event::Joined { .. }) = news.entry.queue {
                    self.joined.push(place);
                }
                if let Some((place, over)) = &news.over {
                    self.history.contributions.take(*place, over);
                }
            }
        }
        if self.tree.size() != self.chain.records() {
            return Ok(None);
        }
        if let Some(signed) = store.last_signed() {
            signed.check(&self.tree)?;
        }
        let kept = contributions(store, &self.queue, &self.told, self.kept)?;
        if let Some(spoiled) = kept.spoiled {
            return Err(spoiled);
        }
        let replayed = Replayed {
            queue: self.queue,
            chain: self.chain,
            told: self.told,
            tree: self.tree,
            custody: self.custody,
            joined: self.joined,
            last_at: self.last_at,
            turns: self.turns,
            history: self.history,
        };
        finished(store, replayed, kept).map(Some)
    }

    /// Whether the last record that was read is where it was.
    fn is_in(&self, store: &dyn Store) -> Result<bool, StoreError> {
        let Some(last) = self.chain.records().checked_sub(1) else {
            return Ok(true);
        };
        let found = store.log(last, 1)?;
        Ok(found
            .first()
            .is_some_and(|found| found.seq == last && found.hash == *self.chain.hash()))
    }

    /// Takes the next records into account, some thousand at most. Nothing comes back where there are none.
    ///
    /// # Errors
    /// A log that does not go on from what was read, or an error of the medium. This is of no use then.
    pub fn go_on(&mut self, store: &dyn Store) -> Result<Vec<News>, StoreError> {
        let page = store.log(self.chain.records(), PAGE)?;
        let Some(secrets) = &store.ceremony().log else {
            return Err(StoreError::damaged("the key of the public log is missing"));
        };
        let mut news = Vec::with_capacity(page.len());
        for stored in page {
            let place = self.chain.records();
            let record = linked(&mut self.chain, stored)?;
            let entry = public_entry(store, &record, &secrets.blinding)?;
            self.told.take(&record);
            let mut over = None;
            if let Some(entry) = &record.entry {
                self.last_at = self.last_at.max(entry.at);
                over = self.turns.follow(entry.at, &entry.event);
                self.queue.follow(entry).map_err(|misfit| {
                    StoreError::damaged(format!("record {place} of the log does not fit: {misfit}"))
                })?;
            }
            if let Some(over) = &over {
                self.history.remember(over);
            }
            let mut is_about_keys = false;
            if let Some(noticed) = &record.notice {
                self.last_at = self.last_at.max(noticed.at);
                is_about_keys = log::names_a_key(&noticed.notice);
                self.custody.take(&noticed.notice);
                self.turns.notice(&noticed.notice);
            }
            news.push(News {
                entry,
                over: over.map(|over| (place, over)),
                is_about_keys,
            });
        }
        Ok(news)
    }
}
