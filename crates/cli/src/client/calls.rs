//! How long calls take and how they fail, for whoever rehearses a ceremony.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::ClientError;

/// Answers and failures of each kind that are kept one by one. A rehearsal of a day stays below it.
const MAX_KEPT: usize = 200_000;

/// A call whose time is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    SignIn,
    Join,
    /// A check-in that is answered at once.
    CheckIn,
    Start,
    /// A call whose answer takes as long as it is asked to, or as its body needs. Only its failures count.
    Untimed,
}

/// A call that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) call: Call,
    /// When, since the beginning.
    pub(crate) at: Duration,
    pub(crate) took: Duration,
}

/// All calls of the clients of one rehearsal.
pub(crate) struct Calls {
    began: Instant,
    seen: Mutex<Seen>,
}

/// What was seen of the calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) answered: Vec<Answered>,
    /// When calls failed, since the beginning.
    pub(crate) failed_at: Vec<Duration>,
    /// How many failed in each way.
    pub(crate) failed: BTreeMap<String, u64>,
}

impl Calls {
    /// None yet.
    pub(crate) fn since(began: Instant) -> Self {
        Self {
            began,
            seen: Mutex::default(),
        }
    }

    /// What was seen so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes how a call went that began then.
    pub(super) fn note(&self, call: Call, began: Instant, failed: Option<&ClientError>) {
        let at = Instant::now().saturating_duration_since(self.began);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match failed {
            None if call != Call::Untimed && seen.answered.len() < MAX_KEPT => {
                let took = began.elapsed();
                seen.answered.push(Answered { call, at, took });
            }
            None => {}
            Some(error) => {
                if seen.failed_at.len() < MAX_KEPT {
                    seen.failed_at.push(at);
                }
                *seen.failed.entry(way(error)).or_default() += 1;
            }
        }
    }
}

/// In which way a call failed: the coordinator's code where there is one.
fn way(error: &ClientError) -> String {
    match error {
        ClientError::Refused(refused) => format!("{} ({})", refused.body.code, refused.status),
        ClientError::Gateway { status } => format!("a proxy answers {}", status.as_u16()),
        ClientError::Network(why) => format!("no answer: {why}"),
        other => other.to_string(),
    }
}
