//! What the transcript keeps of an accepted contribution.

use tauline_protocol::Identity;
use tauline_protocol::public_log::{Accepted, Blinding, Hex32, WitnessPart, witness_digest};
use tauline_queue_core::Ticket;

/// Bytes of one sub-ceremony's part of [`Contribution::witness`].
pub(crate) const WITNESS_LEN: usize = 48 + 96 + 48;

/// What the transcript keeps of an accepted contribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// Its number, from 1, in the order of acceptance.
    pub number: u64,
    /// The stay in which it was made.
    pub ticket: Ticket,
    /// Who made it.
    pub identity: Identity,
    /// One entry for each sub-ceremony.
    pub witness: Vec<Witness>,
    /// The EIP-712 signature, if there is a valid one.
    pub ecdsa: Option<[u8; 65]>,
    /// The document's digest ([`tauline_transcript::RawContribution::digest`]); none if it was
    /// accepted before digests were kept.
    pub digest: Option<[u8; 32]>,
}

impl Contribution {
    /// What the public log tells of it (`docs/spec/public-log.md#accepted`).
    #[must_use]
    pub fn accepted(&self, blinding: &Blinding) -> Accepted {
        let parts = self.witness.iter().map(|witness| WitnessPart {
            running_product: &witness.running_product,
            pot_pubkey: &witness.pot_pubkey,
            bls_signature: witness.bls_signature.as_ref().map(|it| it.as_slice()),
        });
        let ecdsa = self.ecdsa.as_ref().map(|it| it.as_slice());
        Accepted {
            number: self.number,
            digest: Hex32(witness_digest(self.number, &self.identity, parts, ecdsa)),
            nonce: Hex32(blinding.nonce(&self.identity)),
        }
    }
}

/// One sub-ceremony's witness of a contribution: compressed points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// The first power after the contribution.
    pub running_product: [u8; 48],
    /// The public key of the contributor's secret.
    pub pot_pubkey: [u8; 96],
    /// The BLS signature over the identity, if there is a valid one.
    pub bls_signature: Option<[u8; 48]>,
}

impl Witness {
    /// The bytes as they are stored.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; WITNESS_LEN] {
        let mut bytes = [0; WITNESS_LEN];
        bytes[..48].copy_from_slice(&self.running_product);
        bytes[48..144].copy_from_slice(&self.pot_pubkey);
        // No compressed point is encoded as zeros only, since it has a flag bit set.
        bytes[144..].copy_from_slice(&self.bls_signature.unwrap_or([0; 48]));
        bytes
    }

    /// Reads the bytes back.
    #[must_use]
    pub(crate) fn from_bytes(bytes: &[u8; WITNESS_LEN]) -> Self {
        let mut witness = Self {
            running_product: [0; 48],
            pot_pubkey: [0; 96],
            bls_signature: None,
        };
        witness.running_product.copy_from_slice(&bytes[..48]);
        witness.pot_pubkey.copy_from_slice(&bytes[48..144]);
        if bytes[144..] != [0; 48] {
            let mut signature = [0; 48];
            signature.copy_from_slice(&bytes[144..]);
            witness.bls_signature = Some(signature);
        }
        witness
    }
}
