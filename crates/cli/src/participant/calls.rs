//! Calls that are made again until they are answered.

use std::time::Duration;

use tauline_protocol::error::Code;
use tokio::time::sleep;

use super::news::News;
use super::state::{ATTEMPTS, HALTED, Participant, RECONSIDER, Stop};
use crate::backoff::Backoff;
use crate::client::{Client, ClientError, Refusal};

impl Participant<'_> {
    /// Makes a call that needs a session, and signs in again when the coordinator does not know the
    /// session, or when the ceremony has moved to another one.
    pub(super) async fn call<T>(
        &mut self,
        call: impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Result<Result<T, Refusal>, Stop> {
        for _ in 1..ATTEMPTS {
            let client = self.client.clone();
            match self.retry(async || call(&client).await).await? {
                Err(refused) if refused.is(&[Code::SessionUnknown, Code::SessionMissing]) => {
                    self.sign_in().await?;
                }
                Err(refused) if refused.is(&[Code::HandedOver]) => {
                    self.follow(&refused).await?;
                    self.sign_in().await?;
                }
                answer => return Ok(answer),
            }
        }
        let client = self.client.clone();
        self.retry(async || call(&client).await).await
    }

    /// Repeats a call that fails for the moment, as long as the settings' `patience` allows.
    pub(super) async fn retry<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, ClientError>,
    ) -> Result<Result<T, Refusal>, Stop> {
        let mut backoff = Backoff::new(self.settings.patience);
        loop {
            let mut interrupt = self.interrupt.clone();
            let outcome = tokio::select! {
                biased;
                wish = interrupt.raised() => return Err(Stop::Interrupted(wish)),
                outcome = attempt() => outcome,
            };
            let error = match outcome {
                Ok(value) => {
                    if backoff.has_failed() {
                        self.listener.tell(News::Recovered);
                    }
                    return Ok(Ok(value));
                }
                Err(error) if self.may_pass(&error) => error,
                Err(ClientError::Refused(refused)) => return Ok(Err(refused)),
                Err(error) => return Err(error.into_failure(self.client.server()).into()),
            };
            let Some(pause) = backoff.next(error.retry_after()) else {
                return Err(error.into_failure(self.client.server()).into());
            };
            self.listener.tell(News::Trouble {
                why: &error.to_string(),
                again_in: pause,
            });
            self.pause(pause).await?;
        }
    }

    /// Whether to repeat a call after this error.
    fn may_pass(&self, error: &ClientError) -> bool {
        let has_been_there = self.standing.is_some();
        match error {
            // If the coordinator was reached before, its proxy may be renewing the certificate.
            ClientError::Untrusted { .. } | ClientError::NotTls(_) => has_been_there,
            _ => error.is_transient(),
        }
    }

    pub(super) async fn pause(&self, pause: Duration) -> Result<(), Stop> {
        let mut interrupt = self.interrupt.clone();
        tokio::select! {
            biased;
            wish = interrupt.raised() => Err(Stop::Interrupted(wish)),
            () = sleep(pause) => Ok(()),
        }
    }

    /// Pauses after a refusal whose reason the next check-in tells, and fails after any other.
    pub(super) async fn reconsider(&self, refused: &Refusal) -> Result<(), Stop> {
        const EXPLAINED: &[Code] = &[
            Code::NotQueued,
            Code::NotYourTurn,
            Code::NotStarted,
            Code::AlreadyVerifying,
            Code::StayEnded,
            Code::AlreadyContributed,
            Code::EarlierOneCounted,
            Code::UsedUp,
            Code::CoordinatorFault,
        ];
        if refused.is(&[Code::Halted]) {
            return self.pause(HALTED).await;
        }
        match refused.is(EXPLAINED) {
            true => self.pause(RECONSIDER).await,
            false => Err(refused.failure("the coordinator refuses").into()),
        }
    }
}
