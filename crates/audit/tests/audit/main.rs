//! Frauds that are planted in honest logs, and honest logs in which nothing is found.

#![allow(clippy::unwrap_used, clippy::field_reassign_with_default)]

mod chain;
mod custody;
mod handover;
mod honest;
mod line;
mod published;
mod recovered;
mod robust;
mod shown;
mod support;
mod times;
mod transcript;
mod turns;
mod whose;
mod witnesses;
#[path = "../../../queue-core/examples/public_life/world.rs"]
mod world;
