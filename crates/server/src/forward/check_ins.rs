//! Check-ins that a follower passes on, many in one message.
//!
//! Those who wait ask every few seconds, and our own clients' check-ins are held: as requests of their own, each
//! would hold a connection to the leader. So a follower has one line to it: a request whose body is batches of
//! check-ins and whose answer is batches of answers, as they come to be known. Each check-in is still answered,
//! counted and held as if it had come by itself, and given up when its participant goes away.
//!
//! A batch is sent at once when the last is a moment ago; within that moment, and while one is on its way into
//! a connection that takes no more, what comes is gathered for the next.
//!
//! | file | holds |
//! |---|---|
//! | `message` | what is said over a line, and its bytes |
//! | `batches` | gathering, and batches as they come out of a body |
//! | `line` | a line, at the follower |
//! | `taking` | a line, at the leader |

mod batches;
mod line;
mod message;
mod taking;

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::Method;
use tokio::sync::Semaphore;

use self::line::Line;
use self::message::{CHECK_IN_PATH, MOST_UNDER_WAY, Unreadable};
use super::headers;
use super::link::{Forwarded, Link, Waiting};
use super::role::Leader;
use super::told::Told;
use crate::measures::Measures;

pub(super) use self::message::LINE_PATH;
pub(super) use self::taking::take;

/// Sends check-ins to leaders.
pub(crate) struct CheckIns {
    link: Link,
    measures: Arc<Measures>,
    places: Arc<Semaphore>,
    /// The line to whoever was last known to lead.
    line: Mutex<Option<Arc<Line>>>,
}

/// Whether a request is one that goes by a line.
pub(super) fn is_check_in(waiting: &Waiting) -> bool {
    waiting.is_bare
        && waiting.parts.method == Method::POST
        && waiting.parts.uri.path() == CHECK_IN_PATH
}

impl CheckIns {
    /// No line is there before something is sent.
    pub(crate) fn new(link: Link, measures: Arc<Measures>) -> Self {
        Self {
            link,
            measures,
            places: Arc::new(Semaphore::new(MOST_UNDER_WAY)),
            line: Mutex::default(),
        }
    }

    /// Sends a check-in to a leader, and passes on what it answers.
    pub(super) async fn forward(&self, leader: &Leader, waiting: &Waiting) -> Forwarded {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Forwarded::Lost;
        };
        let line = self.line(leader);
        let Some(answer) = line.ask(leader, waiting, place).await else {
            return match line.is_unknown_there() {
                // A leader of an earlier version, while replicas are updated one after the other.
                true => self.link.forward(leader, waiting, Told::default()).await,
                // It says the same twice.
                false => Forwarded::Again,
            };
        };
        match answer.into_response() {
            Ok(mut response) => {
                headers::drop_own(response.headers_mut());
                match headers::is_not_leading(response.headers_mut()) {
                    true => Forwarded::Again,
                    false => Forwarded::Answered(response),
                }
            }
            Err(Unreadable) => Forwarded::Again,
        }
    }

    /// The line to this leader: the one that there is, while it stands.
    fn line(&self, leader: &Leader) -> Arc<Line> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        match &*line {
            Some(line) if line.is_to(leader) => Arc::clone(line),
            _ => {
                let new = Line::begin(self.link.clone(), leader.clone(), &self.measures);
                Arc::clone(line.insert(Arc::new(new)))
            }
        }
    }
}
