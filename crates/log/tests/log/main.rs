//! The tree against a naive one, the formats against the specification's examples, and what is
//! hostile.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]

mod checkpoint;
mod golden;
mod hostile;
mod keys;
mod naive;
mod note;
mod policy;
mod proof;
mod tile;
mod tree;
mod witness;
