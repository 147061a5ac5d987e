//! What a coordinator says to one participant and signs, so that it can be held to it: tickets,
//! promises and refusals (`docs/spec/public-log.md#ticket`, `docs/spec/public-log.md#place-promise`,
//! `docs/spec/public-log.md#signed-refusal`).
//!
//! Each is a C2SP signed note under the key of the public log. Its text is a line that says what it
//! is, and then a line for each field, `name value`, in a fixed order:
//!
//! ```text
//! tauline ticket v1
//! origin ceremony.example.org/log
//! ticket 12
//! commitment 8f6a…
//! entry 57
//! leaf 03bb…
//! at 1795970065000
//! ```
//!
//! A text has one form only: numbers are decimal without leading zeros, hashes are lower-case hex. No
//! checkpoint begins like it, since the name of a log's key has no space.

use std::fmt;
use std::str::FromStr;

use tauline_log::note::{KeyName, Note, NoteError, Signer, VerifierKey, VerifyError};
use tauline_queue_core::{Mode, Ticket, Timestamp};

use crate::error::Code;
use crate::public_log::{Commitment, Hex32};

/// What a coordinator says to one participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// A stay has begun, and where the log says so.
    Ticket(TicketStatement),
    /// Until when a place, or a turn that was offered, is kept.
    Promise(PromiseStatement),
    /// Somebody may not join, and why.
    Refusal(RefusalStatement),
}

/// A stay has begun (`docs/spec/public-log.md#ticket`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketStatement {
    /// The log's origin, which is the name of its key.
    pub origin: KeyName,
    /// The stay.
    pub ticket: Ticket,
    /// What stands for the participant's identity in the log.
    pub commitment: Commitment,
    /// Which entry of the log says that the stay began, from 0.
    pub entry: u64,
    /// The hash of that entry as a leaf of the log's tree.
    pub leaf: Hex32,
    /// When it was said: log time.
    pub at: Timestamp,
}

/// Until when a place or a turn is kept (`docs/spec/public-log.md#place-promise`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseStatement {
    /// The log's origin, which is the name of its key.
    pub origin: KeyName,
    /// The stay.
    pub ticket: Ticket,
    /// What is kept: a place in line, or the turn that was offered.
    pub phase: PromisedPhase,
    /// Before this time the stay does not end by a deadline of this phase. An absence or a pause of the
    /// coordinator after [`at`](Self::at) moves it on.
    pub kept_until: Timestamp,
    /// When it was said: log time.
    pub at: Timestamp,
}

/// The phases in which something is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromisedPhase {
    /// In line: the place is kept.
    Waiting,
    /// Called: the turn is kept.
    Ready,
}

/// Somebody may not join (`docs/spec/public-log.md#signed-refusal`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalStatement {
    /// The log's origin, which is the name of its key.
    pub origin: KeyName,
    /// Who was refused.
    pub commitment: Commitment,
    /// Why.
    pub code: Code,
    /// The ceremony's mode at that time.
    pub mode: Mode,
    /// The number of entries that the answer rests on: it follows from the state after the first so
    /// many entries of the log.
    pub log_size: u64,
    /// When it was said: log time.
    pub at: Timestamp,
}

/// Why a text is no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The bytes are no signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The first line is that of no statement that this program knows.
    #[error("the note is neither a ticket, a promise nor a refusal of version 1")]
    UnknownKind,
    /// A line is missing, or is not the one that is expected there.
    #[error("line {line} of the statement should be `{field} …`")]
    Field {
        /// The line, from 1.
        line: usize,
        /// The field that should be there.
        field: &'static str,
    },
    /// The value of a field is not readable.
    #[error("line {line} of the statement: the value of `{field}` is not readable")]
    Value {
        /// The line, from 1.
        line: usize,
        /// The field.
        field: &'static str,
    },
    /// There are lines after the last field, or a value is not in its one form.
    #[error("the statement is not in the one form that its values have")]
    OtherForm,
}

/// Why a statement is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignStatementError {
    /// The key is that of another log.
    #[error("the key of {key} does not sign statements of {origin}: the names are to be the same")]
    OtherLog {
        /// The key's name.
        key: KeyName,
        /// The statement's origin.
        origin: KeyName,
    },
    /// The note would not be one.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Why a signed statement is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UntrustedStatement {
    /// It is a statement of another log than the key's.
    #[error("the statement is of {origin}, the key of {key}")]
    OtherLog {
        /// The statement's origin.
        origin: KeyName,
        /// The key's name.
        key: KeyName,
    },
    /// The signature is missing or wrong.
    #[error(transparent)]
    Signature(#[from] VerifyError),
}

impl PromisedPhase {
    fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
        }
    }

    fn read(text: &str) -> Option<Self> {
        let known = [Self::Waiting, Self::Ready];
        known.into_iter().find(|phase| phase.as_str() == text)
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Open => "open",
        Mode::Draining => "draining",
        Mode::Halted => "halted",
    }
}

fn read_mode(text: &str) -> Option<Mode> {
    let known = [Mode::Open, Mode::Draining, Mode::Halted];
    known.into_iter().find(|mode| mode_name(*mode) == text)
}

impl Statement {
    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &KeyName {
        match self {
            Self::Ticket(it) => &it.origin,
            Self::Promise(it) => &it.origin,
            Self::Refusal(it) => &it.origin,
        }
    }

    /// Signs the statement with the log's key.
    ///
    /// # Errors
    /// If the key is that of another log.
    pub fn sign(self, signer: &Signer) -> Result<SignedStatement, SignStatementError> {
        let key = signer.verifier_key().name();
        if key != self.origin() {
            return Err(SignStatementError::OtherLog {
                key: key.clone(),
                origin: self.origin().clone(),
            });
        }
        let note = Note::signed(self.to_string(), signer)?;
        let statement = self;
        Ok(SignedStatement { statement, note })
    }
}

impl fmt::Display for Statement {
    /// The text that is signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticket(it) => {
                writeln!(f, "tauline ticket v1\norigin {}", it.origin)?;
                writeln!(f, "ticket {}\ncommitment {}", it.ticket, it.commitment)?;
                writeln!(f, "entry {}\nleaf {}", it.entry, it.leaf)?;
                writeln!(f, "at {}", it.at.as_millis())
            }
            Self::Promise(it) => {
                writeln!(f, "tauline promise v1\norigin {}", it.origin)?;
                writeln!(f, "ticket {}\nphase {}", it.ticket, it.phase.as_str())?;
                writeln!(f, "kept-until {}", it.kept_until.as_millis())?;
                writeln!(f, "at {}", it.at.as_millis())
            }
            Self::Refusal(it) => {
                writeln!(f, "tauline refusal v1\norigin {}", it.origin)?;
                writeln!(f, "commitment {}\ncode {}", it.commitment, it.code.as_str())?;
                writeln!(f, "mode {}\nlog-size {}", mode_name(it.mode), it.log_size)?;
                writeln!(f, "at {}", it.at.as_millis())
            }
        }
    }
}

impl FromStr for Statement {
    type Err = StatementError;

    fn from_str(text: &str) -> Result<Self, StatementError> {
        let mut lines = Lines {
            rest: text.lines(),
            line: 0,
        };
        let read = match lines.next() {
            Some("tauline ticket v1") => Self::Ticket(TicketStatement {
                origin: lines.read("origin", |it| it.parse().ok())?,
                ticket: lines.read("ticket", |it| it.parse().ok().map(Ticket::new))?,
                commitment: lines.read("commitment", |it| it.parse().ok().map(Commitment))?,
                entry: lines.read("entry", |it| it.parse().ok())?,
                leaf: lines.read("leaf", |it| it.parse().ok())?,
                at: lines.read("at", read_time)?,
            }),
            Some("tauline promise v1") => Self::Promise(PromiseStatement {
                origin: lines.read("origin", |it| it.parse().ok())?,
                ticket: lines.read("ticket", |it| it.parse().ok().map(Ticket::new))?,
                phase: lines.read("phase", PromisedPhase::read)?,
                kept_until: lines.read("kept-until", read_time)?,
                at: lines.read("at", read_time)?,
            }),
            Some("tauline refusal v1") => Self::Refusal(RefusalStatement {
                origin: lines.read("origin", |it| it.parse().ok())?,
                commitment: lines.read("commitment", |it| it.parse().ok().map(Commitment))?,
                code: lines.read("code", |it| {
                    Code::ALL.iter().copied().find(|code| code.as_str() == it)
                })?,
                mode: lines.read("mode", read_mode)?,
                log_size: lines.read("log-size", |it| it.parse().ok())?,
                at: lines.read("at", read_time)?,
            }),
            _ => return Err(StatementError::UnknownKind),
        };
        match read.to_string() == text {
            true => Ok(read),
            false => Err(StatementError::OtherForm),
        }
    }
}

fn read_time(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(Timestamp::from_millis)
}

/// The lines of a statement.
struct Lines<'a> {
    rest: std::str::Lines<'a>,
    /// The last line that was read, from 1.
    line: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.line += 1;
        self.rest.next()
    }

    /// The value of the field that must come next.
    fn read<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, StatementError> {
        let found = self.next().and_then(|it| it.split_once(' '));
        let line = self.line;
        match found {
            Some((name, value)) if name == field => {
                read(value).ok_or(StatementError::Value { line, field })
            }
            _ => Err(StatementError::Field { line, field }),
        }
    }
}

/// A statement with its signatures, of which nothing is known until it is
/// [verified](SignedStatement::verify).
///
/// Its [`Display`](fmt::Display) gives the bytes that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    statement: Statement,
    note: Note,
}

impl SignedStatement {
    /// Reads a statement with its signatures.
    ///
    /// # Errors
    /// Bytes that are no note, or whose text is no statement.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let note = Note::parse(bytes)?;
        let statement = note.text().parse()?;
        Ok(Self { statement, note })
    }

    /// What it says, if it can be believed, which is not known yet.
    #[must_use]
    pub fn unverified(&self) -> &Statement {
        &self.statement
    }

    /// What it says, if this key, the log's, has signed it.
    ///
    /// # Errors
    /// A statement of another log, a signature that is missing, or one that is wrong.
    pub fn verify(&self, key: &VerifierKey) -> Result<&Statement, UntrustedStatement> {
        if key.name() != self.statement.origin() {
            return Err(UntrustedStatement::OtherLog {
                origin: self.statement.origin().clone(),
                key: key.name().clone(),
            });
        }
        self.note.verify(std::slice::from_ref(key))?;
        Ok(&self.statement)
    }
}

impl fmt::Display for SignedStatement {
    /// The statement as it is sent and kept.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}
