//! Answers that are held back until something changes.
//!
//! Whoever waits for one is present: the coordinator checks in for it before its deadline passes
//! and when its turn comes. A receiver that is gone counts for nothing from that moment on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tauline_queue_core::{Event, Ticket, Timestamp};
use tauline_store::TokenHash;

use crate::coordinator::reply::{Reply, Standing, Tried};
use crate::measures::{One, Present};

/// Answers held for one identity at a time; at a further one, the oldest is given at once. A bound
/// on memory: a client needs one, a person with some tabs a few.
const MAX_PER_IDENTITY: usize = 32;

/// How long before a deadline the coordinator checks in for somebody who waits: far more than a
/// batch takes. When less than twice that is left, half of what is left.
pub(in crate::coordinator) const AHEAD_OF_DEADLINE: Duration = Duration::from_secs(1);

/// Time between two looks at one held answer at least: a bound on work when deadlines are tiny.
const MIN_PAUSE: Duration = Duration::from_millis(20);

/// What a participant has been told last about its stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    word: QueueWord,
    ticket: Option<u64>,
    position: Option<u64>,
}

impl Seen {
    /// The part of a status that is compared.
    pub(in crate::coordinator) fn of(status: &QueueStatus) -> Self {
        Self {
            word: status.queue_status,
            ticket: status.ticket,
            position: status.queue_position,
        }
    }

    /// All but the position.
    fn without_position(self) -> (QueueWord, Option<u64>) {
        (self.word, self.ticket)
    }
}

/// To whom a held answer goes.
pub(in crate::coordinator) enum Recipient {
    /// To somebody who asked how it stands.
    CheckIn(Reply<(Standing, Seen)>),
    /// To somebody who tries, and tries again after this time.
    Try(Reply<Tried>, Duration),
}

impl Recipient {
    fn is_gone(&self) -> bool {
        match self {
            Self::CheckIn(reply) => reply.is_closed(),
            Self::Try(reply, _) => reply.is_closed(),
        }
    }
}

/// An answer that is held back.
pub(in crate::coordinator) struct HeldAnswer {
    pub(in crate::coordinator) to: Recipient,
    pub(in crate::coordinator) until: Timestamp,
    /// By which of its clients the participant waits, where that is known.
    pub(in crate::coordinator) client: Option<TokenHash>,
    /// Whether a new position alone is worth the answer.
    pub(in crate::coordinator) follows_position: bool,
    /// Whether waiting for it counts as checking in while contributing, too.
    pub(in crate::coordinator) starts_stall_timer: bool,
}

struct Waiter {
    answer: HeldAnswer,
    seen: Seen,
    _counted: One,
}

/// All answers that are held back.
#[derive(Default)]
pub(in crate::coordinator) struct HeldAnswers {
    by_identity: BTreeMap<Identity, Vec<Waiter>>,
    /// Whose each stay is that an answer waits for; some of those that waited, too.
    tickets: HashMap<Ticket, Identity>,
    /// When to look at whose answers, in order.
    due: BTreeSet<(Timestamp, Identity)>,
    due_of: HashMap<Identity, Timestamp>,
    /// Whom events were about.
    touched: Vec<Identity>,
    /// Counts them.
    present: Present,
}

impl HeldAnswers {
    /// None yet; this counts them.
    pub(in crate::coordinator) fn counted_by(present: Present) -> Self {
        Self {
            present,
            ..Self::default()
        }
    }

    /// Holds an answer back until something differs from `seen`. Gives the oldest one, where there
    /// are too many by this.
    pub(in crate::coordinator) fn insert(
        &mut self,
        who: &Identity,
        answer: HeldAnswer,
        seen: Seen,
    ) -> Option<HeldAnswer> {
        if let Some(ticket) = seen.ticket {
            self.tickets.insert(Ticket::new(ticket), who.clone());
        }
        let held = self.by_identity.entry(who.clone()).or_default();
        let oldest = (held.len() >= MAX_PER_IDENTITY).then(|| held.remove(0).answer);
        held.push(Waiter {
            answer,
            seen,
            _counted: self.present.one(),
        });
        oldest
    }

    /// Whether somebody still waits for an answer of this identity's.
    pub(in crate::coordinator) fn is_present(&mut self, who: &Identity) -> bool {
        let Some(held) = self.by_identity.get_mut(who) else {
            return false;
        };
        held.retain(|one| !one.answer.to.is_gone());
        let present = !held.is_empty();
        if !present {
            self.forget(who);
        }
        present
    }

    /// How many other clients of this identity wait for an answer.
    pub(in crate::coordinator) fn others(&self, who: &Identity, client: Option<TokenHash>) -> u32 {
        let Some(client) = client else { return 0 };
        let held = self.by_identity.get(who).into_iter().flatten();
        let others: BTreeSet<TokenHash> = held
            .filter(|one| !one.answer.to.is_gone())
            .filter_map(|one| one.answer.client)
            .filter(|other| *other != client)
            .collect();
        u32::try_from(others.len()).unwrap_or(u32::MAX)
    }

    /// How many answers this identity waits for.
    pub(in crate::coordinator) fn waiting(&self, who: &Identity) -> u32 {
        let held = self.by_identity.get(who).into_iter().flatten();
        let waiting = held.filter(|one| !one.answer.to.is_gone()).count();
        u32::try_from(waiting).unwrap_or(u32::MAX)
    }

    /// Whether a held answer of this identity's counts as checking in while contributing.
    pub(in crate::coordinator) fn starts_stall_timer(&self, who: &Identity) -> bool {
        self.by_identity
            .get(who)
            .is_some_and(|held| held.iter().any(|one| one.answer.starts_stall_timer))
    }

    /// The interval of a held try of this identity's, if one waits: its turn is not only called
    /// but starts.
    pub(in crate::coordinator) fn retry_interval(&self, who: &Identity) -> Option<Duration> {
        let held = self.by_identity.get(who)?;
        held.iter().find_map(|one| match one.answer.to {
            Recipient::Try(_, interval) => Some(interval),
            Recipient::CheckIn(_) => None,
        })
    }

    /// Notes whom an event is about.
    pub(in crate::coordinator) fn touch(&mut self, event: &Event<Identity>) {
        let who = match event {
            Event::Joined { id, .. } | Event::Pardoned { id } => Some(id),
            // Deadlines begin to run, or end later: everybody's next look is settled anew.
            Event::ModeSet { .. } | Event::Resumed { .. } => {
                self.touched.extend(self.by_identity.keys().cloned());
                None
            }
            Event::CheckedIn { .. } => None,
            Event::Called { ticket, .. }
            | Event::Started { ticket, .. }
            | Event::Extended { ticket, .. }
            | Event::Submitted { ticket, .. }
            | Event::Ended { ticket, .. } => self.tickets.get(ticket),
        };
        if let Some(who) = who
            && self.by_identity.contains_key(who)
        {
            self.touched.push(who.clone());
        }
    }

    /// Whom events were about since the last call.
    pub(in crate::coordinator) fn take_touched(&mut self) -> Vec<Identity> {
        std::mem::take(&mut self.touched)
    }

    /// Everybody who waits for an answer, or only those to whom a new position is worth one.
    pub(in crate::coordinator) fn everybody(&self, followers_only: bool) -> Vec<Identity> {
        self.by_identity
            .iter()
            .filter(|(_, held)| {
                !followers_only || held.iter().any(|one| one.answer.follows_position)
            })
            .map(|(who, _)| who.clone())
            .collect()
    }

    /// Takes this identity's answers that are due: by the time, or by what changed.
    pub(in crate::coordinator) fn take_due(
        &mut self,
        who: &Identity,
        now: Timestamp,
        status: &QueueStatus,
        all: bool,
    ) -> Vec<HeldAnswer> {
        let Some(held) = self.by_identity.get_mut(who) else {
            return Vec::new();
        };
        let current = Seen::of(status);
        let is_due = |one: &mut Waiter| {
            let changed = if one.answer.follows_position {
                one.seen != current
            } else {
                one.seen.without_position() != current.without_position()
            };
            all || changed || one.answer.until <= now
        };
        let due: Vec<HeldAnswer> = held.extract_if(.., is_due).map(|one| one.answer).collect();
        if held.is_empty() {
            self.forget(who);
        }
        due
    }

    /// Settles when this identity's answers are looked at again: `by` is the deadline before which
    /// to check in for it, where there is one.
    pub(in crate::coordinator) fn schedule(
        &mut self,
        who: &Identity,
        now: Timestamp,
        by: Option<Timestamp>,
    ) {
        let Some(held) = self.by_identity.get(who) else {
            return;
        };
        let until = held.iter().map(|one| one.answer.until).min();
        let attend = by.map(|by| {
            let ahead = AHEAD_OF_DEADLINE.min(by.since(now) / 2);
            by.saturating_sub(ahead).max(now.saturating_add(MIN_PAUSE))
        });
        let Some(at) = until.into_iter().chain(attend).min() else {
            return;
        };
        if let Some(before) = self.due_of.insert(who.clone(), at) {
            self.due.remove(&(before, who.clone()));
        }
        self.due.insert((at, who.clone()));
    }

    /// Takes those whose answers have to be looked at now. Each has to be scheduled anew.
    pub(in crate::coordinator) fn take_scheduled(&mut self, now: Timestamp) -> Vec<Identity> {
        let mut scheduled = Vec::new();
        while let Some((at, _)) = self.due.first()
            && *at <= now
        {
            if let Some((_, who)) = self.due.pop_first() {
                self.due_of.remove(&who);
                scheduled.push(who);
            }
        }
        scheduled
    }

    /// When the next look is due.
    pub(in crate::coordinator) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    fn forget(&mut self, who: &Identity) {
        for one in self.by_identity.remove(who).into_iter().flatten() {
            // Answered or gone: only the index of its ticket is left.
            drop(one);
        }
        if let Some(at) = self.due_of.remove(who) {
            self.due.remove(&(at, who.clone()));
        }
        if self.tickets.len() > 2 * self.by_identity.len() + 1024 {
            let by_identity = &self.by_identity;
            self.tickets.retain(|_, who| by_identity.contains_key(who));
        }
    }
}
