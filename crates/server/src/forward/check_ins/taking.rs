//! A line, at the leader: each check-in is answered as if it had come by itself.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::batches::{Batches, batches};
use super::message::{Answer, CheckIn, MOST_UNDER_WAY, Said};
use crate::forward::role::Lead;

/// How many check-ins of a line are under way at most. A follower has no more than half of that, but those
/// that it has just given up may not be gone here yet.
const MOST_HERE: usize = 2 * MOST_UNDER_WAY;

/// Takes a line from a follower: the answers to the check-ins in this body.
pub(in crate::forward) fn take(lead: Arc<Lead>, body: Body) -> Response {
    let (says, answers) = mpsc::unbounded_channel();
    let mut taking = Taking {
        lead,
        says,
        places: Arc::new(Semaphore::new(MOST_HERE)),
        under_way: HashMap::new(),
        tasks: JoinSet::new(),
    };
    tokio::spawn(async move {
        match taking.run(body).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::warn!(%error, "a replica sends what is no batch of check-ins: do all run the same version?");
            }
            Err(error) => tracing::debug!(%error, "a line from a replica broke"),
        }
    });
    Response::new(batches(answers, |_| {}))
}

/// A line that is taken. Whatever is under way ends with it.
struct Taking {
    lead: Arc<Lead>,
    says: mpsc::UnboundedSender<Answered>,
    places: Arc<Semaphore>,
    under_way: HashMap<u64, AbortHandle>,
    tasks: JoinSet<u64>,
}

/// An answer on its way out, which keeps its place until it has gone.
#[derive(Serialize)]
#[serde(transparent)]
struct Answered {
    answer: Answer,
    #[serde(skip)]
    _place: OwnedSemaphorePermit,
}

impl Taking {
    /// Answers until the follower ends the line, or this replica stops leading and has answered all.
    async fn run(&mut self, body: Body) -> io::Result<()> {
        let mut batches = Batches::of(body);
        let mut stopping = self.lead.stopping.clone();
        let mut is_stopping = false;
        while !(is_stopping && self.tasks.is_empty()) {
            tokio::select! {
                // What comes while this replica stops is the next leader's.
                batch = batches.next::<Said>(), if !is_stopping => match batch? {
                    Some(batch) => for said in batch {
                        self.hear(said)?;
                    },
                    None => return Ok(()),
                },
                Some(ended) = self.tasks.join_next() => self.ended(ended)?,
                _ = stopping.wait_for(|stopping| *stopping), if !is_stopping => is_stopping = true,
                // The connection is gone.
                () = self.says.closed() => return Ok(()),
            }
        }
        Ok(())
    }

    fn hear(&mut self, said: Said) -> io::Result<()> {
        match said {
            Said::CheckIn(check_in) => self.answer(check_in),
            Said::Gone(number) => {
                if let Some(task) = self.under_way.remove(&number) {
                    task.abort();
                }
                Ok(())
            }
        }
    }

    fn answer(&mut self, check_in: CheckIn) -> io::Result<()> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        let number = check_in.number;
        if self.under_way.contains_key(&number) {
            return Err(wrong("two check-ins have one number"));
        }
        let request = check_in.into_request();
        let request = request.map_err(|error| wrong(&error.to_string()))?;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| wrong("too many check-ins are under way"))?;
        let (lead, says) = (Arc::clone(&self.lead), self.says.clone());
        let task = self.tasks.spawn(async move {
            let answer = Answer::of(number, lead.pass_on(&lead.router, request).await).await;
            let _ = says.send(Answered {
                answer,
                _place: place,
            });
            number
        });
        self.under_way.insert(number, task);
        Ok(())
    }

    fn ended(&mut self, ended: Result<u64, JoinError>) -> io::Result<()> {
        match ended {
            Ok(number) => {
                self.under_way.remove(&number);
                Ok(())
            }
            Err(error) if error.is_cancelled() => Ok(()),
            // Whoever waits for it would wait for ever.
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
