//! Keys that verify.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use crate::decode::{base64, excerpt, to_base64};
use crate::note::name::{KeyName, KeyNameError};
use crate::note::signature::{KeyId, Signature};

/// The latest time that a cosignature can have, in Unix seconds
/// ([tlog-cosignature](https://c2sp.org/tlog-cosignature), Format).
pub(crate) const LATEST_TIME: u64 = i64::MAX as u64;

/// What a key signs, and how: the specification's types that this crate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Type 01: Ed25519 over the text. A log's own signature.
    Ed25519,
    /// Type 04: Ed25519 over a time and the text. A witness's cosignature.
    Cosignature,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Ed25519, Self::Cosignature];

    /// The byte that stands for it.
    pub fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// A public key with its name and kind.
///
/// Written `NAME+ID+BASE64`, the form in which such keys are published.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    kind: Kind,
    key: VerifyingKey,
    id: KeyId,
}

/// Why a text is not a verifier key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierKeyError {
    /// Not of three parts.
    #[error("a verifier key is NAME+ID+BASE64, and \"{0}\" is not")]
    Parts(String),
    /// The name is none.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// The number is not written as eight small hexadecimal digits.
    #[error("the number of a key has eight hexadecimal digits, and \"{0}\" does not")]
    Id(String),
    /// The key is not in base64, or empty.
    #[error("the key of {0} is not in base64 as RFC 4648 has it")]
    Base64(KeyName),
    /// A type that this crate does not know.
    #[error(
        "the key of {name} is of type 0x{kind:02x}; 0x01 (Ed25519) and 0x04 (cosignature) are known"
    )]
    UnknownKind {
        /// The key's name.
        name: KeyName,
        /// The byte of its type.
        kind: u8,
    },
    /// Not the number of this name and key: one of the three was mistyped.
    #[error("{name} with this key has the number {computed}, not {found}: one of them is mistyped")]
    WrongId {
        /// The key's name.
        name: KeyName,
        /// The number that it has.
        computed: KeyId,
        /// The number that was written.
        found: KeyId,
    },
    /// Not an Ed25519 public key, or one that verifies what nobody signed.
    #[error("the key of {0} is not an Ed25519 public key that can be relied on")]
    Key(KeyName),
}

/// A signature is not of this key over this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadSignature;

impl VerifierKey {
    /// The key that these 32 bytes encode (RFC 8032, section 5.1.5).
    pub fn new(name: KeyName, kind: Kind, key: &[u8; 32]) -> Result<Self, VerifierKeyError> {
        match VerifyingKey::from_bytes(key) {
            Ok(key) if !key.is_weak() => Ok(Self::of(name, kind, key)),
            _ => Err(VerifierKeyError::Key(name)),
        }
    }

    pub(crate) fn of(name: KeyName, kind: Kind, key: VerifyingKey) -> Self {
        let hash = Sha256::new()
            .chain_update(name.as_str())
            .chain_update(b"\n")
            .chain_update([kind.byte()])
            .chain_update(key.as_bytes())
            .finalize();
        let id = KeyId(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]));
        Self {
            name,
            kind,
            key,
            id,
        }
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number that signatures carry.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key itself, 32 bytes.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether a signature claims to be of this key.
    pub(crate) fn made(&self, signature: &Signature) -> bool {
        self.id == signature.id() && self.name == *signature.name()
    }

    /// Verifies a signature over a text, and gives its time, if it is of a kind that has one.
    pub(crate) fn verify(
        &self,
        text: &str,
        signature: &Signature,
    ) -> Result<Option<u64>, BadSignature> {
        let bytes = signature.bytes();
        match self.kind {
            Kind::Ed25519 => self.verify_strict(text.as_bytes(), bytes).map(|()| None),
            Kind::Cosignature => {
                let (time, bytes) = bytes.split_first_chunk().ok_or(BadSignature)?;
                let time = u64::from_be_bytes(*time);
                if time > LATEST_TIME {
                    return Err(BadSignature);
                }
                self.verify_strict(cosigned_message(time, text).as_bytes(), bytes)?;
                Ok(Some(time))
            }
        }
    }

    fn verify_strict(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let signature = signature.try_into().map_err(|_| BadSignature)?;
        let verified = self.key.verify_strict(message, &signature);
        verified.map_err(|_| BadSignature)
    }
}

/// What a witness signs: that at this time it has seen no larger consistent tree
/// ([tlog-cosignature](https://c2sp.org/tlog-cosignature), Ed25519 signed message).
pub(crate) fn cosigned_message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VerifierKeyError::Parts(excerpt(text)));
        };
        let name: KeyName = name.parse()?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_id = id.len() == 8 && id.bytes().all(is_hex);
        let number = is_id.then(|| u32::from_str_radix(id, 16).ok()).flatten();
        let found = KeyId(number.ok_or_else(|| VerifierKeyError::Id(excerpt(id)))?);
        let bytes = base64(key).ok_or_else(|| VerifierKeyError::Base64(name.clone()))?;
        let Some((&byte, key)) = bytes.split_first() else {
            return Err(VerifierKeyError::Base64(name));
        };
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.byte() == byte) else {
            return Err(VerifierKeyError::UnknownKind { name, kind: byte });
        };
        let Ok(key) = key.try_into() else {
            return Err(VerifierKeyError::Key(name));
        };
        let key = Self::new(name, kind, key)?;
        if key.id != found {
            return Err(VerifierKeyError::WrongId {
                name: key.name,
                computed: key.id,
                found,
            });
        }
        Ok(key)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.kind.byte()], &self.key.as_bytes()[..]].concat();
        write!(f, "{}+{}+{}", self.name, self.id, to_base64(bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
