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

impl Arrived {
    /// A contribution as it is stored, and what it is recognised by. Blocks for some milliseconds.
    ///
    /// # Errors
    /// Never in practice; what the serializer could report.
    pub(crate) fn new(
        document: &RawContribution,
        verification: Verification,
    ) -> Result<Self, DocumentError> {
        Ok(Self {
            verification,
            blob: Blob::new(document.to_msgpack(document.encoding())?),
            fingerprint: Fingerprint::of(document),
        })
    }
}

/// How far a contribution's verification is.
pub(crate) enum Verification {
    /// It has not begun.
    ToDo(Received),
    /// It runs, or has ended.
    Begun(Judging),
}
