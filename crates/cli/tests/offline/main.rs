//! The verbs that need no coordinator: what they print, and their exit codes.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod backups;
mod command_line;
mod contributions;
mod powers;
mod transcripts;
