//! The coordinator over a real SQLite file, on a clock that moves only when told to.
#![allow(clippy::unwrap_used)]

mod crash;
mod drift;
mod early;
mod handover;
mod held;
mod live;
mod loss;
mod operator;
mod polls;
mod presence;
mod queue;
mod restart;
mod sums;
mod support;
mod transcripts;
mod turn;
mod two_doors;
