//! What happens when a participant is interrupted: it gives up its place or turn, so that nobody
//! waits for it, or keeps it for the next run.

use std::time::Duration;

use tauline_protocol::error::Code;
use tauline_protocol::status::{ModeWord, QueueStatus, QueueWord};
use tokio::time::timeout;

use super::ending::USED_UP;
use super::state::Participant;
use crate::client::{ClientError, Refusal};
use crate::exit::Failure;
use crate::interrupt::Wish;
use crate::numbers;

/// How long each of two attempts to tell the coordinator may take. Nobody waits longer for a
/// program to stop.
const LIMIT: Duration = Duration::from_secs(3);

/// How long a turn lasts after its process has gone, unless the coordinator is set otherwise
/// (`docs/spec/queue.md#stall-timer`).
const STALL_LIMIT: Duration = Duration::from_secs(15);

impl Participant<'_> {
    /// Gives up the place or turn, or keeps it, and returns the error that says so.
    pub(super) async fn part(&mut self, wish: Wish) -> Failure {
        self.hear_check_ins();
        match wish {
            Wish::Leave => self.give_up().await,
            Wish::Keep(signal) => self.keep(signal).await,
        }
    }

    async fn give_up(&mut self) -> Failure {
        let Some(held) = self.standing.clone().filter(is_in_queue) else {
            return Failure::bad("interrupted").help("nothing was given up");
        };
        let in_turn = held.queue_status != QueueWord::Queued;
        // Another client of the same participant may be using the turn.
        let aborts = in_turn && held.other_clients == 0;
        for attempt in 0..2 {
            let parting = async {
                // The turn may have come, or gone, since the last answer.
                match aborts && attempt == 0 {
                    true => self.client.abort("interrupted by the participant").await,
                    false => self.client.leave().await,
                }
            };
            match timeout(LIMIT, parting).await {
                Ok(Ok(status)) if is_in_queue(&status) => return stayed(&status),
                Ok(Ok(_)) => {
                    let what = match in_turn {
                        true => "the turn was given up",
                        false => "the place in the queue was given up",
                    };
                    return Failure::bad(format!("interrupted: {what}")).help(USED_UP);
                }
                Ok(Err(ClientError::Refused(refused))) if is_verifying(&refused) => {
                    return verifying("interrupted");
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Failure::io("interrupted; the coordinator could not be told")
            .help("it will notice by itself; until then the same command takes the place up again")
    }

    /// Checks in once more, which moves the deadline, and says how long the place is kept.
    async fn keep(&mut self, signal: &str) -> Failure {
        let Some(last) = self.standing.clone().filter(is_in_queue) else {
            return Failure::bad(format!("ended by {signal}")).help("nothing was given up");
        };
        let fresh = timeout(LIMIT, self.client.check_in(Duration::ZERO)).await;
        let status = fresh.ok().and_then(Result::ok).unwrap_or(last);
        kept(signal, &status)
    }
}

/// Whether the participant has a place or a turn.
fn is_in_queue(status: &QueueStatus) -> bool {
    matches!(
        status.queue_status,
        QueueWord::Queued
            | QueueWord::ReadyToContribute
            | QueueWord::Contributing
            | QueueWord::Verifying
    )
}

fn is_verifying(refused: &Refusal) -> bool {
    refused.is(&[Code::AlreadyVerifying])
}

fn verifying(ended: &str) -> Failure {
    Failure::bad(format!(
        "{ended}: the contribution is being verified already"
    ))
    .help("run the same command again for the verdict and the receipt")
}

/// The error after a leave that did not end the stay.
fn stayed(status: &QueueStatus) -> Failure {
    Failure::bad(format!(
        "interrupted; nothing was given up: another client of {} is attached and keeps the place",
        status.id
    ))
    .help("to give it up, leave in the last of them")
}

/// The error that says how long the place or turn is kept.
fn kept(signal: &str, status: &QueueStatus) -> Failure {
    let ended = format!("ended by {signal}");
    let again = "run the same command again to take it up";
    let time = left(status);
    let within = numbers::duration(time);
    match status.queue_status {
        QueueWord::Verifying => verifying(&ended),
        QueueWord::Queued if status.mode == ModeWord::Halted => Failure::io(format!(
            "{ended}; the place in line is kept: the ceremony is paused, and no deadline runs; \
             when it goes on, for {within} more"
        ))
        .help(again),
        QueueWord::Queued => {
            Failure::io(format!("{ended}; the place in line is kept for {within}")).help(format!(
                "{again} within that time; after it, the place is lost and the identity used up"
            ))
        }
        QueueWord::ReadyToContribute => Failure::io(format!(
            "{ended}; your turn has come, and is kept for {within}"
        ))
        .help(format!(
            "{again} within that time; after it, the turn is lost and the identity used up"
        )),
        QueueWord::Contributing => Failure::io(format!(
            "{ended} in the turn; the secrets, and what was computed with them, are gone. The \
             turn is lost unless the same command runs again within {}",
            numbers::duration(time.min(STALL_LIMIT).min(turn_left(status)))
        ))
        .help("it then computes anew, in what is left of the turn"),
        QueueWord::NotQueued | QueueWord::Contributed | QueueWord::Expired => {
            Failure::bad(ended).help("run the same command again to see how the stay ended")
        }
    }
}

/// The time until the deadline, to which the coordinator adds its grace.
fn left(status: &QueueStatus) -> Duration {
    Duration::from_millis(status.next_checkin_in_ms.unwrap_or_default())
}

/// The time that is left of the turn, if the coordinator says so.
fn turn_left(status: &QueueStatus) -> Duration {
    status
        .contribute_in_ms
        .map_or(Duration::MAX, Duration::from_millis)
}

/// What leaving costs now, and how to end without that, as an answer to the first Ctrl-C. Nothing
/// where leaving costs nothing.
pub(crate) fn what_leaving_means(status: &QueueStatus) -> Option<String> {
    let id = &status.id;
    let used_up = format!(
        "{id} is used up then and cannot join again, unless the ceremony's operator pardons it"
    );
    let kill = format!("close the terminal, or `kill {}`", std::process::id());
    let again = "Press Ctrl-C again within 10 s to leave all the same.";
    Some(match status.queue_status {
        QueueWord::Queued | QueueWord::ReadyToContribute | QueueWord::Contributing
            if status.other_clients > 0 =>
        {
            format!(
                "Another client of {id} is attached: leaving here gives nothing up. Press Ctrl-C \
             again within 10 s to leave."
            )
        }
        QueueWord::Queued => format!(
            "Leaving gives your place in line up for good: {used_up}. To end this and keep the \
             place for {}, {kill}: the same command takes it up again. {again}",
            numbers::duration(left(status))
        ),
        QueueWord::ReadyToContribute | QueueWord::Contributing => format!(
            "Leaving gives your turn up for good: {used_up}. Who waits behind you is called at \
             once. To end this and keep the turn for a few seconds, {kill}. {again}"
        ),
        // Nothing is lost.
        QueueWord::Verifying
        | QueueWord::NotQueued
        | QueueWord::Contributed
        | QueueWord::Expired => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(word: &str, in_ms: u64, others: u32, mode: &str) -> QueueStatus {
        let text = format!(
            r#"{{"id":"invite|alice","ticket":7,"queueStatus":"{word}","queuePosition":3,
            "otherClients":{others},"mode":"{mode}","nextCheckinInMs":{in_ms},"ended":null,
            "receipt":null,"expectedStartTime":null,"nextCheckinTime":null}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_is_kept_is_told_with_its_time() {
        let told = |word, ms, mode| {
            let mut status = status(word, ms, 0, mode);
            status.contribute_in_ms = Some(if ms == 1_000_000 { 3_000 } else { 100_000 });
            kept("SIGHUP", &status).to_string()
        };
        for (word, ms, mode, says) in [
            ("queued", 41_000, "open", "in line is kept for 41 s"),
            ("queued", 41_000, "halted", "when it goes on, for 41 s"),
            ("readyToContribute", 12_000, "open", "kept for 12 s"),
            ("contributing", 60_000, "open", "runs again within 15 s"),
            ("contributing", 9_000, "open", "runs again within 9.0 s"),
            // Little is left of the turn.
            ("contributing", 1_000_000, "open", "runs again within 3.0 s"),
            ("verifying", 0, "open", "for the verdict"),
        ] {
            let text = told(word, ms, mode);
            assert!(text.contains(says), "{word}: {text}");
            assert!(text.contains("the same command"), "{word}: {text}");
        }
        assert!(told("contributing", 60_000, "open").contains("secrets"));
    }

    #[test]
    fn leaving_is_explained_where_it_costs_something() {
        let means = |word, others| what_leaving_means(&status(word, 41_000, others, "open"));
        let text = means("queued", 0).unwrap();
        for says in [
            "for good",
            "invite|alice is used up",
            "41 s",
            "Ctrl-C again",
        ] {
            assert!(text.contains(says), "{text}");
        }
        assert!(means("contributing", 0).unwrap().contains("your turn up"));
        assert!(means("queued", 1).unwrap().contains("gives nothing up"));
        for word in ["verifying", "notQueued", "contributed", "expired"] {
            assert_eq!(means(word, 1), None, "{word}");
        }
    }
}
