//! The operator's orders and questions (`docs/spec/queue.md#drained`).

use std::path::PathBuf;

use tauline_protocol::Identity;
use tauline_protocol::admin::{self, AdminAnswer, Reason};
use tauline_protocol::status::QueueStatus;
use tauline_queue_core::{Command, Mode, NotPaused, Refusal, Ticket, Timestamp};

use super::handle::Coordinator;
use super::task::{Message, Task};
use super::{handover, refusals};
use crate::status::{self, millis};

/// What an operator can do to the queue and its data.
#[derive(Debug, Clone)]
pub enum Order {
    /// Take no new entries, serve everyone in line, then halt.
    Drain,
    /// Take entries again.
    Open,
    /// Stop all deadlines.
    Pause,
    /// Go on in the mode before the pause.
    Resume,
    /// As `Drain`, at this time.
    DrainAt(Timestamp),
    /// As `Open`, at this time.
    OpenAt(Timestamp),
    /// Plan nothing any more.
    Unplan,
    /// Sign the public log with another key from now on.
    RotateKey,
    /// Let an identity join again that was used up without contributing.
    Pardon(Identity),
    /// End a stay, in line or in its turn. The reason goes into the log.
    Expel {
        /// Which.
        ticket: Ticket,
        /// Why.
        reason: Reason,
    },
}

impl Coordinator {
    /// Does what an operator orders.
    ///
    /// # Errors
    /// Why it cannot be done, in a sentence that says what to do.
    pub async fn order(&self, order: Order) -> Result<(), String> {
        self.answer_operator(move |task, now| task.obey(now, order))
            .await?
    }

    /// Writes a consistent copy of the data to this absolute path.
    ///
    /// # Errors
    /// Why it cannot be done, in a sentence that says what to do.
    pub async fn backup(&self, to: PathBuf) -> Result<(), String> {
        if !to.is_absolute() {
            return Err(format!("{} is not an absolute path", to.display()));
        }
        self.look_up(move |store| store.backup(&to).map_err(|error| error.to_string()))
            .await
            .unwrap_or_else(|refused| Err(refused.error))
    }

    /// Whether the ceremony is halted with people in line.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.published.borrow().paused()
    }

    /// Who is in line, at most the `first` of them; whoever has the turn comes first.
    ///
    /// # Errors
    /// When the coordinator stops.
    pub async fn in_line(&self, first: usize) -> Result<AdminAnswer, String> {
        self.answer_operator(move |task, now| task.in_line(now, first))
            .await
    }

    /// How far these identities have come, in the same order.
    ///
    /// # Errors
    /// When the coordinator stops.
    pub async fn how_far(&self, whom: Vec<Identity>) -> Result<Vec<QueueStatus>, String> {
        self.answer_operator(move |task, now| {
            let status = |who| status::queue_status(task.state(), who, now);
            whom.iter().map(status).collect()
        })
        .await
    }

    pub(super) async fn answer_operator<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Task, Timestamp) -> T + Send + 'static,
    ) -> Result<T, String> {
        self.send(|reply| {
            Message::new(move |task, now| {
                let answer = act(task, now);
                task.later(move || drop(reply.send(answer)));
            })
        })
        .await
        .map_err(|refused| refused.error)
    }
}

impl Task {
    /// At most the `first` in line: whoever has the turn, then the line from its head.
    fn in_line(&self, now: Timestamp, first: usize) -> AdminAnswer {
        let state = self.state();
        // While no deadline runs, they move with the time.
        let stood_still = state.halted_since().map(|since| now.since(since));
        let turn = state.turn().map(|turn| turn.id);
        let ids = turn.into_iter().chain(state.line().map(|(_, id)| id));
        let line = ids
            .take(first)
            .filter_map(|id| Some((id, state.stay(id)?)))
            .map(|(id, stay)| {
                let by = stay
                    .deadline
                    .saturating_add(stood_still.unwrap_or_default());
                admin::InLine {
                    position: stay.position,
                    ticket: stay.ticket.value(),
                    id: id.clone(),
                    state: stay.phase.into(),
                    clients: self.moment.held.waiting(id),
                    passed: stay.passed,
                    age_in_ms: millis(now.since(stay.joined_at)),
                    deadline_in_ms: millis(by.since(now)),
                }
            })
            .collect();
        let has_turn = u64::from(state.turn().is_some());
        AdminAnswer::Queue {
            line,
            in_all: state.waiting() + has_turn,
            paused: state.mode() == Mode::Halted && !state.is_empty(),
        }
    }

    fn obey(&mut self, now: Timestamp, order: Order) -> Result<(), String> {
        if let Some(given) = &self.given_to {
            return Err(handover::given_away(given));
        }
        let mode = match order {
            Order::Drain => Mode::Draining,
            Order::Open => Mode::Open,
            Order::Pause => Mode::Halted,
            Order::Resume => match self.state().mode_after_pause() {
                Ok(before) => before,
                Err(NotPaused::Running) => return Err("the ceremony is not paused".to_owned()),
                Err(NotPaused::Drained) => {
                    return Err(
                        "the ceremony is halted because its queue was drained: use `open` to take entries again"
                            .to_owned(),
                    );
                }
            },
            Order::DrainAt(at) => return self.plan_drain(now, at),
            Order::OpenAt(at) => return self.plan_opening(now, at),
            Order::Unplan => return self.unplan(),
            Order::RotateKey => {
                self.rotate_key();
                return Ok(());
            }
            Order::Expel { ticket, reason } => return self.expel(now, ticket, reason),
            Order::Pardon(id) => {
                return self
                    .carry_out(now, Command::Pardon { id }, None)
                    .map_err(|refusal| refusals::in_words(refusal, None).error);
            }
        };
        self.carry_out(now, Command::SetMode(mode), None)
            .map_err(|refusal| refusals::in_words(refusal, None).error)
    }

    /// The rule: `docs/spec/queue.md#expulsion`.
    fn expel(&mut self, now: Timestamp, ticket: Ticket, reason: Reason) -> Result<(), String> {
        self.carry_out(now, Command::Expel { ticket }, Some(reason.into()))
            .map_err(|refusal| match refusal {
                Refusal::AlreadySubmitted => format!(
                    "the contribution with ticket {ticket} has arrived and is being verified: it gets its verdict"
                ),
                refusal => refusals::in_words(refusal, None).error,
            })
    }
}
