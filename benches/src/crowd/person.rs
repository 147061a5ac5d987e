//! Somebody who waits: checks in as the coordinator says, and goes to the next server when one is gone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::connection::{Answer, Connection};
use super::{Crowd, Way};

/// The pause before a request that broke is sent again.
const AGAIN: Duration = Duration::from_millis(250);

/// How late somebody may be (`docs/spec/queue.md#grace`).
const GRACE: Duration = Duration::from_secs(5);

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

    fn waits(&self) -> bool {
        self.queue_status == "queued"
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.next_checkin_in_ms.unwrap_or_default())
    }
}

impl Crowd {
    /// Waits in line until the crowd's end, or until the place is lost.
    pub(super) async fn live(self: Arc<Self>, number: usize, token: String, first: Standing) {
        let mut over = self.over.subscribe();
        let waiting = self.wait(number, &token, first);
        tokio::select! {
            () = waiting => {}
            _ = over.wait_for(|over| *over) => {}
        }
    }

    async fn wait(&self, number: usize, token: &str, first: Standing) {
        let mut standing = first;
        let mut told = Instant::now();
        let mut at = number % self.servers.len();
        let mut own = None;
        loop {
            let deadline = told + standing.interval();
            let due = match self.way {
                Way::ByDeadline { early } => deadline.checked_sub(early).unwrap_or(told).max(told),
                Way::Held { .. } => told,
            };
            tokio::time::sleep_until(due.into()).await;
            let sent = Instant::now();
            standing = self
                .ask_until_answered(number, &mut at, token, &mut own)
                .await;
            told = Instant::now();
            let expected = due + self.hold();
            let latency = told.saturating_duration_since(expected);
            let latest = match self.way {
                Way::ByDeadline { .. } => deadline,
                // As long as it is held, it is a sign of life.
                Way::Held { .. } => deadline.max(expected) + GRACE,
            };
            let (is_late, was_in_time) = (told > latest, sent <= deadline);
            let is_lost = !standing.waits();
            self.note(|seen| {
                seen.latencies.push(latency.as_secs_f64() * 1e3);
                seen.own_fault += usize::from(!was_in_time);
                seen.late += usize::from(is_late && was_in_time);
                seen.lost += usize::from(is_lost && was_in_time);
            });
            if is_lost {
                self.note(|seen| seen.fault(format!("participant {number}: {standing:?}")));
                return;
            }
        }
    }

    fn hold(&self) -> Duration {
        match self.way {
            Way::ByDeadline { .. } => Duration::ZERO,
            Way::Held { hold } => hold,
        }
    }

    /// Checks in, again and again and at the next server each time, until somebody answers.
    async fn ask_until_answered(
        &self,
        number: usize,
        at: &mut usize,
        token: &str,
        own: &mut Option<Connection>,
    ) -> Standing {
        loop {
            match self.ask(number, *at, token, own).await {
                Ok(answer) if answer.status == 200 => match Standing::read(&answer) {
                    Ok(standing) => return standing,
                    Err(error) => self.note(|seen| seen.fault(format!("{error:#}"))),
                },
                Ok(answer) if answer.status >= 500 => self.note(|seen| seen.repeated += 1),
                Ok(answer) => self.note(|seen| seen.fault(answer.to_string())),
                Err(_) => self.note(|seen| seen.repeated += 1),
            }
            *own = None;
            *at = (*at + 1) % self.servers.len();
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn ask(
        &self,
        number: usize,
        at: usize,
        token: &str,
        own: &mut Option<Connection>,
    ) -> Result<Answer> {
        let Way::Held { hold } = self.way else {
            return Ok(self.pools[at]
                .post("/queue/checkin", Some(token), "")
                .await?);
        };
        let path = format!("/queue/checkin?wait={}", hold.as_secs_f64());
        let connection = match own {
            Some(connection) => connection,
            None => own.insert(self.connect(number, at).await?),
        };
        Ok(connection.post(&path, Some(token), "", hold).await?)
    }
}
