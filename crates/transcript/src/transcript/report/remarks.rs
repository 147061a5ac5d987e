//! What is remarkable about a transcript that may be valid all the same.

use std::fmt;

use serde::Serialize;

use crate::sizes::Size;

/// Most failures, and most entries without entropy, that are kept one by one; beyond that they
/// are counted. A report stays small however bad the transcript.
pub const MAX_LISTED: usize = 100;

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

/// Counts of one kind of signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Present and right.
    pub valid: u64,
    /// Present and wrong, or not readable as a signature.
    pub invalid: u64,
    /// Not given.
    pub absent: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.valid += other.valid;
        self.invalid += other.invalid;
        self.absent += other.absent;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} valid, {} invalid, {} absent",
            self.valid, self.invalid, self.absent
        )
    }
}

/// The kind of a participant's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum SignatureKind {
    /// `blsSignatures`, of one sub-ceremony.
    Bls,
    /// `participantEcdsaSignatures`.
    Ecdsa,
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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

/// All signatures of a transcript together (`docs/spec/ceremony.md#transcript-signatures`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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
