//! What an error of a connection means.

use std::fmt;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::error::StoreError;

/// The codes that the functions of the schema raise (`migrations/`).
const FENCED: &str = "TL001";
const TAKEN_BACK: &str = "TL004";

/// Why something could not be done in the database.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection is gone, or the database is. Nothing tells whether it was done.
    Lost(Box<dyn std::error::Error + Send + Sync>),
    /// It was refused: nothing was changed.
    Said(Error),
}

/// An error with what caused it, which its own text leaves out.
#[derive(Debug)]
pub(super) struct Told(Error);

impl Told {
    pub(super) fn of(error: Error) -> Box<dyn std::error::Error + Send + Sync> {
        Box::new(Self(error))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::error::Error::source(&self.0) {
            Some(cause) => write!(f, "{}: {cause}", self.0),
            None => self.0.fmt(f),
        }
    }
}

impl std::error::Error for Told {}

/// Something took too long.
#[derive(Debug)]
pub(super) struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it does not answer")
    }
}

impl std::error::Error for TooLong {}

impl From<TooLong> for Failure {
    fn from(error: TooLong) -> Self {
        Self::Lost(Box::new(error))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match is_loss(&error) {
            true => Self::Lost(Told::of(error)),
            false => Self::Said(error),
        }
    }
}

impl Failure {
    /// The error, if there is no more trying.
    pub(super) fn in_the_end(self, database: &impl fmt::Display) -> StoreError {
        match self {
            Self::Said(error) => error.into(),
            Self::Lost(source) => StoreError::Away {
                database: database.to_string(),
                source,
            },
        }
    }
}

/// Whether an error says nothing about what was asked, only that nobody is there to do it.
fn is_loss(error: &Error) -> bool {
    let Some(said) = error.as_db_error() else {
        let is_io = std::error::Error::source(error).is_some_and(|it| it.is::<io::Error>());
        return error.is_closed() || is_io;
    };
    let code = said.code();
    // Class 08 is about connections, class 57P about the end of a server or a session.
    code.code().starts_with("08")
        || code.code().starts_with("57P")
        || [
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            // What was the primary is none any more.
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
        ]
        .contains(code)
}

/// Whether a statement failed only because one before it in the transaction had.
pub(super) fn is_consequence(error: &Error) -> bool {
    error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error.code().map(SqlState::code) {
            Some(FENCED) => Self::Fenced,
            Some(TAKEN_BACK) => Self::damaged(
                "a checkpoint of the public log would take back one that was signed before",
            ),
            // Data corrupted, index corrupted.
            Some("XX001" | "XX002") => Self::damaged(format!("the database says: {}", Told(error))),
            _ => Self::Database(Told::of(error)),
        }
    }
}
