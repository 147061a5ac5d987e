//! The shape of a contribution's document, the same in JSON and MessagePack, as serde sees it.
//!
//! In JSON a point is a hex string, in MessagePack a byte string; `is_human_readable` tells which.
//! The visitors are written out, not derived: derived ones also take arrays for objects and
//! numbers for field names, which no document of ours is.

pub(crate) mod batches;
pub(crate) mod document;
pub(crate) mod fields;
pub(crate) mod points;
pub(crate) mod signature;
