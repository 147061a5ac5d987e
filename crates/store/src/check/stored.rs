//! What is stored beside the log, held against it.

use tauline_log::tree::Tree;
use tauline_protocol::Identity;
use tauline_protocol::journal::{Beside, Digest, Tally};
use tauline_queue_core::{Outcome, Phase, Queue, Ticket, Timestamp};
use tauline_transcript::{Base, RawContribution};

use super::custody::Custody;
use super::log::{Accepted, PAGE, Replayed, Told};
use crate::apart;
use crate::ceremony::Ceremony;
use crate::chain::Chain;
use crate::contribution::Contribution;
use crate::error::StoreError;
use crate::store::Store;
use crate::sum;
use crate::turns::{History, TurnLog};

/// The content of a store, after all checks.
pub struct Checked {
    /// The queue after the last record.
    pub queue: Queue<Identity>,
    /// The log's hash chain.
    pub chain: Chain,
    /// The last contribution.
    pub last: Option<Contribution>,
    /// The powers to build on.
    pub base: Base,
    /// The contribution that was being verified when the coordinator stopped.
    pub verifying: Option<Submitted>,
    /// How often the coordinator has restarted since the last contribution arrived.
    pub restarts_while_verifying: u32,
    /// What the next record has to bind.
    pub binding: Binding,
    /// The tree of the public log. Empty if nothing is there to make it with, as in old data.
    pub tree: Tree,
    /// Who keeps the public log, and what is planned.
    pub custody: Custody,
    /// The place of each ticket's joining in the log, by ticket.
    pub joined: Vec<u64>,
    /// The time of the last record.
    pub last_at: Timestamp,
    /// What goes on following the turns.
    pub turns: TurnLog,
    /// The turns that are over.
    pub history: History,
}

/// A contribution that has arrived and has no verdict yet.
pub struct Submitted {
    /// The stay.
    pub ticket: Ticket,
    /// Whose it is.
    pub identity: Identity,
    /// The contribution.
    pub contribution: RawContribution,
}

/// What was replayed, after the checks of what is stored beside it; its contributions are checked already.
pub(super) fn finished(
    store: &dyn Store,
    replayed: Replayed,
    kept: Kept,
) -> Result<Checked, StoreError> {
    let base = base(store, &replayed, kept.last.as_ref())?;
    // Another contradiction says more than that a sum differs, so this one comes last.
    if let Some(spoiled) = kept.spoiled {
        return Err(spoiled);
    }
    let verifying = verifying(store, &replayed)?;
    blobs(store, &replayed)?;
    let binding = binding(store, &replayed, kept.tally)?;
    Ok(Checked {
        queue: replayed.queue,
        chain: replayed.chain,
        last: kept.last,
        base,
        verifying,
        restarts_while_verifying: replayed.told.restarts_while_verifying,
        binding,
        tree: replayed.tree,
        custody: replayed.custody,
        joined: replayed.joined,
        last_at: replayed.last_at,
        turns: replayed.turns,
        history: replayed.history,
    })
}

/// What was found about the stored contributions.
pub(super) struct Kept {
    last: Option<Contribution>,
    pub(super) tally: Tally,
    /// The error for the first that has changed since it was stored.
    pub(super) spoiled: Option<StoreError>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            last: None,
            tally: sum::NONE,
            spoiled: None,
        }
    }
}

/// Checks that exactly the contributions of the log are stored. Some may have been found to be so before.
pub(super) fn contributions(
    store: &dyn Store,
    queue: &Queue<Identity>,
    told: &Told,
    kept: Kept,
) -> Result<Kept, StoreError> {
    let kept = contributions_to(u64::MAX, store, queue, told, kept)?;
    let (stored, logged) = (kept.tally.count, queue.state().contributions());
    if stored != logged {
        return Err(StoreError::damaged(format!(
            "the log has {logged} contributions, but {stored} are stored"
        )));
    }
    Ok(kept)
}

/// The same for those up to a number; more may be stored.
pub(super) fn contributions_to(
    last: u64,
    store: &dyn Store,
    queue: &Queue<Identity>,
    told: &Told,
    mut kept: Kept,
) -> Result<Kept, StoreError> {
    let reading = store.reading()?;
    let has_sums = reading.has_sums();
    let found = usize::try_from(kept.tally.count).unwrap_or(usize::MAX);
    let mut accepted = told.accepted.iter().skip(found);
    loop {
        let left = u32::try_from(last.saturating_sub(kept.tally.count)).unwrap_or(u32::MAX);
        if left == 0 {
            break;
        }
        let page = reading.unchecked_page(kept.tally.count, PAGE.min(left))?;
        if page.is_empty() {
            break;
        }
        for (one, stored) in page {
            let logged = accepted.next();
            fits(store, queue, logged, kept.last.as_ref(), &one)?;
            let sum = one.sum();
            let logged = logged.and_then(|it| it.sum);
            let same = |it: Option<Digest>| it.is_none_or(|it| it == sum);
            let as_stored = same(logged) && same(stored) && (stored.is_some() || !has_sums);
            kept.tally = sum::counted(kept.tally, &sum);
            let bound = told.beside.as_ref().map(|beside| beside.contributions);
            let as_bound = bound.is_none_or(|it| it.count != kept.tally.count || it == kept.tally);
            if kept.spoiled.is_none() && !(as_stored && as_bound) {
                kept.spoiled = Some(match as_stored {
                    false => one.spoiled(),
                    true => StoreError::damaged(format!(
                        "contributions 1 to {} are not those that the log was told of",
                        one.number
                    )),
                });
            }
            kept.last = Some(one);
        }
    }
    Ok(kept)
}

/// Checks that a contribution is the next one in the log.
fn fits(
    store: &dyn Store,
    queue: &Queue<Identity>,
    logged: Option<&Accepted>,
    last: Option<&Contribution>,
    one: &Contribution,
) -> Result<(), StoreError> {
    let number = last.map_or(1, |last| last.number + 1);
    let in_order = logged.is_none_or(|logged| logged.ticket == one.ticket);
    let past = queue.state().past(&one.identity);
    let logged =
        past.is_some_and(|past| past.ticket == one.ticket && past.outcome == Outcome::Contributed);
    if one.number != number || !in_order || !logged {
        return Err(StoreError::damaged(format!(
            "contribution {} of {} (ticket {}) is not in the log",
            one.number, one.identity, one.ticket
        )));
    }
    let sub_ceremonies = store.ceremony().sizes.len();
    if one.witness.len() != sub_ceremonies {
        return Err(StoreError::damaged(format!(
            "contribution {number} has witnesses for {} sub-ceremonies instead of {sub_ceremonies}",
            one.witness.len()
        )));
    }
    Ok(())
}

/// The blob of a ticket, which must exist and have the digest that the log tells.
fn blob(
    store: &dyn Store,
    ticket: Ticket,
    arrived: Option<Digest>,
) -> Result<RawContribution, StoreError> {
    let blob = store.blob(ticket)?.ok_or_else(|| {
        StoreError::damaged(format!("the contribution of ticket {ticket} is missing"))
    })?;
    if apart::is_reference(&blob) {
        return Err(StoreError::Apart);
    }
    if arrived.is_some_and(|arrived| arrived != *blob.digest()) {
        return Err(StoreError::damaged(format!(
            "the contribution of ticket {ticket} is not what was stored: the log has another digest"
        )));
    }
    RawContribution::from_msgpack(blob.bytes()).map_err(|error| {
        StoreError::damaged(format!(
            "the contribution of ticket {ticket} cannot be read: {error}"
        ))
    })
}

/// The powers that the next contribution builds on: those of the last accepted contribution's blob.
fn base(
    store: &dyn Store,
    replayed: &Replayed,
    last: Option<&Contribution>,
) -> Result<Base, StoreError> {
    let sizes = &store.ceremony().sizes;
    let contributed = replayed.queue.state().last_contributed();
    let base = match contributed {
        None => Base::initial(sizes),
        Some(ticket) => {
            // It was verified before it was accepted, and its digest has not changed: decoding is
            // enough.
            let arrived = replayed.told.accepted.last().and_then(|it| it.blob);
            let document = blob(store, ticket, arrived)?;
            Base::decode(&document, sizes).map_err(|error| {
                StoreError::damaged(format!("the powers of ticket {ticket} are bad: {error}"))
            })?
        }
    };
    let follows = last.is_none_or(|last| {
        Some(last.ticket) == contributed
            && last
                .witness
                .iter()
                .zip(base.powers())
                .all(|(witness, powers)| {
                    powers
                        .g1()
                        .get(1)
                        .is_some_and(|it| it.to_compressed() == witness.running_product)
                })
    });
    if !follows {
        return Err(StoreError::damaged(
            "the powers are not those of the last contribution",
        ));
    }
    Ok(base)
}

/// The contribution that was being verified when the coordinator stopped.
fn verifying(store: &dyn Store, replayed: &Replayed) -> Result<Option<Submitted>, StoreError> {
    let turn = replayed.queue.state().turn();
    let Some(turn) = turn.filter(|turn| turn.phase == Phase::Verifying) else {
        return Ok(None);
    };
    Ok(Some(Submitted {
        ticket: turn.ticket,
        identity: turn.id.clone(),
        contribution: blob(store, turn.ticket, replayed.told.arrived)?,
    }))
}

/// Checks that the only blobs are those of the last accepted contribution and of the one being
/// verified.
fn blobs(store: &dyn Store, replayed: &Replayed) -> Result<(), StoreError> {
    let state = replayed.queue.state();
    let verifying = state
        .turn()
        .filter(|turn| turn.phase == Phase::Verifying)
        .map(|turn| turn.ticket);
    for ticket in store.blob_tickets()? {
        if Some(ticket) != verifying && Some(ticket) != state.last_contributed() {
            return Err(StoreError::damaged(format!(
                "a contribution of ticket {ticket} is stored that the log knows nothing of"
            )));
        }
    }
    Ok(())
}

/// Checks the ceremony and the accounts against what the log binds, and returns what the next
/// record has to bind.
fn binding(
    store: &dyn Store,
    replayed: &Replayed,
    contributions: Tally,
) -> Result<Binding, StoreError> {
    let ceremony = store.ceremony();
    let goes_on = goes_on(replayed, ceremony);
    if let Some(bound) = &replayed.told.beside {
        let expected = match goes_on {
            true => ceremony.predecessors_sum(),
            false => Some(ceremony.sum()),
        };
        if Some(bound.ceremony) != expected {
            return Err(StoreError::damaged(
                "the coordinator's key, the sizes or the start are not those that the log was told of",
            ));
        }
        if store.first_accounts(bound.accounts.count)? != bound.accounts {
            return Err(StoreError::damaged(format!(
                "the first {} GitHub accounts are not those that the log was told of",
                bound.accounts.count
            )));
        }
    }
    let accounts = replayed
        .told
        .beside
        .map_or(sum::NONE, |bound| bound.accounts);
    // Old contributions have no sums in their records. A later record may cover them.
    let covered = replayed
        .told
        .beside
        .map_or(0, |bound| bound.contributions.count);
    let uncovered = (1_u64..)
        .zip(&replayed.told.accepted)
        .any(|(number, it)| it.sum.is_none() && number > covered);
    Ok(Binding {
        beside: Beside {
            ceremony: ceremony.sum(),
            contributions,
            accounts,
        },
        due: replayed.told.beside.is_none() || uncovered || goes_on,
    })
}

/// Whether the ceremony was given to this coordinator, which has not said yet that it goes on.
fn goes_on(replayed: &Replayed, ceremony: &Ceremony) -> bool {
    let given_to = replayed.custody.given_to.as_ref();
    given_to.is_some_and(|it| it.key == ceremony.public_key())
}

/// What the next record has to bind of the data beside the log.
#[derive(Debug, Clone)]
pub struct Binding {
    beside: Beside,
    due: bool,
}

impl Binding {
    /// What the record that is written now has to bind, if anything, with these accounts.
    pub fn take(&mut self, accounts: Tally) -> Option<Beside> {
        self.due |= accounts != self.beside.accounts;
        self.beside.accounts = accounts;
        std::mem::take(&mut self.due).then_some(self.beside)
    }
}
