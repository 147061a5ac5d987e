//! The file in which a participant keeps what a coordinator has signed: one for each ceremony and
//! participant.
//!
//! It is JSON, and everything in it can be shown to anybody but the [`nonce`](Keepsake::nonce): whoever
//! has the nonce can tell whose place in the log it is. `tauline audit --ticket` reads it.

use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::contribution::SignedReceipt;
use crate::public_log::Hex32;

/// Version of the file that this program writes.
pub const KEEPSAKE_VERSION: u16 = 1;

/// What a participant keeps of a ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keepsake {
    /// Version of the file's form: [`KEEPSAKE_VERSION`].
    pub v: u16,
    /// The coordinator's address, a URL.
    pub server: String,
    /// The origin of the public log.
    pub origin: String,
    /// The log's verifier key, as C2SP `signed-note` writes it.
    pub log_key: String,
    /// The participant.
    pub identity: Identity,
    /// Opens the commitment that stands for the identity in the log. Absent until the coordinator has
    /// told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Hex32>,
    /// The stays in the queue, in order: mostly one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<KeptStay>,
    /// Signed refusals: the participant was not let in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
    /// The latest checkpoint that the participant has seen, with its signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// The receipt of the contribution, if it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<SignedReceipt>,
}

/// What a participant keeps of a stay in the queue. The texts are signed notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptStay {
    /// The signed ticket.
    pub ticket: String,
    /// A signed checkpoint that covers the ticket's entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// The last signed promise to keep the place in line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// The last signed promise to keep the turn that was offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
}

/// Why a file is no keepsake.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepsakeError {
    /// The bytes are not the JSON of a keepsake.
    #[error("this is no file of a participant's tickets: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The file was written by a later version of this program.
    #[error(
        "the file has version {found}, this program reads up to {KEEPSAKE_VERSION}: upgrade it"
    )]
    Newer {
        /// The version found.
        found: u16,
    },
}

impl Keepsake {
    /// The file's text.
    ///
    /// # Panics
    /// Never: every value of a keepsake has a JSON form.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[expect(
            clippy::expect_used,
            reason = "every value of a keepsake has a JSON form"
        )]
        let text = serde_json::to_string_pretty(self).expect("a keepsake has a JSON form");
        text + "\n"
    }

    /// Reads the file.
    ///
    /// # Errors
    /// Bytes that are no keepsake, or one of a later version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, KeepsakeError> {
        #[derive(Deserialize)]
        struct Version {
            v: u16,
        }
        let Version { v } = serde_json::from_slice(bytes)?;
        if v > KEEPSAKE_VERSION {
            return Err(KeepsakeError::Newer { found: v });
        }
        Ok(serde_json::from_slice(bytes)?)
    }
}
