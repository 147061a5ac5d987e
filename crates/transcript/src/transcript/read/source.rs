//! Where a transcript's bytes come from.

use std::io::{self, Read};

/// Bytes that can be read from any place, by several readers at once.
///
/// A transcript keeps what belongs to one contribution in many lists far apart, and the identities
/// last of all; to check it in memory that does not grow, all lists are walked side by side. So a
/// pipe, or a compressed file, has to be spooled to a plain file first.
pub trait Source: Sync {
    /// A reader of the source.
    type Reader<'a>: Read + Send
    where
        Self: 'a;

    /// A reader that starts `offset` bytes after the beginning.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn open(&self, offset: u64) -> io::Result<Self::Reader<'_>>;
}

impl Source for [u8] {
    type Reader<'a> = &'a [u8];

    fn open(&self, offset: u64) -> io::Result<&[u8]> {
        let start = usize::try_from(offset).map_or(self.len(), |start| start.min(self.len()));
        Ok(&self[start..])
    }
}
