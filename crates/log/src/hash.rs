//! Hashes of leaves and nodes.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::decode::{base64, excerpt, to_base64};

/// A SHA-256 hash: of a leaf, of a node, or the root of a tree.
///
/// Written in base64, as checkpoints and proofs have it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; Hash::LEN]);

impl Hash {
    /// Bytes in a hash.
    pub const LEN: usize = 32;

    /// The root of the empty tree, which is SHA-256 of nothing (RFC 6962, section 2.1).
    pub const OF_EMPTY_TREE: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// The hash as bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// The hash of an entry as a leaf: SHA-256 of a zero byte and the entry (RFC 6962, section 2.1).
pub fn leaf_hash(entry: impl AsRef<[u8]>) -> Hash {
    let mut hasher = Sha256::new_with_prefix([0]);
    hasher.update(entry);
    Hash(hasher.finalize().into())
}

/// The hash of a node above two others: SHA-256 of a one, the left hash and the right hash (RFC 6962,
/// section 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 1 + 2 * Hash::LEN];
    bytes[1..=Hash::LEN].copy_from_slice(&left.0);
    bytes[1 + Hash::LEN..].copy_from_slice(&right.0);
    Hash(Sha256::digest(bytes).into())
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_base64(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text is not the base64 of a hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{found}\" is not a hash: 32 bytes in base64 are 44 characters, the last of them \"=\"")]
pub struct HashError {
    found: String,
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        /// The length of 32 bytes in base64.
        const CHARACTERS: usize = 44;
        let bytes = (text.len() == CHARACTERS).then(|| base64(text)).flatten();
        let hash = bytes.and_then(|bytes| bytes.try_into().ok());
        hash.map(Self).ok_or_else(|| HashError {
            found: excerpt(text),
        })
    }
}
