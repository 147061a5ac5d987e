//! Every byte that leaves a Tauline process has its shape in this crate.
//!
//! | module | holds | read by |
//! |---|---|---|
//! | [`status`] | the ceremony's status and a participant's queue status | clients, pages |
//! | [`login`] | sign-in requests and answers | clients |
//! | [`auth`] | the same for clients of Ethereum's ceremony | clients, pages |
//! | [`contribution`] | bodies of `start`, `complete` and `abort` | clients |
//! | [`receipt`] | the signed receipt of an accepted contribution | participants, for ever |
//! | [`error`] | the one shape of errors and the table of all codes | clients |
//! | [`sequencer`] | what clients of the Ethereum ceremony's sequencer are answered | other people's clients |
//! | [`journal`] | the records of the ceremony's log | coordinators, auditors |
//! | [`admin`] | the operator's socket | `tauline admin` |
//! | [`object`] | how structures are read: from objects only | readers of all of these |
//!
//! Contributions and transcripts themselves are documents of `tauline-transcript`. There is no
//! logic here: shapes, names, units and signatures over bytes only. Field names are camelCase as in
//! `docs/spec/http-api.md#json`, `docs/spec/http-api.md#times`; times are Unix seconds, and each
//! has a companion in milliseconds from now (`…InMs`), so that a client with a wrong clock still
//! behaves.

pub mod admin;
pub mod auth;
mod codes;
pub mod contribution;
pub mod error;
pub mod journal;
pub mod login;
pub mod object;
pub mod receipt;
pub mod sequencer;
pub mod status;

pub use tauline_transcript::identity::Identity;
