//! The kinds of files that are told apart.

use std::fmt;

use crate::recognise::foreign::Foreign;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A transcript, in JSON or MessagePack.
    Transcript,
    /// A contribution or a base, in JSON or MessagePack.
    Contribution,
    /// A set of powers in JSON, as the consensus specifications have it, or with older names.
    PowersJson,
    /// A set of powers in text: two counts, then points in hex; or points alone.
    PowersText,
    /// A set of powers as bytes.
    PowersRaw,
    /// The signed receipt of a contribution.
    Receipt,
    /// What a verb of the command line printed, or the coordinator answered: JSON with this in it.
    Report(&'static str),
    /// JSON of another shape.
    Json(JsonShape),
    /// MessagePack of another shape.
    MessagePack,
    /// Nothing that this crate reads.
    Foreign(Foreign),
    /// No bytes at all, or white space alone.
    Empty,
    /// Text of which nothing is known.
    Text,
    /// Bytes of which nothing is known.
    Unknown,
}

/// JSON that is none of this crate's documents.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonShape {
    /// An object with these keys, the first few.
    Object(Vec<String>),
    /// A list.
    List,
    /// A text, a number or another single value.
    Value,
    /// An object that breaks off.
    Broken,
    /// The start of an object, and then no JSON.
    Malformed,
}

impl Kind {
    /// Whether the file is something else altogether, so that another file is what helps.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign(_))
    }

    /// Whether more of the file cannot make it one of this crate's documents.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        matches!(
            self,
            Self::Foreign(_) | Self::Unknown | Self::Json(JsonShape::Malformed)
        )
    }
}

impl fmt::Display for Kind {
    /// A noun with its article: `a transcript`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transcript => f.write_str("a transcript"),
            Self::Contribution => f.write_str("a contribution or base"),
            Self::PowersJson => f.write_str("a set of powers in JSON"),
            Self::PowersText => f.write_str("a set of powers in text"),
            Self::PowersRaw => f.write_str("a set of powers as raw points"),
            Self::Receipt => f.write_str("a receipt"),
            Self::Report(what) => f.write_str(what),
            Self::Json(JsonShape::Object(keys)) if keys.is_empty() => {
                f.write_str("JSON of another shape: an object with nothing in it")
            }
            Self::Json(JsonShape::Object(keys)) => {
                write!(
                    f,
                    "JSON of another shape: an object with {}",
                    keys.join(", ")
                )
            }
            Self::Json(JsonShape::List) => f.write_str("JSON of another shape: a list"),
            Self::Json(JsonShape::Value) => f.write_str("JSON of another shape: a single value"),
            Self::Json(JsonShape::Broken) => f.write_str("JSON that breaks off"),
            Self::Json(JsonShape::Malformed) => f.write_str("malformed JSON"),
            Self::MessagePack => f.write_str("MessagePack of another shape"),
            Self::Foreign(foreign) => foreign.fmt(f),
            Self::Empty => f.write_str("empty"),
            Self::Text => f.write_str("text that is no document of a ceremony"),
            Self::Unknown => f.write_str("bytes of no known form"),
        }
    }
}
