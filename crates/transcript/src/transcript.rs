//! Transcripts: verified, searched and written.
//!
//! | to | call |
//! |---|---|
//! | verify a transcript | [`verify_transcript`] |
//! | find a participant's entries | [`find_entries`] |
//! | read what it keeps of each contribution, unverified | [`read_witnesses`] |
//! | read the final powers of a sub-ceremony, unverified | [`read_powers`] |
//! | write one as a stream | [`TranscriptWriter`] |
//! | keep a small one in memory | [`Transcript`] |
//!
//! # Verification
//!
//! The document is read twice: once to find its lists, once to walk all of them side by side.
//! Memory holds a few batches and the powers of one sub-ceremony, however many contributions there
//! are.
//!
//! ```
//! use tauline_transcript::rand_core::OsRng;
//! use tauline_transcript::Sizes;
//! use tauline_transcript::transcript::{
//!     ExpectedSizes, Format, Options, Transcript, verify_transcript,
//! };
//!
//! let sizes: Sizes = "16:4,32:4".parse()?;
//! let document = Transcript::initial(&sizes).write(Vec::new(), Format::Json)?;
//! let options = Options { sizes: ExpectedSizes::These(sizes), ..Options::default() };
//! let report = verify_transcript(document.as_slice(), &options, &mut OsRng, &|_| {})?;
//! assert_eq!(report.contributions, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A document that is no transcript, and one whose sizes are not the expected ones, are refused
//! like one that was forged: nothing that is missing passes for right.

pub(crate) mod error;
mod in_memory;
mod options;
pub(crate) mod read;
mod report;
mod search;
mod verify;
mod witness;
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
pub use witness::{WitnessEntry, WitnessPoints, read_witnesses};
pub use write::TranscriptWriter;
pub use write::format::{Format, WriteError};
