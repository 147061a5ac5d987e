//! Check-ins during a turn, whatever else the process does.
//!
//! Whoever contributes says at the start that it will check in, and is taken for gone when it
//! stops (`docs/spec/queue.md#stall-timer`). One held check-in follows the other, on a thread
//! and on connections of their own: neither busy processors nor a long upload keep them waiting,
//! and when the process dies, its open request is closed with it, which the coordinator sees at
//! once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use reqwest::Url;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;
use crate::client::{self, Client};
use crate::exit::{Failure, Outcome};

/// How long each check-in asks to be held: the interval near the head of the line
/// (`docs/spec/queue.md#deadlines`).
const HOLD: Duration = Duration::from_secs(5);

/// The least time between the beginnings of two check-ins, however soon the first is answered.
/// Ours: well below what a session may ask in a minute (50).
const LEAST_INTERVAL: Duration = Duration::from_millis(1500);

/// A thread that checks in for turns of this process.
#[derive(Clone)]
pub struct Pulse(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    runtime: Handle,
    /// The thread ends when this is dropped.
    _stop: oneshot::Sender<()>,
}

impl Pulse {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the machine has no thread or no TLS to give.
    pub fn start(server: &Url) -> Outcome<Self> {
        let http = client::http(server)?;
        let failed = |error| Failure::io(format!("cannot start: {error}"));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("check-ins".to_owned())
            .spawn(move || {
                // Ends with an error: when the sender is dropped.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Self(Arc::new(Inner {
            http,
            runtime: handle,
            _stop: stop,
        })))
    }

    /// Checks in with this session until the turn is over, or the guard is dropped; from the moment
    /// on that the guard is told of the start. Until then, the connection is made.
    #[must_use]
    pub fn prepare(&self, client: &Client) -> Beats {
        let (sender, heard) = watch::channel(None);
        let client = client.on(self.0.http.clone());
        let last = Arc::new(AtomicBool::new(false));
        let started = Arc::new(Notify::new());
        let (until, from) = (Arc::clone(&last), Arc::clone(&started));
        let task = self.0.runtime.spawn(async move {
            let _ = client.check_in(Duration::ZERO).await;
            from.notified().await;
            check_in(client, sender, until).await;
        });
        Beats {
            heard,
            started,
            last,
            task: task.abort_handle(),
        }
    }
}

/// Check-ins that go on. They end when this is dropped, and so does the request in flight.
pub struct Beats {
    heard: watch::Receiver<Option<QueueStatus>>,
    started: Arc<Notify>,
    /// Whether the check-in in flight is the last.
    last: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Beats {
    /// What the last check-in was told, if that is news.
    pub(crate) fn news(&mut self) -> Option<QueueStatus> {
        let told = self.heard.borrow_and_update();
        told.clone().filter(|_| told.has_changed())
    }

    /// The turn has started: they begin.
    pub(crate) fn begin(&self) {
        self.started.notify_one();
    }

    /// Whether they have ended.
    pub(crate) fn are_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Ends them as a cut cable does: the connection stays open, and nothing comes any more.
    pub(crate) fn fall_silent(&self) {
        self.last.store(true, Ordering::Relaxed);
    }
}

impl Drop for Beats {
    fn drop(&mut self) {
        if !self.last.load(Ordering::Relaxed) {
            self.task.abort();
        }
    }
}

/// Whether the participant has something to do in its turn.
pub(crate) fn in_turn(status: &QueueStatus) -> bool {
    matches!(
        status.queue_status,
        QueueWord::ReadyToContribute | QueueWord::Contributing
    )
}

/// One check-in after the other, as long as the turn lasts. Failures are repeated and told to
/// nobody: the download and the upload beside them have their own.
async fn check_in(client: Client, told: watch::Sender<Option<QueueStatus>>, last: Arc<AtomicBool>) {
    let mut backoff = Backoff::new(Duration::MAX);
    while !last.load(Ordering::Relaxed) {
        let began = Instant::now();
        let pause = match client.check_in(HOLD).await {
            Ok(status) => {
                let goes_on = in_turn(&status);
                told.send_replace(Some(status));
                if !goes_on {
                    return;
                }
                backoff = Backoff::new(Duration::MAX);
                Duration::ZERO
            }
            Err(error) => backoff.next(error.retry_after()).unwrap_or(HOLD),
        };
        sleep(pause.max(LEAST_INTERVAL.saturating_sub(began.elapsed()))).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    const CONTRIBUTING: &str = r#"{"id":"invite|alice","ticket":1,"queueStatus":"contributing",
        "queuePosition":0,"expectedStartTime":null,"nextCheckinTime":null,"ended":null,
        "receipt":null}"#;

    /// A request that came: the moment, its first line, and the connection to answer it on.
    type Asked = (std::time::Instant, String, TcpStream);

    /// A coordinator that passes on what it is asked.
    fn coordinator() -> (Url, Receiver<Asked>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (sender, asked) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let sender = sender.clone();
                thread::spawn(move || {
                    let mut line = String::new();
                    let mut first = None;
                    while reader.read_line(&mut line).is_ok_and(|len| len > 0) {
                        let text = std::mem::take(&mut line);
                        if text.trim().is_empty() {
                            let first: String = first.take().unwrap();
                            let now = std::time::Instant::now();
                            let _ = sender.send((now, first, stream.try_clone().unwrap()));
                        } else {
                            first.get_or_insert(text);
                        }
                    }
                    let gone = (std::time::Instant::now(), "gone".to_owned(), stream);
                    let _ = sender.send(gone);
                });
            }
        });
        (client::parse_server(&url).unwrap(), asked)
    }

    fn answer(mut stream: &TcpStream, status: &str, body: &str) {
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .unwrap();
    }

    fn next(asked: &Receiver<Asked>) -> Asked {
        asked.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    #[test]
    fn one_held_check_in_follows_the_other_and_never_two_in_a_second() {
        let (url, asked) = coordinator();
        let pulse = Pulse::start(&url).unwrap();
        let mut beats = pulse.prepare(&Client::new(client::http(&url).unwrap(), url));
        let (_, line, stream) = next(&asked);
        assert!(line.starts_with("POST /queue/checkin "), "{line}");
        answer(&stream, "200 OK", CONTRIBUTING);
        assert!(asked.recv_timeout(Duration::from_millis(500)).is_err());
        beats.begin();
        let (mut last, line, stream) = next(&asked);
        assert!(line.starts_with("POST /queue/checkin?wait=5 "), "{line}");
        answer(&stream, "200 OK", CONTRIBUTING);
        // Answered too early, refused, and no coordinator at all.
        let contributing = ("200 OK", CONTRIBUTING);
        for (status, body) in [contributing, ("429 No", "{}"), ("502 No", ""), contributing] {
            let (at, line, stream) = next(&asked);
            assert!(line.starts_with("POST /queue/checkin?wait=5 "), "{line}");
            assert!(at - last > Duration::from_secs(1), "{:?}", at - last);
            last = at;
            answer(&stream, status, body);
        }
        assert!(beats.news().is_some());
        // One is always in flight, and goes with whoever sent it.
        let (_, line, _stream) = next(&asked);
        assert!(line.starts_with("POST /queue/checkin"), "{line}");
        drop(beats);
        assert_eq!(next(&asked).1, "gone");
    }

    #[test]
    fn they_end_with_the_turn() {
        let (url, asked) = coordinator();
        let pulse = Pulse::start(&url).unwrap();
        let mut beats = pulse.prepare(&Client::new(client::http(&url).unwrap(), url));
        beats.begin();
        answer(&next(&asked).2, "200 OK", CONTRIBUTING);
        let (_, _, stream) = next(&asked);
        answer(
            &stream,
            "200 OK",
            &CONTRIBUTING.replace("contributing", "verifying"),
        );
        assert!(asked.recv_timeout(Duration::from_secs(3)).is_err());
        assert_eq!(beats.news().unwrap().queue_status, QueueWord::Verifying);
        assert!(beats.news().is_none());
    }
}
