//! Merkle trees as RFC 6962 has them: roots of every size, proofs, and their verification.
//!
//! A [`Tree`] keeps every hash it has computed, so it can say what it was at any size and prove it.
//! A [`Frontier`] keeps only what the next root needs.
//!
//! ```
//! use tauline_log::tree::{Tree, leaf_hash};
//!
//! let mut tree = Tree::new();
//! for entry in ["joined", "called", "started"] {
//!     tree.push(entry);
//! }
//! let before = tree.head();
//! tree.push("contributed");
//! let now = tree.snapshot();
//!
//! // Whoever holds the two heads can verify that the log only grew, and what is in it.
//! now.head().verify_consistency(&before, &now.consistency_from(3)?)?;
//! now.head().verify_inclusion(1, &leaf_hash("called"), &now.inclusion(1)?)?;
//! # Ok::<(), tauline_log::tree::ProofError>(())
//! ```

mod frontier;
mod head;

pub use crate::hash::{Hash, HashError, leaf_hash, node_hash};
pub use frontier::{Frontier, FrontierError};
pub use head::{ProofError, TreeHead};

/// A tree that grows at its end, with all of its hashes.
///
/// It takes 64 bytes a leaf, and up to twice that while its lists have room to grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The leaves, and above them in each level the nodes that stand over full pairs.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of leaves whose hashes are known, as those of a level 0 of tiles are.
    pub fn from_leaf_hashes(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut tree = Self::new();
        tree.extend(leaves);
        tree
    }

    /// Appends an entry, and gives its index.
    pub fn push(&mut self, entry: impl AsRef<[u8]>) -> u64 {
        self.push_hash(leaf_hash(entry))
    }

    /// Appends a leaf whose hash is known, and gives its index.
    pub fn push_hash(&mut self, leaf: Hash) -> u64 {
        let index = self.size();
        let mut hash = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(hash);
            if nodes.len() % 2 == 1 {
                break;
            }
            hash = node_hash(&nodes[nodes.len() - 2], &hash);
        }
        index
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The hash of a leaf.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        self.node(0, index)
    }

    /// The root over `2^level` leaves from `index · 2^level` on, if there are as many.
    pub(crate) fn node(&self, level: usize, index: u64) -> Option<Hash> {
        let index = usize::try_from(index).ok()?;
        self.levels.get(level)?.get(index).copied()
    }

    /// The tree as it is.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            tree: self,
            size: self.size(),
        }
    }

    /// The tree as it was when it had this many leaves.
    pub fn at(&self, size: u64) -> Result<Snapshot<'_>, ProofError> {
        if size > self.size() {
            return Err(ProofError::SizeNotReached {
                asked: size,
                size: self.size(),
            });
        }
        Ok(Snapshot { tree: self, size })
    }

    /// Size and root as they are.
    pub fn head(&self) -> TreeHead {
        self.snapshot().head()
    }
}

impl Extend<Hash> for Tree {
    /// Appends leaves whose hashes are known.
    fn extend<T: IntoIterator<Item = Hash>>(&mut self, leaves: T) {
        for leaf in leaves {
            self.push_hash(leaf);
        }
    }
}

/// A tree as it was, or is, at one size.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    tree: &'a Tree,
    size: u64,
}

impl Snapshot<'_> {
    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its root.
    pub fn root(&self) -> Hash {
        if self.size == 0 {
            return Hash::OF_EMPTY_TREE;
        }
        self.root_over(0, self.size)
    }

    /// Its size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead {
            size: self.size,
            root: self.root(),
        }
    }

    /// The root over `2^level` leaves from `index · 2^level` on, if they are all in it.
    pub(crate) fn node(&self, level: u32, index: u64) -> Option<Hash> {
        let end = (u128::from(index) + 1).checked_shl(level)?;
        let is_in = level < u64::BITS && end <= u128::from(self.size);
        is_in.then(|| self.tree.node(level as usize, index))?
    }

    /// The hashes that show that the leaf at `index` is in it, from its sibling up (RFC 6962, section
    /// 2.1.1).
    pub fn inclusion(&self, index: u64) -> Result<Vec<Hash>, ProofError> {
        if index >= self.size {
            return Err(ProofError::NoSuchLeaf {
                index,
                size: self.size,
            });
        }
        let (mut from, mut to) = (0, self.size);
        let mut proof = Vec::new();
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                proof.push(self.root_over(middle, to));
                to = middle;
            } else {
                proof.push(self.root_over(from, middle));
                from = middle;
            }
        }
        proof.reverse();
        Ok(proof)
    }

    /// The hashes that show that the tree of size `old` is the beginning of it (RFC 6962, section
    /// 2.1.2). Empty if there is nothing to show: for an `old` of 0, or of its own size.
    pub fn consistency_from(&self, old: u64) -> Result<Vec<Hash>, ProofError> {
        if old > self.size {
            return Err(ProofError::Shrunk {
                old,
                new: self.size,
            });
        }
        let mut proof = Vec::new();
        if old == 0 {
            return Ok(proof);
        }
        let (mut from, mut to) = (0, self.size);
        while old < to {
            let middle = from + split(to - from);
            if old <= middle {
                proof.push(self.root_over(middle, to));
                to = middle;
            } else {
                proof.push(self.root_over(from, middle));
                from = middle;
            }
        }
        // If the old tree is a subtree itself, its root is known to whoever asks.
        if from > 0 {
            proof.push(self.root_over(from, to));
        }
        proof.reverse();
        Ok(proof)
    }

    /// The root over the leaves of a subtree that [`split`] led to: its beginning is a multiple of a
    /// power of two that it does not exceed. Full subtrees are known, the largest first, and joined
    /// from the right.
    fn root_over(&self, from: u64, to: u64) -> Hash {
        let mut end = to;
        let mut root: Option<Hash> = None;
        while end > from {
            let level = (end - from).trailing_zeros();
            end -= 1 << level;
            let node = self.tree.levels[level as usize][(end >> level) as usize];
            root = Some(root.map_or(node, |right| node_hash(&node, &right)));
        }
        root.unwrap_or(Hash::OF_EMPTY_TREE)
    }
}

/// The largest power of two below a number of leaves, which is at least 2: a tree's left half.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}
