//! What tells one contribution from another.

use tauline_store::{Contribution, Witness};
use tauline_transcript::{RawContribution, RawSubContribution};

/// What a contribution is recognised by when it is sent again, in whatever form, encoding or
/// compression. Signatures do not count (see [`RawContribution::digest`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    digest: [u8; 32],
    /// P\[1\] and the public key of each sub-ceremony.
    witness: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Fingerprint {
    pub(crate) fn of(document: &RawContribution) -> Self {
        Self {
            digest: document.digest(),
            witness: document.sub_contributions.iter().map(witness).collect(),
        }
    }

    /// That of a document whose points are no points: no contribution that was or can be accepted
    /// has it.
    pub(crate) fn of_no_points() -> Self {
        Self {
            digest: [0; 32],
            witness: Vec::new(),
        }
    }

    /// Of the whole document.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Whether this contribution is the accepted one. Of one that was accepted before digests were
    /// kept, the witness decides.
    pub(crate) fn is_of(&self, accepted: &Contribution) -> bool {
        match &accepted.digest {
            Some(digest) => self.digest == *digest,
            None => accepted.witness.iter().map(pair).eq(self
                .witness
                .iter()
                .map(|(product, pubkey)| (&product[..], &pubkey[..]))),
        }
    }
}

fn witness(sub: &RawSubContribution) -> (Vec<u8>, Vec<u8>) {
    let product = sub.running_product().unwrap_or_default();
    (product, sub.pot_pubkey.to_compressed_bytes())
}

fn pair(witness: &Witness) -> (&[u8], &[u8]) {
    (&witness.running_product, &witness.pot_pubkey)
}
