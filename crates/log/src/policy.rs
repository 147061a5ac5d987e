//! Policies: which logs somebody trusts, and how many of which witnesses must have cosigned
//! ([tlog-policy](https://c2sp.org/tlog-policy)).
//!
//! ```text
//! log example.com/log+ecce8c65+AY...
//!
//! witness north north.example+0e7b7ae5+BI...
//! witness south south.example+4f2a39c1+BB...
//! witness west  west.example+91d0a6e2+BD...
//! group two-of-three 2 north south west
//! quorum two-of-three
//! ```
//!
//! [`Policy::judge`] says of a checkpoint whether it is signed by one of the logs, who cosigned it,
//! and whether that is a quorum. [`Policy::cosigners`] says the latter two for those who know by
//! other means that the log has signed it.
//!
//! # Fresh or stale
//!
//! A view that was true a month ago can be shown for ever to somebody who is kept from seeing more.
//! A cosignature says when its witness had seen no larger tree; so whoever asks for the newest
//! state passes a [`Freshness`], and cosignatures that are too old do not count. A proof that an
//! entry was logged does not age: there, pass none.

mod parse;
mod quorum;
mod text;

pub use parse::{MAX_NAMES, MAX_POLICY_LEN, PolicyError, PolicyLineError};
pub use quorum::{Cosigners, Cosigning, Freshness, PolicyVerdict};
pub use text::{Log, Policy, Witness};
