//! Contributions as MessagePack: the same names as in JSON, points and signatures as raw bytes.
//!
//! A document's points are all compressed or all uncompressed (`ceremony.md`, Documents); their
//! length tells which. An absent signature is written as a byte string of no bytes.

use serde::{Deserialize, Serialize};

use crate::contribution::RawContribution;
use crate::encoding::Encoding;
use crate::error::DocumentError;
use crate::wire::error_text;

/// Deepest nesting that is read: a document has five levels, the rest is for ignored fields.
const MAX_DEPTH: usize = 64;

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
        let mut rest = bytes;
        let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
        deserializer.set_max_depth(MAX_DEPTH);
        let contribution = Self::deserialize(&mut deserializer)
            .map_err(|error| DocumentError::MessagePack(error_text(error)))?;
        if !rest.is_empty() {
            return Err(DocumentError::MessagePack(format!(
                "{} bytes follow the end of the document",
                rest.len()
            )));
        }
        contribution.check_encoding()?;
        Ok(contribution)
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
        let mut bytes = Vec::new();
        self.serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map())
            .map_err(|error| DocumentError::MessagePack(error_text(error)))?;
        Ok(bytes)
    }
}
