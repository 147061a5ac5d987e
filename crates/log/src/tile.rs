//! Tiles: a log as files that anybody can serve and cache
//! ([tlog-tiles](https://c2sp.org/tlog-tiles)).
//!
//! A tile of level L holds up to 256 hashes, each the root over 256^L entries; a bundle holds the
//! entries under a tile of level 0. [`Tile`] names one of either, and is written as its path.
//!
//! ```
//! use tauline_log::tile::{self, Tile};
//! use tauline_log::tree::{Tree, leaf_hash};
//!
//! let entries: Vec<String> = (0..300).map(|n| format!("entry {n}")).collect();
//! let tree = Tree::from_leaf_hashes(entries.iter().map(leaf_hash));
//!
//! // What a log of 300 entries serves, and what whoever downloads it asks for.
//! let paths: Vec<String> = tile::hash_tiles(300).map(|tile| tile.to_string()).collect();
//! assert_eq!(paths, ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"]);
//!
//! let tile: Tile = "tile/0/001.p/44".parse()?;
//! let bytes = tile::hashes_to_bytes(&tile.hashes(&tree.snapshot())?);
//! let hashes = tile::hashes_from_bytes(&bytes, tile.width())?;
//! let bundle = tile::bundle_to_bytes(&entries[256..])?;
//! for (entry, hash) in tile::bundle_from_bytes(&bundle, tile.width())?.iter().zip(hashes) {
//!     assert_eq!(leaf_hash(entry), hash);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod content;
mod list;
mod path;

pub use content::{
    ContentError, MAX_ENTRY_LEN, NotInTree, bundle_from_bytes, bundle_to_bytes, hashes_from_bytes,
    hashes_to_bytes,
};
pub use list::{bundles, hash_tiles};
pub use path::{Contents, FULL_WIDTH, MAX_INDEX, MAX_LEVEL, Tile, TileError, TilePathError};
