//! Signed notes: a text and the signatures of those who stand for it
//! ([signed-note](https://c2sp.org/signed-note)).
//!
//! ```
//! use tauline_log::note::{Note, Signer, VerifierKey};
//!
//! let signer = Signer::from_seed("example.com/log".parse()?, &[7; 32]);
//! let note = Note::signed("The text ends in a newline.\n", &signer)?;
//! let bytes = note.to_string();
//!
//! // Whoever has the key, as a text, can verify what they are given.
//! let key: VerifierKey = signer.verifier_key().to_string().parse()?;
//! let note = Note::parse(bytes.as_bytes())?;
//! assert_eq!(note.verify(&[key])?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A text says nothing before one of its signatures was verified with a key that is trusted.

mod key;
mod name;
mod signature;
mod signer;

use std::fmt;

pub use key::{Kind, VerifierKey, VerifierKeyError};
pub use name::{KeyName, KeyNameError};
pub use signature::{KeyId, Signature, SignatureLineError};
pub use signer::Signer;

pub(crate) use key::{LATEST_TIME, cosigned_message};

/// Signatures that a note may have. The specification asks for 16 at least; a log has its own, and one
/// of each witness.
pub const MAX_SIGNATURES: usize = 64;

/// Bytes that a note may have: 64 signatures of 5 kB, the longest that are foreseen, in base64, and
/// room for the text.
pub const MAX_NOTE_LEN: usize = 512 * 1024;

/// What stands between text and signatures: the end of the text's last line, and an empty line.
const SEPARATOR: &str = "\n\n";

/// A text and its signatures, of which nothing is known until they are [verified](Note::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// Why bytes are not a note, or a text cannot become one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// More bytes than a note may have.
    #[error("the note has {0} bytes; it may have {MAX_NOTE_LEN}")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the note is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// A control character other than the newline.
    #[error("byte {at} of the note is the control character 0x{byte:02x}")]
    ControlCharacter {
        /// The byte's place, from 0.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// A text without a newline at its end, or no text.
    #[error("the text of a note ends in a newline")]
    TextNotTerminated,
    /// No empty line between a text and signatures.
    #[error("the note has no empty line between a text and signatures")]
    NoSignatures,
    /// The last line does not end.
    #[error("the note's last line does not end in a newline")]
    NotTerminated,
    /// More signatures than a note may have.
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// A line among the signatures is none.
    #[error("line {line} of the note: {error}")]
    Signature {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: SignatureLineError,
    },
}

/// Why a note must not be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A signature by a known key does not verify: somebody changed the note, or forged it.
    #[error("the signature by {name} (key {id}) does not verify")]
    BadSignature {
        /// The key's name.
        name: KeyName,
        /// The key's number.
        id: KeyId,
    },
    /// None of the keys has signed it.
    #[error("none of the known keys has signed the note")]
    NoKnownSignature,
}

/// A signature that was verified, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The key that made it.
    pub key: &'a VerifierKey,
    /// The signature.
    pub signature: &'a Signature,
    /// When it was made, in Unix seconds, if it says so: cosignatures do.
    pub time: Option<u64>,
}

impl Note {
    /// Reads a note. Its [`Display`](fmt::Display) gives the same bytes again.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_LEN {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let note =
            std::str::from_utf8(bytes).map_err(|error| NoteError::NotUtf8(error.valid_up_to()))?;
        no_control_characters(note)?;
        let (text, lines) = note.rsplit_once(SEPARATOR).ok_or(NoteError::NoSignatures)?;
        // The text's last newline is the first half of the separator.
        let text = &note[..=text.len()];
        let lines = match lines.strip_suffix('\n') {
            Some(lines) => lines,
            None if lines.is_empty() => return Err(NoteError::NoSignatures),
            None => return Err(NoteError::NotTerminated),
        };
        let first_line = text.bytes().filter(|&byte| byte == b'\n').count() + 2;
        let mut signatures = Vec::new();
        for (line, content) in (first_line..).zip(lines.split('\n')) {
            if signatures.len() == MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            let signature = content.parse();
            signatures.push(signature.map_err(|error| NoteError::Signature { line, error })?);
        }
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// Signs a text.
    pub fn signed(text: impl Into<String>, signer: &Signer) -> Result<Self, NoteError> {
        let text = text.into();
        no_control_characters(&text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::TextNotTerminated);
        }
        let signatures = vec![signer.sign(&text)];
        Self { text, signatures }.within_bounds()
    }

    /// The same note with one more signature, whatever it is worth.
    pub fn with(mut self, signature: Signature) -> Result<Self, NoteError> {
        self.signatures.push(signature);
        self.within_bounds()
    }

    fn within_bounds(self) -> Result<Self, NoteError> {
        if self.signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        match self.to_string().len() {
            ..=MAX_NOTE_LEN => Ok(self),
            len => Err(NoteError::TooLong(len)),
        }
    }

    /// The text, with its last newline. It says nothing before the note was verified.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signatures, of known keys or not, verified or not, in their order.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Verifies the signatures of known keys: all must be good, and there must be one. Those of
    /// other keys are passed over.
    pub fn verify<'a>(&'a self, keys: &'a [VerifierKey]) -> Result<Vec<Verified<'a>>, VerifyError> {
        let verified = self.verify_any(keys)?;
        if verified.is_empty() {
            return Err(VerifyError::NoKnownSignature);
        }
        Ok(verified)
    }

    /// Verifies the signatures of known keys: all must be good, but there need be none.
    ///
    /// For signatures that come in addition to one that [was verified](Self::verify).
    pub fn verify_any<'a>(
        &'a self,
        keys: &'a [VerifierKey],
    ) -> Result<Vec<Verified<'a>>, VerifyError> {
        let mut verified = Vec::new();
        for signature in &self.signatures {
            let mut known = keys.iter().filter(|key| key.made(signature)).peekable();
            if known.peek().is_none() {
                continue;
            }
            let good = known.find_map(|key| {
                let time = key.verify(&self.text, signature).ok()?;
                Some(Verified {
                    key,
                    signature,
                    time,
                })
            });
            verified.push(good.ok_or_else(|| VerifyError::BadSignature {
                name: signature.name().clone(),
                id: signature.id(),
            })?);
        }
        Ok(verified)
    }
}

impl fmt::Display for Note {
    /// The note as it is sent and stored.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

fn no_control_characters(text: &str) -> Result<(), NoteError> {
    let found = text
        .bytes()
        .enumerate()
        .find(|&(_, byte)| byte < 0x20 && byte != b'\n');
    found.map_or(Ok(()), |(at, byte)| {
        Err(NoteError::ControlCharacter { at, byte })
    })
}
