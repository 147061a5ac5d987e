//! Looking up contributions in a transcript: `--receipt` and `--identity`.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::receipt::Receipt;
use tauline_transcript::transcript::{EntrySearch, FoundEntry, find_entries};

use crate::documents::transcript_failure;
use crate::exit::{Failure, Outcome};
use crate::input::{Input, Limits};
use crate::numbers;
use crate::recognised::{Wanted, want};

/// Longest receipt that is read, in bytes: 16 public keys are 4 KB.
const MAX_RECEIPT_LEN: u64 = 64 << 10;

/// What is looked up.
pub(super) enum Question {
    Identity(Identity),
    Receipt {
        name: String,
        identity: Identity,
        keys: Vec<[u8; 96]>,
        /// The address that signed it.
        signer: String,
    },
}

/// What was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    /// `receipt` or `identity`.
    asked: &'static str,
    identity: String,
    /// Whether the contribution is in the transcript as it should be.
    is_there: bool,
    /// The numbers of the contributions that match, at least in part.
    entries: Vec<u64>,
    /// The address that signed the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_by: Option<String>,
    message: String,
}

impl Answer {
    pub(super) fn is_there(&self) -> bool {
        self.is_there
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Question {
    /// Reads the questions of the command line.
    pub(super) fn read(receipt: Option<&Path>, identity: Option<&Identity>) -> Outcome<Vec<Self>> {
        let mut questions = Vec::new();
        if let Some(path) = receipt {
            questions.push(Self::of_receipt(path)?);
        }
        questions.extend(identity.cloned().map(Self::Identity));
        Ok(questions)
    }

    fn of_receipt(path: &Path) -> Outcome<Self> {
        let input = Input::open(path, Limits::DOCUMENT)?;
        want(&input, Wanted::Receipt)?;
        let name = input.name();
        let bad = |why: &dyn fmt::Display| Failure::bad(format!("{name} is not a receipt: {why}"));
        let bytes = input.bytes(MAX_RECEIPT_LEN)?;
        let signed: SignedReceipt = serde_json::from_slice(&bytes).map_err(|error| bad(&error))?;
        let receipt: Receipt =
            serde_json::from_str(&signed.receipt).map_err(|error| bad(&error))?;
        let signer = signed.signer().map_err(|error| bad(&error))?;
        let key = |text: &String| {
            let mut bytes = [0; 96];
            let digits = text.strip_prefix("0x").unwrap_or(text);
            hex::decode_to_slice(digits, &mut bytes).map(|()| bytes)
        };
        let keys: Result<Vec<_>, _> = receipt.witness.iter().map(key).collect();
        let keys = keys.map_err(|_| bad(&"a public key in it is not 96 bytes of hex"))?;
        if keys.is_empty() {
            return Err(bad(&"it names no public keys"));
        }
        Ok(Self::Receipt {
            name: name.to_owned(),
            identity: receipt.identity,
            keys,
            signer,
        })
    }

    /// Searches the transcript.
    ///
    /// # Errors
    /// A transcript that cannot be read.
    pub(super) fn answer(&self, input: &Input, contributions: u64) -> Outcome<Answer> {
        let (identity, keys) = match self {
            Self::Identity(identity) => (identity, &[][..]),
            Self::Receipt { identity, keys, .. } => (identity, &keys[..]),
        };
        let search = EntrySearch {
            identity: Some(identity.clone()),
            pot_pubkeys: keys.to_vec(),
        };
        let found =
            find_entries(input, &search).map_err(|error| transcript_failure(input, &error))?;
        let (is_there, message) = match self {
            Self::Identity(identity) => listed(identity, &found, contributions),
            Self::Receipt { name, signer, .. } => {
                let (is_there, message) = kept(identity, keys, &found, contributions);
                let message = format!("the receipt {name}, signed by {signer}: {message}");
                (is_there, message)
            }
        };
        Ok(Answer {
            asked: match self {
                Self::Identity(_) => "identity",
                Self::Receipt { .. } => "receipt",
            },
            identity: identity.to_string(),
            is_there,
            entries: found.iter().map(|it| it.entry).collect(),
            signed_by: match self {
                Self::Identity(_) => None,
                Self::Receipt { signer, .. } => Some(signer.clone()),
            },
            message,
        })
    }
}

/// What a participant contributed.
fn listed(identity: &Identity, found: &[FoundEntry], contributions: u64) -> (bool, String) {
    let mut lines = Vec::new();
    for it in found {
        let ecdsa = match it.has_ecdsa_signature {
            true => "an Ethereum signature",
            false => "no Ethereum signature",
        };
        lines.push(format!(
            "{identity} is contribution {} of {}, with {} and {ecdsa}",
            numbers::with_commas(it.entry),
            numbers::with_commas(contributions),
            numbers::count(it.bls_signatures as u64, "BLS signature"),
        ));
    }
    match lines.is_empty() {
        true => (false, format!("{identity} is not among the participants")),
        false => (true, lines.join("\n")),
    }
}

/// Whether a receipt's contribution is in the transcript, with the same identity and public keys.
fn kept(
    identity: &Identity,
    keys: &[[u8; 96]],
    found: &[FoundEntry],
    contributions: u64,
) -> (bool, String) {
    let has_all = |it: &&FoundEntry| {
        it.pot_pubkeys
            .iter()
            .copied()
            .eq(keys.iter().copied().map(Some))
    };
    let own = found.iter().find(|it| it.is_identity && has_all(it));
    if let Some(own) = own {
        let text = format!(
            "its contribution, by {identity}, is contribution {} of {}",
            numbers::with_commas(own.entry),
            numbers::with_commas(contributions)
        );
        return (true, text);
    }
    let text = if let Some(other) = found.iter().find(has_all) {
        format!(
            "its public keys are in contribution {}, which is NOT {identity}'s there but {}'s",
            numbers::with_commas(other.entry),
            shown(&other.identity)
        )
    } else if let Some(other) = found.iter().find(|it| it.is_identity) {
        format!(
            "{identity} is there as contribution {}, with OTHER public keys than the receipt's",
            numbers::with_commas(other.entry)
        )
    } else {
        format!("its contribution, by {identity}, is NOT there")
    };
    (false, text)
}

/// An identity from the transcript, escaped and shortened to fit on a line.
fn shown(identity: &str) -> String {
    identity
        .chars()
        .take(128)
        .flat_map(char::escape_debug)
        .collect()
}
