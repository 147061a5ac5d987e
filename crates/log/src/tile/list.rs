//! Which tiles make up a log.

use crate::tile::path::{Contents, FULL_WIDTH, Tile};

/// The tiles of hashes of a tree of this size: level by level, from the leaves up, each level from the
/// left. The last of a level is partial, unless it is full just then.
pub fn hash_tiles(size: u64) -> impl Iterator<Item = Tile> {
    let nodes = std::iter::successors(Some(size), |&nodes| Some(nodes >> 8));
    let levels = (0u8..).zip(nodes.take_while(|&nodes| nodes > 0));
    levels.flat_map(|(level, nodes)| row(Contents::Hashes { level }, nodes))
}

/// The bundles of a log of this many entries, from the left.
pub fn bundles(size: u64) -> impl Iterator<Item = Tile> {
    row(Contents::Entries, size)
}

/// The tiles over this many hashes or entries.
fn row(contents: Contents, nodes: u64) -> impl Iterator<Item = Tile> {
    let full = nodes / u64::from(FULL_WIDTH);
    let rest = (nodes % u64::from(FULL_WIDTH)) as u16;
    let widths = (0..full).map(|index| (index, FULL_WIDTH));
    let widths = widths.chain((rest > 0).then_some((full, rest)));
    widths.filter_map(move |(index, width)| Tile::new(contents, index, width).ok())
}
