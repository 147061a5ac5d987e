//! A participant's signatures (`docs/spec/ceremony.md#bls-signature`,
//! `docs/spec/ceremony.md#ecdsa-signature`) and the coordinator's
//! (`docs/spec/ceremony.md#receipt`).
//!
//! | signature | over | key |
//! |---|---|---|
//! | `blsSignature` | the identity's bytes | the sub-ceremony's secret, public part `potPubkey` |
//! | `ecdsaSignature` | the EIP-712 digest of all public keys | the participant's Ethereum account |
//! | a receipt's | its bytes as an EIP-191 personal message | the coordinator's |
//!
//! Nothing here fails on malformed input: a signature is valid, or it is not.

use blst::min_sig::SecretKey;
use blstrs::{G1Affine, G1Projective, G2Affine, Scalar};
use group::Curve;
use group::prime::PrimeCurveAffine;
use k256::ecdsa::{Signature, SigningKey, VerifyingKey};
use k256::elliptic_curve::ops::{LinearCombination, Reduce};
use k256::elliptic_curve::point::DecompressPoint;
use sha3::{Digest, Keccak256};
use zeroize::Zeroizing;

use crate::arithmetic::pairings_equal;
use crate::identity::Identity;
use crate::sizes::Size;

/// Domain separation tag of the BLS suite, which is also its name: signatures in G1, keys in G2,
/// proof-of-possession scheme (`docs/spec/ceremony.md#bls-signature`; RFC 9380 for the hash).
pub const BLS_SUITE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

/// Name of the EIP-712 domain (`docs/spec/ceremony.md#ecdsa-signature`).
const EIP712_NAME: &str = "Ethereum KZG Ceremony";
/// Version of the EIP-712 domain (same place).
const EIP712_VERSION: &str = "1.0";
/// Chain of the EIP-712 domain: Ethereum's main network (same place).
const EIP712_CHAIN_ID: u64 = 1;

const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId)";
const PUBKEY_TYPE: &str =
    "contributionPubkey(uint256 numG1Powers,uint256 numG2Powers,bytes potPubkey)";
/// EIP-712 appends the types that a type refers to.
const PUBKEYS_TYPE: &str = "PoTPubkeys(contributionPubkey[] potPubkeys)\
     contributionPubkey(uint256 numG1Powers,uint256 numG2Powers,bytes potPubkey)";

/// Hashes a message to the point of G1 that a BLS signature multiplies.
pub fn bls_message_point(message: &[u8]) -> G1Affine {
    G1Projective::hash_to_curve(message, BLS_SUITE, &[]).to_affine()
}

/// Signs the identity with a sub-ceremony's secret: `[x]·H(identity)`, compressed.
///
/// Constant in time with respect to the secret; the copies it needs are wiped.
///
/// Returns nothing for the secret 0, which is no key.
pub fn bls_sign(identity: &Identity, secret: &Scalar) -> Option<[u8; 48]> {
    let bytes = Zeroizing::new(secret.to_bytes_be());
    let key = SecretKey::from_bytes(bytes.as_ref()).ok()?;
    Some(
        key.sign(identity.as_str().as_bytes(), BLS_SUITE, &[])
            .compress(),
    )
}

/// Whether `signature` is `identity`'s under `pot_pubkey`, in either spelling of a GitHub login.
///
/// The key has to be in the subgroup, as those of a verified contribution are.
pub fn bls_verify(identity: &Identity, pot_pubkey: &G2Affine, signature: &[u8; 48]) -> bool {
    identity
        .signed_spellings()
        .any(|message| bls_verify_message(message.as_bytes(), pot_pubkey, signature))
}

/// Whether `signature` is a BLS signature of exactly these bytes under `pot_pubkey`.
///
/// The key has to be in the subgroup, as those of a verified contribution are.
pub fn bls_verify_message(message: &[u8], pot_pubkey: &G2Affine, signature: &[u8; 48]) -> bool {
    let Some(signature) = bls_signature_point(signature) else {
        return false;
    };
    if bool::from(pot_pubkey.is_identity()) {
        return false;
    }
    // e(H(m), pk) = e(s, g₂)
    let hash = bls_message_point(message);
    pairings_equal(&hash, pot_pubkey, &signature, &G2Affine::generator())
}

/// Decodes a BLS signature: a canonical, compressed point of the subgroup, not the identity.
pub fn bls_signature_point(signature: &[u8; 48]) -> Option<G1Affine> {
    let point = Option::<G1Affine>::from(G1Affine::from_compressed(signature))?;
    (!bool::from(point.is_identity())).then_some(point)
}

/// The EIP-712 digest that a participant's wallet signs: sizes and compressed `potPubkey` of
/// every sub-ceremony, in order.
pub fn eip712_digest(pot_pubkeys: &[(Size, [u8; 96])]) -> [u8; 32] {
    let domain = keccak(&[
        &keccak(&[DOMAIN_TYPE.as_bytes()]),
        &keccak(&[EIP712_NAME.as_bytes()]),
        &keccak(&[EIP712_VERSION.as_bytes()]),
        &uint256(EIP712_CHAIN_ID),
    ]);
    let pubkey_type = keccak(&[PUBKEY_TYPE.as_bytes()]);
    let mut array = Keccak256::new();
    for (size, pubkey) in pot_pubkeys {
        array.update(keccak(&[
            &pubkey_type,
            &uint256(size.g1 as u64),
            &uint256(size.g2 as u64),
            &keccak(&[pubkey]),
        ]));
    }
    let message = keccak(&[&keccak(&[PUBKEYS_TYPE.as_bytes()]), &array.finalize()]);
    keccak(&[b"\x19\x01", &domain, &message])
}

/// The EIP-191 digest of a personal message, as `personal_sign` makes it.
pub fn personal_message_digest(message: &[u8]) -> [u8; 32] {
    let length = message.len().to_string();
    keccak(&[
        b"\x19Ethereum Signed Message:\n",
        length.as_bytes(),
        message,
    ])
}

/// Signs a digest: r‖s‖v with low s and v = 27 or 28, deterministic (RFC 6979).
///
/// # Panics
/// Never for a digest that comes from a hash: the signature would have to have r = 0 or s = 0.
pub fn ecdsa_sign(digest: &[u8; 32], key: &SigningKey) -> [u8; 65] {
    let (signature, recovery_id) = key
        .sign_prehash_recoverable(digest)
        .expect("r and s of a hash are not zero");
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    bytes[64] = 27 + recovery_id.to_byte();
    bytes
}

/// The address whose key made this signature r‖s‖v of the digest, if any.
///
/// v may be 27 or 28, or 0 or 1 as some wallets have it. High s is accepted: the digest is what
/// is signed, nothing hangs on the signature being unique.
pub fn ecdsa_recover(digest: &[u8; 32], signature: &[u8; 65]) -> Option<[u8; 20]> {
    let y_is_odd = match signature[64] {
        0 | 27 => false,
        1 | 28 => true,
        _ => return None,
    };
    // Neither r nor s is zero, both are below the order.
    let parsed = Signature::from_slice(&signature[..64]).ok()?;
    let y_is_odd = u8::from(y_is_odd).into();
    let nonce_point = k256::AffinePoint::decompress(&parsed.r().to_bytes(), y_is_odd);
    let nonce_point = Option::<k256::AffinePoint>::from(nonce_point)?;
    // With e the digest as a number, (s·R - e·G)/r is the one key under which this signature is
    // valid: there is no need to verify it again.
    let e = <k256::Scalar as Reduce<k256::U256>>::reduce_bytes(&(*digest).into());
    let inverse = Option::<k256::Scalar>::from(parsed.r().invert())?;
    let key = k256::ProjectivePoint::lincomb(
        &nonce_point.into(),
        &(inverse * *parsed.s()),
        &k256::ProjectivePoint::GENERATOR,
        &-(inverse * e),
    );
    // Infinity is no key.
    let key = VerifyingKey::from_affine(key.to_affine()).ok()?;
    Some(eth_address(&key))
}

/// Whether `signature` is the participant's Ethereum account's over the digest.
///
/// Participants without an Ethereum account have no such signature: false.
pub fn ecdsa_verify(identity: &Identity, digest: &[u8; 32], signature: &[u8; 65]) -> bool {
    identity
        .eth_address()
        .is_some_and(|it| ecdsa_recover(digest, signature) == Some(it))
}

/// The address of an Ethereum account: the last 20 bytes of its public key's Keccak-256.
pub fn eth_address(key: &VerifyingKey) -> [u8; 20] {
    let point = key.to_encoded_point(false);
    let hash = keccak(&[&point.as_bytes()[1..]]);
    std::array::from_fn(|i| hash[12 + i])
}

/// Writes an address with the checksum of EIP-55: `0x` and 40 hex digits in mixed case.
pub fn eip55(address: &[u8; 20]) -> String {
    let digits = hex::encode(address);
    let hash = keccak(&[digits.as_bytes()]);
    let checksummed = digits.char_indices().map(|(i, digit)| {
        let nibble = hash[i / 2] >> (4 * (1 - i % 2)) & 0xf;
        if nibble >= 8 {
            digit.to_ascii_uppercase()
        } else {
            digit
        }
    });
    "0x".chars().chain(checksummed).collect()
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It has another form.
    #[error("give 0x and 40 hex digits, as the status has them")]
    Form,
    /// Its mixed case is another than the checksum of EIP-55: at least one digit is wrong.
    #[error("its capitals are not those of this address (EIP-55): a digit is wrong")]
    Checksum,
}

/// Reads an address: `0x` and 40 hex digits, in one case or with the checksum of EIP-55.
///
/// # Errors
/// Another form, or a checksum that does not fit.
pub fn read_address(text: &str) -> Result<[u8; 20], AddressError> {
    let digits = text.strip_prefix("0x").ok_or(AddressError::Form)?;
    let mut address = [0; 20];
    hex::decode_to_slice(digits, &mut address).map_err(|_| AddressError::Form)?;
    let has = |is: fn(&u8) -> bool| digits.bytes().any(|digit| is(&digit));
    let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    match mixed && eip55(&address) != text {
        true => Err(AddressError::Checksum),
        false => Ok(address),
    }
}

fn keccak(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn uint256(value: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&value.to_be_bytes());
    bytes
}
