//! What all routes share: who is admitted, how bodies are read, how answers are worded.

pub(crate) mod admission;
pub(crate) mod app;
pub(crate) mod body;
pub(crate) mod etag;
pub(crate) mod kept;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod negotiate;
pub(crate) mod refusal;
pub(crate) mod request_id;
pub(crate) mod rest;
pub(crate) mod upload;
