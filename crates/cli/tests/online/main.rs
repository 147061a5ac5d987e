//! The verbs that talk to a coordinator, against the real one.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod contributing;
mod downloading;
mod impostors;
mod leaving;
mod moving;
mod operating;
mod planning;
mod rehearsing;
mod watching;
mod witnessing;
