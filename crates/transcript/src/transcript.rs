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
pub use report::failure::{Failure, ListName, TranscriptCheck};
pub use report::remarks::{
    EqualSecrets, FaultySignature, Listed, MAX_LISTED, Repeated, SignatureFault, SignatureKind,
    Signatures, Tally,
};
pub use report::{Participants, Refused, Report, SubReport};
pub use search::{FoundEntry, Wanted, find_entries};
pub use verify::{Progress, Stage, verify_transcript};
pub use write::TranscriptWriter;
pub use write::format::{Format, WriteError};
