//! What a log sends to a witness, and what it gets back.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

use crate::checkpoint::{Origin, SignedCheckpoint, SignedCheckpointError};
use crate::decode::{decimal, excerpt};
use crate::hash::{Hash, HashError};
use crate::lines::{hashes, split_head};
use crate::note::{MAX_NOTE_LEN, MAX_SIGNATURES, Signature, SignatureLineError};

/// Hashes that a consistency proof of a request may have.
pub const MAX_PROOF_LINES: usize = 63;

/// The content type of an answer 409 that says what the witness holds.
pub const SIZE_CONTENT_TYPE: &str = "text/x.tlog.size";

/// The body of `POST PREFIX/add-checkpoint`.
///
/// Its [`Display`](fmt::Display) gives the bytes that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the tree that the witness saw last, as far as the sender knows.
    pub old: u64,
    /// That this tree is the beginning of the checkpoint's. At most [`MAX_PROOF_LINES`].
    pub proof: Vec<Hash>,
    /// The checkpoint to cosign.
    pub checkpoint: SignedCheckpoint,
}

/// Why bytes are not a request to cosign: answered with 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddCheckpointError {
    /// More bytes than a request may have.
    #[error("the request has {} bytes; it may have {}", .0, AddCheckpoint::MAX_LEN)]
    TooLong(usize),
    /// No lines in UTF-8 before an empty one.
    #[error("the request has no lines in UTF-8, an empty line and a checkpoint")]
    NoHead,
    /// Line 1 is not the old size.
    #[error(
        "line 1 of the request: \"{0}\" is not \"old\", a space and a size in decimal, without leading zeros"
    )]
    Old(String),
    /// Another line is no hash.
    #[error("line {line} of the request: {error}")]
    Proof {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: HashError,
    },
    /// The proof has more hashes than any may have.
    #[error("the proof of the request has {0} hashes; it may have {MAX_PROOF_LINES}")]
    ProofTooLong(usize),
    /// What follows is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] SignedCheckpointError),
}

impl AddCheckpoint {
    /// Bytes that a request may have: the longest head, and the longest note. Whoever reads one
    /// from a connection need not read more.
    pub const MAX_LEN: usize = 4096 + MAX_NOTE_LEN;

    /// Reads a request.
    pub fn parse(bytes: &[u8]) -> Result<Self, AddCheckpointError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(AddCheckpointError::TooLong(bytes.len()));
        }
        let (head, checkpoint) = split_head(bytes).ok_or(AddCheckpointError::NoHead)?;
        let mut lines = head.split_terminator('\n');
        let first = lines.next().unwrap_or_default();
        let old = first.strip_prefix("old ").and_then(decimal);
        let old = old.ok_or_else(|| AddCheckpointError::Old(excerpt(first)))?;
        let count = lines.clone().count();
        if count > MAX_PROOF_LINES {
            return Err(AddCheckpointError::ProofTooLong(count));
        }
        let proof =
            hashes(lines, 2).map_err(|(line, error)| AddCheckpointError::Proof { line, error })?;
        Ok(Self {
            old,
            proof,
            checkpoint: SignedCheckpoint::parse(checkpoint)?,
        })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof
            .iter()
            .try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Why the answer of a witness is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The last line does not end, or there is none.
    #[error("the answer is not of lines that end in newlines")]
    NotTerminated,
    /// More signatures than a note may have.
    #[error("the answer has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// A line is no signature.
    #[error("line {line} of the answer: {error}")]
    Signature {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: SignatureLineError,
    },
    /// Not a size.
    #[error("\"{0}\" is not a size in decimal, without leading zeros, and a newline")]
    Size(String),
}

/// Where a witness shows what it cosigned last of a log, below its monitoring prefix:
/// `HEX/checkpoint`, with the SHA-256 of the origin.
pub fn monitoring_path(origin: &Origin) -> String {
    let hash = Sha256::digest(origin.as_str());
    let mut path = String::new();
    for byte in hash {
        let _ = write!(path, "{byte:02x}");
    }
    path + "/checkpoint"
}

/// Reads an answer 200: signatures, a line each, which may be of anybody.
/// [`SignedCheckpoint::with_cosignatures`] adds those that are known and good.
pub fn signatures_from_text(text: &str) -> Result<Vec<Signature>, AnswerError> {
    let lines = text.strip_suffix('\n').ok_or(AnswerError::NotTerminated)?;
    let mut signatures = Vec::new();
    for (line, content) in (1..).zip(lines.split('\n')) {
        if signatures.len() == MAX_SIGNATURES {
            return Err(AnswerError::TooManySignatures);
        }
        let signature = content.parse();
        signatures.push(signature.map_err(|error| AnswerError::Signature { line, error })?);
    }
    Ok(signatures)
}

/// The answer that [`signatures_from_text`] reads.
pub fn signatures_to_text(signatures: &[Signature]) -> String {
    let lines = signatures.iter().map(|signature| format!("{signature}\n"));
    lines.collect()
}

/// Reads an answer 409 of [`SIZE_CONTENT_TYPE`]: the size that the witness holds, from which it
/// wants the proof.
pub fn size_from_text(text: &str) -> Result<u64, AnswerError> {
    let size = text.strip_suffix('\n').and_then(decimal);
    size.ok_or_else(|| AnswerError::Size(excerpt(text)))
}

/// The answer that [`size_from_text`] reads.
pub fn size_to_text(size: u64) -> String {
    format!("{size}\n")
}
