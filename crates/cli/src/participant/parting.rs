//! Ctrl-C: what is held is given up, so that nobody waits for it.

use std::time::Duration;

use tauline_protocol::error::Code;
use tauline_protocol::status::QueueWord;
use tokio::time::timeout;

use super::Participant;
use super::ending::USED_UP;
use crate::client::ClientError;
use crate::exit::Failure;

/// How long cleaning up may take, for each of two attempts. Ours: nobody waits longer for a
/// program to stop.
const LIMIT: Duration = Duration::from_secs(3);

impl Participant<'_> {
    /// Gives up what the participant holds, so that nobody waits for it, and says what was given up.
    pub(super) async fn part(&mut self, reason: &str) -> Failure {
        let word = self.standing.as_ref().map(|status| status.queue_status);
        for _ in 0..2 {
            let parting = async {
                match word {
                    Some(QueueWord::ReadyToContribute | QueueWord::Contributing) => self
                        .client
                        .abort(reason)
                        .await
                        .map(|_| "the turn was given up"),
                    Some(QueueWord::Queued) => self
                        .client
                        .leave()
                        .await
                        .map(|_| "the place in the queue was given up"),
                    _ => Ok(""),
                }
            };
            match timeout(LIMIT, parting).await {
                Ok(Ok("")) => break,
                Ok(Ok(given_up)) => {
                    return Failure::bad(format!("interrupted: {given_up}")).help(USED_UP);
                }
                Ok(Err(ClientError::Refused(refused))) if refused.is(&[Code::AlreadyVerifying]) => {
                    return Failure::bad("interrupted: the contribution is being verified already")
                        .help("run the same command again for the verdict and the receipt");
                }
                // The turn may have come, or gone, since the last answer.
                Ok(Err(ClientError::Refused(_))) => {
                    if let Ok(Ok(_)) = timeout(LIMIT, self.client.leave()).await {
                        return Failure::bad("interrupted: the place in the queue was given up")
                            .help(USED_UP);
                    }
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        match word {
            Some(QueueWord::Queued | QueueWord::ReadyToContribute | QueueWord::Contributing) => {
                Failure::io("interrupted; the coordinator could not be told").help(
                    "it will notice by itself; until then the same command takes the place up again",
                )
            }
            _ => Failure::bad("interrupted").help("nothing was given up"),
        }
    }
}
