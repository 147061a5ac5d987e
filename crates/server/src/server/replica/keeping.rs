//! The lease, renewed on a thread of its own: a busy runtime does not lose it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tauline_store::StoreError;
use tauline_store::postgres::Lease;

use crate::forward::{Over, Term};

/// How often a lease is renewed in its length.
const RENEWALS: u32 = 3;

/// Pause after a renewal that failed, for another reason than that another replica leads.
const AGAIN: Duration = Duration::from_millis(100);

/// Renews the lease until the term is over, and ends the term when it cannot be.
///
/// # Errors
/// When there is no thread for it.
pub(super) fn keep(lease: Lease, term: Arc<Term>, length: Duration) -> std::io::Result<()> {
    let work = move || {
        let mut next = length / RENEWALS;
        while term.lasts() {
            std::thread::sleep(next.min(term.left()));
            // The lease counts from when the database hears of it, which is later than this.
            let sent = Instant::now();
            if !term.lasts() {
                break;
            }
            next = match lease.renew() {
                Ok(()) => {
                    term.renewed(sent, length);
                    (length / RENEWALS).saturating_sub(sent.elapsed())
                }
                Err(StoreError::Fenced) => {
                    term.end(Over::Another);
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, left = ?term.left(), "the lease could not be renewed");
                    AGAIN
                }
            };
        }
        term.end(Over::RunOut);
    };
    std::thread::Builder::new()
        .name("lease".to_owned())
        .spawn(work)
        .map(drop)
}
