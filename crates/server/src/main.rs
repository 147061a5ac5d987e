//! `tauline-server`: starts the coordinator of a ceremony.

fn main() {}
