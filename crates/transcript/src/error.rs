//! What can be wrong with a point, a document or a contribution.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::encoding::{Encoding, PointError};
use crate::sizes::Size;

/// Why bytes are not a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The bytes are not JSON. The text says where.
    #[error("not a valid JSON document: {0}")]
    Json(String),
    /// The JSON is not of the document's shape. The text says where.
    #[error("not a valid JSON document: {0}")]
    JsonShape(String),
    /// The MessagePack is malformed, or not of the document's shape. The text says where.
    #[error("not a valid MessagePack document: {0}")]
    MessagePack(String),
    /// Compressed and uncompressed points in one document.
    #[error(
        "{at} is {got}, but the document's first point is {first}: one document has one encoding"
    )]
    MixedEncodings {
        /// Where the first differing point is.
        at: String,
        /// How it is encoded.
        got: Encoding,
        /// How the document's first point is encoded.
        first: Encoding,
    },
    /// A point could not be converted to another encoding, because it is not a point.
    #[error("{at}: {error}")]
    Point {
        /// Where the point is.
        at: String,
        /// What is wrong with it.
        error: PointError,
    },
}

/// One sub-ceremony, as errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubCeremony {
    /// Its place in the ceremony's order, from 0.
    pub index: usize,
    /// Its size.
    pub size: Size,
}

impl fmt::Display for SubCeremony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sub-ceremony {} ({} powers)", self.index, self.size.g1)
    }
}

/// An element of a contribution or of a transcript's witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Element {
    /// One of the powers in G1.
    G1Power,
    /// One of the powers in G2.
    G2Power,
    /// The contributor's public key, \[x\]₂.
    PotPubkey,
    /// A running product of a witness.
    RunningProduct,
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::G1Power => "G1 power",
            Self::G2Power => "G2 power",
            Self::PotPubkey => "pot pubkey",
            Self::RunningProduct => "running product",
        })
    }
}

/// The check on a contribution that failed (`docs/spec/ceremony.md#checks`).
///
/// The specification numbers its checks, so no others are expected: a program that has an error
/// code for each may match them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// Check 1: as many sub-ceremonies as the ceremony has.
    Count {
        /// The ceremony's number.
        expected: usize,
        /// The document's.
        got: usize,
    },
    /// Check 1: as many powers as the ceremony has, both stated and listed.
    Sizes {
        /// Which powers: [`Element::G1Power`] or [`Element::G2Power`].
        element: Element,
        /// The ceremony's number.
        expected: usize,
        /// The number stated or listed.
        got: u64,
    },
    /// Check 2: every point decodes.
    Decoding {
        /// What the point is.
        element: Element,
        /// What is wrong with it.
        error: PointError,
    },
    /// Check 3: every point is in the prime-order subgroup.
    Subgroup {
        /// What the point is.
        element: Element,
    },
    /// Check 4: the pot pubkey is not the identity (`docs/spec/ceremony.md#check-4`).
    PubkeyIdentity,
    /// Check 4: the power 0 is the generator.
    Generator {
        /// [`Element::G1Power`] or [`Element::G2Power`].
        element: Element,
    },
    /// Check 4: the G1 power 1 is not the identity.
    ZeroPower,
    /// Check 5: e(p\[1\], pk) = e(P\[1\], g₂).
    UpdateProof,
    /// Check 6: e(P\[i+1\], g₂) = e(P\[i\], Q\[1\]) for every i.
    G1Powers,
    /// Check 7: e(g₁, Q\[i\]) = e(P\[i\], g₂) for every i.
    G2Powers,
    /// The secret is 1: the contribution changes nothing (`docs/spec/ceremony.md#no-entropy`).
    NoEntropy,
}

impl Check {
    /// A stable name, for machines: part of the interface, never derived.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Count { .. } => "Count",
            Self::Sizes { .. } => "Sizes",
            Self::Decoding { .. } => "Decoding",
            Self::Subgroup { .. } => "Subgroup",
            Self::PubkeyIdentity => "PubkeyIdentity",
            Self::Generator { .. } => "Generator",
            Self::ZeroPower => "ZeroPower",
            Self::UpdateProof => "UpdateProof",
            Self::G1Powers => "G1Powers",
            Self::G2Powers => "G2Powers",
            Self::NoEntropy => "NoEntropy",
        }
    }
}

/// Why a contribution, or a set of powers, is refused.
///
/// Names the sub-ceremony, the check and, where one is to blame, the lowest bad index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub struct Invalid {
    /// The sub-ceremony, unless the number of sub-ceremonies itself is wrong.
    pub sub_ceremony: Option<SubCeremony>,
    /// The check that failed.
    pub check: Check,
    /// The lowest bad index in the list that the check names; none for a fault of no one element.
    pub index: Option<usize>,
}

impl Invalid {
    /// The stable name of the check that failed.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.check.code()
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(sub_ceremony) = &self.sub_ceremony {
            write!(f, "{sub_ceremony}: ")?;
        }
        let element = |f: &mut fmt::Formatter<'_>, element: &Element| match self.index {
            Some(index) => write!(f, "{element} {index}"),
            None => write!(f, "{element}"),
        };
        match &self.check {
            Check::Count { expected, got } => {
                write!(f, "{expected} sub-ceremonies expected, {got} given")
            }
            Check::Sizes {
                element,
                expected,
                got,
            } => {
                write!(f, "{expected} {element}s expected, {got} given")
            }
            Check::Decoding {
                element: what,
                error,
            } => {
                element(f, what)?;
                write!(f, " does not decode: {error}")
            }
            Check::Subgroup { element: what } => {
                element(f, what)?;
                f.write_str(" is not in the prime-order subgroup")
            }
            Check::PubkeyIdentity => f.write_str("the pot pubkey is the point at infinity"),
            Check::Generator { element } => write!(f, "{element} 0 is not the generator"),
            Check::ZeroPower => f.write_str("G1 power 1 is the point at infinity (tau would be 0)"),
            Check::UpdateProof => f.write_str(
                "the contribution builds on other powers than it was handed: G1 power 1 is not \
                 the one before times the secret of the pot pubkey",
            ),
            Check::G1Powers => match self.index {
                // Both sides of the first equation hold G1 power 1 and G2 power 1 alone.
                Some(1) => f.write_str("G1 power 1 and G2 power 1 are not of the same tau"),
                Some(index) => write!(
                    f,
                    "G1 power {index} is not the power before it times tau (G1 powers check)"
                ),
                None => f.write_str("the G1 powers are not consecutive powers of one tau"),
            },
            Check::G2Powers => match self.index {
                Some(index) => write!(
                    f,
                    "G2 power {index} is not of the same exponent as G1 power {index} (G2 powers \
                     check)"
                ),
                None => f.write_str("the G2 powers do not match the G1 powers"),
            },
            Check::NoEntropy => {
                f.write_str("no entropy: the secret is 1, the contribution changes nothing")
            }
        }
    }
}
