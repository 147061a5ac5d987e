//! The verbs that need no coordinator: what they print, and their exit codes.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]

#[path = "../common/mod.rs"]
mod common;

mod audits;
mod backups;
mod command_line;
mod contributions;
mod migrating;
mod powers;
#[path = "../../../audit/tests/audit/support.rs"]
#[allow(dead_code, clippy::field_reassign_with_default)]
mod support;
mod transcripts;
