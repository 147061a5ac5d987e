//! Transcripts: written, read, searched and verified.

pub(crate) mod error;
mod in_memory;
mod options;
pub(crate) mod read;
mod report;
mod search;
mod verify;
mod write;

pub use error::TranscriptError;
pub use in_memory::Transcript;
pub use options::{ExpectedSizes, Options};
pub use read::final_powers::read_powers;
pub use read::source::Source;
pub use report::failure::{ListName, TranscriptCheck, TranscriptFailure};
pub use report::remarks::{
    EqualSecrets, FaultySignature, Listed, MAX_LISTED, Repeated, SignatureFault, SignatureKind,
    Signatures, Tally,
};
pub use report::{Participants, RefusedTranscript, Report, SubReport};
pub use search::{EntrySearch, FoundEntry, find_entries};
pub use verify::{VerificationProgress, VerificationStage, verify_transcript};
pub use write::TranscriptWriter;
pub use write::format::{Format, WriteError};
