//! A contribution that has arrived.

use tauline_store::Blob;
use tauline_transcript::{DocumentError, RawContribution, Received};

use crate::fingerprint::Fingerprint;
use crate::verifier::Judging;

/// A contribution that has arrived and can be read.
pub(crate) struct Arrived {
    /// Its verification.
    pub(crate) verification: Verification,
    /// The document as it is stored.
    pub(crate) blob: Blob,
    /// What it is recognised by.
    pub(crate) fingerprint: Fingerprint,
}

/// A contribution as it is stored: the same bytes at each replica. Blocks for some milliseconds.
///
/// # Errors
/// Never in practice; what the serializer could report.
pub(crate) fn stored(document: &RawContribution) -> Result<Blob, DocumentError> {
    Ok(Blob::new(document.to_msgpack(document.encoding())?))
}

/// How far a contribution's verification is.
pub(crate) enum Verification {
    /// It has not begun.
    ToDo(Received),
    /// It runs, or has ended.
    Begun(Judging),
}
