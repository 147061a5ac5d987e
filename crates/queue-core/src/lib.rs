//! The rules of a first in, first out queue for one turn at a time, as a pure state machine.
//!
//! It is the queue of a powers-of-tau ceremony: participants join, check in again and again while
//! they wait, are called when it is their turn, take the state to build on, and hand in a
//! contribution that the coordinator verifies. This crate decides whose turn is next and who is too late.
//! It has no clock, no input or output, no threads and no `async`, and needs nothing but `alloc`;
//! any program that can tell the time and keep a log can be a coordinator around it. Two that do so in
//! a page or two are `examples/random_lobby.rs` beside this crate, which runs with
//! `cargo run -p tauline-queue-core --example random_lobby`, and
//! `crates/protocol/examples/in_memory_coordinator.rs`, which verifies contributions.
//!
//! # A fold over a log
//!
//! [`Queue::step`] is told the time and a [`Command`], and answers with a [`Step`]: the [`Entry`]s
//! to append to the log, and whether the command was carried out. Rules read the [`State`] and
//! emit [`Event`]s; applying events is the only thing that changes the state. So the log *is* the
//! queue: [`Queue::replay`] makes the same state of it, in another process, on another machine,
//! with other settings, since every deadline in the log is absolute.
//!
//! ```
//! use std::time::Duration;
//! use tauline_queue_core::{Command, Mode, Outcome, Phase, Queue, Rules, Timestamp, Verdict};
//!
//! let mut now = Timestamp::from_millis(1_790_000_000_000);
//! let began = now;
//! let mut log = Vec::new();
//! let mut queue = Queue::new(Rules::default(), began)?;
//! // The law of a coordinator: step, append, commit, and only then answer.
//! let mut step = |queue: &mut Queue<String>, now, command| {
//!     let step = queue.step(now, command);
//!     log.extend(step.entries);
//!     step.result
//! };
//!
//! // Nobody is ahead of Ada: it is her turn at once. Bob is the head of the line.
//! let (ada, bob) = ("ada".to_owned(), "bob".to_owned());
//! step(&mut queue, now, Command::Join { id: ada.clone() })?;
//! step(&mut queue, now, Command::Join { id: bob.clone() })?;
//! step(&mut queue, now, Command::Start { id: ada.clone(), checks_in: true })?;
//! assert_eq!(queue.state().stay(&bob).map(|stay| stay.position), Some(1));
//!
//! // Bob checks in before his deadline, Ada hands in, the coordinator verifies.
//! now = now.saturating_add(Duration::from_secs(4));
//! step(&mut queue, now, Command::CheckIn { id: bob.clone() })?;
//! step(&mut queue, now, Command::Submit { id: ada.clone() })?;
//! let ticket = queue.state().turn().map(|turn| turn.ticket).expect("Ada has the turn");
//! step(&mut queue, now, Command::Judge { ticket, verdict: Verdict::Valid })?;
//! assert_eq!(queue.state().contributions(), 1);
//!
//! // The turn is free, and comes to Bob when he shows that he is there.
//! step(&mut queue, now, Command::CheckIn { id: bob.clone() })?;
//! assert_eq!(queue.state().stay(&bob).map(|stay| stay.phase), Some(Phase::Ready));
//!
//! // The process dies. Another reads the log an hour later: Bob still has all of his time.
//! let mut queue = Queue::replay(Rules::default(), began, log)?;
//! now = now.saturating_add(Duration::from_secs(3600));
//! let _ = queue.step(now, Command::Tick);
//! let left = queue.state().turn().map(|turn| turn.deadline.since(now));
//! assert_eq!(left, Some(Rules::default().start_limit));
//!
//! // He does not come: when the time to start is over, he has failed to.
//! while let Some(wake) = queue.wake_at() {
//!     let _ = queue.step(wake, Command::Tick);
//! }
//! assert_eq!(queue.state().used_up(&bob), Some(Outcome::FailedToStart));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a coordinator has to do
//!
//! * Give every command the time of a clock that runs steadily while the process lives, and that
//!   was started at the later of the wall clock's time and [`State::log_time`]. Time that falls is
//!   held at the latest time seen.
//! * Call [`Queue::step`] with [`Command::Tick`] at [`Queue::wake_at`]: at the next deadline, and
//!   once in every [`tick`](Rules::tick), which says that the coordinator is alive.
//! * Append the entries of a step to its log, all in one commit, before anybody hears of its result.
//!   Entries whose event [is volatile](Event::is_volatile) may be left out.
//! * Ask before it reads a contribution whether it is wanted: [`State::may_submit`].
//! * Verify what was submitted, and say what came of it by [`Command::Judge`], with its ticket.
//! * Check in on behalf of those who are connected when the turn becomes free, in the order of
//!   [`State::near_head`], and before anything that comes from others: nobody is called
//!   who has not checked in.
//!
//! # The life of a stay
//!
//! A stay begins with [`Command::Join`] and gets a [`Ticket`]. It passes through the four
//! [`Phase`]s, each of which has a timer, and ends by one of the [`Outcome`]s. All of them but
//! [`Outcome::CoordinatorFault`] use the identity up: it may not join again unless an operator
//! pardons it, and after [`Outcome::Contributed`] not even then.
//!
//! | phase | begins with | has until | what ends it | and if that does not come |
//! |---|---|---|---|---|
//! | [`Waiting`](Phase::Waiting) | `Join` | half the estimated wait, within [`checkin_min`](Rules::checkin_min) and the [longest interval](Rules::longest_interval) that the check-in budget needs; the first three: `checkin_min`. Moved by every `CheckIn`, and by every `TryContribute` to its interval at least | a `CheckIn` while the turn is free for it | `MissedCheckIn` |
//! | [`Ready`](Phase::Ready) | being called | [`start_limit`](Rules::start_limit) | `Start` | `FailedToStart` |
//! | [`Contributing`](Phase::Contributing) | `Start` | [`contribution_limit`](Rules::contribution_limit), and if it checks in meanwhile, [`stall_limit`](Rules::stall_limit) from each `CheckIn`, or [`disconnect_limit`](Rules::disconnect_limit) from a `Disconnect` | `Submit` | `TimedOut` or `Stalled` |
//! | [`Verifying`](Phase::Verifying) | `Submit` | [`verification_limit`](Rules::verification_limit), which is the coordinator's | `Judge` | `CoordinatorFault` |
//!
//! A stay ends when its deadline and the [grace](Rules::checkin_grace) have passed; verification has
//! no grace.
//!
//! **A promise stands.** A check-in never makes a deadline earlier. A participant that was told to come
//! back in an hour still has that hour if everybody ahead leaves and it is the head early: it cannot
//! know, and to end its stay would punish it for doing what it was told. An absent head holds
//! the queue up at most until the last promise it was given; that is never longer than the check-in
//! budget needs, 30 s with less than 30,000 in line.
//!
//! **A free turn does not wait for somebody absent while somebody else is there.** It goes to the first
//! of the [first three](NEAR_HEAD) in line to ask. A stay ahead of it that has not asked lately, and is
//! not expected within the shortest interval, is passed: it keeps its place and its deadline. That
//! happens [once](Rules::passes) in a stay at most. [`Event::Called`] names the stays that were passed.
//! None is passed that is there, or that checks in at the shortest interval.
//!
//! **Some clients have one call.** Programs of another interface repeat one call, every half minute or so:
//! [`Command::TryContribute`] joins, checks in and starts, whichever is due, and gives no deadline shorter
//! than the interval that they keep to. The line is one, and they stand in it like everybody else.
//!
//! **An absence of the coordinator's costs nobody anything.** The first step after a replay, the end
//! of a halt, and a step that comes more than two and a half [ticks](Rules::tick) after the last emit
//! [`Event::Resumed`], which moves every deadline by the time that was lost. Crash, deployment,
//! failover, handover and a process that was suspended are one mechanism. A participant that checks in during a
//! halt has all of its time when the halt is over.
//!
//! **Check-ins need hardly any records.** Near the head everybody checks in every few seconds. An
//! event that records a deadline covers some time beyond it (`lasting_by`); check-ins that stay
//! within that are volatile. A replay without them has earlier deadlines, and the `Resumed` that
//! follows raises them to all that can have been promised.
//!
//! # Every command in every phase and mode
//!
//! The events that a command emits about the participant who sends it, or in italics the
//! [`Refusal`]; a dot where it succeeds and nothing happens. Somebody keeps the queue from being
//! empty in all of these.
//!
#![doc = include_str!("transitions.md")]
//!
//! # What may grow
//!
//! Structs that only this crate makes, and errors, are `#[non_exhaustive]`. [`Command`], [`Event`],
//! [`Outcome`] and [`Refusal`] are not: whoever writes them to a disk or a socket has to decide what
//! becomes of a new one, and the compiler should say so.
//!
//! # Cost
//!
//! With n in line, every command, every look-up and the end of every stay takes O(log n), growth of
//! the tables spread over the joins that caused it; only [`Event::Resumed`], which moves all
//! deadlines, takes O(n). Memory follows the number in line and, for who was used up, the number of
//! identities ever seen.
//!
//! # Features
//!
//! `serde`: `Serialize` and `Deserialize` for all that is data. None is on by default.
#![no_std]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;
#[cfg(test)]
extern crate std;

/// The examples of the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod command;
mod estimate;
mod event;
mod line;
mod queue;
mod refusal;
pub mod rhythm;
mod rules;
mod state;
mod stay;
mod time;

pub use command::{Command, Mode, Verdict};
pub use event::{Entry, Event};
pub use queue::{Queue, Step};
pub use refusal::{Misfit, NotPaused, Refusal, ReplayError};
pub use rules::{NEAR_HEAD, Rules, RulesError};
pub use state::State;
pub use stay::{MaySubmit, Outcome, Past, Phase, Stay, Ticket, Turn};
pub use time::Timestamp;
