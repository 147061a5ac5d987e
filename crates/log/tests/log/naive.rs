//! RFC 6962, section 2.1, as it is written: recursive definitions over lists of leaves. Nothing here is
//! shared with the crate but the type of hashes.

use std::cell::RefCell;
use std::collections::HashMap;

use sha2::{Digest, Sha256};
use tauline_log::tree::Hash;

pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Hash(hasher.finalize().into())
}

pub(crate) fn leaf(entry: &[u8]) -> Hash {
    sha256(&[&[0], entry])
}

fn node(left: Hash, right: Hash) -> Hash {
    sha256(&[&[1], &left.0, &right.0])
}

/// The largest power of two that is smaller than n.
fn k(n: usize) -> usize {
    let mut k = 1;
    while 2 * k < n {
        k *= 2;
    }
    k
}

/// A list of entries, D.
pub(crate) struct Naive {
    entries: Vec<Vec<u8>>,
    known: RefCell<HashMap<(usize, usize), Hash>>,
}

impl Naive {
    pub(crate) fn new(entries: Vec<Vec<u8>>) -> Self {
        let known = RefCell::default();
        Self { entries, known }
    }

    /// MTH(D[from:to])
    pub(crate) fn root(&self, from: usize, to: usize) -> Hash {
        if let Some(hash) = self.known.borrow().get(&(from, to)) {
            return *hash;
        }
        let hash = match to - from {
            0 => sha256(&[]),
            1 => leaf(&self.entries[from]),
            n => node(self.root(from, from + k(n)), self.root(from + k(n), to)),
        };
        self.known.borrow_mut().insert((from, to), hash);
        hash
    }

    /// PATH(m, D[from:to])
    pub(crate) fn path(&self, m: usize, from: usize, to: usize) -> Vec<Hash> {
        let n = to - from;
        if n == 1 {
            return vec![];
        }
        let k = k(n);
        let (mut path, other) = if m < k {
            (self.path(m, from, from + k), self.root(from + k, to))
        } else {
            (self.path(m - k, from + k, to), self.root(from, from + k))
        };
        path.push(other);
        path
    }

    /// PROOF(m, D[n])
    pub(crate) fn proof(&self, m: usize, n: usize) -> Vec<Hash> {
        if m == 0 {
            return vec![];
        }
        self.subproof(m, 0, n, true)
    }

    /// SUBPROOF(m, D[from:to], b)
    fn subproof(&self, m: usize, from: usize, to: usize, b: bool) -> Vec<Hash> {
        let n = to - from;
        if m == n {
            return if b { vec![] } else { vec![self.root(from, to)] };
        }
        let k = k(n);
        let (mut proof, other) = if m <= k {
            (self.subproof(m, from, from + k, b), self.root(from + k, to))
        } else {
            (
                self.subproof(m - k, from + k, to, false),
                self.root(from, from + k),
            )
        };
        proof.push(other);
        proof
    }
}

/// The root that a PATH(m, D[n]) leads to, from a leaf, by the definition read backwards.
pub(crate) fn root_of_path(m: usize, n: usize, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    if m >= n {
        return None;
    }
    if n == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (other, path) = path.split_last()?;
    if m < k(n) {
        Some(node(root_of_path(m, k(n), leaf, path)?, *other))
    } else {
        Some(node(*other, root_of_path(m - k(n), n - k(n), leaf, path)?))
    }
}

/// The old and the new root that a PROOF(m, D[n]) leads to, by the definition read backwards.
pub(crate) fn roots_of_proof(
    m: usize,
    n: usize,
    old: Hash,
    proof: &[Hash],
) -> Option<(Hash, Hash)> {
    if m == 0 || m > n {
        return None;
    }
    roots_of_subproof(m, n, true, old, proof)
}

fn roots_of_subproof(
    m: usize,
    n: usize,
    b: bool,
    old: Hash,
    proof: &[Hash],
) -> Option<(Hash, Hash)> {
    if m == n {
        return match (b, proof) {
            (true, []) => Some((old, old)),
            (false, [hash]) => Some((*hash, *hash)),
            _ => None,
        };
    }
    let (other, proof) = proof.split_last()?;
    let k = k(n);
    if m <= k {
        let (then, now) = roots_of_subproof(m, k, b, old, proof)?;
        Some((then, node(now, *other)))
    } else {
        let (then, now) = roots_of_subproof(m - k, n - k, false, old, proof)?;
        Some((node(*other, then), node(*other, now)))
    }
}
