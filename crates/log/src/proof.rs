//! Proofs to keep: that an entry is in a log, for whoever is offline
//! ([tlog-proof](https://c2sp.org/tlog-proof)).
//!
//! ```
//! use tauline_log::checkpoint::Checkpoint;
//! use tauline_log::note::Signer;
//! use tauline_log::proof::Proof;
//! use tauline_log::tree::{Tree, leaf_hash};
//!
//! let mut tree = Tree::new();
//! tree.push("joined");
//! tree.push("called");
//! let log = Signer::from_seed("example.com/log".parse()?, &[1; 32]);
//! let proof = Proof {
//!     extra: None,
//!     index: 1,
//!     hashes: tree.snapshot().inclusion(1)?,
//!     checkpoint: Checkpoint::new("example.com/log".parse()?, tree.head()).sign(&log)?,
//! };
//! let kept = proof.to_string();
//! assert!(kept.starts_with("c2sp.org/tlog-proof@v1\nindex 1\n"));
//!
//! let proof = Proof::parse(kept.as_bytes())?;
//! let keys = [log.verifier_key().clone()];
//! assert_eq!(proof.verify(&leaf_hash("called"), &keys)?.tree.size, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use crate::checkpoint::{Checkpoint, SignedCheckpoint, SignedCheckpointError, UntrustedError};
use crate::decode::{base64, decimal, excerpt, to_base64};
use crate::hash::{Hash, HashError};
use crate::lines::{hashes, split_head};
use crate::note::{MAX_NOTE_LEN, VerifierKey};
use crate::policy::{Freshness, Policy, PolicyVerdict};
use crate::tree::ProofError;

/// The first line of a proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Hashes that a proof may have: a tree of fewer than 2⁶⁴ leaves has no longer path.
const MAX_HASHES: usize = 64;

/// That an entry is in a log: its place, the way to the root, and the checkpoint with that root.
///
/// Its [`Display`](fmt::Display) is the file `….tlog-proof`, and gives the bytes that it was read
/// from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whatever the application adds. It is not signed by anybody. If it is there, it is not empty.
    pub extra: Option<Vec<u8>>,
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// From the sibling of the leaf up.
    pub hashes: Vec<Hash>,
    /// The log's word on its root, with the cosignatures that came with it.
    pub checkpoint: SignedCheckpoint,
}

/// Why bytes are not a proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofTextError {
    /// More bytes than a proof may have.
    #[error("the proof has {} bytes; it may have {}", .0, Proof::MAX_LEN)]
    TooLong(usize),
    /// No lines in UTF-8 before an empty one.
    #[error("the proof has no lines in UTF-8, an empty line and a checkpoint")]
    NoHead,
    /// Another first line.
    #[error("line 1 of the proof is \"{0}\", not \"{HEADER}\"")]
    Header(String),
    /// The extra data is empty, or not in base64.
    #[error("line 2 of the proof: no data in base64 after \"extra \"")]
    Extra,
    /// No index.
    #[error(
        "line {line} of the proof: \"{found}\" is not \"index\", a space and a number in decimal, \
         without leading zeros"
    )]
    Index {
        /// The line, from 1.
        line: usize,
        /// What is there.
        found: String,
    },
    /// A line is no hash.
    #[error("line {line} of the proof: {error}")]
    Hash {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: HashError,
    },
    /// More hashes than any proof has.
    #[error("the proof has {0} hashes; it may have {MAX_HASHES}")]
    TooManyHashes(usize),
    /// What follows is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] SignedCheckpointError),
}

/// Why a proof shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnprovenError {
    /// The checkpoint is not to be believed.
    #[error(transparent)]
    Untrusted(#[from] UntrustedError),
    /// Too few witnesses have cosigned it, or too long ago.
    #[error("the checkpoint is not cosigned as the policy asks")]
    NoQuorum,
    /// The entry is not in the tree, or not there.
    #[error(transparent)]
    NotIncluded(#[from] ProofError),
}

impl Proof {
    /// Bytes that a proof may have: room for extra data and hashes, and the longest note.
    pub const MAX_LEN: usize = 128 * 1024 + MAX_NOTE_LEN;

    /// Reads a proof.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofTextError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(ProofTextError::TooLong(bytes.len()));
        }
        let (head, checkpoint) = split_head(bytes).ok_or(ProofTextError::NoHead)?;
        let mut lines = head.split_terminator('\n').peekable();
        let header = lines.next().unwrap_or_default();
        if header != HEADER {
            return Err(ProofTextError::Header(excerpt(header)));
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let extra = extra.map(|line| {
            let data = base64(&line["extra ".len()..]);
            data.filter(|data| !data.is_empty())
                .ok_or(ProofTextError::Extra)
        });
        let extra = extra.transpose()?;
        let line = 2 + usize::from(extra.is_some());
        let found = lines.next().unwrap_or_default();
        let index = found.strip_prefix("index ").and_then(decimal);
        let index = index.ok_or_else(|| ProofTextError::Index {
            line,
            found: excerpt(found),
        })?;
        let count = lines.clone().count();
        if count > MAX_HASHES {
            return Err(ProofTextError::TooManyHashes(count));
        }
        let hashes = hashes(lines, line + 1)
            .map_err(|(line, error)| ProofTextError::Hash { line, error })?;
        Ok(Self {
            extra,
            index,
            hashes,
            checkpoint: SignedCheckpoint::parse(checkpoint)?,
        })
    }

    /// Verifies that the entry with this hash is in the log of one of these keys, and gives the
    /// checkpoint that says so. Cosignatures are not looked at.
    pub fn verify(&self, leaf: &Hash, keys: &[VerifierKey]) -> Result<&Checkpoint, UnprovenError> {
        let checkpoint = self.checkpoint.verify(keys)?;
        self.is_in(checkpoint, leaf)?;
        Ok(checkpoint)
    }

    /// Verifies that the entry with this hash is in a log of the policy, and that its checkpoint is
    /// cosigned as the policy asks.
    pub fn verify_by<'a>(
        &'a self,
        leaf: &Hash,
        policy: &'a Policy,
        freshness: Option<Freshness>,
    ) -> Result<PolicyVerdict<'a>, UnprovenError> {
        let verdict = policy.judge(&self.checkpoint, freshness)?;
        if !verdict.is_quorum() {
            return Err(UnprovenError::NoQuorum);
        }
        self.is_in(verdict.checkpoint(), leaf)?;
        Ok(verdict)
    }

    fn is_in(&self, checkpoint: &Checkpoint, leaf: &Hash) -> Result<(), ProofError> {
        let tree = checkpoint.tree;
        tree.verify_inclusion(self.index, leaf, &self.hashes)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", to_base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes
            .iter()
            .try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
