//! The tree against a naive one, the formats against the specification's examples, and what is
//! hostile.

#![allow(clippy::unwrap_used)]

mod checkpoint;
mod golden;
mod naive;
mod note;
mod tile;
mod tree;
