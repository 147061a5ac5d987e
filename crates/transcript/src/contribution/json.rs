//! Contributions as JSON (`docs/spec/ceremony.md#contribution`).

mod quick;

use std::io::Read;

use serde::de::DeserializeSeed;

use crate::contribution::raw::RawContribution;
use crate::contribution::wire::batches::{IgnorePoints, PointSink};
use crate::contribution::wire::document::ContributionSeed;
use crate::encoding::Encoding;
use crate::error::DocumentError;
use crate::text_limits::error_text;

use self::quick::QuickReader;

/// Reads a contribution to its end, and hands its points on meanwhile. Also tells whether what was
/// handed on is the contribution's: of a document that is unusual, it may be a part.
pub(crate) fn read_arriving(
    from: impl Read,
    sink: &mut dyn PointSink,
) -> Result<(RawContribution, bool), DocumentError> {
    let mut reader = QuickReader::new(from);
    let quick = ContributionSeed(sink).deserialize(&mut reader);
    match quick.and_then(|contribution| reader.end().map(|()| contribution)) {
        Ok(contribution) => Ok((contribution, true)),
        // What is wrong, the other reader tells; its columns are those of a stream.
        Err(_) => Ok((read(&reader.into_bytes()[..])?, false)),
    }
}

/// Reads a contribution to its end.
fn read(from: impl Read) -> Result<RawContribution, DocumentError> {
    let mut deserializer = serde_json::Deserializer::from_reader(from);
    let read = ContributionSeed(&mut IgnorePoints).deserialize(&mut deserializer);
    read.and_then(|contribution| deserializer.end().map(|()| contribution))
        .map_err(json_error)
}

/// How `serde_json` words that text is no JSON. An error inside a list is given a place on its way
/// out, and is from then on of the kind of errors about the shape: only its words still tell.
const NOT_JSON: [&str; 16] = [
    "EOF while parsing",
    "expected `:`",
    "expected `,` or",
    "expected `\"`",
    "expected ident",
    "expected value",
    "invalid escape",
    "invalid number",
    "number out of range",
    "invalid unicode",
    "control character",
    "key must be a string",
    "hex escape",
    "trailing comma",
    "trailing characters",
    "recursion limit exceeded",
];

/// What is wrong with the bytes: that they are no JSON, or that the JSON has another shape.
fn json_error(error: serde_json::Error) -> DocumentError {
    let is_data = error.is_data();
    let text = error_text(error);
    match is_data && !NOT_JSON.iter().any(|words| text.contains(words)) {
        true => DocumentError::JsonShape(text),
        false => DocumentError::Json(text),
    }
}

impl RawContribution {
    /// Reads a contribution or a base.
    ///
    /// Needs memory in proportion to the bytes; nested input does not overflow the stack.
    ///
    /// # Errors
    ///
    /// When the bytes are not JSON, are followed by more, or are not of the document's shape; the
    /// text says where. Points are not decoded yet, so only their hex can be wrong here.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DocumentError> {
        // The quick reader tells what is right, the other one what is wrong: their columns differ.
        match serde_json::from_slice(bytes) {
            Ok(contribution) => Ok(contribution),
            Err(_) => read(bytes),
        }
    }

    /// The contribution as compact JSON, points compressed.
    ///
    /// # Errors
    ///
    /// When the points are uncompressed and one is not a point.
    pub fn to_json(&self) -> Result<Vec<u8>, DocumentError> {
        if self.check_encoding() != Ok(Encoding::Compressed) {
            return self.to_encoding(Encoding::Compressed)?.to_json();
        }
        serde_json::to_vec(self).map_err(|error| DocumentError::Json(error_text(error)))
    }
}
