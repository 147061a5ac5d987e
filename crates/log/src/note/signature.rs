//! Lines with a signature.

use std::fmt;
use std::str::FromStr;

use crate::decode::{base64, to_base64};
use crate::note::name::{KeyName, KeyNameError};

/// What a line with a signature begins with: U+2014 and a space.
const DASH: &str = "— ";

/// The number that tells keys of one name apart: four bytes, which are the beginning of a hash
/// over the name and the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub u32);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A signature, whose key may be unknown, and which may be wrong.
///
/// Written `— NAME BASE64`, without a newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: KeyName,
    id: KeyId,
    bytes: Vec<u8>,
}

/// Why a line is not a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureLineError {
    /// No dash at the beginning.
    #[error("a signature begins with an em dash and a space")]
    NoDash,
    /// Nothing after the name.
    #[error("a signature has a name, a space and base64")]
    NoBase64,
    /// The name is none.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// Not in base64.
    #[error("the signature is not in base64 as RFC 4648 has it")]
    Base64,
    /// No more than the number of a key.
    #[error("a signature has 4 bytes for the key's number and more; this one has {0}")]
    TooShort(usize),
}

impl Signature {
    pub(crate) fn new(name: KeyName, id: KeyId, bytes: Vec<u8>) -> Self {
        Self { name, id, bytes }
    }

    /// The name of the key that it claims.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The number of the key that it claims.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What the key made, without its number.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromStr for Signature {
    type Err = SignatureLineError;

    fn from_str(line: &str) -> Result<Self, SignatureLineError> {
        let rest = line.strip_prefix(DASH).ok_or(SignatureLineError::NoDash)?;
        let (name, encoded) = rest.split_once(' ').ok_or(SignatureLineError::NoBase64)?;
        let name = name.parse()?;
        let bytes = base64(encoded).ok_or(SignatureLineError::Base64)?;
        match bytes.split_first_chunk() {
            Some((id, rest)) if !rest.is_empty() => Ok(Self {
                name,
                id: KeyId(u32::from_be_bytes(*id)),
                bytes: rest.to_vec(),
            }),
            _ => Err(SignatureLineError::TooShort(bytes.len())),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = to_base64([&self.id.0.to_be_bytes(), &self.bytes[..]].concat());
        write!(f, "{DASH}{} {encoded}", self.name)
    }
}
