//! What operators run the coordinator with: certificates, and those who collect traces.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod authority;
mod certificates;
mod collector;
mod program;
mod tls;
mod traces;
