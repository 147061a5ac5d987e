//! What happens on one connection, and how long it may last.
//!
//! | phase | begins | may last |
//! |---|---|---|
//! | idle | with the connection, and with the end of each answer | `--idle-timeout` |
//! | handshake | with the first byte of TLS, where that is spoken | `--body-timeout` |
//! | head | with the first byte of a request | `--body-timeout` |
//! | exchange | when the head is complete | as long as its body is read and its answer written |
//!
//! A held check-in and a stream of events are exchanges: nothing here ends them. In every phase,
//! what is to be written must get away: a client that takes less than [`PROGRESS`] in
//! `--write-timeout` is cut off. Time is that in which this process ran ([`alive`]).

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::{Instant, Sleep};

use crate::clock::alive::Moment;

/// Bytes that a client must take while more wait to be written: an eighth of what the kernel keeps
/// for it (`UNSENT`), so that the slowest links are seen to move.
const PROGRESS: usize = 4 * 1024;

/// Time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// For being idle.
    pub(crate) idle: Duration,
    /// For the head of a request.
    pub(crate) head: Duration,
    /// For taking none of what is written.
    pub(crate) write: Duration,
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    times: Times,
    state: Mutex<State>,
    /// The connection's task.
    task: AtomicWaker,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Moment,
    exchanges: u32,
    head: Head,
    /// Whether the body of the last request was read to its end.
    body_is_over: bool,
    /// Whether the last exchange has left nothing behind.
    is_quiet: bool,
    blocked: Option<Blocked>,
    is_leaving: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Handshake,
    Head,
    Exchange,
}

/// A write that the kernel did not take.
#[derive(Debug)]
struct Blocked {
    since: Moment,
    taken: usize,
    /// Who has more to write.
    next: Option<Waker>,
}

/// Finds the end of a request's head: an empty line that is not the first (RFC 9112, section 2.2).
#[derive(Debug, Default, Clone, Copy)]
struct Head {
    begun: bool,
    newlines: u8,
}

impl Head {
    /// Takes bytes; says whether the end is in them.
    fn take(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().any(|byte| {
            match byte {
                b'\n' => self.newlines += u8::from(self.begun),
                b'\r' => {}
                _ => (self.begun, self.newlines) = (true, 0),
            }
            self.newlines == 2
        })
    }
}

impl Activity {
    pub(crate) fn new(times: Times) -> Self {
        Self {
            times,
            state: Mutex::new(State {
                phase: Phase::Idle,
                since: Moment::now(),
                exchanges: 0,
                head: Head::default(),
                body_is_over: true,
                is_quiet: false,
                blocked: None,
                is_leaving: false,
            }),
            task: AtomicWaker::new(),
        }
    }

    /// Bytes came; says whether the head of a request is whole with them.
    pub(super) fn read(&self, bytes: &[u8]) -> bool {
        let mut state = self.state();
        if state.phase == Phase::Exchange {
            return false;
        }
        let is_whole = state.head.take(bytes);
        if state.phase == Phase::Idle && state.head.begun {
            state.phase = Phase::Head;
            state.since = Moment::now();
        }
        is_whole
    }

    /// The first byte of TLS is there.
    pub(super) fn handshake(&self) {
        let mut state = self.state();
        state.phase = Phase::Handshake;
        state.since = Moment::now();
    }

    /// From now on requests can come.
    pub(super) fn handshake_is_over(&self) {
        let mut state = self.state();
        state.phase = Phase::Idle;
        state.since = Moment::now();
        state.blocked = None;
    }

    /// A request is served from now on, for as long as what is given back is kept.
    pub(super) fn exchange(self: &Arc<Self>) -> Arc<Exchange> {
        let mut state = self.state();
        state.phase = Phase::Exchange;
        state.since = Moment::now();
        state.exchanges += 1;
        state.head = Head::default();
        state.body_is_over = false;
        state.is_quiet = false;
        drop(state);
        Arc::new(Exchange(Arc::clone(self)))
    }

    /// The body of the request was read to its end.
    pub(super) fn body_is_over(&self) {
        self.state().body_is_over = true;
    }

    fn exchange_ended(&self) {
        let mut state = self.state();
        state.exchanges -= 1;
        if state.exchanges > 0 {
            return;
        }
        state.phase = Phase::Idle;
        state.since = Moment::now();
        drop(state);
        self.task.wake();
    }

    /// Whether nothing is left of the last exchange: its request was read to the end, and its answer
    /// is the kernel's. What was read beyond is a request that nobody has looked at.
    pub(super) fn is_quiet(&self) -> bool {
        self.state().is_quiet
    }

    /// The kernel took bytes.
    pub(super) fn wrote(&self, bytes: usize) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            // The end of an answer, on its way to a slow reader.
            state.since = Moment::now();
        }
        if let Some(blocked) = &mut state.blocked {
            blocked.taken += bytes;
            if blocked.taken >= PROGRESS {
                blocked.taken = 0;
                blocked.since = Moment::now();
            }
        }
    }

    /// The kernel took nothing more.
    pub(super) fn write_blocked(&self) {
        self.state().blocked.get_or_insert_with(|| Blocked {
            since: Moment::now(),
            taken: 0,
            next: None,
        });
    }

    /// The kernel has all that there was.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        let blocked = state.blocked.take();
        state.is_quiet = state.phase == Phase::Idle && state.body_is_over;
        drop(state);
        if let Some(next) = blocked.and_then(|blocked| blocked.next) {
            next.wake();
        }
    }

    /// Ready when there is no write that waits: before that, nothing more needs to be read for the
    /// next.
    pub(super) fn poll_flushed(&self, cx: &Context<'_>) -> Poll<()> {
        match &mut self.state().blocked {
            Some(blocked) => {
                blocked.next = Some(cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }

    /// Has the connection end now.
    pub(super) fn leave(&self) {
        self.state().is_leaving = true;
        self.task.wake();
    }

    /// Whether the connection has been told to end.
    pub(super) fn is_leaving(&self) -> bool {
        self.state().is_leaving
    }

    /// Its rank when a connection has to leave for others: the lowest leaves. Those that are served
    /// rank above those that are not; among equals, whoever has been so for longest leaves.
    pub(super) fn standing(&self) -> (bool, Moment) {
        let state = self.state();
        match &state.blocked {
            Some(blocked) => (false, blocked.since),
            None => (state.phase == Phase::Exchange, state.since),
        }
    }

    /// Since when the client has taken nothing of what is to be written; `None` while it does.
    pub(super) fn stands_since(&self) -> Option<Moment> {
        self.state().blocked.as_ref().map(|blocked| blocked.since)
    }

    /// When the current phase, or a write that waits, has lasted too long.
    fn deadline(&self) -> Option<Moment> {
        let state = self.state();
        if state.is_leaving {
            return Some(Moment::START);
        }
        let phase = match state.phase {
            Phase::Idle => Some(state.since.after(self.times.idle)),
            Phase::Handshake | Phase::Head => Some(state.since.after(self.times.head)),
            Phase::Exchange => None,
        };
        let blocked = state.blocked.as_ref();
        let write = blocked.map(|blocked| blocked.since.after(self.times.write));
        phase.into_iter().chain(write).min()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request and its answer, while any part of them is still at work.
#[derive(Debug)]
pub(super) struct Exchange(Arc<Activity>);

impl Exchange {
    pub(super) fn activity(&self) -> &Activity {
        &self.0
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.exchange_ended();
    }
}

/// Resolves when something on the connection has lasted too long. The connection's own task polls
/// it, after the connection itself.
pub(super) struct Expiry {
    activity: Arc<Activity>,
    sleep: Pin<Box<Sleep>>,
    sleeps_for: Option<Moment>,
}

impl Expiry {
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self {
            activity,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            sleeps_for: None,
        }
    }
}

impl Future for Expiry {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.activity.task.register(cx.waker());
        loop {
            let Some(deadline) = self.activity.deadline() else {
                return Poll::Pending;
            };
            let left = deadline.left();
            if left.is_zero() {
                return Poll::Ready(());
            }
            if self.sleeps_for != Some(deadline) {
                self.sleep.as_mut().reset(Instant::now() + left);
                self.sleeps_for = Some(deadline);
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // The machine's clock got there; this process may have been stopped meanwhile.
            self.sleeps_for = None;
        }
    }
}
