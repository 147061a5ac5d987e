//! The forms that a transcript is written in, and what can go wrong.

use std::io;

use crate::encoding::{Encoding, PointError};

/// The form of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON without white space.
    Json,
    /// JSON indented by two spaces, as the Ethereum ceremony's coordinator wrote it.
    PrettyJson,
    /// MessagePack with points as bytes.
    MessagePack(Encoding),
}

/// Why a transcript could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The output failed, or an iterator did.
    #[error("the transcript cannot be written: {0}")]
    Io(#[from] io::Error),
    /// A list has more or fewer items than there are contributions.
    #[error(
        "{list} of the transcript has {got} items, not one for each of {expected} contributions"
    )]
    Length {
        /// The field's name.
        list: &'static str,
        /// The number of contributions.
        expected: u64,
        /// The number of items, or one too many when there are more.
        got: u64,
    },
    /// There are more or fewer sub-ceremonies than announced.
    #[error("the transcript has {got} sub-ceremonies, not {expected}")]
    SubCeremonies {
        /// The number announced.
        expected: usize,
        /// The number written, or one too many when there are more.
        got: usize,
    },
    /// MessagePack with uncompressed points was asked for, and an entry is no point.
    #[error("entry {entry} of {list} does not decode: {error}")]
    Point {
        /// The field's name.
        list: &'static str,
        /// k, the entry.
        entry: u64,
        /// What is wrong with it.
        error: PointError,
    },
    /// MessagePack cannot hold lists of more than 2^32 - 1 items.
    #[error("a list of {len} items is too long for MessagePack")]
    TooLong {
        /// The number of items.
        len: u64,
    },
}
