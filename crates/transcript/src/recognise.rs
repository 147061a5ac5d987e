//! What a file is, by its content: one recogniser for whoever reads files that people hand over.
//!
//! [`recognise`] looks at the first bytes, and of JSON and MessagePack at the names of the
//! document's own fields, in whatever order they stand. It tells this crate's documents apart, and
//! names what is often handed over in their place: web pages, pointers of Git LFS, archives,
//! parameters for other curves. It judges nothing: a transcript that is recognised may be false.

mod foreign;
mod keys;

use std::fmt;
use std::io::{self, Read};

use blstrs::{G1Affine, G2Affine};

use crate::encoding::{Encoding, Point};
use crate::transcript::read::source::Source;

pub use foreign::Foreign;
pub use keys::{Key, top_level_keys};
pub(crate) use keys::{PowersList, powers_list};

/// Bytes of a file's start that are looked at. A tar archive shows itself at byte 257.
const START_LEN: u64 = 4096;

/// The bytes of a byte order mark in UTF-8.
pub const UTF8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

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

/// Tells what a file is.
///
/// Reads the start, and as much of a document's fields as it takes to tell: for this crate's own
/// documents the first name.
///
/// # Errors
/// When the source cannot be read.
pub fn recognise<S: Source + ?Sized>(source: &S) -> io::Result<Kind> {
    let mut start = Vec::new();
    source.open(0)?.take(START_LEN).read_to_end(&mut start)?;
    if let Some(foreign) = foreign::recognise(&start) {
        return Ok(Kind::Foreign(foreign));
    }
    let mark = if start.starts_with(UTF8_MARK) {
        UTF8_MARK.len()
    } else {
        0
    };
    let text = start[mark..].trim_ascii_start();
    match text.first() {
        None if start.len() as u64 == START_LEN => return Ok(Kind::Text),
        None => return Ok(Kind::Empty),
        Some(b'{') => return keys::of_json(source, mark as u64),
        Some(b'[') => return Ok(Kind::Json(JsonShape::List)),
        Some(0x80..=0x8f | 0xde | 0xdf) => {
            if let Some(kind) = keys::of_msgpack(source)? {
                return Ok(kind);
            }
        }
        _ => {}
    }
    Ok(points_or_text(&start[mark..], text))
}

/// Files that are points and nothing else, and text.
fn points_or_text(start: &[u8], text: &[u8]) -> Kind {
    if starts_with_point(start) {
        return Kind::PowersRaw;
    }
    let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    if text.iter().any(is_control) || !is_utf8(text) {
        return Kind::Unknown;
    }
    let first = text
        .split(u8::is_ascii_whitespace)
        .next()
        .unwrap_or_default();
    let is_count = first.len() <= 7 && first.iter().all(u8::is_ascii_digit);
    let digits = first.strip_prefix(b"0x").unwrap_or(first);
    let is_hex = digits.len() >= 16 && digits.iter().all(u8::is_ascii_hexdigit);
    let is_value =
        matches!(first.first(), Some(b'"')) || matches!(first, b"null" | b"true" | b"false");
    match (is_count || is_hex, is_value) {
        (true, _) => Kind::PowersText,
        (_, true) => Kind::Json(JsonShape::Value),
        _ => Kind::Text,
    }
}

/// Whether the bytes are UTF-8, perhaps cut in the middle of a character.
fn is_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// Whether the bytes begin with a point, perhaps behind counts.
fn starts_with_point(start: &[u8]) -> bool {
    fn is_point<P: Point>(bytes: &[u8], encoding: Encoding) -> bool {
        let bytes = bytes.get(..P::encoded_len(encoding));
        bytes.is_some_and(|bytes| P::decode(bytes, encoding).is_ok())
    }
    // One count or two, of 4 or 8 bytes.
    [0, 4, 8, 16].into_iter().any(|at| {
        let bytes = start.get(at..).unwrap_or_default();
        [Encoding::Compressed, Encoding::Uncompressed]
            .into_iter()
            .any(|it| is_point::<G1Affine>(bytes, it) || is_point::<G2Affine>(bytes, it))
    })
}

/// The kind of a document in memory: [`recognise`] for bytes.
#[must_use]
pub fn recognise_bytes(bytes: &[u8]) -> Kind {
    // Memory does not fail to be read.
    recognise(bytes).unwrap_or(Kind::Unknown)
}

/// Text of UTF-16, with a byte order mark or without, as UTF-8; none if it is not UTF-16.
///
/// `start` are the first bytes of a file, of which the byte order is told.
#[must_use]
pub fn utf16_order(start: &[u8]) -> Option<Utf16> {
    match start {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => None,
        [0xff, 0xfe, ..] => Some(Utf16::LittleEndian),
        [0xfe, 0xff, ..] => Some(Utf16::BigEndian),
        // Two characters of ASCII.
        [a, 0, b, 0, ..] if is_plain(*a) && is_plain(*b) => Some(Utf16::LittleEndian),
        [0, a, 0, b, ..] if is_plain(*a) && is_plain(*b) => Some(Utf16::BigEndian),
        _ => None,
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte.is_ascii_whitespace()
}

/// The order of bytes in UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf16 {
    /// The low byte first, as Windows writes it.
    LittleEndian,
    /// The high byte first.
    BigEndian,
}

impl Utf16 {
    /// The text of an even number of bytes, without a byte order mark; what is no text becomes `�`.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        let units = bytes.chunks_exact(2).map(|pair| match self {
            Self::LittleEndian => u16::from_le_bytes([pair[0], pair[1]]),
            Self::BigEndian => u16::from_be_bytes([pair[0], pair[1]]),
        });
        char::decode_utf16(units)
            .map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER))
            .filter(|it| *it != '\u{feff}')
            .collect()
    }
}
