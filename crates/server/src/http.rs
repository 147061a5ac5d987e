//! What all routes share: who is admitted, how bodies are read, how answers are worded.

pub mod admission;
pub mod app;
pub mod body;
pub mod failure;
pub mod limits;
pub mod negotiate;
pub mod upload;
