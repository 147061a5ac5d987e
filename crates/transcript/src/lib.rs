//! Powers of tau on BLS12-381: documents, a participant's work, and verification.
//!
//! This crate is pure: it opens no file and no socket, reads no clock, and takes its randomness
//! from the caller. Anyone may embed it in a coordinator, a client or a checker of their own.
//!
//! # From bytes to a proof
//!
//! ```text
//!  bytes ──json/msgpack──▶ RawContribution ──verify──▶ Verified ──into_parts──▶ Base, witnesses
//!                               ▲                                               │
//!                               └──────── Update::sign ◀── contribute ◀─────────┘
//! ```
//!
//! * Bytes stay bytes on the wire: a [`RawContribution`] holds undecoded points.
//! * Points stay points from decoding on: [`Powers`] and [`Base`] are decoded once.
//! * Only [`verify()`] makes a [`Verified`], and only a `Verified` can extend a transcript: the type
//!   carries the proof that every check passed.
//!
//! # A ceremony in memory
//!
//! ```
//! use rand_core::OsRng;
//! use tauline_transcript::{Base, RawContribution, Sizes, contribute, verify};
//!
//! let sizes: Sizes = "16:4,32:4".parse()?;
//! let base = Base::initial(&sizes);
//!
//! // A participant: fresh secrets from the operating system, wiped after signing.
//! let update = contribute(&base, &mut OsRng, b"typed by the user", &|_| {});
//! let body = update.unsigned().to_json()?;
//!
//! // The coordinator.
//! let contribution = RawContribution::from_json(&body)?;
//! let verified = verify(&base, &contribution, &mut OsRng)?;
//! assert_eq!(verified.base().sizes(), &sizes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where the checks are
//!
//! The checks of `ceremony.md` on a contribution are in [`verify`](mod@verify), in the
//! specification's order; those on a whole transcript in [`chain`]; signatures in [`signature`].
//! Heavy sums over points are behind one private seam, `batch` and `arithmetic`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arithmetic;
pub mod arrival;
mod batch;
pub mod chain;
pub mod contribution;
pub mod encoding;
pub mod error;
pub mod export;
pub mod fingerprint;
pub mod identity;
mod json;
pub mod lagrange;
mod msgpack;
mod one_pass;
pub mod parts;
pub mod powers;
pub mod recognise;
pub mod secrets;
pub mod signature;
pub mod sizes;
pub mod transcript;
pub mod update;
pub mod verify;
mod wire;
pub mod words;

pub use arrival::{ReceiveError, Received};
pub use contribution::{RawContribution, RawPoint, RawPoints, RawPowers, RawSubContribution};
pub use encoding::Encoding;
pub use error::{Check, DocumentError, Element, Invalid, PointError, SubCeremony};
pub use powers::{Base, Powers};
pub use sizes::{Size, Sizes};
pub use update::{Progress, Secret, Update, contribute, contribute_with};
pub use verify::{Verified, WitnessEntry, verify, verify_received};
