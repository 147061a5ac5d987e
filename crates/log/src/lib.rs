//! A transparency log.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod decode;
mod hash;
mod lines;

pub mod checkpoint;
pub mod note;
pub mod policy;
pub mod proof;
pub mod tile;
pub mod tree;
pub mod witness;
