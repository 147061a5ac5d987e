//! Signing in in a browser: `/auth/…`, with providers and nodes that are really asked.
#![allow(clippy::unwrap_used, clippy::too_many_lines)]

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod browser;
mod contract;
mod eligibility;
mod github;
mod grammar;
mod held_up;
mod log;
mod node;
mod oidc;
mod page;
mod provider;
mod rpc;
mod wallet;
