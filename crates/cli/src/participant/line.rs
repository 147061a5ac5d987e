//! How the line moves, as the ceremony's public stream tells everybody: so that who rests need not
//! ask, and is woken when the line moves faster than was expected.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Url;
use tauline_protocol::status::CeremonyStatus;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::client::{Client, ClientError};

/// A stream that says nothing for so long is dead. Signs of life come each 15 s.
const SILENCE: Duration = Duration::from_secs(45);

/// The longest pause before a stream that has broken is asked for again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// So many turns are remembered: as many as the stream tells at once.
const TURNS: usize = 100;

/// The line that is followed, as long as this lives.
pub(super) struct Line {
    of: Url,
    seen: watch::Receiver<Motion>,
    task: AbortHandle,
}

/// What was seen of the line.
#[derive(Debug, Clone, Default)]
struct Motion {
    in_line: Option<u64>,
    /// The latest turns: whose they were, and when they ended, in Unix seconds.
    ended: VecDeque<(u64, u64)>,
}

impl Line {
    /// Follows the line at this coordinator.
    pub(super) fn follow(client: &Client) -> Self {
        let (sender, seen) = watch::channel(Motion::default());
        let of = client.server().clone();
        let client = client.without_session();
        let task = tokio::spawn(async move { follow(&client, &sender).await });
        Self {
            of,
            seen,
            task: task.abort_handle(),
        }
    }

    /// Whether this is the line at that coordinator.
    pub(super) fn is_at(&self, server: &Url) -> bool {
        self.of == *server
    }

    /// Waits until something new was seen; for ever where there is no stream.
    pub(super) async fn moves(&mut self) {
        if self.seen.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// How many stand in line, if that was seen.
    pub(super) fn in_line(&self) -> Option<u64> {
        self.seen.borrow().in_line
    }

    /// How many turns have ended since then, by the coordinator's clock.
    pub(super) fn turns_since(&self, unix_seconds: u64) -> u64 {
        let seen = self.seen.borrow();
        let since = seen.ended.iter().filter(|(_, at)| *at > unix_seconds);
        since.count() as u64
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens as long as there is a stream.
async fn follow(client: &Client, to: &watch::Sender<Motion>) {
    let mut backoff = Backoff::growing_to(LONGEST_PAUSE);
    loop {
        let pause = match listen(client, to).await {
            Ok(Ended::NoStream) => return,
            Ok(Ended::Broken) => {
                backoff = Backoff::growing_to(LONGEST_PAUSE);
                None
            }
            Err(error) => error.retry_after(),
        };
        sleep(backoff.next(pause).unwrap_or(LONGEST_PAUSE)).await;
    }
}

enum Ended {
    NoStream,
    Broken,
}

async fn listen(client: &Client, to: &watch::Sender<Motion>) -> Result<Ended, ClientError> {
    let Some(mut events) = client.events(SILENCE).await? else {
        return Ok(Ended::NoStream);
    };
    while let Ok(text) = events.next().await {
        // What is not understood helps nobody; the deadline stands as it is.
        let Ok(status) = serde_json::from_str::<CeremonyStatus>(&text) else {
            return Ok(Ended::NoStream);
        };
        to.send_modify(|motion| motion.take(&status));
    }
    Ok(Ended::Broken)
}

impl Motion {
    fn take(&mut self, status: &CeremonyStatus) {
        self.in_line = Some(status.queue_length);
        for turn in status.recent.iter().flatten() {
            if self.ended.iter().all(|(ticket, _)| *ticket != turn.ticket) {
                self.ended.push_back((turn.ticket, turn.ended_at));
            }
        }
        self.ended.drain(..self.ended.len().saturating_sub(TURNS));
    }
}
