//! What was found in one batch.

use blstrs::G1Affine;

use crate::sizes::Size;
use crate::transcript::report::Participants;
use crate::transcript::report::failure::Failures;
use crate::transcript::report::remarks::{EqualSecrets, FaultySignature, Listed, Tally};

/// What was found in one batch.
pub(crate) struct BatchReport {
    pub(crate) failures: Failures,
    pub(crate) participants: Participants,
    pub(crate) ecdsa_signatures: Tally,
    /// Valid ones over other sizes than are stated, and those sizes.
    pub(crate) over_other_sizes: (u64, Vec<Size>),
    pub(crate) faulty_signatures: Listed<FaultySignature>,
    pub(crate) equal_secrets: Listed<EqualSecrets>,
    pub(crate) subs: Vec<SubFindings>,
}

#[derive(Default)]
pub(crate) struct SubFindings {
    pub(crate) links_valid: u64,
    pub(crate) bls_signatures: Tally,
    pub(crate) no_entropy: Vec<u64>,
    /// The last running product, when it is a good point.
    pub(crate) last_product: Option<G1Affine>,
}
