//! What can be wrong with a transcript.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::encoding::PointError;
use crate::error::{Element, Invalid, SubCeremony};
use crate::sizes::Size;
use crate::transcript::report::remarks::MAX_LISTED;

/// A list of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListName {
    /// `runningProducts` of a sub-ceremony.
    RunningProducts,
    /// `potPubkeys` of a sub-ceremony.
    PotPubkeys,
    /// `blsSignatures` of a sub-ceremony.
    BlsSignatures,
    /// `participantIds`.
    ParticipantIds,
    /// `participantEcdsaSignatures`.
    ParticipantEcdsaSignatures,
}

impl fmt::Display for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RunningProducts => "runningProducts",
            Self::PotPubkeys => "potPubkeys",
            Self::BlsSignatures => "blsSignatures",
            Self::ParticipantIds => "participantIds",
            Self::ParticipantEcdsaSignatures => "participantEcdsaSignatures",
        })
    }
}

/// The check on a transcript that failed (`docs/spec/ceremony.md#transcript-checks`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TranscriptCheck {
    /// There are as many sub-ceremonies as expected.
    SubCeremonyCount {
        /// The number expected.
        expected: usize,
        /// The number in the transcript.
        got: usize,
    },
    /// The sub-ceremony has the size expected.
    Size {
        /// The size expected.
        expected: Size,
        /// The number of G1 powers stated.
        g1: u64,
        /// The number of G2 powers stated.
        g2: u64,
    },
    /// The stated size is one that a sub-ceremony can have.
    ImpossibleSize {
        /// The number of G1 powers stated.
        g1: u64,
        /// The number of G2 powers stated.
        g2: u64,
    },
    /// All lists of witnesses and participants have the same length.
    ListLength {
        /// The list that differs.
        list: ListName,
        /// The length of `runningProducts` of the first sub-ceremony.
        expected: u64,
        /// Its length.
        got: u64,
    },
    /// There is an entry 0.
    Empty,
    /// Entry 0 is the start: generators, no identity, no signatures.
    Start {
        /// The list whose entry 0 is something else.
        list: ListName,
    },
    /// Running products and public keys decode.
    Decoding {
        /// [`Element::RunningProduct`] or [`Element::PotPubkey`].
        element: Element,
        /// What is wrong with it.
        error: PointError,
    },
    /// Running products and public keys are in the prime-order subgroup.
    Subgroup {
        /// [`Element::RunningProduct`] or [`Element::PotPubkey`].
        element: Element,
    },
    /// Running products and public keys are not the identity.
    Identity {
        /// [`Element::RunningProduct`] or [`Element::PotPubkey`].
        element: Element,
    },
    /// e(runningProducts\[k-1\], potPubkeys\[k\]) = e(runningProducts\[k\], g₂).
    UpdateProof,
    /// Every participant has an identity.
    Participant {
        /// What is wrong with it.
        problem: String,
    },
    /// The last running product is the first power.
    LastProduct,
    /// The final powers are powers of one τ.
    Powers(Invalid),
}

impl TranscriptCheck {
    /// A stable name, for machines: part of the interface, never derived.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SubCeremonyCount { .. } => "SubCeremonyCount",
            Self::Size { .. } => "Size",
            Self::ImpossibleSize { .. } => "ImpossibleSize",
            Self::ListLength { .. } => "ListLength",
            Self::Empty => "Empty",
            Self::Start { .. } => "Start",
            Self::Decoding { .. } => "Decoding",
            Self::Subgroup { .. } => "Subgroup",
            Self::Identity { .. } => "Identity",
            Self::UpdateProof => "UpdateProof",
            Self::Participant { .. } => "Participant",
            Self::LastProduct => "LastProduct",
            Self::Powers(invalid) => invalid.code(),
        }
    }
}

/// One thing that is wrong with a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptFailure {
    /// The sub-ceremony, unless the fault is of the whole transcript.
    pub sub_ceremony: Option<SubCeremony>,
    /// The check that failed.
    pub check: TranscriptCheck,
    /// k, the entry in the lists of witnesses and participants, where one is to blame.
    pub entry: Option<u64>,
}

impl TranscriptFailure {
    /// The stable name of the check that failed.
    pub fn code(&self) -> &'static str {
        self.check.code()
    }
}

impl fmt::Display for TranscriptFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let TranscriptCheck::Powers(invalid) = &self.check {
            return invalid.fmt(f);
        }
        if let Some(sub_ceremony) = &self.sub_ceremony {
            write!(f, "{sub_ceremony}: ")?;
        }
        let entry = self.entry.unwrap_or_default();
        match &self.check {
            TranscriptCheck::SubCeremonyCount { expected, got } => {
                write!(
                    f,
                    "{expected} sub-ceremonies expected, {got} in the transcript"
                )
            }
            TranscriptCheck::Size { expected, g1, g2 } => {
                write!(f, "size {expected} expected, {g1}:{g2} in the transcript")
            }
            TranscriptCheck::ImpossibleSize { g1, g2 } => {
                write!(f, "no sub-ceremony can have the size {g1}:{g2}")
            }
            TranscriptCheck::ListLength {
                list,
                expected,
                got,
            } => write!(
                f,
                "{list} has {got} entries, runningProducts of the first sub-ceremony {expected}: \
                 all lists must have the same length"
            ),
            TranscriptCheck::Empty => f.write_str("there are no entries, not even the start"),
            TranscriptCheck::Start { list } => {
                let start = match list {
                    ListName::RunningProducts | ListName::PotPubkeys => "the generator",
                    _ => "empty",
                };
                write!(f, "entry 0 of {list} is not {start}")
            }
            TranscriptCheck::Decoding { element, error } => {
                write!(f, "{element} {entry} does not decode: {error}")
            }
            TranscriptCheck::Subgroup { element } => {
                write!(f, "{element} {entry} is not in the prime-order subgroup")
            }
            TranscriptCheck::Identity { element } => {
                write!(f, "{element} {entry} is the point at infinity")
            }
            TranscriptCheck::UpdateProof => write!(
                f,
                "the update of contribution {entry} is not proven: running product {entry} is \
                 not the one before times the secret of pot pubkey {entry}"
            ),
            TranscriptCheck::Participant { problem } => {
                write!(f, "participant {entry}: {problem}")
            }
            TranscriptCheck::LastProduct => {
                f.write_str("the last running product does not match the powers")
            }
            TranscriptCheck::Powers(invalid) => invalid.fmt(f),
        }
    }
}

impl Serialize for TranscriptFailure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Failure", 4)?;
        fields.serialize_field("code", self.code())?;
        fields.serialize_field("subCeremony", &self.sub_ceremony.map(|it| it.index))?;
        fields.serialize_field("entry", &self.entry)?;
        fields.serialize_field("message", &self.to_string())?;
        fields.end()
    }
}

/// An entry, a sub-ceremony (or a number that none has), and what is wrong with them.
pub(crate) type Found = (u64, usize, TranscriptCheck);

/// Failures in the order found: all counted, the first kept.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    pub(crate) listed: Vec<TranscriptFailure>,
    pub(crate) count: u64,
}

impl Failures {
    pub(crate) fn push(
        &mut self,
        sub_ceremony: Option<SubCeremony>,
        entry: Option<u64>,
        check: TranscriptCheck,
    ) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(TranscriptFailure {
                sub_ceremony,
                check,
                entry,
            });
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.count += other.count;
        let room = MAX_LISTED - self.listed.len();
        self.listed.extend(other.listed.into_iter().take(room));
    }
}
