//! A transcript's document, read as a stream.

pub(crate) mod final_powers;
pub(crate) mod form;
pub(crate) mod index;
pub(crate) mod json_tokens;
pub(crate) mod msgpack_tokens;
pub(crate) mod source;
pub(crate) mod tokens;
pub(crate) mod walk;
