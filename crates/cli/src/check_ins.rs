//! Check-ins during a turn, whatever else the process does.
//!
//! The participant says at the start of its turn that it will check in, and loses the turn when it
//! stops (`docs/spec/queue.md#stall-timer`). Held check-ins follow one another on a thread and
//! on connections of their own, so that neither busy processors nor a long upload delay them. When
//! the process dies, its open request is closed, and the coordinator notices at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use reqwest::Url;
use tauline_protocol::error::Code;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;
use crate::client::{self, Client, ClientError};
use crate::exit::{Failure, Outcome};

/// How long the coordinator is asked to hold each check-in: the interval near the head of the line
/// (`docs/spec/queue.md#deadlines`).
const HOLD: Duration = Duration::from_secs(5);

/// The shortest time from the beginning of a check-in to that of the next, however soon the first
/// is answered. Well below the 50 requests that a session may make in a minute.
const MIN_INTERVAL: Duration = Duration::from_millis(1500);

/// A thread that checks in during the turns of this process.
#[derive(Clone)]
pub struct CheckInThread(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    runtime: Handle,
    /// The thread ends when this is dropped.
    _stop: oneshot::Sender<()>,
}

impl CheckInThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread, or its TLS cannot be set up.
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

    /// Connects now, and checks in with this session from `CheckIns::begin` until the turn is
    /// over or the value is dropped.
    #[must_use]
    pub fn prepare(&self, client: &Client) -> CheckIns {
        let (sender, heard) = watch::channel(None);
        let client = client.on(self.0.http.clone());
        let last = Arc::new(AtomicBool::new(false));
        let moved = Arc::new(AtomicBool::new(false));
        let started = Arc::new(Notify::new());
        let (until, from) = (Arc::clone(&last), Arc::clone(&started));
        let has_moved = Arc::clone(&moved);
        let task = self.0.runtime.spawn(async move {
            let _ = client.check_in(Duration::ZERO).await;
            from.notified().await;
            let how = check_in(client, sender, until).await;
            has_moved.store(how == End::Moved, Ordering::Relaxed);
        });
        CheckIns {
            heard,
            started,
            last,
            moved,
            task: task.abort_handle(),
        }
    }
}

/// The check-ins of a turn. They end when this is dropped, and so does the request in flight.
pub struct CheckIns {
    heard: watch::Receiver<Option<QueueStatus>>,
    started: Arc<Notify>,
    /// Whether the check-in in flight is the last.
    last: Arc<AtomicBool>,
    /// Whether they have ended because the ceremony is another coordinator's now.
    moved: Arc<AtomicBool>,
    task: AbortHandle,
}

/// Why check-ins end by themselves.
#[derive(PartialEq, Eq)]
enum End {
    /// The turn is over, or nothing is to be sent any more.
    Over,
    /// The ceremony is another coordinator's now.
    Moved,
}

impl CheckIns {
    /// The last check-in's answer, if it has not been asked for before.
    pub(crate) fn news(&mut self) -> Option<QueueStatus> {
        let told = self.heard.borrow_and_update();
        told.clone().filter(|_| told.has_changed())
    }

    /// Begins: the turn has started.
    pub(crate) fn begin(&self) {
        self.started.notify_one();
    }

    /// Whether the check-ins have ended.
    pub(crate) fn are_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Whether the check-ins have ended because the ceremony is another coordinator's now.
    pub(crate) fn have_to_move(&self) -> bool {
        self.moved.load(Ordering::Relaxed)
    }

    /// Ends the check-ins as a cut cable does: the connection stays open, and nothing is sent any
    /// more.
    pub(crate) fn fall_silent(&self) {
        self.last.store(true, Ordering::Relaxed);
    }
}

impl Drop for CheckIns {
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

/// Sends one check-in after another as long as the turn lasts. Those that fail are repeated, and
/// not reported: the download and the upload report their own failures.
async fn check_in(
    client: Client,
    told: watch::Sender<Option<QueueStatus>>,
    last: Arc<AtomicBool>,
) -> End {
    let mut backoff = Backoff::new(Duration::MAX);
    while !last.load(Ordering::Relaxed) {
        let began = Instant::now();
        let pause = match client.check_in(HOLD).await {
            Ok(status) => {
                let goes_on = in_turn(&status);
                told.send_replace(Some(status));
                if !goes_on {
                    return End::Over;
                }
                backoff = Backoff::new(Duration::MAX);
                Duration::ZERO
            }
            Err(ClientError::Refused(refused)) if refused.is(&[Code::HandedOver]) => {
                return End::Moved;
            }
            Err(error) => backoff.next(error.retry_after()).unwrap_or(HOLD),
        };
        sleep(pause.max(MIN_INTERVAL.saturating_sub(began.elapsed()))).await;
    }
    End::Over
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

    /// A coordinator that passes on the requests it gets.
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
        let check_ins = CheckInThread::start(&url).unwrap();
        let mut check_ins = check_ins.prepare(&Client::new(client::http(&url).unwrap(), url));
        let (_, line, stream) = next(&asked);
        assert!(line.starts_with("POST /queue/checkin "), "{line}");
        answer(&stream, "200 OK", CONTRIBUTING);
        assert!(asked.recv_timeout(Duration::from_millis(500)).is_err());
        check_ins.begin();
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
        assert!(check_ins.news().is_some());
        // One is always in flight, and is closed when its sender is dropped.
        let (_, line, _stream) = next(&asked);
        assert!(line.starts_with("POST /queue/checkin"), "{line}");
        drop(check_ins);
        assert_eq!(next(&asked).1, "gone");
    }

    #[test]
    fn they_end_with_the_turn() {
        let (url, asked) = coordinator();
        let check_ins = CheckInThread::start(&url).unwrap();
        let mut check_ins = check_ins.prepare(&Client::new(client::http(&url).unwrap(), url));
        check_ins.begin();
        answer(&next(&asked).2, "200 OK", CONTRIBUTING);
        let (_, _, stream) = next(&asked);
        answer(
            &stream,
            "200 OK",
            &CONTRIBUTING.replace("contributing", "verifying"),
        );
        assert!(asked.recv_timeout(Duration::from_secs(3)).is_err());
        assert_eq!(check_ins.news().unwrap().queue_status, QueueWord::Verifying);
        assert!(check_ins.news().is_none());
    }
}
