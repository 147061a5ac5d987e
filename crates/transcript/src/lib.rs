//! Powers of tau on BLS12-381: documents, a participant's work, and verification.
//!
//! This crate is pure: it opens no file and no socket, reads no clock and no environment, and takes
//! its randomness from the caller. Anyone may embed it in a coordinator, a client or a checker of
//! their own.
//!
//! | to | call |
//! |---|---|
//! | verify one contribution | [`verify_base`], then [`verify()`] |
//! | verify it while its bytes arrive | [`Received::from_json`], then [`verify_received`] |
//! | contribute | [`contribute`], then [`Update::sign`] |
//! | send a contribution while it is computed | [`ContributionStream`], [`ContributionForm`] |
//! | verify a whole transcript | [`transcript::verify_transcript`] |
//! | write one | [`transcript::TranscriptWriter`] |
//! | export powers for KZG libraries, or check such a file | [`export`] |
//! | tell what a file is | [`recognise`] |
//!
//! # Verify one contribution
//!
//! Two documents are needed: the base that was handed out, and the contribution that came back.
//!
//! ```
//! # use tauline_transcript::{Base, Sizes};
//! use tauline_transcript::rand_core::OsRng;
//! use tauline_transcript::{RawContribution, verify, verify_base};
//!
//! # let sizes: Sizes = "16:4,32:4".parse()?;
//! # let start = Base::initial(&sizes);
//! # let update = tauline_transcript::contribute(&start, &mut OsRng, b"", &|_| {});
//! # let (base_json, contribution_json) = (start.to_json()?, update.unsigned().to_json()?);
//! let document = RawContribution::from_json(&base_json)?;
//! let base = verify_base(&document, &sizes, &mut OsRng)?;
//!
//! let contribution = RawContribution::from_json(&contribution_json)?;
//! let verified = verify(&base, &contribution, &mut OsRng)?;
//! assert_eq!(verified.base().sizes(), &sizes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The example `check_contribution` does this with files:
//! `cargo run -p tauline-transcript --example check_contribution`.
//!
//! # Contribute
//!
//! ```
//! use tauline_transcript::rand_core::OsRng;
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
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Verify a transcript, and export its powers
//!
//! A transcript is read from a [`Source`](transcript::Source), as often as needed and never as a
//! whole; a byte slice is one.
//!
//! ```
//! # use tauline_transcript::Sizes;
//! use tauline_transcript::export::{ExportFormat, export_powers};
//! use tauline_transcript::rand_core::OsRng;
//! use tauline_transcript::transcript::{ExpectedSizes, Options, read_powers, verify_transcript};
//! # use tauline_transcript::transcript::{Format, Transcript};
//!
//! # let sizes: Sizes = "16:4,32:4".parse()?;
//! # let document = Transcript::initial(&sizes).write(Vec::new(), Format::Json)?;
//! let source = document.as_slice();
//! let options = Options { sizes: ExpectedSizes::These(sizes), ..Options::default() };
//! let report = verify_transcript(source, &options, &mut OsRng, &|_| {})?;
//! println!("{} contributions", report.contributions);
//!
//! let powers = read_powers(source, 16)?.expect("it has a sub-ceremony of 16 powers");
//! let mut file = Vec::new();
//! export_powers(&mut file, ExportFormat::CKzg, &powers)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
//! * Only [`verify()`], [`verify_received`] and [`verify_on`] make a [`Verified`], and only a `Verified` can extend
//!   a transcript: the type carries the proof that every check passed.
//!
//! # Where the checks are
//!
//! | checks (`docs/spec/ceremony.md#checks`) | file |
//! |---|---|
//! | on a contribution, in the specification's order | `verify.rs` |
//! | on a whole transcript | `transcript/verify.rs` |
//! | of a participant's signatures | `signature.rs` |
//! | on a set of powers in a file | `export/check.rs` |
//!
//! All sums over many points are behind one private module, `arithmetic`; its `NOTES.md` explains
//! representations and bounds.
//!
//! # Randomness
//!
//! Generators are those of [`rand_core`]. What verifies draws the coefficients of its random
//! combinations from them, so they have to be unforeseeable for whoever made the document; what
//! contributes draws secrets. Use [`OsRng`](rand_core::OsRng) unless you know better.
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
mod random;
pub mod recognise;
pub mod signature;
mod sizes;
pub mod text_limits;
pub mod transcript;
mod update;
mod verify;

// The crates whose types stand in signatures.
pub use {blstrs, group, k256, rand_core, rayon};

pub use arithmetic::use_portable_arithmetic;
pub use contribution::malformed_signatures::MalformedSignatures;
pub use contribution::raw::{RawContribution, RawPoint, RawPoints, RawPowers, RawSubContribution};
pub use contribution::reader::{ReceiveError, Received};
pub use contribution::writer::ContributionForm;
pub use encoding::{Encoding, Point, PointError, decode_hex, encode_hex};
pub use error::{Check, DocumentError, Element, Invalid, SubCeremony};
pub use powers::{Base, Powers};
pub use random::SecureRandom;
pub use sizes::{Size, Sizes, SizesError};
pub use update::multiply::UpdateProgress;
pub use update::secret::Secret;
pub use update::stream::ContributionStream;
pub use update::{SecretCountError, Update, contribute, contribute_with};
pub use verify::{
    Foundation, Verified, WitnessEntry, verify, verify_base, verify_on, verify_powers,
    verify_received,
};

/// The example in the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
