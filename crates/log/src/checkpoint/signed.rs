//! A checkpoint with its signatures.

use std::fmt;

use crate::checkpoint::body::{Checkpoint, CheckpointError, Origin};
use crate::note::{KeyName, Kind, Note, NoteError, Signature, Signer, VerifierKey, VerifyError};

/// A checkpoint with its signatures, of which nothing is known until it is
/// [verified](SignedCheckpoint::verify).
///
/// Its [`Display`](fmt::Display) gives the bytes that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

/// Why bytes are not a signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedCheckpointError {
    /// They are not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note's text is not that of a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Why a checkpoint is not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key has another name than the log.
    #[error("the key of {key} does not sign checkpoints of {origin}: the names are to be the same")]
    OtherLog {
        /// The key's name.
        key: KeyName,
        /// The log.
        origin: Origin,
    },
    /// The note would not be one.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Why a checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UntrustedError {
    /// There is no key for this log.
    #[error("no key is known for the log {0}")]
    UnknownLog(Origin),
    /// No signature by a key of the log, or a wrong one.
    #[error("the checkpoint of {origin}: {error}")]
    Signature {
        /// The log.
        origin: Origin,
        /// What is wrong.
        error: VerifyError,
    },
}

/// A cosignature that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cosigned<'a> {
    /// The witness's key.
    pub key: &'a VerifierKey,
    /// When the witness had seen no larger consistent tree, in Unix seconds, by its own clock.
    pub time: u64,
    /// The cosignature.
    pub signature: &'a Signature,
}

impl Checkpoint {
    /// Signs what the log says of itself. Never sign one that is inconsistent with one signed before.
    pub fn sign(self, signer: &Signer) -> Result<SignedCheckpoint, SignError> {
        let key = signer.verifier_key().name();
        if self.origin != *key {
            return Err(SignError::OtherLog {
                key: key.clone(),
                origin: self.origin,
            });
        }
        let note = Note::signed(self.to_string(), signer)?;
        Ok(SignedCheckpoint {
            checkpoint: self,
            note,
        })
    }
}

impl SignedCheckpoint {
    /// Reads a checkpoint with its signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignedCheckpointError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { checkpoint, note })
    }

    /// What it says, if it can be believed, which is not known yet.
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note: the text as it is signed, and all signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// What it says, if a key of its log has signed it: one of [`Kind::Ed25519`] whose name is the
    /// origin. Signatures of other keys are passed over.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<&Checkpoint, UntrustedError> {
        let origin = &self.checkpoint.origin;
        let of_log = |key: &&VerifierKey| key.kind() == Kind::Ed25519 && origin == key.name();
        let keys: Vec<VerifierKey> = keys.iter().filter(of_log).cloned().collect();
        if keys.is_empty() {
            return Err(UntrustedError::UnknownLog(origin.clone()));
        }
        self.note
            .verify(&keys)
            .map_err(|error| UntrustedError::Signature {
                origin: origin.clone(),
                error,
            })?;
        Ok(&self.checkpoint)
    }

    /// The cosignatures of known witnesses, in their order. There may be none, and several of one
    /// witness; if one of them is wrong, the checkpoint is not to be believed.
    pub fn cosignatures<'a>(
        &'a self,
        witnesses: &'a [VerifierKey],
    ) -> Result<Vec<Cosigned<'a>>, VerifyError> {
        let verified = self.note.verify_any(witnesses)?;
        let cosigned = verified.into_iter().filter_map(|verified| {
            Some(Cosigned {
                key: verified.key,
                time: verified.time?,
                signature: verified.signature,
            })
        });
        Ok(cosigned.collect())
    }

    /// The same checkpoint with one more signature, whatever it is worth.
    pub fn with(self, signature: Signature) -> Result<Self, NoteError> {
        let Self { checkpoint, note } = self;
        let note = note.with(signature)?;
        Ok(Self { checkpoint, note })
    }
}

impl fmt::Display for SignedCheckpoint {
    /// The checkpoint as it is published and stored.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}
