//! The verbs, in a file each: their arguments, and what they do.

pub mod admin;
pub mod audit;
pub mod completions;
pub mod compute;
pub mod contribute;
pub mod export;
pub mod init;
pub mod man;
pub mod rehearse;
pub mod status;
pub mod submit;
pub mod transcript;
pub mod verify;
pub mod verify_contribution;
pub mod verify_powers;
pub mod watch;
pub mod witness;
