//! The entries of the public log (`docs/spec/public-log.md#entries`).
//!
//! There is one for each record of the [`journal`](crate::journal), in the same order, and each is a
//! function of its record and of the ceremony's [`Blinding`]: what is published can always be made
//! again from what is stored. An entry names tickets and [`Commitment`]s, never identities.
//!
//! An entry is one line of JSON. Each value has exactly one form: what is read and written again is
//! the same, byte for byte, or it is refused.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tauline_log::tree::TreeHead;
use tauline_queue_core::{Entry, Event, Outcome, Ticket, Timestamp};

use crate::Identity;
pub use crate::commitment::{Blinding, Commitment, Hex32};
use crate::journal::{Digest, Record};
pub use crate::notice::{Accepted, Notice, PublicRules, SuccessorKey, SuccessorKeyError};

/// Version of the entries that this program writes.
pub const ENTRY_VERSION: u16 = 1;

/// Longest entry, in bytes: what a bundle of C2SP `tlog-tiles` can hold.
pub const MAX_ENTRY_LEN: usize = 65_535;

/// Longest text of an operator or of a check in an entry, in bytes.
const MAX_BECAUSE: usize = 1024;

/// An entry of the public log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicEntry {
    /// Version of the entry's form: [`ENTRY_VERSION`].
    pub v: u16,
    /// When it happened, in milliseconds since the Unix epoch. Never falls.
    pub at: Timestamp,
    /// What happened to the queue. None in a [`Notice`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Event<Commitment>>,
    /// With the end of a stay whose contribution was accepted: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Accepted>,
    /// With the end of a stay: the check that failed, or why the operator expelled the participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What the coordinator has to say, beside what happens to the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

/// One sub-ceremony's part of what [`witness_digest`] covers: compressed points.
#[derive(Debug, Clone, Copy)]
pub struct WitnessPart<'a> {
    /// The first power after the contribution: 48 bytes.
    pub running_product: &'a [u8],
    /// The public key of the contributor's secret: 96 bytes.
    pub pot_pubkey: &'a [u8],
    /// The BLS signature, if the transcript has one: 48 bytes.
    pub bls_signature: Option<&'a [u8]>,
}

/// The digest that binds an accepted contribution of the log to the transcript: SHA-256 over the
/// number, the identity, and what the transcript keeps, each with its length before it.
#[must_use]
pub fn witness_digest<'a>(
    number: u64,
    identity: &Identity,
    parts: impl IntoIterator<Item = WitnessPart<'a>>,
    ecdsa: Option<&[u8]>,
) -> Digest {
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    field(b"tauline accepted v1");
    field(&number.to_be_bytes());
    field(identity.as_str().as_bytes());
    for part in parts {
        field(part.running_product);
        field(part.pot_pubkey);
        field(part.bls_signature.unwrap_or_default());
    }
    field(ecdsa.unwrap_or_default());
    hash.finalize().into()
}

/// The text by which a coordinator's Ethereum key certifies the log's key, signed as an EIP-191
/// personal message (`docs/spec/public-log.md#certificate`).
#[must_use]
pub fn key_certificate(origin: &str, key: &str) -> String {
    format!(
        "Tauline: this key signs the public log of my ceremony.\norigin: {origin}\nkey: {key}\n"
    )
}

/// The text by which a coordinator gives its ceremony away after the entries of this tree, signed as
/// an EIP-191 personal message (`docs/spec/public-log.md#handover`): nobody else can make its log go
/// on elsewhere.
#[must_use]
pub fn handover_certificate(
    origin: &str,
    before: &TreeHead,
    to: &SuccessorKey,
    url: Option<&str>,
) -> String {
    let TreeHead { size, root } = before;
    let url = url.unwrap_or("not known");
    format!(
        "Tauline: I give my ceremony to another coordinator.\norigin: {origin}\nentries: {size}\nroot: {root}\nto: {to}\nurl: {url}\n"
    )
}

/// Why bytes are no entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The bytes are not the JSON of an entry.
    #[error("this is no entry of a ceremony's log: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The entry was written by a later version of this program.
    #[error("the entry has version {found}, this program reads up to {ENTRY_VERSION}: upgrade it")]
    Newer {
        /// The version found.
        found: u16,
    },
    /// Another form of the same values.
    #[error("the entry is not in the one form that its values have")]
    OtherForm,
    /// An entry tells of nothing, or of what does not belong together.
    #[error("the entry has {0}")]
    Incomplete(&'static str),
}

impl PublicEntry {
    /// The entry for what happened to the queue.
    #[must_use]
    pub fn of_queue(entry: &Entry<Identity>, blinding: &Blinding) -> Self {
        Self {
            v: ENTRY_VERSION,
            at: entry.at,
            queue: Some(entry.event.clone().map_id(|id| blinding.commitment(&id))),
            accepted: None,
            because: None,
            notice: None,
        }
    }

    /// The entry for a notice.
    #[must_use]
    pub fn of_notice(at: Timestamp, notice: Notice) -> Self {
        Self {
            v: ENTRY_VERSION,
            at,
            queue: None,
            accepted: None,
            because: None,
            notice: Some(notice),
        }
    }

    /// The entry that is published for a record. For an old record of an accepted contribution,
    /// which does not tell what binds it to the transcript, `accepted` does.
    ///
    /// # Errors
    /// What `accepted` says, or that the record tells of nothing.
    pub fn of_record<E: From<EntryError>>(
        record: &Record,
        blinding: &Blinding,
        accepted: impl FnOnce(Ticket) -> Result<Accepted, E>,
    ) -> Result<Self, E> {
        if let Some(noticed) = &record.notice {
            return Ok(Self::of_notice(noticed.at, noticed.notice.clone()));
        }
        let Some(entry) = &record.entry else {
            return Err(EntryError::Incomplete("neither an event nor a notice").into());
        };
        let mut public = Self::of_queue(entry, blinding);
        if let Event::Ended { ticket, outcome } = entry.event {
            match outcome {
                Outcome::Contributed => {
                    public.accepted = Some(match record.accepted {
                        Some(told) => told,
                        None => accepted(ticket)?,
                    });
                }
                Outcome::Invalid | Outcome::Expelled => {
                    public.because = record.note.as_deref().map(shortened);
                }
                _ => {}
            }
        }
        Ok(public)
    }

    /// The event with its time, for the fold. None for a notice.
    #[must_use]
    pub fn entry(&self) -> Option<Entry<Commitment>> {
        Some(Entry {
            at: self.at,
            event: self.queue.clone()?,
        })
    }

    /// The entry's bytes.
    ///
    /// # Panics
    /// Never: every value of an entry has a JSON form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        #[expect(
            clippy::expect_used,
            reason = "every value of an entry has a JSON form"
        )]
        serde_json::to_vec(self).expect("an entry has a JSON form")
    }

    /// Reads an entry back.
    ///
    /// # Errors
    /// Bytes that are not an entry, or not in its one form, or an entry of a later version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        #[derive(Deserialize)]
        struct Version {
            v: u16,
        }
        let Version { v } = serde_json::from_slice(bytes)?;
        if v > ENTRY_VERSION {
            return Err(EntryError::Newer { found: v });
        }
        let entry: Self = serde_json::from_slice(bytes)?;
        let ended = match entry.queue {
            Some(Event::Ended { outcome, .. }) => Some(outcome),
            _ => None,
        };
        if entry.queue.is_some() == entry.notice.is_some() {
            return Err(EntryError::Incomplete(
                "not exactly one of an event and a notice",
            ));
        }
        if entry.accepted.is_some() != (ended == Some(Outcome::Contributed)) {
            return Err(EntryError::Incomplete(
                "an accepted contribution without the end of its stay, or the other way round",
            ));
        }
        if entry.because.is_some() && ended.is_none() {
            return Err(EntryError::Incomplete("a reason for what has none"));
        }
        if entry.to_bytes() != bytes {
            return Err(EntryError::OtherForm);
        }
        Ok(entry)
    }
}

/// The text, cut at a character so that an entry stays short.
fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_BECAUSE)].to_owned()
}
