//! Giving a ceremony to another coordinator, and taking one over
//! (`docs/spec/public-log.md#handover`).
//!
//! What is carried is one file, the bundle: a statement that the leaving coordinator has signed, and
//! the database without the secret keys and the sessions. The coordinator that goes on is named by its
//! public key, so it makes its key before anything is carried.

mod bundle;
mod successor;
mod taking;

pub use self::bundle::{BundleError, Statement};
pub(crate) use self::bundle::write;
pub use self::successor::public_key;
pub use self::taking::{Carried, TakeOverError, take_over};

use tauline_log::tree::TreeHead;
use tauline_protocol::public_log::SuccessorKey;

/// What is given to whom.
#[derive(Debug, Clone)]
pub struct Given {
    /// The log's origin.
    pub origin: String,
    /// The whole log, which ends by naming the coordinator that goes on.
    pub tree: TreeHead,
    /// The checkpoint of it, signed.
    pub checkpoint: String,
    /// The coordinator that goes on.
    pub to: SuccessorKey,
}
