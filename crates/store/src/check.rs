//! Replaying the log, and checking against it everything that is stored beside it.
//!
//! A coordinator does this before it starts, and a backup is checked like this before it is
//! restored.

mod custody;
mod following;
mod log;
mod stored;

use tauline_queue_core::Rules;

pub use self::custody::{Custody, GivenTo, Holder, Plan};
pub use self::following::{Following, News};
pub use self::log::public_entry;
pub use self::stored::{Binding, Checked, Submitted};
use self::stored::{Kept, contributions, finished};
use crate::error::StoreError;
use crate::store::Store;

/// Checks everything in a store. Points are decoded on the threads of the current rayon pool.
///
/// # Errors
/// The first contradiction, or an error of the medium.
pub fn everything(store: &dyn Store, rules: Rules) -> Result<Checked, StoreError> {
    let replayed = log::replay(store, rules)?;
    if let Some(signed) = store.last_signed() {
        signed.check(&replayed.tree)?;
    }
    let kept = contributions(store, &replayed.queue, &replayed.told, Kept::default())?;
    finished(store, replayed, kept)
}
