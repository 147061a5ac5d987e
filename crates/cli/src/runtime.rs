//! What a verb that talks to a coordinator runs on.

use crate::exit::{Failure, Outcome};

/// Runs a verb that talks to a coordinator: one thread for the connections; computations have
/// their own.
pub(crate) fn online(verb: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(verb);
    // A computation that was interrupted ends with the process, not before.
    runtime.shutdown_background();
    outcome
}
