//! Secret keys of witnesses.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};

use crate::checkpoint::body::Checkpoint;
use crate::note::{KeyName, Kind, LATEST_TIME, Signature, VerifierKey, cosigned_message};

/// A witness's secret Ed25519 key with its name, which makes cosignatures (type 04). It is zeroed when
/// dropped.
///
/// The name is not signed: one secret belongs to one witness.
pub struct Cosigner {
    secret: SigningKey,
    verifier: VerifierKey,
}

/// A time that no cosignature can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{time} is not a time of a cosignature, in Unix seconds: the latest is 2^63 - 1")]
pub struct TimeError {
    time: u64,
}

impl Cosigner {
    /// The key of a seed (RFC 8032, section 5.1.5), which whoever passes it has drawn at random.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        let secret = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::of(name, Kind::Cosignature, secret.verifying_key());
        Self { secret, verifier }
    }

    /// The key that verifies what this one signs.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Says that at this time, in Unix seconds, this is the largest consistent tree of the log that
    /// the witness has seen. Only what a witness accepted, and what is
    /// durable, may be cosigned.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> Result<Signature, TimeError> {
        if time > LATEST_TIME {
            return Err(TimeError { time });
        }
        let message = cosigned_message(time, &checkpoint.to_string());
        let signature = self.secret.sign(message.as_bytes()).to_bytes();
        let bytes = [&time.to_be_bytes()[..], &signature].concat();
        let key = &self.verifier;
        Ok(Signature::new(key.name().clone(), key.id(), bytes))
    }
}

impl fmt::Debug for Cosigner {
    /// Shows the public key only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.verifier)
    }
}
