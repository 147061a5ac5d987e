//! What a witness makes of a request.

use crate::checkpoint::UntrustedError;
use crate::hash::Hash;
use crate::note::VerifierKey;
use crate::tree::{ProofError, TreeHead};
use crate::witness::request::AddCheckpoint;

/// What a witness has on the log that a request is about.
#[derive(Clone, Copy, Debug)]
pub struct KnownLog<'a> {
    /// The keys that sign its checkpoints.
    pub keys: &'a [VerifierKey],
    /// What it cosigned last; before that, [`TreeHead::EMPTY`].
    pub latest: TreeHead,
}

/// Why a witness does not cosign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The log is not one of those that it witnesses, or none of its keys has signed, or wrongly.
    #[error(transparent)]
    Untrusted(#[from] UntrustedError),
    /// The request wants to go back.
    #[error("the old size {old} is larger than the checkpoint's, {new}")]
    OldIsLarger {
        /// The request's old size.
        old: u64,
        /// The checkpoint's.
        new: u64,
    },
    /// The request does not start where the witness is. It can be sent anew with a proof from
    /// there.
    #[error("the witness holds a tree of size {latest}, not {old}")]
    Conflict {
        /// The request's old size.
        old: u64,
        /// What the witness holds.
        latest: u64,
    },
    /// The tree is not shown to be what the witness saw, or its continuation. As the signature was
    /// verified, this may be evidence against the log.
    #[error(transparent)]
    Inconsistent(#[from] ProofError),
}

impl Refusal {
    /// The status code of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Untrusted(UntrustedError::UnknownLog(_)) => 404,
            Self::Untrusted(UntrustedError::Signature { .. }) => 403,
            Self::OldIsLarger { .. } => 400,
            Self::Conflict { .. } => 409,
            Self::Inconsistent(_) => 422,
        }
    }
}

/// Decides on a request, given what is known of the log with its
/// [origin](crate::checkpoint::Checkpoint::origin), and gives what to store as the latest of that
/// log before anything is cosigned.
///
/// The checks and their order are those of [tlog-witness](https://c2sp.org/tlog-witness),
/// add-checkpoint.
pub fn decide(request: &AddCheckpoint, log: Option<KnownLog<'_>>) -> Result<TreeHead, Refusal> {
    let claimed = request.checkpoint.unverified();
    let Some(KnownLog { keys, latest }) = log else {
        return Err(UntrustedError::UnknownLog(claimed.origin.clone()).into());
    };
    let new = request.checkpoint.verify(keys)?.tree;
    let old = request.old;
    if old > new.size {
        let new = new.size;
        return Err(Refusal::OldIsLarger { old, new });
    }
    if old != latest.size {
        let latest = latest.size;
        return Err(Refusal::Conflict { old, latest });
    }
    // There is one empty tree, whether the witness has seen the log before or not.
    if new.size == 0 && new.root != Hash::OF_EMPTY_TREE {
        let (computed, root) = (Hash::OF_EMPTY_TREE, new.root);
        return Err(ProofError::Root { computed, root }.into());
    }
    new.verify_consistency(&latest, &request.proof)?;
    Ok(new)
}
