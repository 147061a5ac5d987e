//! What is in a tile, and in a bundle.

use crate::hash::Hash;
use crate::tile::path::{Contents, FULL_WIDTH, Tile};
use crate::tree::Snapshot;

/// The longest entry, in bytes: its length has two in a bundle.
pub const MAX_ENTRY_LEN: usize = u16::MAX as usize;

/// A tile holds what a tree of this size does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tree of size {size} has no {tile}")]
pub struct NotInTree {
    tile: Tile,
    size: u64,
}

/// Why bytes are not those of a tile or bundle, or why entries make no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// The tile has more or fewer bytes.
    #[error("a tile of {width} hashes has {} bytes, not {found}", usize::from(*width) * Hash::LEN)]
    TileLength {
        /// How many hashes it should have.
        width: u16,
        /// How many bytes it has.
        found: usize,
    },
    /// The bundle ends too early.
    #[error("the bundle ends within entry {entry} of {width}, after {at} bytes")]
    BundleEnds {
        /// The entry, from 0 in the bundle.
        entry: u16,
        /// How many entries there should be.
        width: u16,
        /// How many bytes there are.
        at: usize,
    },
    /// The bundle goes on after its last entry.
    #[error("the bundle has {extra} bytes after the last of {width} entries")]
    BundleGoesOn {
        /// How many entries there should be.
        width: u16,
        /// How many bytes are left.
        extra: usize,
    },
    /// An entry is too long for a bundle.
    #[error("entry {entry} of the bundle has {len} bytes; it may have {MAX_ENTRY_LEN}")]
    EntryTooLong {
        /// The entry, from 0 in the bundle.
        entry: usize,
        /// Its length.
        len: usize,
    },
    /// No entries, or too many.
    #[error("a bundle has 1 to {FULL_WIDTH} entries, not {0}")]
    BundleWidth(usize),
}

impl Tile {
    /// Its hashes in a tree that has all of them; those of a bundle are the hashes of its entries.
    pub fn hashes(&self, tree: &Snapshot<'_>) -> Result<Vec<Hash>, NotInTree> {
        let level = match self.contents() {
            Contents::Hashes { level } => u32::from(level),
            Contents::Entries => 0,
        };
        let first = self.index() * u64::from(FULL_WIDTH);
        let nodes = (0..u64::from(self.width())).map(|i| tree.node(8 * level, first + i));
        nodes.collect::<Option<_>>().ok_or(NotInTree {
            tile: *self,
            size: tree.size(),
        })
    }
}

/// The bytes of a tile.
pub fn hashes_to_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes in the bytes of a tile of this width.
pub fn hashes_from_bytes(bytes: &[u8], width: u16) -> Result<Vec<Hash>, ContentError> {
    let found = bytes.len();
    if found != usize::from(width) * Hash::LEN {
        return Err(ContentError::TileLength { width, found });
    }
    let (hashes, _) = bytes.as_chunks();
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// The bytes of a bundle: each entry after its length, in two bytes, big-endian.
pub fn bundle_to_bytes<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, ContentError> {
    if !(1..=usize::from(FULL_WIDTH)).contains(&entries.len()) {
        return Err(ContentError::BundleWidth(entries.len()));
    }
    let mut bytes = Vec::new();
    for (entry, content) in entries.iter().map(AsRef::as_ref).enumerate() {
        let len = content.len();
        let short = u16::try_from(len).map_err(|_| ContentError::EntryTooLong { entry, len })?;
        bytes.extend(short.to_be_bytes());
        bytes.extend(content);
    }
    Ok(bytes)
}

/// The entries in the bytes of a bundle of this width.
pub fn bundle_from_bytes(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, ContentError> {
    let mut rest = bytes;
    let mut entries = Vec::new();
    for entry in 0..width {
        let next = rest
            .split_first_chunk()
            .and_then(|(len, rest)| rest.split_at_checked(usize::from(u16::from_be_bytes(*len))));
        let Some((content, after)) = next else {
            let at = bytes.len();
            return Err(ContentError::BundleEnds { entry, width, at });
        };
        entries.push(content);
        rest = after;
    }
    match rest.len() {
        0 => Ok(entries),
        extra => Err(ContentError::BundleGoesOn { width, extra }),
    }
}
