//! The power fails, or the disk is full, while the real program runs: nothing that anybody was told is
//! lost, and the next start goes on (`docs/spec/public-log.md#durable-first`).
//!
//! `strace` writes down what the program asks of the system (`record.rs`). From that follows what a
//! disk may hold after a power failure at each moment (`disk.rs`), and what had been said by then
//! (`told.rs`). Such images are opened as a start opens them (`replay.rs`).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod crash;
mod disk;
mod full;
mod operations;
mod record;
mod replay;
mod server;
mod told;
mod trace;
