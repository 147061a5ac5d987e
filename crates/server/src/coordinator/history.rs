//! Turns that are over, and single contributions: followed by the task, and looked up beside it.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLockReadGuard};

use tauline_protocol::Identity;
use tauline_protocol::kept::{ContributionsPiece, KeptContribution, KeptPart};
use tauline_protocol::status::CeremonyStatus;
use tauline_queue_core::{Entry, Timestamp};
use tauline_store::turns::{Made, PastTurn, Times};
use tauline_store::{Asked, Contribution, Store, StoreError, Witness};
use tauline_transcript::blstrs::G1Affine;
use tauline_transcript::group::prime::PrimeCurveAffine as _;
use tokio::sync::watch;

use super::handle::Coordinator;
use super::task::{Ended, Task};
use crate::recent::Recent;
use crate::refused::Refused;
use crate::status::{Published, millis, turn_in_words};

/// The ceremony's status with the turns that ended after some moment.
pub(crate) struct Told {
    pub(crate) status: CeremonyStatus,
    /// How many turns there were: the next moment.
    pub(crate) turns: u64,
}

/// What the status is made of at some moment, but for the time.
pub(crate) struct Source {
    published: Arc<Published>,
    checkpoints: u64,
}

impl Source {
    /// Whether nothing has changed from one to the other.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.published, &other.published) && self.checkpoints == other.checkpoints
    }
}

/// Tells when the ceremony's status changes otherwise than by the passing of time.
pub(crate) struct Changes {
    published: watch::Receiver<Arc<Published>>,
    checkpoints: watch::Receiver<u64>,
}

impl Changes {
    /// Waits for the next change. False when there will be none, since the coordinator has ended.
    pub(crate) async fn next(&mut self) -> bool {
        tokio::select! {
            changed = self.published.changed() => changed.is_ok(),
            changed = self.checkpoints.changed() => changed.is_ok(),
        }
    }
}

impl Coordinator {
    /// The ceremony's status, with the turns that ended after so many had, as far as they are
    /// remembered. Does not wait for the task.
    pub(crate) fn told(&self, since: u64) -> Told {
        let published = self.published();
        let mut status = self.status_of(&published);
        status.recent = Some(published.recent().since(since));
        Told {
            status,
            turns: published.recent().total(),
        }
    }

    /// What the status is made of now.
    pub(crate) fn source(&self) -> Source {
        Source {
            published: self.published(),
            checkpoints: *self.log().checkpoints().borrow(),
        }
    }

    /// Tells of changes of the status from now on.
    pub(crate) fn changes(&self) -> Changes {
        let mut published = self.published.clone();
        published.mark_unchanged();
        Changes {
            published,
            checkpoints: self.log().checkpoints(),
        }
    }

    /// How many contributions there are.
    pub(crate) fn contributions(&self) -> u64 {
        self.published.borrow().contributions()
    }

    /// The contribution of this number (`docs/spec/http-api.md#one-contribution`).
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn kept(&self, number: u64) -> Result<Option<KeptContribution>, Refused> {
        if number == 0 || number > self.contributions() {
            return Ok(None);
        }
        let (entry, times) = {
            let made = self.made();
            (made.entry(number), made.times(number))
        };
        // With the one before, where there is one.
        let (from, count) = match number {
            1 => (1, 1),
            _ => (number - 1, 2),
        };
        let found = self.look_up(move |store| {
            let found = store.contributions(from, count)?;
            match found.split_last() {
                Some((one, before)) if one.number == number => {
                    Ok(kept(one, before.last(), entry, times))
                }
                _ => Err(StoreError::damaged(format!(
                    "contribution {number} is not stored"
                ))),
            }
        });
        let found: Result<KeptContribution, StoreError> = found.await?;
        found.map(Some).map_err(|error| self.failed(&error))
    }

    /// So many contributions from a number on, of which all are there
    /// (`docs/spec/http-api.md#contributions-page`).
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn piece(
        &self,
        first: u64,
        count: u32,
    ) -> Result<ContributionsPiece, Refused> {
        let found = self.look_up(move |store| store.contributions(first, count));
        let found = found.await?.map_err(|error| self.failed(&error))?;
        let made = self.made();
        let times: Vec<Option<Times>> = found.iter().map(|one| made.times(one.number)).collect();
        drop(made);
        let seconds = |times: &Option<Times>| times.map(|it| it.accepted_at.as_secs());
        Ok(ContributionsPiece {
            first,
            identities: found.into_iter().map(|one| one.identity).collect(),
            accepted_at: times.iter().map(seconds).collect(),
            turn_in_ms: times
                .iter()
                .map(|times| times.map(|it| millis(it.turn)))
                .collect(),
        })
    }

    /// The number of the contribution of somebody who is asked for (`docs/spec/http-api.md#find`).
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn number_of(&self, asked: Asked) -> Result<Option<u64>, Refused> {
        let found = self.look_up(move |store| store.number_of(&asked));
        let found = found.await?.map_err(|error| self.failed(&error))?;
        // What is stored is told once it is published.
        Ok(found.filter(|number| *number <= self.contributions()))
    }

    fn made(&self) -> RwLockReadGuard<'_, Made> {
        let made = self.shared.made.read();
        made.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Task {
    /// Takes an entry that the log is about to get next. Notes the turn that is over by it.
    pub(super) fn follow_turns(&mut self, entry: &Entry<Identity>) {
        let Some(over) = self.turn_log.follow(entry.at, &entry.event) else {
            return;
        };
        let ticket = over.turn.map(|turn| turn.ticket);
        let accepted = ticket.and_then(|ticket| self.pending.accepted(ticket));
        let contributor = accepted.map(|accepted| accepted.identity.clone());
        self.pending.ended.push(Ended {
            entry: self.chain.records(),
            over,
            contributor,
        });
    }

    /// Shows the turns that are over by the batch, which is durable.
    pub(super) fn publish_turns(&mut self) {
        if self.pending.ended.is_empty() {
            return;
        }
        let mut turns = Vec::new();
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        for ended in self.pending.ended.drain(..) {
            made.take(ended.entry, &ended.over);
            let turn = ended.over.turn;
            turns.extend(turn.map(|turn| turn_in_words(&turn, ended.contributor)));
        }
        drop(made);
        self.recent = Arc::new(self.recent.with(turns));
    }
}

/// The turns that were over last when a coordinator starts.
pub(super) fn recent(store: &dyn Store, latest: &VecDeque<PastTurn>) -> Result<Recent, StoreError> {
    let in_words = |turn: &PastTurn| -> Result<_, StoreError> {
        let contributor = match turn.number {
            Some(_) => store.contribution(turn.ticket)?.map(|one| one.identity),
            None => None,
        };
        Ok(turn_in_words(turn, contributor))
    };
    let turns: Vec<_> = latest.iter().map(in_words).collect::<Result<_, _>>()?;
    Ok(Recent::default().with(turns))
}

/// A contribution as it is told, with the one before it.
fn kept(
    one: &Contribution,
    before: Option<&Contribution>,
    entry: Option<u64>,
    times: Option<Times>,
) -> KeptContribution {
    let seconds = |at: fn(&Times) -> Timestamp| times.as_ref().map(at).map(Timestamp::as_secs);
    let part = |(index, witness): (usize, &Witness)| {
        let before = before.and_then(|before| before.witness.get(index));
        KeptPart {
            before: match before {
                Some(before) => hex(&before.running_product),
                None => hex(&G1Affine::generator().to_compressed()),
            },
            running_product: hex(&witness.running_product),
            pot_pubkey: hex(&witness.pot_pubkey),
            bls_signature: (witness.bls_signature.as_ref())
                .map_or_else(String::new, |signature| hex(signature)),
        }
    };
    KeptContribution {
        number: one.number,
        identity: one.identity.clone(),
        ticket: one.ticket.value(),
        entry,
        joined_at: seconds(|times| times.joined_at),
        started_at: seconds(|times| times.started_at),
        accepted_at: seconds(|times| times.accepted_at),
        turn_in_ms: times.map(|times| millis(times.turn)),
        sub_ceremonies: one.witness.iter().enumerate().map(part).collect(),
        ecdsa_signature: (one.ecdsa.as_ref()).map_or_else(String::new, |signature| hex(signature)),
    }
}

/// `0x` and digits.
fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}
