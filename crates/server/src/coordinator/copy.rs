//! A handle on a copy of a ceremony that another process leads: it can be asked what everybody may know.
//!
//! Nothing else is here: no task, and no rules that step. Whoever asks for more is told that the coordinator
//! is not there.

use std::sync::{Arc, PoisonError, RwLock};

use tauline_protocol::status::Cosigned;
use tauline_queue_core::Timestamp;
use tauline_store::check::{Checked, Following, News};
use tauline_store::{Store, StoreError};
use tokio::sync::{mpsc, watch};

use super::handle::{CeremonySettings, Coordinator, Shared};
use super::history;
use crate::clock::Clock;
use crate::public_log::PublicLog;
use crate::recent::Recent;
use crate::status::{Announced, Published, turn_in_words};
use crate::verifier::Verifier;

/// How many contributions may be made before they are held against the log.
const MOST_UNCHECKED: u64 = 256;

/// What brings the copy up to date.
pub(crate) struct Copy {
    following: Following,
    recent: Arc<Recent>,
    shared: Arc<Shared>,
    publisher: watch::Sender<Arc<Published>>,
    is_checkable: bool,
}

/// How a copy was brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaughtUp {
    /// It has all that was durable when it began.
    Yes,
    /// Other keys hold from now on: the store has to be opened anew.
    OtherKeys,
}

/// What the leader alone tells of the last checkpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CheckpointTold {
    /// When it was signed.
    pub(crate) at: Timestamp,
    /// How many witnesses have cosigned it.
    pub(crate) cosigned: Option<Cosigned>,
}

/// Begins a copy of what this store has, which another process writes. None if the log was not begun yet.
/// Blocks.
///
/// # Errors
/// When the log was damaged, or the store fails.
pub(crate) fn open_copy(
    store: Arc<dyn Store>,
    settings: CeremonySettings,
    verifier: Verifier,
    clock: Clock,
) -> Result<Option<(Coordinator, Copy)>, StoreError> {
    let ceremony = store.ceremony().clone();
    let mut following = Following::begin(&*store, settings.rules)?;
    let Some(log) = PublicLog::copy_of(Arc::clone(&store), &mut following)? else {
        return Ok(None);
    };
    clock.catch_up(following.last_at);
    let contributions = std::mem::take(&mut following.history.contributions);
    let recent = Arc::new(history::recent(&*store, &following.history.latest)?);
    let shared = Arc::new(Shared {
        store,
        settings,
        clock,
        verifier,
        address: ceremony.address(),
        key: ceremony.key,
        log: Arc::new(log),
        made: Arc::new(RwLock::new(contributions)),
    });
    let first = published(&following, &recent, &shared);
    let (publisher, published) = watch::channel(Arc::new(first));
    // Nobody hears what is sent there.
    let (mailbox, _) = mpsc::channel(1);
    let (urgent_mailbox, _) = mpsc::unbounded_channel();
    let coordinator = Coordinator {
        mailbox,
        urgent_mailbox,
        published,
        shared: Arc::clone(&shared),
    };
    let copy = Copy {
        following,
        recent,
        shared,
        publisher,
        is_checkable: true,
    };
    Ok(Some((coordinator, copy)))
}

fn published(following: &Following, recent: &Arc<Recent>, shared: &Shared) -> Published {
    let custody = &following.custody;
    // Whoever leads may be the one to whom it was given.
    let given_to = custody.given_to.as_ref();
    let given_to = given_to.filter(|given| given.key != shared.public_key());
    Published::new(
        &following.queue,
        following.chain,
        Announced::new(custody.plan, given_to),
        Arc::clone(recent),
        shared.clock.now(),
    )
}

impl Copy {
    /// Takes everything in that is durable. Blocks.
    ///
    /// # Errors
    /// When the log does not go on from what was read, or the store fails. The copy is of no use then.
    pub(crate) fn catch_up(&mut self, told: CheckpointTold) -> Result<CaughtUp, StoreError> {
        let store = Arc::clone(&self.shared.store);
        // What was signed is in the log already: it is asked for first, and covered by what is read then.
        let signed = store.last_signed();
        let mut caught_up = CaughtUp::Yes;
        let mut has_grown = false;
        loop {
            let news = self.following.go_on(&*store)?;
            if news.is_empty() {
                break;
            }
            has_grown = true;
            if news.iter().any(|news| news.is_about_keys) {
                caught_up = CaughtUp::OtherKeys;
            }
            self.show_turns(&*store, &news)?;
            let entries = news.into_iter().map(|news| news.entry);
            self.shared.log.follow(entries);
        }
        if let Some(signed) = signed {
            self.shared
                .log
                .covers(signed.tree, told.at, told.cosigned)?;
        }
        if has_grown {
            self.shared.clock.catch_up(self.following.last_at);
            let now = published(&self.following, &self.recent, &self.shared);
            self.publisher.send_replace(Arc::new(now));
        }
        Ok(caught_up)
    }

    /// Holds contributions against the log that were made since that was last done, once there are many: whoever
    /// takes over has few left. Blocks.
    pub(crate) fn check(&mut self) {
        if self.is_checkable
            && self.following.unchecked() > MOST_UNCHECKED
            && let Err(error) = self.following.check(&*self.shared.store)
        {
            // Whoever is to lead looks at everything again. What is asked here is checked when it is served.
            tracing::warn!(%error, "the contributions that are stored could not be held against the log");
            self.is_checkable = false;
        }
    }

    /// The content of a store, of which only what is new is read, if it goes on from this copy, which is of no
    /// use any more then. Blocks.
    ///
    /// # Errors
    /// A contradiction, or when the store fails.
    pub(crate) fn take_over(self, store: &dyn Store) -> Result<Option<Checked>, StoreError> {
        let Self {
            mut following,
            shared,
            ..
        } = self;
        (following.tree, following.joined) = shared.log.give_back();
        let mut made = shared.made.write().unwrap_or_else(PoisonError::into_inner);
        following.history.contributions = std::mem::take(&mut *made);
        drop(made);
        following.take_over(store)
    }

    fn show_turns(&mut self, store: &dyn Store, news: &[News]) -> Result<(), StoreError> {
        let mut turns = Vec::new();
        for (place, over) in news.iter().filter_map(|news| news.over.as_ref()) {
            if let Some(turn) = &over.turn {
                let contributor = match turn.number {
                    Some(_) => store.contribution(turn.ticket)?.map(|one| one.identity),
                    None => None,
                };
                turns.push(turn_in_words(turn, contributor));
            }
            let made = self.shared.made.write();
            made.unwrap_or_else(PoisonError::into_inner)
                .take(*place, over);
        }
        if !turns.is_empty() {
            self.recent = Arc::new(self.recent.with(turns));
        }
        Ok(())
    }
}
