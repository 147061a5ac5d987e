//! The public log: the tree over the ceremony's entries and its signed checkpoints
//! (`docs/spec/public-log.md#tree`).
//!
//! The coordinator's task hands over the entries of a commit once it is durable
//! ([`PublicLog::publish`]); then they are in the tree, and what is signed covers them. The order is
//! that of `docs/spec/public-log.md#durable-first`: entries durable, signed size and root durable,
//! then seen by anybody.

mod copied;
mod grown;
mod opening;
mod serve;
mod sign;
mod witnesses;

pub(crate) use self::grown::PublicLog;
pub(crate) use self::opening::{NewKey, Unopened, origin_of, recovered_beginning};
pub(crate) use self::serve::Served;
pub(crate) use self::sign::{LogMoment, Promise};
pub use self::witnesses::WitnessSetting;
pub(crate) use self::witnesses::Witnesses;
