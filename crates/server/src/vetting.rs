//! Contributions that another replica verifies while the leader takes them in.
//!
//! Whoever receives an upload and does not lead asks the leader whether it is wanted, and of whom and on what
//! it builds ([`Wanted`]). It sends the body on, verifies the same bytes meanwhile, and tells what came of it
//! ([`Verdict`]). The leader keeps the document and decides; it believes a verdict that is about the very
//! document that it stores and the very state that this builds on, and verifies everything else itself. So does
//! it if the other replica is gone, or takes too long.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand_core::{OsRng, RngCore as _};
use serde::{Deserialize, Serialize};
use tauline_protocol::Identity;
use tauline_queue_core::Ticket;
use tauline_transcript::Invalid;
use tokio::sync::oneshot;

use crate::base::BaseId;

/// What a replica is told of an upload that it may verify.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// What the upload and the verdict name it by.
    pub(crate) id: VettingId,
    /// The stay that it is of.
    pub(crate) ticket: Ticket,
    /// Who sends it.
    pub(crate) identity: Identity,
    /// What it builds on.
    pub(crate) base: BaseId,
}

/// What an upload that another replica verifies is named by. Drawn at random: no former leader's is met again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct VettingId(pub(crate) u64);

/// What a replica says of a contribution that it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) id: VettingId,
    /// What it was verified against.
    pub(crate) base: BaseId,
    /// SHA-256 of the document as it is stored.
    #[serde(with = "hex_digest")]
    pub(crate) document: [u8; 32],
    pub(crate) finding: Finding,
}

/// What verification came to at a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Finding {
    /// Every check holds.
    Valid {
        /// Which BLS signatures are the sender's, one for each sub-ceremony.
        bls: Vec<bool>,
        /// Whether the EIP-712 signature is.
        ecdsa: bool,
    },
    /// A check failed.
    Invalid(Box<Invalid>),
    /// The replica could not tell.
    Undecided,
}

/// A digest in hexadecimal digits.
mod hex_digest {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(digest: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(digest))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(de::Error::custom)?;
        Ok(digest)
    }
}

/// Uploads of which replicas were told at most that they are wanted: it is one participant's turn at a time, who
/// may begin more than one.
const MOST: usize = 16;

/// The uploads that other replicas verify, at the leader.
#[derive(Default)]
pub(crate) struct Vettings(Mutex<VecDeque<Awaited>>);

/// A verdict that is expected.
struct Awaited {
    id: VettingId,
    who: Identity,
    /// Until there is one.
    to: Option<oneshot::Sender<Verdict>>,
    /// Until the upload is there. The verdict may be quicker.
    unclaimed: Option<oneshot::Receiver<Verdict>>,
}

impl Awaited {
    /// Whether something may come of it.
    fn is_open(&self) -> bool {
        self.unclaimed.is_some() || self.to.as_ref().is_some_and(|to| !to.is_closed())
    }
}

impl Vettings {
    /// An upload of this participant's will be verified elsewhere.
    pub(crate) fn expect(&self, who: Identity) -> VettingId {
        let id = VettingId(OsRng.next_u64());
        let (to, verdict) = oneshot::channel();
        let mut awaited = self.lock();
        awaited.retain(Awaited::is_open);
        if awaited.len() >= MOST {
            awaited.pop_front();
        }
        awaited.push_back(Awaited {
            id,
            who,
            to: Some(to),
            unclaimed: Some(verdict),
        });
        id
    }

    /// The upload that is named so is there. None if it is not known, or another's: then nobody's verdict on it
    /// is waited for.
    pub(crate) fn claim(&self, id: VettingId, who: &Identity) -> Option<(Vetting, Presence)> {
        let mut awaited = self.lock();
        let mut known = awaited.iter_mut();
        let one = known.find(|one| one.id == id && one.who == *who)?;
        let verdict = one.unclaimed.take()?;
        let (is_there, is_gone) = oneshot::channel();
        Some((Vetting { verdict, is_gone }, Presence(is_there)))
    }

    /// A replica has come to a verdict. One that nobody waits for is forgotten.
    pub(crate) fn take(&self, verdict: Verdict) {
        let mut awaited = self.lock();
        let one = awaited.iter_mut().find(|one| one.id == verdict.id);
        if let Some(to) = one.and_then(|one| one.to.take()) {
            // Whoever waited may have stopped to.
            let _ = to.send(verdict);
        }
        awaited.retain(Awaited::is_open);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Awaited>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another replica's verification of an upload that is there.
#[derive(Debug)]
pub(crate) struct Vetting {
    verdict: oneshot::Receiver<Verdict>,
    is_gone: oneshot::Receiver<Infallible>,
}

/// For as long as this is there, the upload's connection stands, and with it the replica.
#[derive(Debug)]
pub(crate) struct Presence(
    #[expect(dead_code, reason = "its end is heard")] oneshot::Sender<Infallible>,
);

impl Vetting {
    /// The verdict, once there is one. None if there will be none.
    pub(crate) async fn verdict(self) -> Option<Verdict> {
        tokio::select! {
            biased;
            verdict = self.verdict => verdict.ok(),
            _ = self.is_gone => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(byte: u8) -> Identity {
        Identity::eth([byte; 20])
    }

    fn verdict(id: VettingId) -> Verdict {
        Verdict {
            id,
            base: BaseId {
                contributions: 3,
                digest: [1; 32],
            },
            document: [2; 32],
            finding: Finding::Undecided,
        }
    }

    #[tokio::test]
    async fn a_verdict_is_heard_whether_it_or_the_upload_is_quicker() {
        let vettings = Vettings::default();
        let id = vettings.expect(who(1));
        vettings.take(verdict(id));
        let (vetting, presence) = vettings.claim(id, &who(1)).unwrap();
        drop(presence);
        assert_eq!(vetting.verdict().await, Some(verdict(id)));
        let id = vettings.expect(who(1));
        let (vetting, _presence) = vettings.claim(id, &who(1)).unwrap();
        vettings.take(verdict(id));
        assert_eq!(vetting.verdict().await, Some(verdict(id)));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_replica_that_is_gone() {
        let vettings = Vettings::default();
        let id = vettings.expect(who(1));
        let (vetting, presence) = vettings.claim(id, &who(1)).unwrap();
        drop(presence);
        assert_eq!(vetting.verdict().await, None);
    }

    #[test]
    fn an_upload_is_claimed_once_and_by_its_sender() {
        let vettings = Vettings::default();
        let id = vettings.expect(who(1));
        assert!(vettings.claim(id, &who(2)).is_none());
        assert!(vettings.claim(VettingId(id.0 ^ 1), &who(1)).is_none());
        let claimed = vettings.claim(id, &who(1));
        assert!(claimed.is_some());
        assert!(vettings.claim(id, &who(1)).is_none());
    }

    #[test]
    fn no_more_are_expected_than_one_participant_may_begin() {
        let vettings = Vettings::default();
        let ids: Vec<VettingId> = (0..=MOST).map(|_| vettings.expect(who(1))).collect();
        assert_eq!(vettings.lock().len(), MOST);
        assert!(vettings.claim(ids[0], &who(1)).is_none());
        assert!(vettings.claim(ids[1], &who(1)).is_some());
    }
}
