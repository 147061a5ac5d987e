//! The API of the Ethereum ceremony's sequencer, as its clients use it
//! (`docs/spec/sequencer.md#routes`).
#![allow(clippy::unwrap_used, clippy::too_many_lines)]

#[path = "../common/mod.rs"]
mod common;

mod clients;
mod contributions;
mod polling;
mod support;
mod table;
mod transport;
