//! Transcripts: written, read, searched and verified.

pub(crate) mod read;
mod report;
mod search;
mod verify;
mod write;

pub use read::final_powers::read_powers;
pub use read::source::Source;
pub use report::remarks::{
    EqualSecrets, FaultySignature, Listed, Repeated, SignatureFault, SignatureKind, Signatures,
};
pub use report::{
    Failure, ListName, MAX_LISTED, Participants, Refused, Report, SubReport, Tally, TranscriptCheck,
};
pub use search::{FoundEntry, Wanted, find_entries};
pub use verify::{ExpectedSizes, Options, Progress, Stage, TranscriptError, verify_transcript};
pub use write::{Format, Transcript, TranscriptWriter, WriteError};
