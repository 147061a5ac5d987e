//! What the verification of a transcript found.

pub(crate) mod failure;
pub(crate) mod remarks;

use std::fmt;

use serde::Serialize;

use self::failure::TranscriptFailure;
use self::remarks::{EqualSecrets, Listed, Repeated, Signatures, Tally};
use crate::fingerprint::Mark;
use crate::identity::IdentityKind;
use crate::known_secret::KnownSecret;

/// How many participants signed in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Participants {
    /// With an Ethereum account.
    pub ethereum: u64,
    /// With a GitHub account.
    pub github: u64,
    /// By invitation.
    pub invited: u64,
}

impl Participants {
    pub(crate) fn count(&mut self, kind: IdentityKind) {
        match kind {
            IdentityKind::Ethereum => self.ethereum += 1,
            IdentityKind::GitHub => self.github += 1,
            IdentityKind::Invite => self.invited += 1,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.ethereum += other.ethereum;
        self.github += other.github;
        self.invited += other.invited;
    }
}

/// What was found in one sub-ceremony.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SubReport {
    /// The stated number of powers in G1.
    pub num_g1_powers: u64,
    /// The stated number of powers in G2.
    pub num_g2_powers: u64,
    /// Contributions whose update is proven by their public key.
    pub links_valid: u64,
    /// BLS signatures of participants over their identities.
    pub bls_signatures: Tally,
    /// Contributions with the secret 1, which changed nothing. The ceremony that ran allowed
    /// them, so they are no failures.
    pub no_entropy: u64,
    /// The first [`MAX_LISTED`](crate::transcript::MAX_LISTED) of those, by entry.
    pub no_entropy_entries: Vec<u64>,
    /// What tells the final powers from all others, if they hold.
    #[serde(flatten)]
    pub mark: Option<Mark>,
    /// What is known of the secret of the final powers, if they hold.
    pub known_secret: Option<KnownSecret>,
}

/// What was found in a transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// Contributions: entries but for entry 0, the start.
    pub contributions: u64,
    /// The contributors.
    pub participants: Participants,
    /// The sub-ceremonies in the transcript's order.
    pub sub_ceremonies: Vec<SubReport>,
    /// EIP-712 signatures of participants over their public keys.
    pub ecdsa_signatures: Tally,
    /// All signatures together, and those that are not valid one by one.
    pub signatures: Signatures,
    /// Participants who stand in the transcript more than once.
    pub repeated_participants: Listed<Repeated>,
    /// Contributions with one secret for several sub-ceremonies.
    pub equal_secrets: Listed<EqualSecrets>,
}

impl Report {
    /// Adds up the tallies, once all are complete.
    pub(crate) fn total_signatures(&mut self) {
        let bls = self.sub_ceremonies.iter().map(|sub| sub.bls_signatures);
        let mut all = Tally::default();
        bls.chain([self.ecdsa_signatures])
            .for_each(|it| all.add(it));
        self.signatures.present = all.valid + all.invalid;
        self.signatures.valid = all.valid;
    }

    /// Whether there is nothing that a careful reader would ask about: no signature that is not
    /// valid, nobody twice, no contribution that changes nothing or has one secret for several
    /// sub-ceremonies, no powers of a known secret (`docs/spec/ceremony.md#transcript-remarks`).
    #[must_use]
    pub fn is_unremarkable(&self) -> bool {
        self.signatures.faulty.count == 0
            && self.repeated_participants.count == 0
            && self.equal_secrets.count == 0
            && (self.sub_ceremonies.iter())
                .all(|sub| sub.no_entropy == 0 && sub.known_secret.is_none())
    }
}

/// A transcript that is a document as it should be, and is not true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RefusedTranscript {
    /// What was found, right and wrong.
    pub report: Report,
    /// The first [`MAX_LISTED`](crate::transcript::MAX_LISTED) failures; at least one. Those of the document's structure come
    /// first, then those of entries in their order, then those of the final powers.
    pub failures: Vec<TranscriptFailure>,
    /// The number of all failures.
    pub failure_count: u64,
}

impl fmt::Display for RefusedTranscript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.failures.first() {
            first.fmt(f)?;
        }
        match self.failure_count {
            0 | 1 => Ok(()),
            count => write!(f, " (and {} more)", count - 1),
        }
    }
}
