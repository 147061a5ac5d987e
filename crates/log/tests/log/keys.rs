//! A log and three witnesses, by their seeds.

use tauline_log::checkpoint::{Checkpoint, Cosigner, Origin, SignedCheckpoint};
use tauline_log::note::{Signer, VerifierKey};
use tauline_log::tree::{Tree, TreeHead, leaf_hash};

/// When cosignatures are made, in Unix seconds.
pub(crate) const TIME: u64 = 1_790_000_000;

pub(crate) fn log() -> Signer {
    Signer::from_seed("example.com/log".parse().unwrap(), &[1; 32])
}

pub(crate) fn log_keys() -> Vec<VerifierKey> {
    vec![log().verifier_key().clone()]
}

pub(crate) fn origin() -> Origin {
    "example.com/log".parse().unwrap()
}

/// The names of the witnesses.
pub(crate) const WITNESSES: [&str; 3] = ["north.example", "south.example", "west.example"];

pub(crate) fn witness(name: &str) -> Cosigner {
    let seed = 2 + WITNESSES.iter().position(|known| *known == name).unwrap();
    Cosigner::from_seed(name.parse().unwrap(), &[u8::try_from(seed).unwrap(); 32])
}

/// The tree of the entries `0` to size - 1, written in decimal.
pub(crate) fn tree(size: u64) -> Tree {
    Tree::from_leaf_hashes((0..size).map(|n| leaf_hash(n.to_string())))
}

pub(crate) fn signed(head: TreeHead) -> SignedCheckpoint {
    Checkpoint::new(origin(), head).sign(&log()).unwrap()
}

/// With a cosignature of each of these, at these times.
pub(crate) fn cosigned(head: TreeHead, by: &[(&str, u64)]) -> SignedCheckpoint {
    by.iter().fold(signed(head), |signed, &(name, time)| {
        let cosignature = witness(name).cosign(signed.unverified(), time).unwrap();
        signed.with(cosignature).unwrap()
    })
}
