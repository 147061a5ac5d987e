//! Where somebody stands, as far as somebody who waits has to know.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::connection::Answer;

/// What an answer says of where somebody stands.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Standing {
    queue_status: String,
    next_checkin_in_ms: Option<u64>,
}

impl Standing {
    pub(super) fn read(answer: &Answer) -> Result<Self> {
        serde_json::from_slice(&answer.body).with_context(|| format!("no status: {answer}"))
    }

    pub(super) fn has_turn(&self) -> bool {
        self.queue_status == "readyToContribute"
    }

    pub(super) fn waits(&self) -> bool {
        self.queue_status == "queued"
    }

    pub(super) fn interval(&self) -> Duration {
        Duration::from_millis(self.next_checkin_in_ms.unwrap_or_default())
    }
}
