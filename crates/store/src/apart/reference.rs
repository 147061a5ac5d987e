//! What stands in the database where powers are elsewhere.

use tauline_protocol::journal::Digest;

use crate::batch::Blob;

/// How a reference begins. Powers are a map in MessagePack, whose first byte is 0x80 or more.
pub(super) const HEAD: &[u8] = b"tauline: powers by SHA-256 ";

/// A reference to the powers with this digest.
pub(super) fn reference(digest: &Digest) -> Blob {
    Blob::new([HEAD, digest].concat())
}

/// What a reference refers to; `None` for powers.
pub(super) fn referred(stored: &[u8]) -> Option<Digest> {
    stored.strip_prefix(HEAD)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_told_from_powers() {
        let digest = [7; 32];
        let stored = reference(&digest);
        assert_eq!(referred(stored.bytes()), Some(digest));
        assert_eq!(referred(&stored.bytes()[..58]), None);
        assert_eq!(referred(&[stored.bytes(), &[0]].concat()), None);
        assert_eq!(referred(&[0x82, 0xad]), None);
    }
}
