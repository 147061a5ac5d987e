//! What a verb that talks to a coordinator runs on.

use crate::exit::{Failure, Outcome};

/// Runs a verb that talks to a coordinator. One thread serves the connections; computations have
/// threads of their own.
pub(crate) fn online(verb: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(verb);
    // A computation cannot be stopped: it ends with the process.
    runtime.shutdown_background();
    outcome
}
