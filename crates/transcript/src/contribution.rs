//! Contributions: as documents, in memory, as they arrive, and as they are written.

pub(crate) mod json;
pub(crate) mod lists;
pub(crate) mod malformed_signatures;
pub(crate) mod msgpack;
pub(crate) mod raw;
pub(crate) mod reader;
pub(crate) mod wire;
pub(crate) mod writer;
