//! Contributions as JSON (`ceremony.md`, Documents).

use serde::de::IgnoredAny;

use crate::contribution::RawContribution;
use crate::encoding::Encoding;
use crate::error::DocumentError;
use crate::wire::error_text;

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
        serde_json::from_slice(bytes).map_err(|error| {
            // An error within a list has been given a place, and so another kind, on its way.
            match serde_json::from_slice::<IgnoredAny>(bytes) {
                Ok(_) => DocumentError::JsonShape(error_text(error)),
                Err(_) => DocumentError::Json(error_text(error)),
            }
        })
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
