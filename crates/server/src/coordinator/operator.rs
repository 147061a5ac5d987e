//! What the operator asks for (`queue-protocol.md`, coordinator handover).

use tauline_protocol::admin::{AdminAnswer, AdminRequest};
use tauline_queue_core::{Command, Mode, Timestamp};
use tokio::sync::oneshot;

use super::Coordinator;
use super::answer::{self, Refused};
use super::message::{Message, Operation};
use super::task::Task;

impl Coordinator {
    /// Does what an operator asks.
    pub async fn admin(&self, request: AdminRequest) -> AdminAnswer {
        let done = match request {
            AdminRequest::Status => Ok(()),
            AdminRequest::Drain => self.operate(Operation::Drain).await,
            AdminRequest::Open => self.operate(Operation::Open).await,
            AdminRequest::Pause => self.operate(Operation::Pause).await,
            AdminRequest::Resume => self.operate(Operation::Resume).await,
            AdminRequest::Pardon { id } => self.operate(Operation::Pardon(id)).await,
            AdminRequest::Backup { to } if !to.is_absolute() => {
                Err(format!("{} is not an absolute path", to.display()))
            }
            AdminRequest::Backup { to } => self
                .look_up(move |store| store.backup(&to).map_err(|error| error.to_string()))
                .await
                .unwrap_or_else(|refused| Err(refused.error)),
        };
        match done {
            Ok(()) => AdminAnswer::Done {
                status: Box::new(self.status()),
                paused: self.published.borrow().paused(),
            },
            Err(error) => AdminAnswer::Refused { error },
        }
    }

    async fn operate(&self, operation: Operation) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let gone = |()| Refused::unavailable().error;
        let message = Message::Operate { operation, reply };
        self.mailbox.send(message).await.map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }
}

impl Task {
    pub(super) fn operate(&mut self, now: Timestamp, operation: Operation) -> Result<(), String> {
        let mode = match operation {
            Operation::Drain => Mode::Draining,
            Operation::Open => Mode::Open,
            Operation::Pause => Mode::Halted,
            Operation::Resume => {
                if self.state().mode() != Mode::Halted {
                    return Err("the ceremony is not paused".to_owned());
                }
                let before = self.state().mode_before_halt().unwrap_or(Mode::Open);
                if before == Mode::Draining && self.state().is_empty() {
                    return Err(
                        "the ceremony is halted because its queue was drained: use `open` to take entries again"
                            .to_owned(),
                    );
                }
                before
            }
            Operation::Pardon(id) => {
                return self
                    .carry_out(now, Command::Pardon { id }, None)
                    .map_err(|refusal| answer::refused(refusal, None).error);
            }
        };
        self.carry_out(now, Command::SetMode(mode), None)
            .map_err(|refusal| answer::refused(refusal, None).error)
    }
}
