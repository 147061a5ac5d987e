//! How much a verb reads.

/// Most bytes that may be copied to the temporary directory. A plain file is not copied, and has no
/// limit but that of the verb.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of a pipe or device.
    pub(super) copied: u64,
}

impl Limits {
    /// For a contribution or a set of powers. Ours: 64 times a contribution to the Ethereum
    /// ceremony, and less than a small machine has.
    pub const DOCUMENT: Self = Self {
        copied: MAX_DOCUMENT,
    };

    /// For a transcript. Ours: 16 times that of the Ethereum ceremony.
    pub const TRANSCRIPT: Self = Self { copied: 4 << 30 };

    /// Of a compressed file of this length, or of a stream. Points do not compress: hex and white
    /// space shrink to a half or a third, and only the powers of tau = 1 to next to nothing.
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
