//! The durable data of a ceremony.
//!
//! A coordinator keeps its data through the trait [`Store`]. It hands over all changes that belong
//! together as one [`Batch`], of which a store keeps everything or nothing. The stores of this crate
//! are [`Sqlite`](sqlite::Sqlite) and [`Postgres`](postgres::Postgres).
//!
//! | module | holds |
//! |---|---|
//! | [`sqlite`] | the embedded store: one database in a data directory |
//! | [`postgres`] | the store that replicas share: a PostgreSQL database, and who of them leads |
//! | [`apart`], [`objects`] | the powers of contributions kept apart, in an object store |
//! | [`check`] | checks of the log and of all that is stored beside it |
//! | [`sum`] | the sums by which stored things are recognised |
//! | [`turns`] | the turns that are over, as the log tells them |
//! | [`mark`] | how many records the log is known to have had |
//! | [`signed`] | how much of the public log was signed |
//! | [`handover`] | giving a ceremony to another coordinator, and taking one over |
//! | [`moving`] | moving a ceremony from one store to another |
//! | [`making`] | making the data of a ceremony that does not begin with nothing |
//!
//! What is stored beside the log cannot be derived from it. The log therefore binds it: a record
//! holds the sum of what was stored with it, or of what was stored before. At every start,
//! everything is checked against the log. Whatever is served is checked against its sum first.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod apart;
mod asked;
mod batch;
mod bundle;
mod ceremony;
mod chain;
pub mod check;
mod content;
mod contribution;
mod directory;
mod engine;
mod error;
#[doc(hidden)]
pub mod failpoint;
pub mod handover;
pub mod making;
pub mod mark;
pub mod moving;
mod names;
pub mod objects;
pub mod postgres;
mod session;
pub mod signed;
mod slots;
pub mod sqlite;
mod store;
pub mod sum;
pub mod turns;

pub use asked::Asked;
pub use batch::{Batch, Blob, Write};
pub use ceremony::{Ceremony, LogSecrets};
pub use chain::{Chain, StoredRecord};
pub use contribution::{Contribution, Witness};
pub use error::StoreError;
pub use names::{DATABASE_NAME, LOCK_NAME, PART_NAME, SNAPSHOTS_NAME};
pub use session::{Session, SignInWrite, TokenHash, UsedNonce};
pub use store::{Reading, Store, ThereUntil};

/// Decoders that only this crate uses, for the fuzz targets.
#[doc(hidden)]
pub mod fuzzing {
    use std::path::Path;

    use crate::bundle::{BundleError, Statement, read_head};

    /// Reads the head of a handover bundle, and checks who has signed it.
    ///
    /// # Errors
    /// When these bytes do not begin with one.
    pub fn bundle_head(mut bytes: &[u8]) -> Result<Statement, BundleError> {
        read_head(&mut bytes, Path::new("bytes"))
    }
}
