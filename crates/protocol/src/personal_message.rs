//! Texts that an Ethereum key signs as EIP-191 personal messages: receipts, certificates, bundles.

use k256::ecdsa::SigningKey;
use tauline_transcript::signature;

/// Signs a text: 130 hex digits. Signing is deterministic (RFC 6979).
///
/// # Panics
/// With a probability of about 2^-128, when the derived nonce gives no valid signature.
#[must_use]
pub fn sign(text: &str, key: &SigningKey) -> String {
    let digest = signature::personal_message_digest(text.as_bytes());
    hex::encode(signature::ecdsa_sign(&digest, key))
}

/// The EIP-55 address of whoever has signed a text. None if the signature is not 130 hex digits, or no
/// key can be recovered from it.
#[must_use]
pub fn signer(text: &str, signature: &str) -> Option<String> {
    let mut bytes = [0; 65];
    hex::decode_to_slice(signature, &mut bytes).ok()?;
    let digest = signature::personal_message_digest(text.as_bytes());
    let address = signature::ecdsa_recover(&digest, &bytes)?;
    Some(signature::eip55(&address))
}
