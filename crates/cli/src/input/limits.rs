//! How much a verb reads.

/// How many bytes may be copied to the temporary directory. A plain file is not copied, and only
/// the verb limits its length.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From a pipe or device.
    pub(super) copied: u64,
}

impl Limits {
    /// For a contribution or a set of powers. 64 times a contribution to the Ethereum
    /// ceremony, and less than a small machine has.
    pub const DOCUMENT: Self = Self {
        copied: MAX_DOCUMENT,
    };

    /// For a transcript. 16 times that of the Ethereum ceremony.
    pub const TRANSCRIPT: Self = Self { copied: 4 << 30 };

    /// From a compressed file of this length, or from a compressed stream. Points do not compress;
    /// hex and white space make documents shrink to a half or a third. Only the powers of tau = 1
    /// shrink to almost nothing.
    pub(super) fn decompressed(self, compressed_len: Option<u64>) -> u64 {
        const REPETITIVE: u64 = 128 << 20;
        const RATIO: u64 = 16;
        match compressed_len {
            Some(len) => self
                .copied
                .min(REPETITIVE.saturating_add(len.saturating_mul(RATIO))),
            None => self.copied,
        }
    }
}

/// Longest document that is read into memory, in bytes.
pub const MAX_DOCUMENT: u64 = 1 << 29;
