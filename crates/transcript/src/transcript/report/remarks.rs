//! What is remarkable about a transcript that may be valid all the same.

use std::fmt;

use serde::Serialize;

use crate::sizes::Size;
use crate::transcript::report::{MAX_LISTED, Report, Tally};

/// Things that are all counted, and the first [`MAX_LISTED`] of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed<T> {
    /// How many there are.
    pub count: u64,
    /// The first of them, in the order of entries.
    pub first: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            count: 0,
            first: Vec::new(),
        }
    }
}

impl<T> Listed<T> {
    pub(crate) fn push(&mut self, item: T) {
        self.count += 1;
        if self.first.len() < MAX_LISTED {
            self.first.push(item);
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.count += other.count;
        let room = MAX_LISTED - self.first.len();
        self.first.extend(other.first.into_iter().take(room));
    }
}

/// The kind of a participant's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SignatureKind {
    /// `blsSignatures`, of one sub-ceremony.
    Bls,
    /// `participantEcdsaSignatures`.
    Ecdsa,
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SignatureFault {
    /// It is a signature, and not this participant's over this contribution.
    Invalid,
    /// It is no signature.
    Malformed,
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid",
            Self::Malformed => "malformed",
        })
    }
}

/// A signature that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultySignature {
    /// k, the entry.
    pub entry: u64,
    /// The identity there, cut to 128 characters.
    pub identity: String,
    /// The kind of signature.
    pub kind: SignatureKind,
    /// The sub-ceremony of a BLS signature.
    pub sub_ceremony: Option<usize>,
    /// What is wrong.
    pub fault: SignatureFault,
}

/// All signatures of a transcript together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signatures {
    /// Those that are there.
    pub present: u64,
    /// Those that are valid.
    pub valid: u64,
    /// Those that are there and not valid: of somebody else, of something else, or no signatures.
    pub faulty: Listed<FaultySignature>,
    /// Valid EIP-712 signatures over sizes that are not those that the transcript states.
    pub over_other_sizes: u64,
    /// Those sizes: of the last such signature.
    #[serde(serialize_with = "sizes")]
    pub other_sizes: Vec<Size>,
}

fn sizes<S: serde::Serializer>(sizes: &[Size], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(sizes.iter().map(Size::to_string))
}

/// A participant who stands in a transcript more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repeated {
    /// The identity as it stands at the later entry.
    pub identity: String,
    /// The first entry.
    pub first: u64,
    /// A later one.
    pub again: u64,
}

/// A contribution with one secret for several sub-ceremonies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EqualSecrets {
    /// k, the entry.
    pub entry: u64,
    /// The sub-ceremonies whose public keys are one.
    pub sub_ceremonies: Vec<usize>,
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
    /// sub-ceremonies, no powers of a known secret.
    #[must_use]
    pub fn is_unremarkable(&self) -> bool {
        self.signatures.faulty.count == 0
            && self.repeated_participants.count == 0
            && self.equal_secrets.count == 0
            && (self.sub_ceremonies.iter())
                .all(|sub| sub.no_entropy == 0 && sub.known_secret.is_none())
    }
}
