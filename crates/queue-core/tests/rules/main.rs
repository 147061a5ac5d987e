//! The rules one by one, each test named by the rule it states.

#![allow(clippy::unwrap_used)]

mod absence;
mod check_ins;
mod damaged;
mod edges;
mod equality;
mod estimate;
mod expulsions;
mod joining;
mod known_faults;
mod log;
mod matrix;
mod modes;
mod passes;
mod questions;
mod settings;
mod stalls;
mod tries;
mod turn;
mod world;
