//! Names of tiles and bundles.

use std::fmt;
use std::str::FromStr;

use crate::decode::{decimal, excerpt};

/// Hashes or entries in a full tile or bundle. A level of tiles is eight levels of the tree.
pub const FULL_WIDTH: u16 = 256;

/// The highest level of a tile's path. A log of fewer than 2⁶⁴ entries has tiles in levels 0 to 7.
pub const MAX_LEVEL: u8 = 63;

/// The highest index of a tile: that of the last bundle of 2⁶⁴ entries.
pub const MAX_INDEX: u64 = u64::MAX >> 8;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Contents {
    /// Roots over 256^level entries each, up to [`MAX_LEVEL`].
    Hashes {
        /// The level.
        level: u8,
    },
    /// The entries under a tile of level 0: a bundle.
    Entries,
}

/// The name of a tile or a bundle, which is its path below the log's prefix:
/// `tile/0/x001/x234/067.p/5`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    contents: Contents,
    index: u64,
    width: u16,
}

/// There is no such tile in any log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// The level is too high.
    #[error("tiles have levels from 0 to {MAX_LEVEL}, not {0}")]
    Level(u8),
    /// The index is too high.
    #[error("tiles have an index up to {MAX_INDEX}, not {0}")]
    Index(u64),
    /// The width is 0, or too large.
    #[error("tiles have a width from 1 to {FULL_WIDTH}, not {0}")]
    Width(u16),
}

/// Why a text is not the path of a tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TilePathError {
    /// Another form.
    #[error("\"{0}\" is not a path tile/LEVEL/INDEX or tile/entries/INDEX")]
    Form(String),
    /// The level is none.
    #[error("\"{0}\" is not a level of tiles: those are 0 to {MAX_LEVEL}, without leading zeros")]
    Level(String),
    /// The index is none.
    #[error(
        "\"{0}\" is not the index of a tile: it is written in groups of three digits, as x001/x234/067, \
         the first of several not x000, up to {MAX_INDEX}"
    )]
    Index(String),
    /// The width after `.p/` is none.
    #[error(
        "\"{0}\" is not the width of a partial tile: those are 1 to 255, without leading zeros"
    )]
    Width(String),
}

impl Tile {
    /// The tile of this place. A width of [`FULL_WIDTH`] is that of a full one.
    pub fn new(contents: Contents, index: u64, width: u16) -> Result<Self, TileError> {
        match contents {
            Contents::Hashes { level } if level > MAX_LEVEL => Err(TileError::Level(level)),
            _ if index > MAX_INDEX => Err(TileError::Index(index)),
            _ if !(1..=FULL_WIDTH).contains(&width) => Err(TileError::Width(width)),
            _ => Ok(Self {
                contents,
                index,
                width,
            }),
        }
    }

    /// What it holds.
    pub fn contents(&self) -> Contents {
        self.contents
    }

    /// Its place in its level, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it holds.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether more will come into its place.
    pub fn is_partial(&self) -> bool {
        self.width < FULL_WIDTH
    }

    /// The full tile that takes its place, if it is partial.
    pub fn full(self) -> Self {
        Self {
            width: FULL_WIDTH,
            ..self
        }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.contents {
            Contents::Hashes { level } => write!(f, "tile/{level}/")?,
            Contents::Entries => f.write_str("tile/entries/")?,
        }
        let groups = std::iter::successors(Some(self.index), |&index| {
            Some(index / 1000).filter(|&rest| rest > 0)
        });
        let groups: Vec<u64> = groups.map(|rest| rest % 1000).collect();
        for (place, group) in groups.iter().enumerate().rev() {
            match place {
                0 => write!(f, "{group:03}")?,
                _ => write!(f, "x{group:03}/")?,
            }
        }
        if self.is_partial() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Tile {
    type Err = TilePathError;

    fn from_str(path: &str) -> Result<Self, TilePathError> {
        let parts = path
            .strip_prefix("tile/")
            .and_then(|rest| rest.split_once('/'));
        let (level, rest) = parts.ok_or_else(|| TilePathError::Form(excerpt(path)))?;
        let contents = match level {
            "entries" => Contents::Entries,
            _ => Contents::Hashes {
                level: level_of(level).ok_or_else(|| TilePathError::Level(excerpt(level)))?,
            },
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, FULL_WIDTH),
            Some((index, width)) => {
                let partial = width_of(width);
                let width = partial.ok_or_else(|| TilePathError::Width(excerpt(width)))?;
                (index, width)
            }
        };
        let index = index_of(index).ok_or_else(|| TilePathError::Index(excerpt(index)))?;
        Ok(Self {
            contents,
            index,
            width,
        })
    }
}

fn level_of(text: &str) -> Option<u8> {
    let level = u8::try_from(decimal(text)?).ok()?;
    (level <= MAX_LEVEL).then_some(level)
}

fn width_of(text: &str) -> Option<u16> {
    let width = u16::try_from(decimal(text)?).ok()?;
    (1..FULL_WIDTH).contains(&width).then_some(width)
}

fn index_of(text: &str) -> Option<u64> {
    let mut index: u64 = 0;
    let mut groups = text.split('/').peekable();
    let is_long = text.contains('/');
    while let Some(group) = groups.next() {
        let is_last = groups.peek().is_none();
        let digits = match is_last {
            true => group,
            false => group.strip_prefix('x')?,
        };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        // A first group of zeros would be a second path for the same tile.
        if is_long && index == 0 {
            return None;
        }
    }
    (index <= MAX_INDEX).then_some(index)
}
