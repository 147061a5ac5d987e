//! A transparency log, as the [C2SP](https://c2sp.org) specifies it: everything but the files, the
//! network, the clock and the dice.
//!
//! A log is a list that only grows, with a tree of hashes over it (RFC 6962). Its signed root says
//! what is in it; short proofs say that an entry is in the tree, and that one tree is the beginning
//! of another. Witnesses sign the roots that they have found consistent, so that nobody can be
//! shown a list that others do not see. This crate makes all of it and verifies all of it. Seeds of
//! keys and times are passed in, bytes come out, and any program can be a log, a witness or an
//! auditor around it.
//!
//! ```
//! use std::time::Duration;
//! use tauline_log::checkpoint::{Checkpoint, Cosigner};
//! use tauline_log::note::Signer;
//! use tauline_log::policy::{Freshness, Policy};
//! use tauline_log::proof::Proof;
//! use tauline_log::tree::{Tree, leaf_hash};
//!
//! // The log: an entry, the tree, a checkpoint of it.
//! let log = Signer::from_seed("example.com/log".parse()?, &[1; 32]);
//! let mut tree = Tree::new();
//! let index = tree.push("Ada joined");
//! tree.push("Bob joined");
//! let checkpoint = Checkpoint::new("example.com/log".parse()?, tree.head()).sign(&log)?;
//!
//! // A witness, which has seen nothing larger.
//! let witness = Cosigner::from_seed("witness.example".parse()?, &[2; 32]);
//! let now = 1_790_000_000;
//! let checkpoint = checkpoint.clone().with(witness.cosign(checkpoint.unverified(), now)?)?;
//!
//! // What Ada keeps.
//! let hashes = tree.snapshot().inclusion(index)?;
//! let proof = Proof { extra: None, index, hashes, checkpoint }.to_string();
//!
//! // Whoever she shows it to, years later, without a network: they know whom they trust.
//! let policy = format!(
//!     "log {}\nwitness w {}\nquorum w\n",
//!     log.verifier_key(),
//!     witness.verifier_key()
//! );
//! let policy = Policy::parse(policy.as_bytes())?;
//! let proof = Proof::parse(proof.as_bytes())?;
//! let verdict = proof.verify_by(&leaf_hash("Ada joined"), &policy, None)?;
//! assert_eq!(verdict.checkpoint().tree.size, 2);
//!
//! // That this is the newest state, she cannot show: the cosignature is too old for that.
//! let freshness = Freshness { now: now + 3600, max_age: Duration::from_secs(600) };
//! assert!(!policy.judge(&proof.checkpoint, Some(freshness))?.is_quorum());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | module | holds | specification |
//! |---|---|---|
//! | [`tree`] | trees, their roots at every size, proofs and their verification | RFC 6962, RFC 9162 |
//! | [`note`] | texts with signatures, and keys | [signed-note](https://c2sp.org/signed-note) |
//! | [`checkpoint`] | a log's word on its size and root; cosignatures | [tlog-checkpoint](https://c2sp.org/tlog-checkpoint), [tlog-cosignature](https://c2sp.org/tlog-cosignature) |
//! | [`tile`] | the log as files: hashes, entries, and their paths | [tlog-tiles](https://c2sp.org/tlog-tiles) |
//! | [`witness`] | a request for a cosignature, and the decision on it | [tlog-witness](https://c2sp.org/tlog-witness) |
//! | [`proof`] | a proof to keep | [tlog-proof](https://c2sp.org/tlog-proof) |
//! | [`policy`] | whom somebody trusts, and who makes a quorum | [tlog-policy](https://c2sp.org/tlog-policy) |
//!
//! # What a log has to do
//!
//! * Make entries durable, then the tree, and sign only then; compare with the last checkpoint that
//!   was signed and replace it in one atomic, durable step, in a place that no backup restores;
//!   publish the tiles, then the checkpoint; and only then let anything out that relies on it. A
//!   log that signs two trees of which neither is the beginning of the other has ended.
//! * Compute [leaf hashes](tree::leaf_hash) from the stored bytes, before it signs: one flipped bit
//!   in a hash that was kept is a fork.
//! * Serve the partial tiles of every size with a checkpoint, at least until the full ones are
//!   there.
//!
//! # What an auditor has to do
//!
//! * Keep the last head that was verified, and [verify](tree::TreeHead::verify_consistency) that
//!   the next one continues it.
//! * Read all entries, and compute the root from them with a [`Frontier`](tree::Frontier): that
//!   trees are consistent does not show that tiles, bundles and root belong together.
//! * Ask for [fresh](policy::Freshness) cosignatures. What is old may be a view that is kept for
//!   it.
//!
//! # What comes from outside
//!
//! Every decoder takes bytes that may be hostile: it does not panic, its work is bounded by a
//! length that it refuses to exceed, and its errors say what is wrong and on which line. It is
//! strict: what it accepts has one encoding, so what was read is written again byte for byte. (A
//! [policy](policy::Policy::to_bytes) is written by people; its comments and spaces are dropped.)
//! What was only read says nothing: a text becomes something to rely on by
//! [`SignedCheckpoint::verify`](checkpoint::SignedCheckpoint::verify),
//! [`Policy::judge`](policy::Policy::judge) or [`Proof::verify`](proof::Proof::verify).
//!
//! Signatures are verified strictly (`verify_strict` of ed25519-dalek), and keys that verify what
//! nobody signed are refused. Secret keys are zeroed when dropped. Signatures are deterministic, so
//! a lost one is made again, byte for byte.
//!
//! # What is not here
//!
//! Signatures with ML-DSA (type 06), which the specifications recommend for new logs: their keys
//! are refused, and signatures by them passed over, as by any unknown key. Cosigned subtrees.
//! Extension lines are read and kept, and never written by
//! [`Checkpoint::new`](checkpoint::Checkpoint::new).
//!
//! # Cost
//!
//! Appending takes two hashes on the average, a root or a proof O(log n), with n entries. A
//! [`Tree`](tree::Tree) takes 64 bytes an entry, a [`Frontier`](tree::Frontier) 32 bytes for each
//! bit of n. `cargo run --release -p tauline-log --example cost` measures it.
#![cfg_attr(test, allow(clippy::unwrap_used))]

/// The examples of the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod decode;
mod hash;
mod lines;

pub mod checkpoint;
pub mod note;
pub mod policy;
pub mod proof;
pub mod tile;
pub mod tree;
pub mod witness;
