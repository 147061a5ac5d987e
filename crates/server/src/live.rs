//! The ceremony's status as text, rendered once for everybody who asks or watches
//! (`docs/spec/http-api.md#ceremony-events`).
//!
//! However many watch, the coordinator's thread publishes a snapshot and wakes one task. That one
//! renders a text at most twice a second and hands out references to it. A connection holds no copy,
//! and no timer: the beats that keep it open come the same way.
//!
//! A text after the first has only the turns that are new. A stream that missed some, since its client
//! reads slowly, gets all of them again. Streams are woken in groups, so that a request that comes while
//! ten thousand of them are served waits for some hundred of them.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use tauline_protocol::status::{CeremonyStatus, LogHead};
use tauline_queue_core::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::coordinator::{Changes, Coordinator, Source, Told};

/// From one text to the next at least.
const OFTEN: Duration = Duration::from_millis(500);

/// The same where nothing has changed but how long the public log is. With thousands in line it grows by
/// some hundred records a second, in which nobody sees anything.
const SELDOM: Duration = Duration::from_secs(5);

/// Longest silence of a stream. Proxies drop connections that are silent for a minute or less.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a text is good for those who ask, in the coordinator's time: what passes in it is not seen.
const FRESH: Duration = Duration::from_millis(100);

/// Groups in which streams are woken.
const GROUPS: usize = 16;

/// What stands before the JSON of an event, and after it.
const HEAD: &str = "event: status\ndata: ";
const TAIL: &str = "\n\n";

/// A comment, which says that the stream lives.
const BEAT: Bytes = Bytes::from_static(b"event: beat\ndata:\n\n");

/// The status for everybody who asks or watches.
pub struct Live {
    coordinator: Coordinator,
    /// The last text with all turns.
    whole: Mutex<Option<Kept>>,
    /// What is new, to each group of streams.
    groups: Vec<watch::Sender<Arc<News>>>,
    /// Counts streams, to share them out.
    streams: AtomicUsize,
}

/// A text, and how many turns there were when it was rendered.
#[derive(Debug, Clone)]
struct Text {
    /// As an event.
    event: Bytes,
    turns: u64,
}

/// A text that may serve others, too.
struct Kept {
    text: Text,
    source: Source,
    at: Timestamp,
}

/// What streams are told.
#[derive(Debug)]
struct News {
    /// Counts them. The same again is a beat.
    number: u64,
    /// The text has the turns that ended after so many had.
    after: u64,
    text: Text,
    /// Whether streams end.
    is_over: bool,
}

impl Live {
    /// The status of this coordinator.
    #[must_use]
    pub fn new(coordinator: Coordinator) -> Arc<Self> {
        let begin = Arc::new(News {
            number: 0,
            after: 0,
            text: Text {
                event: BEAT,
                turns: 0,
            },
            is_over: false,
        });
        let group = |_| watch::Sender::new(Arc::clone(&begin));
        Arc::new(Self {
            coordinator,
            whole: Mutex::default(),
            groups: (0..GROUPS).map(group).collect(),
            streams: AtomicUsize::new(0),
        })
    }

    /// The status as JSON.
    pub(crate) fn json(&self) -> Bytes {
        let event = self.whole().event;
        event.slice(HEAD.len()..event.len() - TAIL.len())
    }

    /// The status now, and then at each change, as server-sent events.
    pub fn watch(self: &Arc<Self>) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
        let number = self.streams.fetch_add(1, Ordering::Relaxed);
        let mut news = self.groups[number % GROUPS].subscribe();
        // What comes from now on is new to it. So the first text, rendered later, misses nothing.
        let seen = Arc::clone(&news.borrow_and_update());
        let first = self.whole();
        let watcher = Watcher {
            live: Arc::clone(self),
            news,
            number: seen.number,
            turns: first.turns,
            is_over: seen.is_over,
        };
        let later = stream::unfold(watcher, |mut watcher| async move {
            let text = watcher.next().await?;
            Some((Ok(text), watcher))
        });
        stream::iter([Ok(first.event)]).chain(later)
    }

    /// Tells the streams of all changes from this call on, until the server stops or the coordinator has
    /// ended.
    pub fn run(
        self: Arc<Self>,
        stopping: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let changes = self.coordinator.changes();
        let telling = Telling::begin(self.coordinator.told(u64::MAX));
        self.tell(changes, telling, stopping)
    }

    async fn tell(
        self: Arc<Self>,
        mut changes: Changes,
        mut telling: Telling,
        mut stopping: watch::Receiver<bool>,
    ) {
        loop {
            let is_due = tokio::select! {
                biased;
                // The sender is gone only when the server is.
                _ = stopping.wait_for(|stopping| *stopping) => break,
                () = sleep_until(telling.due()) => true,
                goes_on = changes.next(), if telling.next != Some(OFTEN) => match goes_on {
                    true => false,
                    false => break,
                },
            };
            if !is_due {
                telling.look(self.coordinator.told(u64::MAX));
                continue;
            }
            if telling.next.is_some() {
                telling.tell(self.coordinator.told(telling.turns));
            }
            telling.at = Instant::now();
            self.send(&telling.news).await;
        }
        telling.end();
        self.send(&telling.news).await;
    }

    async fn send(&self, news: &Arc<News>) {
        for group in &self.groups {
            group.send_replace(Arc::clone(news));
            // Others get their turn before the next group.
            tokio::task::yield_now().await;
        }
    }

    /// The status with all turns, at most a moment old.
    fn whole(&self) -> Text {
        let now = self.coordinator.clock().now();
        let source = self.coordinator.source();
        let mut kept = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good =
            |kept: &&Kept| kept.source.is(&source) && kept.at <= now && now.since(kept.at) < FRESH;
        if let Some(kept) = kept.as_ref().filter(is_good) {
            return kept.text.clone();
        }
        let text = Text::of(&self.coordinator.told(0));
        *kept = Some(Kept {
            text: text.clone(),
            source,
            at: now,
        });
        text
    }
}

impl Text {
    fn of(told: &Told) -> Self {
        let mut event = Vec::with_capacity(16 << 10);
        event.extend_from_slice(HEAD.as_bytes());
        // A status has a JSON form, in one line, and writing to memory does not fail.
        let _ = serde_json::to_writer(&mut event, &told.status);
        event.extend_from_slice(TAIL.as_bytes());
        event.shrink_to_fit();
        Self {
            event: event.into(),
            turns: told.turns,
        }
    }
}

/// What was told last, and what is to be told next.
struct Telling {
    news: Arc<News>,
    /// What was told of, without what passes with time.
    status: CeremonyStatus,
    log: LogHead,
    turns: u64,
    /// When something was sent last.
    at: Instant,
    /// If there is something new: how long after what was sent last it is told.
    next: Option<Duration>,
}

impl Telling {
    /// From where nobody has been told anything.
    fn begin(told: Told) -> Self {
        let turns = told.turns;
        let (status, log) = still(told.status);
        Self {
            news: Arc::new(News {
                number: 0,
                after: turns,
                text: Text { event: BEAT, turns },
                is_over: false,
            }),
            status,
            log,
            turns,
            at: Instant::now(),
            next: None,
        }
    }

    /// When to send something next.
    fn due(&self) -> Instant {
        self.at + self.next.unwrap_or(HEARTBEAT).min(HEARTBEAT)
    }

    /// Notes what has changed since streams were told.
    fn look(&mut self, now: Told) {
        let turns = now.turns;
        let (status, log) = still(now.status);
        let is_seen = turns != self.turns || status != self.status;
        self.next = match is_seen {
            true => Some(OFTEN),
            false => (log != self.log).then_some(SELDOM),
        };
    }

    /// Renders what is new.
    fn tell(&mut self, told: Told) {
        self.news = Arc::new(News {
            number: self.news.number + 1,
            after: self.turns,
            text: Text::of(&told),
            is_over: false,
        });
        self.turns = told.turns;
        (self.status, self.log) = still(told.status);
        self.next = None;
    }

    fn end(&mut self) {
        self.news = Arc::new(News {
            number: self.news.number + 1,
            after: self.turns,
            text: self.news.text.clone(),
            is_over: true,
        });
    }
}

/// A status without what passes with time, and its log.
fn still(mut status: CeremonyStatus) -> (CeremonyStatus, LogHead) {
    status.time = 0;
    status.expected_wait_in_ms = 0;
    status.expected_start_time = 0;
    status.recent = None;
    if let Some(turn) = &mut status.turn {
        turn.age_in_ms = 0;
    }
    let none = LogHead {
        records: 0,
        hash: String::new(),
        cosigned: None,
        at: None,
    };
    let log = std::mem::replace(&mut status.log, none);
    (status, log)
}

/// A stream, after its first text.
struct Watcher {
    live: Arc<Live>,
    news: watch::Receiver<Arc<News>>,
    /// Which news it was told last.
    number: u64,
    /// How many turns there were by what it was told.
    turns: u64,
    is_over: bool,
}

impl Watcher {
    /// What to send next. None when the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        self.news.changed().await.ok()?;
        let news = Arc::clone(&self.news.borrow_and_update());
        if news.is_over {
            return None;
        }
        if news.number == self.number {
            return Some(BEAT);
        }
        self.number = news.number;
        let text = match news.after <= self.turns {
            true => news.text.clone(),
            // It has not seen what was told before.
            false => self.live.whole(),
        };
        self.turns = self.turns.max(text.turns);
        Some(text.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A status with a change, when so many turns were over.
    fn told(turns: u64, change: impl FnOnce(&mut CeremonyStatus)) -> Told {
        let golden = include_str!("../../protocol/tests/golden/ceremony-status.json");
        let mut status: CeremonyStatus = serde_json::from_str(golden).unwrap();
        change(&mut status);
        Told { status, turns }
    }

    #[test]
    fn what_just_passes_is_not_told_and_the_log_alone_is_told_seldom() {
        let mut telling = Telling::begin(told(7, |_| ()));
        telling.look(told(7, |status| {
            status.time += 60;
            status.expected_wait_in_ms += 60_000;
            status.expected_start_time += 60;
            status.turn.as_mut().unwrap().age_in_ms += 60_000;
        }));
        assert_eq!(telling.next, None);
        telling.look(told(7, |status| status.log.records += 1));
        assert_eq!(telling.next, Some(SELDOM));
        telling.look(told(7, |status| status.queue_length += 1));
        assert_eq!(telling.next, Some(OFTEN));
        telling.look(told(8, |_| ()));
        assert_eq!(telling.next, Some(OFTEN));
        // It is as it was.
        telling.look(told(7, |_| ()));
        assert_eq!(telling.next, None);
        assert_eq!(telling.due(), telling.at + HEARTBEAT);
    }

    #[test]
    fn a_text_is_one_event_and_goes_on_from_the_one_before() {
        let mut telling = Telling::begin(told(7, |_| ()));
        for (number, turns) in [(1, 9), (2, 9), (3, 12)] {
            let before = telling.turns;
            telling.tell(told(turns, |status| {
                status.name = Some("two\nlines".to_owned());
            }));
            let news = &telling.news;
            assert_eq!((news.number, news.after), (number, before));
            assert_eq!(news.text.turns, turns);
            let text = std::str::from_utf8(&news.text.event).unwrap();
            assert_eq!(text.matches('\n').count(), 3, "{text}");
            assert!(text.starts_with(HEAD) && text.ends_with(TAIL), "{text}");
        }
    }
}
