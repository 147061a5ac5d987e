//! What is durable, behind one trait.
//!
//! The coordinator hands over everything that changes together as one [`Batch`], and a store takes
//! all of it or nothing.
//!
//! | module | holds |
//! |---|---|
//! | [`sqlite`] | the embedded store: one database in a data directory |
//! | [`check`] | the log, and all that is kept beside it, checked against each other |
//! | [`sum`] | what things that are kept are recognised by |
//! | [`mark`] | how far the log is known to have been durable |
//!
//! What a store holds beside the log cannot be derived from it. So the log binds it: a record holds
//! the sum of what was stored with it, or of what was there before. Everything is checked against
//! the log at every start, and against its sum before it is served.

mod batch;
mod ceremony;
mod chain;
pub mod check;
mod contribution;
mod directory;
mod error;
pub mod mark;
mod names;
mod session;
pub mod sqlite;
mod store;
pub mod sum;

pub use batch::{Batch, Blob, Write};
pub use ceremony::Ceremony;
pub use chain::{Chain, StoredRecord};
pub use contribution::{Contribution, WITNESS_LEN, Witness};
pub use directory::DataDir;
pub use error::StoreError;
pub use names::{DATABASE_NAME, LOCK_NAME, PART_NAME, SNAPSHOTS_NAME};
pub use session::{Session, SignInWrite};
pub use store::{Reading, Store};
