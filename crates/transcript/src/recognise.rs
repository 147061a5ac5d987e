//! What a file is, by its content: one recogniser for whoever reads files that people hand over.
//!
//! [`recognise`] looks at the first bytes, and of JSON and MessagePack at the names of the
//! document's own fields, in whatever order they stand. It tells this crate's documents apart, and
//! names what is often handed over in their place: web pages, pointers of Git LFS, archives,
//! parameters for other curves. It judges nothing: a transcript that is recognised may be false.

mod byte_order;
mod foreign;
mod keys;
mod kind;

use std::io::{self, Read};

use blstrs::{G1Affine, G2Affine};

use crate::encoding::{Encoding, Point};
use crate::transcript::Source;

pub use byte_order::{UTF8_MARK, Utf16, utf16_order};
pub use foreign::Foreign;
pub use keys::{Key, top_level_keys};
pub(crate) use keys::{PowersList, powers_list};
pub use kind::{JsonShape, Kind};

/// Bytes of a file's start that are looked at. A tar archive shows itself at byte 257.
const START_LEN: u64 = 4096;

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
