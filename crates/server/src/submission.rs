//! A contribution that has arrived, and why one gets no receipt.

use tauline_protocol::error::{Code, ErrorBody};
use tauline_store::Blob;
use tauline_transcript::{Check, DocumentError, Invalid, RawContribution, Received};

use crate::fingerprint::Fingerprint;
use crate::refused::{Detail, Refused};
use crate::verifier::Judging;

/// A contribution that has arrived and can be read.
pub(crate) struct Arrived {
    /// Its verification.
    pub(crate) verification: Verification,
    /// The contribution as it is stored.
    pub(crate) blob: Blob,
    /// What it is recognised by.
    pub(crate) fingerprint: Fingerprint,
}

impl Arrived {
    /// Blocks for some milliseconds.
    ///
    /// # Errors
    /// Never in practice; what the serializer could report.
    pub(crate) fn new(
        document: &RawContribution,
        verification: Verification,
    ) -> Result<Self, DocumentError> {
        Ok(Self {
            verification,
            blob: Blob::new(document.to_msgpack(document.encoding())?),
            fingerprint: Fingerprint::of(document),
        })
    }
}

/// How far a contribution's verification is.
pub(crate) enum Verification {
    /// It has not begun.
    ToDo(Received),
    /// It runs, or has ended.
    Begun(Judging),
}

/// Why a contribution got no receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It was not this participant's to submit now.
    #[error(transparent)]
    Refused(Refused),
    /// The body was not readable. The turn goes on.
    #[error(transparent)]
    Malformed(#[from] DocumentError),
    /// A check failed: the stay is over.
    #[error(transparent)]
    Invalid(Box<Invalid>),
    /// The coordinator could not verify it: the stay is over, the identity not used up.
    #[error(transparent)]
    CoordinatorFault(Refused),
}

impl SubmitError {
    /// The code and text of the answer.
    #[must_use]
    pub fn refused(&self) -> Refused {
        match self {
            Self::Malformed(error) => Refused::new(Code::MalformedBody, error.to_string()),
            Self::Invalid(check) => invalid(check),
            Self::Refused(refused) | Self::CoordinatorFault(refused) => refused.clone(),
        }
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        self.refused().body()
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.refused().code.status()
    }
}

impl From<Refused> for SubmitError {
    fn from(refused: Refused) -> Self {
        match refused.code {
            Code::CoordinatorFault => Self::CoordinatorFault(refused),
            _ => Self::Refused(refused),
        }
    }
}

/// What the participant is told.
impl From<SubmitError> for Refused {
    fn from(error: SubmitError) -> Self {
        let refused = error.refused();
        let detail = match error {
            SubmitError::Malformed(error) => return Self::malformed(error),
            SubmitError::Invalid(check) => Some(Detail::Invalid(check)),
            SubmitError::Refused(_) | SubmitError::CoordinatorFault(_) => None,
        };
        Self { detail, ..refused }
    }
}

/// The code and text of a failed check.
fn invalid(invalid: &Invalid) -> Refused {
    let code = match &invalid.check {
        Check::Count { .. } => Code::ContributionCount,
        Check::Sizes { .. } => Code::ContributionSizes,
        Check::Decoding { .. } => Code::ContributionPoint,
        Check::Subgroup { .. } => Code::ContributionSubgroup,
        Check::PubkeyIdentity => Code::ContributionPubkeyIdentity,
        Check::Generator { .. } => Code::ContributionFirstPower,
        Check::ZeroPower => Code::ContributionZeroPower,
        Check::UpdateProof => Code::ContributionUpdateProof,
        Check::G1Powers => Code::ContributionG1Powers,
        Check::G2Powers => Code::ContributionG2Powers,
        Check::NoEntropy => Code::ContributionNoEntropy,
    };
    Refused::new(code, invalid.to_string())
}
