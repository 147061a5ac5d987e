//! Several replicas of a coordinator on one PostgreSQL, as real programs: everybody is served by each of
//! them, and whatever happens to one, nobody loses a place and nothing that was said.
//!
//! Where PostgreSQL is not installed, the tests say that they were skipped.
#![allow(clippy::unwrap_used, clippy::too_many_lines)]

#[path = "../common/mod.rs"]
mod common;

#[path = "../auth/browser.rs"]
#[allow(dead_code)]
mod browser;
#[path = "../auth/provider.rs"]
#[allow(dead_code)]
mod provider;

mod absence;
mod batches;
mod copies;
mod crash;
mod database;
mod failover;
mod namespaces;
mod partition;
mod serving;
mod sign_in;
mod states;
mod uploads;
mod vetting;
mod vetting_lost;
