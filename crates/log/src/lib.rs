//! A transparency log.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod decode;
mod hash;

pub mod checkpoint;
pub mod note;
pub mod tile;
pub mod tree;
