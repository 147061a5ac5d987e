//! What holds whatever bytes arrive from outside. Each module has one function, `check`, which panics
//! where it does not hold.
//!
//! By night a fuzzer looks for such bytes: `fuzz/fuzz_targets` has a target for each module. By day the
//! tests of this crate feed documents that were spoiled by a generator with a fixed seed.

pub mod documents;
pub mod exports;
pub mod log;
pub mod queue_step;
pub mod records;
pub mod signin;

/// Panics where something does not hold of these bytes.
pub type Check = fn(&[u8]);

/// What is fuzzed, by the name of its target.
pub const TARGETS: [(&str, Check); 6] = [
    ("documents", documents::check),
    ("exports", exports::check),
    ("log", log::check),
    ("queue_step", queue_step::check),
    ("records", records::check),
    ("signin", signin::check),
];
