//! What a tree amounts to, and what can be proved of it to somebody who knows no more.

use crate::hash::{Hash, node_hash};

/// Size and root of a tree.
///
/// # A root does not bind the size
///
/// A proof binds what it shows to the root, and the signature of a checkpoint binds root and size to
/// each other. Given a wrong size beside the right root, some proofs verify that should be refused:
/// those for which both sizes lead along the same path. So both must come from one checkpoint whose
/// signature was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// How many leaves the tree has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// Why there is no proof, or why one shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The tree was never that large.
    #[error("there is no tree of size {asked} yet: it has {size} leaves")]
    SizeNotReached {
        /// The size that was asked for.
        asked: u64,
        /// The tree's.
        size: u64,
    },
    /// The index is beyond the tree.
    #[error("a tree of size {size} has no leaf {index}")]
    NoSuchLeaf {
        /// The index that was asked for, from 0.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The tree that should be newer is smaller.
    #[error("a tree of size {new} cannot have grown from one of size {old}")]
    Shrunk {
        /// The older size.
        old: u64,
        /// The newer size.
        new: u64,
    },
    /// The proof has more or fewer hashes than every proof between these places.
    #[error("the proof must have {expected} hashes and has {found}")]
    Length {
        /// How many it must have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to the root {computed}, not to {root}")]
    Root {
        /// Where it leads.
        computed: Hash,
        /// Where it should lead.
        root: Hash,
    },
    /// The proof starts from another old root, or two trees of one size have different roots.
    #[error("the proof starts from the root {computed}, not from {root}")]
    OldRoot {
        /// Where it starts.
        computed: Hash,
        /// Where it should start.
        root: Hash,
    },
}

impl TreeHead {
    /// The tree without leaves.
    pub const EMPTY: Self = Self {
        size: 0,
        root: Hash::OF_EMPTY_TREE,
    };

    /// Verifies that this tree's leaf at `index` has this hash (RFC 9162, section 2.1.3.2).
    pub fn verify_inclusion(
        &self,
        index: u64,
        leaf: &Hash,
        proof: &[Hash],
    ) -> Result<(), ProofError> {
        let size = self.size;
        if index >= size {
            return Err(ProofError::NoSuchLeaf { index, size });
        }
        let path = Path {
            node: index,
            last: size - 1,
        };
        has_length(proof, path.len())?;
        let mut computed = *leaf;
        path.climb(proof, |side, hash| match side {
            Side::Left => computed = node_hash(hash, &computed),
            Side::Right => computed = node_hash(&computed, hash),
        });
        same(computed, self.root, |computed, root| ProofError::Root {
            computed,
            root,
        })
    }

    /// Verifies that `old` is the beginning of this tree (RFC 9162, section 2.1.4.2).
    ///
    /// The proof is empty if `old` is empty, or of this size.
    pub fn verify_consistency(&self, old: &Self, proof: &[Hash]) -> Result<(), ProofError> {
        let wrong_old = |computed, root| ProofError::OldRoot { computed, root };
        if old.size > self.size {
            return Err(ProofError::Shrunk {
                old: old.size,
                new: self.size,
            });
        }
        if old.size == 0 {
            has_length(proof, 0)?;
            return same(Hash::OF_EMPTY_TREE, old.root, wrong_old);
        }
        if old.size == self.size {
            has_length(proof, 0)?;
            return same(self.root, old.root, wrong_old);
        }
        // From the largest full subtree that ends where the old tree ends. If that is the old tree
        // itself, its root is not repeated in the proof.
        let shift = old.size.trailing_zeros();
        let path = Path {
            node: (old.size - 1) >> shift,
            last: (self.size - 1) >> shift,
        };
        let is_whole = old.size.is_power_of_two();
        has_length(proof, path.len() + usize::from(!is_whole))?;
        let (start, rest) = match proof.split_first() {
            Some((first, rest)) if !is_whole => (*first, rest),
            _ => (old.root, proof),
        };
        let (mut then, mut now) = (start, start);
        path.climb(rest, |side, hash| match side {
            Side::Left => {
                then = node_hash(hash, &then);
                now = node_hash(hash, &now);
            }
            Side::Right => now = node_hash(&now, hash),
        });
        same(then, old.root, wrong_old)?;
        same(now, self.root, |computed, root| ProofError::Root {
            computed,
            root,
        })
    }
}

/// The way from a node up to the root, in a level whose last node is `last`.
#[derive(Clone, Copy)]
struct Path {
    node: u64,
    last: u64,
}

/// On which side of the path a sibling is.
enum Side {
    Left,
    Right,
}

impl Path {
    /// How many siblings there are on the way: one in each level below the one where the path joins
    /// that of the last node, and above it one wherever the path is a right child.
    fn len(self) -> usize {
        let below = u64::BITS - (self.node ^ self.last).leading_zeros();
        let above = self.node.checked_shr(below).unwrap_or(0).count_ones();
        (below + above) as usize
    }

    /// Tells the siblings and their sides, from below. There are [`len`](Self::len) of them.
    fn climb(self, siblings: &[Hash], mut join: impl FnMut(Side, &Hash)) {
        let Self { mut node, mut last } = self;
        for sibling in siblings {
            if node == last {
                // The last node of a level has no right sibling: it rises until it is a right child.
                let rise = node.trailing_zeros();
                node = node.checked_shr(rise).unwrap_or(0);
                last = last.checked_shr(rise).unwrap_or(0);
            }
            join(
                if node % 2 == 1 {
                    Side::Left
                } else {
                    Side::Right
                },
                sibling,
            );
            node >>= 1;
            last >>= 1;
        }
    }
}

fn has_length(proof: &[Hash], expected: usize) -> Result<(), ProofError> {
    let found = proof.len();
    if found == expected {
        Ok(())
    } else {
        Err(ProofError::Length { expected, found })
    }
}

fn same(
    computed: Hash,
    root: Hash,
    error: impl FnOnce(Hash, Hash) -> ProofError,
) -> Result<(), ProofError> {
    if computed == root {
        Ok(())
    } else {
        Err(error(computed, root))
    }
}
