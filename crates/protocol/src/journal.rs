//! The records of the ceremony's log.
//!
//! A record is MessagePack with named fields, so that later versions can add fields. Golden files
//! pin the bytes, since every later coordinator must be able to read a journal that is written
//! today.

use serde::{Deserialize, Serialize};
use tauline_queue_core::{Entry, Timestamp};

use crate::Identity;
use crate::notice::{Accepted, Notice};

/// Latest version of the records that this program reads: that of a record with a notice. The others
/// are of version 1.
pub const RECORD_VERSION: u16 = 2;

/// A record of the ceremony's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the record's shape, at most [`RECORD_VERSION`].
    pub v: u16,
    /// The queue's entry: what happened, and when. None in a record of a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry<Identity>>,
    /// What the queue's rules need not know: the check that failed, the reason for an abort, or the
    /// client's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// SHA-256 of what was stored beside the log together with this record: of the bytes of a
    /// contribution that arrived, or of what the transcript keeps of one that was accepted. None in
    /// old records.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serde_bytes")]
    pub stored: Option<Digest>,
    /// Digests of what was stored beside the log when this record was written, if earlier records
    /// do not cover it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// With the end of a stay whose contribution was accepted: what the public log tells of it. None
    /// in old records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Accepted>,
    /// What the coordinator has to say beside what happens to the queue. A record has this or an
    /// entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Noticed>,
}

/// A notice and when it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Noticed {
    /// Log time.
    pub at: Timestamp,
    /// The notice.
    pub notice: Notice,
}

/// A SHA-256 hash.
pub type Digest = [u8; 32];

/// Digests of what is stored beside the log and belongs to no single record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// The digest of what was fixed when the ceremony was made: sizes, start, the coordinator's
    /// key.
    #[serde(with = "serde_bytes")]
    pub ceremony: Digest,
    /// The tally of the accepted contributions, in order.
    pub contributions: Tally,
    /// The tally of the accounts with the identities that they were first given, in order.
    pub accounts: Tally,
}

/// A number of things and a digest over all of them. For no things, the digest is 32 zero bytes.
/// With each further thing, it becomes the SHA-256 of the digest before and the thing's own digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The number of things.
    pub count: u64,
    /// The digest over all of them.
    #[serde(with = "serde_bytes")]
    pub digest: Digest,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The bytes are not a record.
    #[error("this is not a journal record: {0}")]
    Malformed(#[from] rmp_serde::decode::Error),
    /// The record was written by a later version of this program.
    #[error(
        "the record has version {found}, this program reads up to {RECORD_VERSION}: upgrade it"
    )]
    Newer {
        /// The version found.
        found: u16,
    },
}

impl Record {
    /// A record of what happened to the queue.
    #[must_use]
    pub fn new(entry: Entry<Identity>, note: Option<String>) -> Self {
        Self {
            v: 1,
            entry: Some(entry),
            note,
            stored: None,
            beside: None,
            accepted: None,
            notice: None,
        }
    }

    /// A record of a notice.
    #[must_use]
    pub fn of_notice(at: Timestamp, notice: Notice) -> Self {
        Self {
            v: 2,
            entry: None,
            note: None,
            stored: None,
            beside: None,
            accepted: None,
            notice: Some(Noticed { at, notice }),
        }
    }

    /// The record's bytes.
    ///
    /// # Panics
    /// Never: writing to memory does not fail, and every value of a record has a MessagePack form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        #[expect(clippy::expect_used, reason = "writing to memory does not fail")]
        rmp_serde::to_vec_named(self).expect("a record has a MessagePack form")
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// Bytes that are not a record, or one of a later version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Version {
            v: u16,
        }
        let Version { v } = rmp_serde::from_slice(bytes)?;
        if v > RECORD_VERSION {
            return Err(RecordError::Newer { found: v });
        }
        Ok(rmp_serde::from_slice(bytes)?)
    }
}
