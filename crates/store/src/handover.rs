//! Giving a ceremony to another coordinator, and taking one over
//! (`docs/spec/public-log.md#handover`).
//!
//! What is carried is one file, the bundle: a statement that the leaving coordinator has signed, and
//! the database without the secret keys and the sessions. The coordinator that goes on is named by its
//! public key, so it makes its key before anything is carried.

mod successor;
mod taking;

pub use self::successor::public_key;
pub use self::taking::{Carried, TakeOverError, take_over};
pub use crate::bundle::{BundleError, Given, Statement};
