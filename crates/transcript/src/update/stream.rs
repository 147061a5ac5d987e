//! A contribution that is sent while it is computed.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::random::SecureRandom;
use blstrs::G2Affine;
use k256::ecdsa::SigningKey;

use crate::contribution::raw::{RawPoint, RawSubContribution};
use crate::encoding::Encoding;
use crate::identity::Identity;
use crate::powers::Base;
use crate::signature::{bls_sign, ecdsa_sign};
use crate::update::multiply::{UpdateProgress, multiply_one, pubkey, signed_digest};
use crate::update::secret::Secret;

/// A contribution that is computed sub-ceremony after sub-ceremony, so that the first can be on
/// their way while the last is computed.
///
/// Public keys and signatures are there from the start: they need the secrets alone. Each secret
/// is wiped when its sub-ceremony is done, and all of them when this is dropped.
#[derive(Debug)]
pub struct ContributionStream<'a> {
    base: &'a Base,
    /// Those of the sub-ceremonies that are done are zero.
    secrets: Vec<Secret>,
    pot_pubkeys: Vec<G2Affine>,
    bls_signatures: Vec<Option<[u8; 48]>>,
    ecdsa_signature: Option<[u8; 65]>,
    /// Sub-ceremonies that are done.
    done: usize,
}

impl<'a> ContributionStream<'a> {
    /// Draws fresh secrets and signs for `identity`, and with its Ethereum key if that is at hand.
    ///
    /// `rng` and `extra_entropy` are as for [`contribute`](crate::contribute), and so is `base`.
    pub fn begin(
        base: &'a Base,
        rng: &mut dyn SecureRandom,
        extra_entropy: &[u8],
        identity: &Identity,
        ethereum_key: Option<&SigningKey>,
    ) -> Self {
        let secrets = Secret::fresh(base.sizes().len(), rng, extra_entropy);
        let pot_pubkeys: Vec<_> = secrets.iter().map(pubkey).collect();
        let sign = |secret: &Secret| bls_sign(identity, secret.scalar());
        let bls_signatures = secrets.iter().map(sign).collect();
        let digest = signed_digest(base.sizes(), &pot_pubkeys);
        Self {
            base,
            secrets,
            pot_pubkeys,
            bls_signatures,
            ecdsa_signature: ethereum_key.map(|key| ecdsa_sign(&digest, key)),
            done: 0,
        }
    }

    /// \[x\]₂ of each sub-ceremony.
    #[must_use]
    pub fn pot_pubkeys(&self) -> &[G2Affine] {
        &self.pot_pubkeys
    }

    /// The EIP-712 signature over the public keys, if there is a key to sign with.
    #[must_use]
    pub fn ecdsa_signature(&self) -> Option<[u8; 65]> {
        self.ecdsa_signature
    }

    /// Computes the next sub-ceremony on all cores; none after the last.
    ///
    /// `progress` is called from several threads and counts all sub-ceremonies.
    pub fn next_sub_contribution(
        &mut self,
        encoding: Encoding,
        progress: &(dyn Fn(UpdateProgress) + Sync),
    ) -> Option<RawSubContribution> {
        let index = self.done;
        let (before, secret) = (self.base.powers().get(index)?, self.secrets.get_mut(index)?);
        let lens = self.base.sizes().iter().map(|size| size.g1 + size.g2);
        let total = lens.clone().sum();
        let done = AtomicUsize::new(lens.take(index).sum());
        let powers = multiply_one(before, secret, &|points| {
            let done = done.fetch_add(points, Ordering::Relaxed) + points;
            progress(UpdateProgress { done, total });
        });
        secret.wipe();
        self.done += 1;
        Some(RawSubContribution {
            num_g1_powers: powers.g1().len() as u64,
            num_g2_powers: powers.g2().len() as u64,
            powers: powers.to_raw(encoding),
            pot_pubkey: RawPoint::encode(&self.pot_pubkeys[index], encoding),
            bls_signature: self.bls_signatures[index],
        })
    }
}
