//! Contributions as MessagePack: the same names as in JSON, points and signatures as raw bytes.
//!
//! A document's points are all compressed or all uncompressed (`docs/spec/ceremony.md#msgpack`);
//! their length tells which. An absent signature is written as a byte string of no bytes.

mod strict;

use std::fmt;
use std::io::{self, BufReader, Read};

use serde::Serialize;
use serde::de::DeserializeSeed;

use crate::contribution::raw::RawContribution;
use crate::contribution::wire::batches::{IgnorePoints, PointSink};
use crate::contribution::wire::document::ContributionSeed;
use crate::encoding::Encoding;
use crate::error::DocumentError;
use crate::text_limits::error_text;
use strict::StrictText;

/// Deepest nesting that is read: a document has five levels, the rest is for ignored fields.
const MAX_DEPTH: usize = 64;

/// Bytes read ahead of a stream: as many as a pipe or a socket gives at once.
const READ_AHEAD: usize = 64 << 10;

/// Reads a contribution to the end of a stream, and hands its points on meanwhile.
pub(crate) fn read_arriving(
    from: impl Read,
    sink: &mut dyn PointSink,
) -> Result<RawContribution, DocumentError> {
    read(BufReader::with_capacity(READ_AHEAD, from), sink)
}

/// Reads a contribution to the end of what there is, and hands its points on meanwhile.
fn read(from: impl Read, sink: &mut dyn PointSink) -> Result<RawContribution, DocumentError> {
    let mut from = StrictText::new(from);
    let malformed = |error: &dyn fmt::Display| DocumentError::MessagePack(error_text(error));
    let mut deserializer = rmp_serde::Deserializer::new(&mut from);
    deserializer.set_max_depth(MAX_DEPTH);
    let contribution = ContributionSeed(sink)
        .deserialize(&mut deserializer)
        .map_err(|error| malformed(&error))?;
    let rest =
        io::copy(&mut from.into_inner(), &mut io::sink()).map_err(|error| malformed(&error))?;
    if rest > 0 {
        return Err(malformed(&format_args!(
            "{rest} bytes follow the end of the document"
        )));
    }
    contribution.check_encoding()?;
    Ok(contribution)
}

impl RawContribution {
    /// Reads a contribution or a base in either point encoding.
    ///
    /// Needs memory in proportion to the bytes; nested input does not overflow the stack.
    ///
    /// # Errors
    ///
    /// When the bytes are not MessagePack, are followed by more, are not of the document's shape,
    /// or mix point encodings; the text says where. Points are not decoded yet.
    pub fn from_msgpack(bytes: &[u8]) -> Result<Self, DocumentError> {
        read(bytes, &mut IgnorePoints)
    }

    /// The contribution as MessagePack, points in `encoding`.
    ///
    /// # Errors
    ///
    /// When the points have to be converted and one is not a point.
    pub fn to_msgpack(&self, encoding: Encoding) -> Result<Vec<u8>, DocumentError> {
        if self.check_encoding() != Ok(encoding) {
            return self.to_encoding(encoding)?.to_msgpack(encoding);
        }
        let mut bytes = Vec::with_capacity(self.msgpack_len());
        self.serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map())
            .map_err(|error| DocumentError::MessagePack(error_text(error)))?;
        Ok(bytes)
    }
}
