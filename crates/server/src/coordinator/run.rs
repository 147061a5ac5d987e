//! The task's loop.
//!
//! Its law: store the contribution's blob, then `Submit`; step; append; commit; publish; reply.
//! Memory changes first, but nobody hears of it before the commit, and a commit that fails ends
//! the process: what was never durable was never said.

use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::public_log::Notice;
use tauline_queue_core::{Command, Timestamp};
use tauline_store::StoreError;
use tauline_store::failpoint::failpoint;
use tokio::sync::mpsc;

use super::log_line::LogLine;
use super::presence::positions::TELL_EVERY;
use super::task::{Message, Task};
use crate::measures::timed;
use crate::status::{Announced, Published};
use crate::verifier::Judgement;

/// How often the task looks at the time while somebody is in the queue: as precise as the length
/// of an absence has to be known.
const TICK: Duration = Duration::from_secs(1);

/// Messages that one commit covers at most: enough that a burst costs few commits, few enough
/// that the first of them does not wait long.
const MAX_IN_A_COMMIT: usize = 256;

/// Why the task ended without being asked to. The process must end too: another start recovers.
#[derive(Debug, thiserror::Error)]
pub enum Crash {
    /// A commit failed: memory is ahead of the store.
    #[error("a commit failed; nobody was told of what it held. {0}")]
    Store(#[source] StoreError),
    /// An invariant was broken.
    #[error("the coordinator broke an invariant of its own: {0}. Start it again, and report this")]
    Panic(String),
}

/// Where messages come from.
pub(super) struct Mailboxes {
    pub(super) ordinary: mpsc::Receiver<Message>,
    /// Heard before the other one, which may be full.
    pub(super) urgent: mpsc::UnboundedReceiver<Message>,
}

impl Task {
    /// Runs until it is closed or all handles are gone. A contribution that was being verified is
    /// verified again, unless the task `gives_up` on it.
    pub(super) async fn run(mut self, mut from: Mailboxes, gives_up: bool) -> Result<(), Crash> {
        if let Some(verifying) = &self.verifying {
            if gives_up {
                let why = "this coordinator has ended again and again while verifying it";
                self.judged(verifying.ticket, Judgement::Fault(why.to_owned()));
            } else {
                self.pending.starts_verifying = true;
            }
        }
        // The first step after a restart makes the absence good.
        self.end_batch()?;
        let clock = self.clock.clone();
        let mut messages = Vec::with_capacity(MAX_IN_A_COMMIT);
        let mut is_drained = false;
        while !(is_drained && self.may_close()) {
            let wake = self.wake_at();
            let sleep = async {
                match wake {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(message) = from.urgent.recv() => messages.push(message),
                count = from.ordinary.recv_many(&mut messages, MAX_IN_A_COMMIT), if !is_drained => {
                    is_drained = count == 0;
                    if is_drained && self.moment.closing_by.is_none() {
                        // All handles are gone.
                        return Ok(());
                    }
                }
                () = sleep => {}
            }
            messages.sort_by_key(|message| !message.comes_first);
            for message in messages.drain(..) {
                let now = self.time();
                (message.act)(&mut self, now);
            }
            if self.moment.closing_by.is_some() {
                // What is in the mailbox already is answered; later messages find it shut.
                from.ordinary.close();
            }
            self.end_batch()?;
        }
        Ok(())
    }

    /// Makes durable and publishes what the coordinator has to say first.
    pub(super) fn begin(&mut self, notices: Vec<Notice>) -> Result<(), StoreError> {
        for notice in notices {
            self.give_notice(notice);
        }
        self.commit(self.clock.now())
    }

    /// Makes the batch durable, and publishes it.
    fn commit(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let pending = &mut self.pending;
        let stays = pending.log_lines.iter().filter_map(LogLine::ticket);
        let spell = self.spans.commit(stays, pending.batch.writes.len());
        timed(&self.commit_times, || self.store.commit(&pending.batch))?;
        drop(spell);
        failpoint("task-committed");
        pending.batch.writes.clear();
        if let Some(signer) = pending.signer.take() {
            self.log.sign_with(signer);
        }
        self.log.publish(pending.entries.drain(..), now)?;
        failpoint("task-published");
        for line in pending.log_lines.drain(..) {
            line.write(&mut self.turns, &mut self.spans);
        }
        self.publish_turns();
        let announced = Announced::new(self.plan, self.given_to.as_ref());
        let recent = Arc::clone(&self.recent);
        let published = Published::new(&self.queue, self.chain, announced, recent, now);
        self.published.send_replace(Arc::new(published));
        Ok(())
    }

    /// Takes no more messages, and ends when what is being verified has its verdict, or by then.
    pub(super) fn close(&mut self, by: Timestamp) {
        self.moment.released = true;
        self.moment.closing_by = Some(by);
    }

    fn may_close(&self) -> bool {
        self.moment
            .closing_by
            .is_some_and(|by| self.verifying.is_none() || by <= self.clock.now())
    }

    /// When to look again if nothing happens.
    fn wake_at(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let moment = &self.moment;
        let telling = (!moment.to_tell.is_empty()).then_some(now);
        // A deadline that has passed is held up by a contribution that is being read: see `time`.
        let due = self.queue.wake_at().map(|wake| {
            if wake > now {
                wake
            } else {
                now.saturating_add(TICK)
            }
        });
        let positions = moment
            .line_moved
            .then(|| moment.positions_told.saturating_add(TELL_EVERY));
        [
            telling,
            due,
            positions,
            moment.held.next(),
            moment.closing_by,
            self.log.due(),
            self.next_planned(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Everything that time and presence bring about; then one commit; then the world hears of it.
    fn end_batch(&mut self) -> Result<(), Crash> {
        let now = self.time();
        self.follow_plan(now);
        let _ = self.carry_out(now, Command::Tick, None);
        self.attend(now);
        if !self.pending.batch.writes.is_empty() {
            self.commit(now).map_err(Crash::Store)?;
        } else if self.log.due().is_some_and(|due| due <= now) {
            self.log.publish([], now).map_err(Crash::Store)?;
        }
        for reply in self.pending.replies.drain(..) {
            reply();
            failpoint("task-replied");
        }
        if std::mem::take(&mut self.pending.starts_verifying) {
            self.start_verifying();
        }
        self.store.is_there(now);
        Ok(())
    }
}
