//! Witnesses: whether those whom somebody trusts have cosigned the log's checkpoint, and lately enough
//! (`docs/spec/public-log.md#witnesses`).
//!
//! A log that keeps to all rules can still be one that is shown to one person only, or one as it was a
//! month ago. Its entries cannot show that. Cosignatures do: each says that its witness knows of no
//! other log and of no later one, and when that was. Whose cosignatures count, only the person who asks
//! can say: anybody can make keys and call them witnesses.

use serde::Serialize;
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::note::{Signature, VerifierKey};
use tauline_log::policy::{Cosigners, Freshness, Policy};
use tauline_queue_core::Timestamp;

use crate::custody::Opened;
use crate::finding::{Violation, dated, listed, shown};
use crate::kind::Kind;

/// Bytes of a cosignature with Ed25519: the time, and the signature
/// ([tlog-cosignature](https://c2sp.org/tlog-cosignature), Format).
const COSIGNATURE_LEN: usize = 8 + 64;

/// What somebody asks of a checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// Which log, which witnesses, and how many of them must have cosigned. The log's key may be any
    /// that the log has had.
    pub policy: &'a Policy,
    /// What time it is, and how old a cosignature may be.
    pub freshness: Freshness,
}

/// The cosignatures of a checkpoint, and whether they are what somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Witnessed {
    /// How many entries the checkpoint is for.
    pub size: u64,
    /// How many witnesses the policy knows. None without a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<u64>,
    /// The cosignatures: the policy's witnesses first, in its order.
    pub cosignatures: Vec<Cosignature>,
    /// How the checkpoint is not what the policy asks for, if it is not.
    #[serde(skip)]
    pub violation: Option<Violation>,
}

/// A cosignature of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Cosignature {
    /// The name of the witness's key.
    pub witness: String,
    /// The number of that key, eight hex digits.
    pub key: String,
    /// When it was made, by the witness's clock, in Unix seconds. None if it does not say so in a way
    /// that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    /// What it is worth.
    pub worth: Worth,
}

/// What a cosignature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Worth {
    /// A witness of the policy has made it, lately enough.
    Counts,
    /// A witness of the policy has made it, and its time is too far from now.
    TooOld,
    /// Nothing is known of it but what it says itself: no policy names its key.
    Unverified,
}

impl Witnessed {
    /// Looks at who has cosigned a checkpoint, and holds it against what is asked, if anything is.
    /// `opened` is whose log it is, if the log has rightly said so.
    #[must_use]
    pub fn of(
        signed: &SignedCheckpoint,
        opened: Option<&Opened>,
        demand: Option<Demand<'_>>,
    ) -> Self {
        let mut witnessed = Self {
            size: signed.unverified().tree.size,
            known: demand.map(|it| it.policy.witnesses().len() as u64),
            cosignatures: claimed(signed),
            violation: None,
        };
        if let Some(demand) = demand {
            let judged = demand.judge(signed, opened, &mut witnessed.cosignatures);
            witnessed.violation = judged.err();
        }
        witnessed
    }

    /// How many of the cosignatures count.
    #[must_use]
    pub fn counting(&self) -> u64 {
        let all = self.cosignatures.iter();
        all.filter(|it| it.worth == Worth::Counts).count() as u64
    }
}

impl Demand<'_> {
    /// Whether the checkpoint is what is asked for. Cosignatures that are verified on the way get their
    /// worth.
    fn judge(
        &self,
        signed: &SignedCheckpoint,
        opened: Option<&Opened>,
        cosignatures: &mut Vec<Cosignature>,
    ) -> Result<(), Violation> {
        self.names(signed, opened)?;
        let size = signed.unverified().tree.size;
        let lately = self.policy.cosigners(signed, Some(self.freshness));
        let lately = lately.map_err(|error| {
            not_cosigned(format!(
                "The checkpoint of {size} entries is not what its witnesses have cosigned: {error}."
            ))
        })?;
        *cosignatures = weighed(std::mem::take(cosignatures), &lately);
        if lately.is_quorum() {
            return Ok(());
        }
        let ever = self.policy.cosigners(signed, None);
        match ever.is_ok_and(|it| it.is_quorum()) {
            true => Err(self.stale(size, &lately)),
            false => Err(too_few(size, &lately)),
        }
    }

    /// Whether the checkpoint is one of a log that the policy names, by any key that the log has had:
    /// each is certified in the log.
    fn names(&self, signed: &SignedCheckpoint, opened: Option<&Opened>) -> Result<(), Violation> {
        let not_signed = |error: &dyn std::fmt::Display| {
            not_cosigned(format!(
                "Cosignatures count on a checkpoint of the log only, and this is none: {error}."
            ))
        };
        let Some(opened) = opened else {
            // The log does not tell its keys, so it has to be the policy's own.
            let judged = self.policy.judge(signed, None);
            return judged.map(|_| ()).map_err(|error| not_signed(&error));
        };
        let keys: Vec<VerifierKey> = opened.keys.iter().map(|it| it.key.clone()).collect();
        let logs = self.policy.logs();
        if !logs.iter().any(|log| keys.contains(&log.key)) {
            let named = listed(logs.iter().map(|log| log.key.to_string()));
            let text = match named.is_empty() {
                true => "The policy names no log, so it says nothing about this one.".to_owned(),
                false => format!(
                    "The policy is about the log with the key {named}, which this log has never had: its \
                     key is {}.",
                    opened.key
                ),
            };
            return Err(Violation::of_log(Kind::OtherKey, text));
        }
        let verified = signed.verify(&keys);
        verified.map(|_| ()).map_err(|error| not_signed(&error))
    }

    fn stale(&self, size: u64, cosigners: &Cosigners<'_>) -> Violation {
        let newest = cosigners.cosigned().iter().map(|by| by.time).max();
        let newest = dated(time_of(newest.unwrap_or_default()));
        Violation::of_log(
            Kind::StaleCheckpoint,
            format!(
                "The policy's witnesses have cosigned the checkpoint of {size} entries, last at {newest}, \
                 and too few of them within {} of now. This may be an old state of the log, shown to hide \
                 what came later.",
                shown(self.freshness.max_age)
            ),
        )
    }
}

fn too_few(size: u64, cosigners: &Cosigners<'_>) -> Violation {
    let (_, of) = cosigners.count();
    let by = cosigners.cosigned().iter();
    let by = listed(by.map(|by| by.witness.key.name().to_string()));
    let by = match by.is_empty() {
        true => "none".to_owned(),
        false => by,
    };
    not_cosigned(format!(
        "The checkpoint of {size} entries is cosigned by {by} of the policy's {of} witnesses, which is no \
         quorum: nothing shows that everybody is shown this log."
    ))
}

fn not_cosigned(text: String) -> Violation {
    Violation::of_log(Kind::NotCosigned, text)
}

/// The signatures that are not the log's own, as they stand there.
fn claimed(signed: &SignedCheckpoint) -> Vec<Cosignature> {
    // A log's key has the origin as its name.
    let origin = signed.unverified().origin.as_str();
    let all = signed.note().signatures().iter();
    let others = all.filter(|one| one.name().as_str() != origin);
    others
        .map(|one| Cosignature {
            witness: one.name().to_string(),
            key: one.id().to_string(),
            time: claimed_time(one),
            worth: Worth::Unverified,
        })
        .collect()
}

/// The time that a cosignature with Ed25519 begins with, in Unix seconds.
fn claimed_time(signature: &Signature) -> Option<u64> {
    let bytes = signature.bytes();
    let time = bytes.first_chunk().copied().map(u64::from_be_bytes);
    time.filter(|_| bytes.len() == COSIGNATURE_LEN)
}

/// The same cosignatures, with the worth of those that were verified: of each witness the latest.
fn weighed(claimed: Vec<Cosignature>, cosigners: &Cosigners<'_>) -> Vec<Cosignature> {
    let known = cosigners.cosigned().iter().map(|by| Cosignature {
        witness: by.witness.key.name().to_string(),
        key: by.witness.key.id().to_string(),
        time: Some(by.time),
        worth: match by.counts {
            true => Worth::Counts,
            false => Worth::TooOld,
        },
    });
    let mut weighed: Vec<Cosignature> = known.collect();
    let known = weighed.len();
    for one in claimed {
        let is_same = |it: &Cosignature| (&it.witness, &it.key) == (&one.witness, &one.key);
        if !weighed[..known].iter().any(is_same) {
            weighed.push(one);
        }
    }
    weighed
}

fn time_of(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}
