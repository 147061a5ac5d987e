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
//! The checks on a contribution (`docs/spec/ceremony.md#checks`) are in [`verify()`], in the
//! specification's order; those on a whole transcript in [`transcript`]; signatures in
//! [`signature`]. Heavy sums over points are behind one private seam, `arithmetic`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arithmetic;
mod contribution;
mod encoding;
mod error;
pub mod export;
pub mod fingerprint;
pub mod identity;
pub mod known_secret;
mod powers;
pub mod recognise;
pub mod signature;
mod sizes;
pub mod text_limits;
pub mod transcript;
mod update;
mod verify;

pub use contribution::malformed_signatures::MalformedSignatures;
pub use contribution::raw::{RawContribution, RawPoint, RawPoints, RawPowers, RawSubContribution};
pub use contribution::reader::{ReceiveError, Received};
pub use contribution::writer::PartForm;
pub use encoding::{Encoding, Point, PointError, decode_hex, encode_hex};
pub use error::{Check, DocumentError, Element, Invalid, SubCeremony};
pub use powers::{Base, Powers};
pub use sizes::{Size, Sizes, SizesError};
pub use update::multiply::Progress;
pub use update::secret::Secret;
pub use update::stream::InOrder;
pub use update::{SecretCountError, Update, contribute, contribute_with};
pub use verify::{Verified, WitnessEntry, verify, verify_base, verify_powers, verify_received};
