//! Powers of tau on BLS12-381: documents, a participant's work, and verification.
//!
//! This crate is pure: it opens no file and no socket, reads no clock, and takes its randomness
//! from the caller. Anyone may embed it in a coordinator, a client or a checker of their own.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
pub mod chain;
pub mod contribution;
pub mod encoding;
pub mod error;
pub mod export;
mod field;
pub mod identity;
mod json;
pub mod lagrange;
mod msgpack;
pub mod powers;
pub mod signature;
pub mod sizes;
pub mod transcript;
pub mod update;
pub mod verify;
mod wire;

pub use encoding::Encoding;
pub use error::{Check, DocumentError, Element, Invalid, PointError, SubCeremony};
pub use sizes::{Size, Sizes};
