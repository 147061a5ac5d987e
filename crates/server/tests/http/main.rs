//! The HTTP interface, as participants meet it.
#![allow(clippy::unwrap_used, clippy::too_many_lines)]

#[path = "../common/mod.rs"]
mod common;

mod arriving;
mod bad_documents;
mod bad_requests;
mod bad_uploads;
mod blobs;
mod ceremony;
mod clocks;
mod connections;
mod contribution;
mod contributions;
mod cuts;
mod docs;
mod events;
mod failed_checks;
mod health;
mod known_faults;
mod operator;
mod page;
mod probe;
mod public_log;
mod queue;
mod service;
mod sessions;
mod sign_in;
mod transcript;
mod watching;
mod wrong_moment;
