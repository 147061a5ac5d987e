//! Whether a checkpoint is what a policy asks for.

use std::time::Duration;

use crate::checkpoint::{Checkpoint, SignedCheckpoint, UntrustedError};
use crate::note::{VerifierKey, VerifyError};
use crate::policy::text::{Group, Log, Policy, Voter, Witness};

/// How old a cosignature may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// What time it is, in Unix seconds.
    pub now: u64,
    /// How far from now the time of a cosignature may be. It may also be ahead by that much: a
    /// witness's clock is not ours, but one that is further ahead would keep a stale view fresh.
    pub max_age: Duration,
}

impl Freshness {
    fn holds_of(self, time: u64) -> bool {
        self.now.abs_diff(time) <= self.max_age.as_secs()
    }
}

/// A witness that cosigned, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cosigning<'a> {
    /// The witness.
    pub witness: &'a Witness,
    /// The latest time at which it cosigned, in Unix seconds.
    pub time: u64,
    /// Whether it counts: its time is not too far from now.
    pub counts: bool,
}

/// The witnesses of a policy that have cosigned a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigners<'a> {
    cosigned: Vec<Cosigning<'a>>,
    of: usize,
    is_quorum: bool,
}

impl<'a> Cosigners<'a> {
    /// The witnesses that cosigned it, in the order of the policy, those that are too old among
    /// them.
    pub fn cosigned(&self) -> &[Cosigning<'a>] {
        &self.cosigned
    }

    /// How many witnesses count, of how many that the policy knows.
    pub fn count(&self) -> (usize, usize) {
        let counting = self.cosigned.iter().filter(|by| by.counts);
        (counting.count(), self.of)
    }

    /// Whether those that count are the quorum that the policy asks for.
    pub fn is_quorum(&self) -> bool {
        self.is_quorum
    }
}

/// What a policy says of a checkpoint that one of its logs has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVerdict<'a> {
    checkpoint: &'a Checkpoint,
    log: &'a Log,
    cosigners: Cosigners<'a>,
}

impl<'a> PolicyVerdict<'a> {
    /// What the log says.
    pub fn checkpoint(&self) -> &'a Checkpoint {
        self.checkpoint
    }

    /// Which log says it.
    pub fn log(&self) -> &'a Log {
        self.log
    }

    /// The witnesses that cosigned it, in the order of the policy, those that are too old among
    /// them.
    pub fn cosigned(&self) -> &[Cosigning<'a>] {
        self.cosigners.cosigned()
    }

    /// How many witnesses count, of how many that the policy knows.
    pub fn count(&self) -> (usize, usize) {
        self.cosigners.count()
    }

    /// Whether those that count are the quorum that the policy asks for.
    pub fn is_quorum(&self) -> bool {
        self.cosigners.is_quorum()
    }
}

impl Policy {
    /// Judges a checkpoint: whether one of the logs has signed it, who cosigned it, and whether
    /// they are a quorum. Without a freshness, a cosignature counts however old it is.
    ///
    /// Too few cosignatures are no error: ask [`PolicyVerdict::is_quorum`]. Wrong ones are.
    pub fn judge<'a>(
        &'a self,
        signed: &'a SignedCheckpoint,
        freshness: Option<Freshness>,
    ) -> Result<PolicyVerdict<'a>, UntrustedError> {
        let origin = &signed.unverified().origin;
        let keys: Vec<VerifierKey> = self.logs.iter().map(|log| log.key.clone()).collect();
        let checkpoint = signed.verify(&keys)?;
        // All signatures of known keys are good, so whoever is said to have signed has.
        let has_signed = |log: &&Log| signed.is_signed_by(&log.key);
        let log = self.logs.iter().find(has_signed);
        let log = log.ok_or_else(|| UntrustedError::UnknownLog(origin.clone()))?;
        let cosigners = self.cosigners(signed, freshness);
        let cosigners = cosigners.map_err(|error| UntrustedError::Signature {
            origin: origin.clone(),
            error,
        })?;
        Ok(PolicyVerdict {
            checkpoint,
            log,
            cosigners,
        })
    }

    /// Which of the witnesses have cosigned a checkpoint, and whether they are a quorum, whoever
    /// has signed it. For those who know by other means that the log has, such as by a key that
    /// took the place of the policy's; all others [judge](Self::judge) it.
    ///
    /// Too few cosignatures are no error. One that does not verify is.
    pub fn cosigners<'a>(
        &'a self,
        signed: &'a SignedCheckpoint,
        freshness: Option<Freshness>,
    ) -> Result<Cosigners<'a>, VerifyError> {
        let keys: Vec<VerifierKey> = self.witnesses.iter().map(|by| by.key.clone()).collect();
        let found = signed.cosignatures(&keys)?;
        let latest = |witness: &Witness| {
            let own = found.iter().filter(|by| *by.key == witness.key);
            own.map(|by| by.time).max()
        };
        let times: Vec<Option<u64>> = self.witnesses.iter().map(latest).collect();
        let counts = |time: u64| freshness.is_none_or(|freshness| freshness.holds_of(time));
        let votes: Vec<bool> = times.iter().map(|time| time.is_some_and(counts)).collect();
        let cosigned = self
            .witnesses
            .iter()
            .zip(times)
            .filter_map(|(witness, time)| {
                let time = time?;
                Some(Cosigning {
                    witness,
                    time,
                    counts: counts(time),
                })
            });
        Ok(Cosigners {
            cosigned: cosigned.collect(),
            of: self.witnesses.len(),
            is_quorum: self.is_quorum(&votes),
        })
    }

    /// Whether these witnesses are a quorum. Members of a group are defined before it.
    fn is_quorum(&self, witnesses: &[bool]) -> bool {
        let mut groups: Vec<bool> = Vec::new();
        let agrees = |groups: &[bool], voter| match voter {
            Voter::Witness(place) => witnesses[place],
            Voter::Group(place) => groups[place],
        };
        for Group {
            threshold, members, ..
        } in &self.groups
        {
            let agreeing = members.iter().filter(|&&member| agrees(&groups, member));
            groups.push(agreeing.count() >= *threshold);
        }
        self.quorum.is_none_or(|quorum| agrees(&groups, quorum))
    }
}
