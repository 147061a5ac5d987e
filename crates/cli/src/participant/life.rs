//! The course of a participation, from signing in to the receipt.

use std::time::Duration;

use tauline_protocol::status::{EndedWord, QueueWord};

use super::accepted::Accepted;
use super::news::News;
use super::state::{ATTEMPTS, Participant, RECONSIDER, Stop};
use crate::exit::{Failure, Outcome};
use crate::signin::Credential;

impl Participant<'_> {
    /// Takes part, from signing in to the receipt.
    ///
    /// When it is interrupted, the place in the queue or the turn is given up or kept, as the
    /// interruption asks for.
    ///
    /// # Errors
    /// Why there is no receipt.
    pub async fn contribute(&mut self) -> Outcome<Accepted> {
        match self.live().await {
            Ok(accepted) => {
                self.keep_signed(|tickets| tickets.accepted(&accepted.receipt))
                    .await;
                Ok(accepted)
            }
            Err(Stop::Interrupted(wish)) => Err(self.part(wish).await),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }

    async fn live(&mut self) -> Result<Accepted, Stop> {
        let settings = self.settings;
        // Nobody shall have to sign in in a browser twice. Otherwise the older coordinator comes first:
        // whoever has contributed there gets the receipt from it.
        let in_browser = matches!(self.credential, Credential::Browser(_));
        if let Some(moved) = settings.moved_to.as_ref().filter(|_| in_browser) {
            self.move_on(moved).await?;
        }
        self.sign_in().await?;
        self.check_directory()?;
        if self.settings.probes {
            self.find_a_form().await?;
        }
        let is_to_join = self.settings.offline.as_ref().is_none_or(|it| it.waits);
        let (mut status, mut joins) = match is_to_join {
            true => (self.join().await?, 1),
            false => (self.turn_to_end().await?, ATTEMPTS),
        };
        loop {
            self.note(&status);
            status = match status.queue_status {
                QueueWord::Queued | QueueWord::Verifying => self.wait_on(&status).await?,
                QueueWord::ReadyToContribute | QueueWord::Contributing => {
                    match self.take_turn(status.ticket).await? {
                        Some(receipt) => return self.accepted(status.ticket, receipt),
                        None => {
                            self.pause(RECONSIDER).await?;
                            self.check_in(Duration::ZERO).await?
                        }
                    }
                }
                QueueWord::Contributed => {
                    let receipt = status.receipt.take().ok_or_else(|| {
                        Failure::bad("the contribution is accepted, but its receipt is missing")
                            .help("run the same command again to ask for it")
                    })?;
                    return self.accepted(status.ticket, receipt);
                }
                QueueWord::Expired => return Err(self.over(&status).into()),
                QueueWord::NotQueued if joins < ATTEMPTS => {
                    if status.ended == Some(EndedWord::CoordinatorFault) {
                        self.listener.tell(News::CoordinatorFault);
                    }
                    joins += 1;
                    self.join().await?
                }
                QueueWord::NotQueued => return Err(self.over(&status).into()),
            };
        }
    }
}
