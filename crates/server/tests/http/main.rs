//! The HTTP interface, as participants meet it.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod arriving;
mod bad_contribution;
mod bad_requests;
mod ceremony;
mod connections;
mod contribution;
mod events;
mod known_faults;
mod operator;
mod probe;
mod queue;
mod service;
mod sessions;
mod sign_in;
mod transcript;
