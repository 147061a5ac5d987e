//! A line to a leader, at the follower.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::batches::{Batches, batches};
use super::message::{Answer, CheckIn, Headers, LINE_PATH, Said};
use crate::forward::headers;
use crate::forward::link::{Link, Waiting, name_the_host};
use crate::forward::role::Leader;
use crate::measures::Measures;

/// A line to a leader.
pub(super) struct Line {
    epoch: u64,
    says: mpsc::UnboundedSender<Said>,
    next: AtomicU64,
    waits: Arc<Waits>,
}

/// Who waits for an answer.
#[derive(Default)]
struct Waits {
    /// By number; none when the line has ended.
    by_number: Mutex<Option<HashMap<u64, Wait>>>,
    is_unknown_there: AtomicBool,
}

/// Somebody who waits. What is said for it is in memory at least as long, so what is said is bounded as those
/// are who wait.
struct Wait {
    answer: oneshot::Sender<Answer>,
    _place: OwnedSemaphorePermit,
}

impl Line {
    /// Connects with a leader. Until that is done, what is asked waits.
    pub(super) fn begin(link: Link, leader: Leader, measures: &Arc<Measures>) -> Self {
        let (says, said) = mpsc::unbounded_channel();
        let waits = Arc::new(Waits::default());
        *waits.by_number() = Some(HashMap::new());
        let line = Self {
            epoch: leader.epoch,
            says,
            next: AtomicU64::new(0),
            waits: Arc::clone(&waits),
        };
        let measures = Arc::clone(measures);
        let leaving = Arc::clone(&waits);
        let body = batches(said, move |batch: &[Said]| {
            let mut check_ins = 0;
            for said in batch {
                match said {
                    Said::CheckIn(_) => check_ins += 1,
                    Said::Gone(number) => drop(leaving.take(*number)),
                }
            }
            if check_ins > 0 {
                measures.batch_sent(check_ins);
            }
        });
        tokio::spawn(run(link, leader, body, waits));
        line
    }

    /// Whether this is a line to that leader, and stands.
    pub(super) fn is_to(&self, leader: &Leader) -> bool {
        self.epoch == leader.epoch && self.waits.by_number().is_some()
    }

    /// Whether the line has ended since the leader knows of none.
    pub(super) fn is_unknown_there(&self) -> bool {
        self.waits.is_unknown_there.load(Ordering::Relaxed)
    }

    /// What the leader answers to a check-in; none when the line ends before. Whoever does not wait any more
    /// is gone at the leader, too.
    pub(super) async fn ask(
        &self,
        leader: &Leader,
        waiting: &Waiting,
        place: OwnedSemaphorePermit,
    ) -> Option<Answer> {
        let mut headers = headers::passed_on(&waiting.parts.headers);
        name_the_host(&mut headers, waiting, leader);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let check_in = CheckIn {
            number,
            client: waiting.client,
            target: waiting.parts.uri.path_and_query()?.to_string(),
            headers: Headers::from(&headers),
        };
        let (answer, answered) = oneshot::channel();
        let wait = Wait {
            answer,
            _place: place,
        };
        self.waits.by_number().as_mut()?.insert(number, wait);
        let mut asking = Asking {
            line: self,
            number,
            is_over: false,
        };
        self.says.send(Said::CheckIn(check_in)).ok()?;
        let answer = answered.await.ok();
        asking.is_over = true;
        answer
    }
}

/// Somebody asks, and goes away if this is dropped before it is over.
struct Asking<'a> {
    line: &'a Line,
    number: u64,
    is_over: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            // Where the line has ended, nobody needs to be told.
            let _ = self.line.says.send(Said::Gone(self.number));
        }
    }
}

impl Waits {
    fn by_number(&self) -> MutexGuard<'_, Option<HashMap<u64, Wait>>> {
        self.by_number
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, number: u64) -> Option<Wait> {
        self.by_number().as_mut()?.remove(&number)
    }
}

/// Keeps a line until it ends, or its leader is lost; then whoever waits has to ask again.
async fn run(link: Link, leader: Leader, body: Body, waits: Arc<Waits>) {
    tokio::select! {
        biased;
        () = link.is_lost(leader.epoch) => {}
        ended = hear(&link, &leader, body, &waits) => if let Err(error) = ended {
            tracing::debug!(%error, leader = leader.name, "the line to the leader broke");
        },
    }
    let left = waits.by_number().take();
    drop(left);
}

/// Gives answers to who waits for them, until the line ends.
async fn hear(
    link: &Link,
    leader: &Leader,
    body: Body,
    waits: &Waits,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let answer = link.open(leader, LINE_PATH, body).await?;
    if answer.status() == StatusCode::NOT_FOUND {
        waits.is_unknown_there.store(true, Ordering::Relaxed);
    }
    if answer.status() != StatusCode::OK {
        return Err(format!("it says {}", answer.status()).into());
    }
    let mut batches = Batches::of(Body::new(answer.into_body()));
    while let Some(batch) = batches.next::<Answer>().await? {
        for answer in batch {
            if let Some(wait) = waits.take(answer.number) {
                // Whoever has just gone away hears nothing.
                let _ = wait.answer.send(answer);
            }
        }
    }
    Ok(())
}
