//! Witnesses: who keeps a log from showing different people different trees
//! ([tlog-witness](https://c2sp.org/tlog-witness)).
//!
//! A log sends a [`AddCheckpoint`]: the checkpoint it wants cosigned, and the proof that the tree
//! which the witness saw last is its beginning. What the witness makes of it is [`decide`], a pure
//! function. Around it belongs what this crate has not: requests over HTTP, and a store.
//!
//! # What a witness has to do around `decide`
//!
//! Look up what it cosigned last, decide, and store the new state *in one atomic step*, durable
//! before it answers; only then [cosign](crate::checkpoint::Cosigner::cosign). Two requests that
//! are decided on the same state, one after the other, would roll the log back.
//!
//! ```
//! use tauline_log::checkpoint::{Checkpoint, Cosigner};
//! use tauline_log::note::Signer;
//! use tauline_log::tree::{Tree, TreeHead};
//! use tauline_log::witness::{self, AddCheckpoint, KnownLog};
//!
//! // The log grew from 1 entry, which the witness knows, to 2.
//! let mut tree = Tree::new();
//! tree.push("joined");
//! let seen = tree.head();
//! tree.push("called");
//! let log = Signer::from_seed("example.com/log".parse()?, &[1; 32]);
//! let signed = Checkpoint::new("example.com/log".parse()?, tree.head()).sign(&log)?;
//! let request = AddCheckpoint {
//!     old: 1,
//!     proof: tree.snapshot().consistency_from(1)?,
//!     checkpoint: signed.clone(),
//! };
//! let body = request.to_string();
//!
//! // The witness.
//! let request = AddCheckpoint::parse(body.as_bytes())?;
//! let keys = [log.verifier_key().clone()];
//! let known = KnownLog { keys: &keys, latest: seen };
//! let new: TreeHead = witness::decide(&request, Some(known))?;
//! assert_eq!(new, tree.head());
//! let cosigner = Cosigner::from_seed("witness.example".parse()?, &[2; 32]);
//! let cosignature = cosigner.cosign(request.checkpoint.unverified(), 1_790_000_000)?;
//! let answer = witness::signatures_to_text(&[cosignature]);
//!
//! // The log adds what the witness answered.
//! let witnesses = [cosigner.verifier_key().clone()];
//! let answer = witness::signatures_from_text(&answer)?;
//! let cosigned = signed.with_cosignatures(&answer, &witnesses)?;
//! assert_eq!(cosigned.cosignatures(&witnesses)?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decision;
mod request;

pub use decision::{KnownLog, Refusal, decide};
pub use request::{
    AddCheckpoint, AddCheckpointError, AnswerError, MAX_PROOF_LINES, SIZE_CONTENT_TYPE,
    monitoring_path, signatures_from_text, signatures_to_text, size_from_text, size_to_text,
};
