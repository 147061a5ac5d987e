//! What was found in a set of powers, and why one is refused.

use std::fmt;

use serde::Serialize;

use crate::encoding::PointError;
use crate::error::Invalid;
use crate::export::lagrange::LagrangeMismatch;
use crate::fingerprint::Mark;
use crate::known_secret::KnownSecret;
use crate::sizes::{Size, SizesError};

/// Whether the Lagrange points of a file were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum LagrangeFinding {
    /// They are those of the G1 powers.
    Matches,
    /// There are none.
    Absent,
    /// They are all there is, and are those of the τ of the powers in G2.
    OnlyOnes,
}

impl fmt::Display for LagrangeFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Matches => "the Lagrange points match the G1 powers",
            Self::Absent => "there are no Lagrange points to check",
            Self::OnlyOnes => {
                "there are no monomial G1 powers; the Lagrange points match the tau of the G2 powers"
            }
        })
    }
}

/// What was found in a set of powers that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PowersReport {
    /// The number of G1 powers.
    pub num_g1_powers: usize,
    /// The number of G2 powers.
    pub num_g2_powers: usize,
    /// What was found of the Lagrange points.
    pub lagrange: LagrangeFinding,
}

/// All that was found in a set of powers that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SetFindings {
    /// Numbers and Lagrange points.
    #[serde(flatten)]
    pub report: PowersReport,
    /// What tells this set from all others.
    #[serde(flatten)]
    pub mark: Mark,
    /// What is known of τ. Such powers hold, and are of no use but for tests.
    pub known_secret: Option<KnownSecret>,
}

/// Why a set of powers is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PowersInvalid {
    /// A sub-ceremony cannot have as many powers.
    #[error(transparent)]
    Size(#[from] SizesError),
    /// There are fewer powers than two in G1 or G2, or more than anybody has.
    #[error("a set of powers has 2 to {max} in {group}, not {got}", max = Size::MAX_G1)]
    Number {
        /// `G1` or `G2`.
        group: &'static str,
        /// Their number.
        got: usize,
    },
    /// The powers fail a check on a contribution (2 to 4, 6 or 7).
    #[error(transparent)]
    Powers(#[from] Invalid),
    /// A Lagrange point does not decode.
    #[error("Lagrange point {index} does not decode: {error}")]
    LagrangeDecoding {
        /// The lowest bad index.
        index: usize,
        /// What is wrong with it.
        error: PointError,
    },
    /// A Lagrange point is not in the prime-order subgroup.
    #[error("Lagrange point {index} is not in the prime-order subgroup")]
    LagrangeSubgroup {
        /// The lowest bad index.
        index: usize,
    },
    /// The Lagrange points are not those of the powers.
    #[error(transparent)]
    Lagrange(#[from] LagrangeMismatch),
    /// There are only Lagrange points, and the powers derived from them are wrong.
    #[error("the G1 powers that the Lagrange points stand for do not hold: {0}")]
    Derived(Invalid),
}
