//! A tree of which only the right edge is kept.

use crate::hash::{Hash, leaf_hash, node_hash};
use crate::tree::head::TreeHead;

/// A tree that grows at its end, of which only what the next root needs is kept: at most 64 hashes.
///
/// For whoever reads a log from its beginning, however long, and compares roots on the way.
///
/// ```
/// use tauline_log::tree::{Frontier, Tree};
///
/// let (mut tree, mut frontier) = (Tree::new(), Frontier::new());
/// for entry in ["joined", "called", "started"] {
///     tree.push(entry);
///     frontier.push(entry);
///     assert_eq!(frontier.head(), tree.head());
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of full subtrees, one for each bit of the size, the largest first.
    roots: Vec<Hash>,
}

/// Hashes are not those of a tree's right edge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves has {} full subtrees, not {found}", size.count_ones())]
pub struct FrontierError {
    size: u64,
    found: usize,
}

impl Frontier {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree that was put away by its [`size`](Self::size) and [`subtrees`](Self::subtrees).
    pub fn from_subtrees(size: u64, subtrees: Vec<Hash>) -> Result<Self, FrontierError> {
        if subtrees.len() != size.count_ones() as usize {
            let found = subtrees.len();
            return Err(FrontierError { size, found });
        }
        Ok(Self {
            size,
            roots: subtrees,
        })
    }

    /// Appends an entry.
    pub fn push(&mut self, entry: impl AsRef<[u8]>) {
        self.push_hash(leaf_hash(entry));
    }

    /// Appends a leaf whose hash is known.
    ///
    /// # Panics
    ///
    /// After 2⁶⁴ − 1 leaves.
    pub fn push_hash(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.roots.pop().expect("a subtree for each bit");
            hash = node_hash(&left, &hash);
        }
        self.roots.push(hash);
        self.size = self.size.checked_add(1).expect("fewer than 2^64 leaves");
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let mut from_right = self.roots.iter().rev().copied();
        let last = from_right.next().unwrap_or(Hash::OF_EMPTY_TREE);
        from_right.fold(last, |right, left| node_hash(&left, &right))
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead {
            size: self.size(),
            root: self.root(),
        }
    }

    /// The roots of the full subtrees that make up the tree, the largest first.
    pub fn subtrees(&self) -> &[Hash] {
        &self.roots
    }
}
