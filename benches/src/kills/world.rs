//! What all participants share: the proxy, the contributions, and what they have seen.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::sync::watch;

use super::seen::Seen;
use crate::crowd::connection::{Answer, Pool};

/// The pause before a request that broke is sent again, as our client's first.
const AGAIN: Duration = Duration::from_millis(250);

/// An answer, and how it was come by.
pub(super) struct Heard {
    pub(super) answer: Answer,
    /// When the request was sent that was answered.
    pub(super) sent: Instant,
}

/// What all participants share.
pub struct World {
    proxy: Pool,
    /// The contribution to each state, by the state's first power.
    bodies: HashMap<String, String>,
    goal: u64,
    /// The time between two contributions, at least.
    pace: Duration,
    /// When the first may be sent: when all are in line.
    begun: watch::Sender<Option<Instant>>,
    accepted: AtomicU64,
    seen: Mutex<Seen>,
    over: watch::Sender<bool>,
}

impl World {
    /// A world before this proxy, with these contributions in a chain.
    ///
    /// # Errors
    /// Contributions that are not readable.
    pub fn new(proxy: SocketAddr, chain: Vec<Vec<u8>>, pace: Duration) -> Result<Self> {
        let goal = chain.len() as u64;
        let mut bodies = HashMap::new();
        let mut before = None;
        for body in chain {
            let document: Value = serde_json::from_slice(&body)?;
            // The initial state has the generator everywhere.
            let state = match before {
                Some(before) => before,
                None => power(&document, 0)?,
            };
            before = Some(power(&document, 1)?);
            bodies.insert(state, String::from_utf8(body)?);
        }
        Ok(Self {
            proxy: Pool::new(proxy),
            bodies,
            goal,
            pace,
            begun: watch::Sender::new(None),
            accepted: AtomicU64::new(0),
            seen: Mutex::default(),
            over: watch::Sender::new(false),
        })
    }

    /// Sends a request again and again, until it is answered by a coordinator that has a leader.
    pub(super) async fn ask(
        &self,
        path: &str,
        token: Option<&str>,
        body: &str,
        hold: Duration,
    ) -> Heard {
        let mut hold = hold;
        loop {
            let sent = Instant::now();
            let held = format!("{path}?wait={}", hold.as_secs_f64());
            let path_now = match hold {
                Duration::ZERO => path,
                _ => &held,
            };
            let answer = self.proxy.post_held(path_now, token, body, hold).await;
            if let Ok(answer) = answer
                && !matches!(answer.status, 502..=504)
            {
                return Heard { answer, sent };
            }
            self.note_repeated(path);
            // As our clients do: what broke is wanted at once.
            hold = Duration::ZERO;
            let pause = AGAIN.mul_f64(0.75 + 0.5 * rand::random::<f64>());
            tokio::time::sleep(pause).await;
        }
    }

    fn note_repeated(&self, path: &str) {
        let mut seen = self.seen();
        seen.repeated += 1;
        seen.uploads_repeated += usize::from(path.ends_with("/complete"));
    }

    /// Waits until the next contribution may be sent; for ever when all were.
    pub(super) async fn turn_comes(&self) {
        let mut begun = self.begun.subscribe();
        // The sender is in `self`, so this does not fail.
        let begun = begun.wait_for(Option::is_some).await.map(|it| *it);
        let accepted = self.accepted.load(Ordering::Relaxed);
        match begun {
            Ok(Some(begun)) if accepted < self.goal => {
                let nth = u32::try_from(accepted).unwrap_or(u32::MAX);
                tokio::time::sleep_until((begun + self.pace * nth).into()).await;
            }
            _ => std::future::pending().await,
        }
    }

    /// The contribution to this state. None to the last.
    pub(super) fn contribution_on(&self, state: &[u8]) -> Result<Option<&str>> {
        let state: Value = serde_json::from_slice(state)?;
        let body = self.bodies.get(&power(&state, 1)?);
        Ok(body.map(String::as_str))
    }

    /// Whether contributions are all accepted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.seen().done.len() as u64 >= self.goal
    }

    /// How many contributions there are to be.
    #[must_use]
    pub fn goal(&self) -> u64 {
        self.goal
    }

    pub(super) fn accept(&self, number: u64) {
        self.accepted.fetch_max(number, Ordering::Relaxed);
    }

    /// All are in line.
    pub fn begin(&self) {
        self.begun.send_replace(Some(Instant::now()));
    }

    /// Whether all are in line, so that check-ins count.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.borrow().is_some()
    }

    /// Everybody stops.
    pub fn end(&self) {
        self.over.send_replace(true);
    }

    /// Waits for the end.
    pub async fn over(&self) {
        let mut over = self.over.subscribe();
        // The sender is in `self`, so this does not fail.
        let _ = over.wait_for(|over| *over).await;
    }

    /// What was seen so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A power of the first sub-ceremony in G1.
fn power(document: &Value, number: usize) -> Result<String> {
    let power = &document["contributions"][0]["powersOfTau"]["G1Powers"][number];
    Ok(power.as_str().context("a contribution has powers")?.into())
}
