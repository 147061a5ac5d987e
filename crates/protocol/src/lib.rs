//! The messages of Tauline: everything that a process sends, and the records of the ceremony's log.
//!
//! A client in Rust needs this crate and an HTTP library. It reads and writes these structures with
//! serde, as JSON, and checks receipts with
//! [`SignedReceipt::verify`](contribution::SignedReceipt::verify).
//!
//! | module | holds | read by |
//! |---|---|---|
//! | [`status`] | the ceremony's status and a participant's queue status | clients, pages |
//! | [`login`] | sign-in requests and answers | clients |
//! | [`auth`] | the same for clients of Ethereum's ceremony | clients, pages |
//! | [`contribution`] | bodies of `start`, `complete` and `abort` | clients |
//! | [`kept`] | single contributions, as anybody may look them up | pages |
//! | [`receipt`] | the signed receipt of an accepted contribution | participants, for ever |
//! | [`personal_message`] | texts that an Ethereum key signs | signers and verifiers of all kinds |
//! | [`error`] | the one shape of errors and the table of all codes | clients |
//! | [`sequencer`] | answers and errors of the Ethereum ceremony's sequencer | other people's clients |
//! | [`journal`] | the records of the ceremony's log | coordinators, auditors |
//! | [`public_log`] | the entries of the public log | verifiers, auditors |
//! | [`statement`] | tickets, promises and refusals, signed | participants, auditors |
//! | [`keepsake`] | the file in which a participant keeps them | clients, auditors |
//! | [`admin`] | the operator's socket | `tauline admin` |
//! | `schemas` | what an OpenAPI document says of these; with the feature `openapi` |
//! | [`object`] | reads structures from JSON objects only, and not from lists | readers of all of these |
//!
//! Contributions and transcripts themselves are documents of `tauline-transcript`. There is no
//! logic here, only shapes, names, units, and signatures over bytes. Field names are camelCase as
//! in `docs/spec/http-api.md#json`, `docs/spec/http-api.md#times`. Times are Unix seconds, and each
//! has a companion in milliseconds from now (`…InMs`), so that a client whose clock is wrong still
//! behaves.

pub mod admin;
pub mod auth;
mod codes;
mod commitment;
pub mod contribution;
pub mod error;
pub mod journal;
pub mod keepsake;
pub mod kept;
pub mod login;
mod notice;
pub mod object;
pub mod personal_message;
pub mod public_log;
pub mod receipt;
#[cfg(feature = "openapi")]
pub mod schemas;
pub mod sequencer;
pub mod statement;
pub mod status;
mod words;

pub use tauline_transcript::identity::Identity;
