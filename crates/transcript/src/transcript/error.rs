//! Why a transcript was not accepted.

use std::io;

use crate::error::{DocumentError, Invalid};
use crate::transcript::report::RefusedTranscript;

/// Why a transcript was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// The source could not be read; nothing is said about the transcript.
    #[error("the transcript cannot be read: {0}")]
    Read(io::Error),
    /// The document is not a transcript.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The transcript is wrong.
    #[error(transparent)]
    Refused(Box<RefusedTranscript>),
    /// Powers that were asked for are not as stated, or do not decode.
    #[error(transparent)]
    Powers(#[from] Invalid),
}
