//! Checkpoints: a log's signed word on how large it is and what its root is
//! ([tlog-checkpoint](https://c2sp.org/tlog-checkpoint)), and the cosignatures of witnesses
//! ([tlog-cosignature](https://c2sp.org/tlog-cosignature)).
//!
//! ```
//! use tauline_log::checkpoint::{Checkpoint, Cosigner, SignedCheckpoint};
//! use tauline_log::note::Signer;
//! use tauline_log::tree::Tree;
//!
//! let mut tree = Tree::new();
//! tree.push("joined");
//! let log = Signer::from_seed("example.com/log".parse()?, &[1; 32]);
//! let signed = Checkpoint::new("example.com/log".parse()?, tree.head()).sign(&log)?;
//!
//! // A witness that found it consistent with what it saw before says so, and when.
//! let witness = Cosigner::from_seed("witness.example".parse()?, &[2; 32]);
//! let cosignature = witness.cosign(signed.unverified(), 1_790_000_000)?;
//! let bytes = signed.with(cosignature)?.to_string();
//!
//! let read = SignedCheckpoint::parse(bytes.as_bytes())?;
//! let checkpoint = read.verify(&[log.verifier_key().clone()])?;
//! assert_eq!(checkpoint.tree, tree.head());
//! let cosigned = read.cosignatures(&[witness.verifier_key().clone()])?;
//! assert_eq!(cosigned[0].time, 1_790_000_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod cosigner;
mod signed;

pub use body::{Checkpoint, CheckpointError, Origin, OriginError};
pub use cosigner::{Cosigner, TimeError};
pub use signed::{Cosigned, SignError, SignedCheckpoint, SignedCheckpointError, UntrustedError};
