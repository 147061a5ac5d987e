//! The errors with which a participant ends without a receipt.

use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, QueueStatus};

use super::settings::Offline;
use super::state::Participant;
use crate::client::Refusal;
use crate::exit::Failure;

/// The consequence of leaving.
pub(super) const USED_UP: &str =
    "an identity that has left cannot join again, unless the ceremony's operator pardons it";

/// Why joining was refused.
pub(super) fn cannot_join(refused: &Refusal) -> Failure {
    let failure = refused.failure("cannot join");
    match refused.code() {
        Some(Code::Draining) => {
            failure.help("only those who are in line already are served; nothing is lost by it")
        }
        _ => failure,
    }
}

/// The error of a contribution that is to be sent before the turn has come.
pub(super) fn no_turn_yet(status: &QueueStatus) -> Failure {
    Failure::io(format!(
        "the turn of {} has not come: there is nothing to send yet",
        status.id
    ))
    .help("`tauline contribute --offline DIR` waits for it, and writes the powers to DIR then")
}

impl Participant<'_> {
    /// Why the stay ended, and what that means for a contribution that another machine has
    /// computed.
    pub(super) fn over(&self, status: &QueueStatus) -> Failure {
        let failure = over(status);
        match status.ended {
            // The contribution was sent, or the participant gave up.
            Some(
                EndedWord::Invalid
                | EndedWord::CoordinatorFault
                | EndedWord::Contributed
                | EndedWord::Aborted
                | EndedWord::Left,
            ) => failure,
            _ => too_late(failure, self.settings.offline.as_ref()),
        }
    }
}

/// Adds that a contribution which another machine has computed is useless now.
fn too_late(failure: Failure, offline: Option<&Offline>) -> Failure {
    match offline {
        Some(offline) => failure.and(&format!(
            "nothing was sent, and what was computed in {} for this turn is of no use any more: it \
             builds on powers that others now go on from",
            offline.carried.path().display()
        )),
        None => failure,
    }
}

/// Why a stay ended (`docs/spec/queue.md#outcomes`).
fn over(status: &QueueStatus) -> Failure {
    let because = status
        .ended_because
        .as_deref()
        .map(|why| format!(": {why}"))
        .unwrap_or_default();
    let failure = match status.ended {
        Some(EndedWord::MissedCheckin) => {
            Failure::bad("the place was lost: this client was not heard of in time")
        }
        Some(EndedWord::FailedToStart) => {
            Failure::bad("the turn was lost: the work was not started in time")
        }
        Some(EndedWord::TimedOut) => {
            Failure::bad("the turn was lost: the contribution did not arrive in time")
        }
        Some(EndedWord::Stalled) => {
            Failure::bad("the turn was lost: this client stopped checking in")
        }
        Some(EndedWord::Invalid) => Failure::bad(format!("the contribution was refused{because}")),
        Some(EndedWord::Aborted) => Failure::bad(format!("the turn was given up{because}")),
        Some(EndedWord::Left) => Failure::bad("the place in the queue was given up"),
        Some(EndedWord::Expelled) => {
            Failure::bad(format!("the ceremony's operator ended the stay{because}"))
        }
        Some(EndedWord::CoordinatorFault) => {
            return Failure::io("the coordinator failed to verify the contribution")
                .help("your identity is not used up: try again later");
        }
        Some(EndedWord::Contributed) => Failure::bad("the contribution is accepted already"),
        None => return Failure::io("the coordinator does not know this participant any more"),
    };
    let word = status.ended.map(EndedWord::as_str).unwrap_or_default();
    failure.code(word).help(format!(
        "{} is used up: ask the ceremony's operator to pardon it, \
         or take part with another identity",
        status.id
    ))
}

#[cfg(test)]
mod tests {
    use tauline_protocol::status::QueueWord;

    use super::*;
    use crate::exit::Exit;

    fn ended(ended: Option<EndedWord>, because: Option<&str>) -> QueueStatus {
        QueueStatus {
            id: "invite|alice".parse().unwrap(),
            ticket: Some(7),
            queue_status: QueueWord::Expired,
            queue_position: None,
            passed: 0,
            other_clients: 0,
            mode: tauline_protocol::status::ModeWord::Open,
            expected_start_time: None,
            expected_start_in_ms: None,
            next_checkin_time: None,
            next_checkin_in_ms: None,
            contribute_in_ms: None,
            ended,
            ended_because: because.map(str::to_owned),
            signed_ticket: None,
            promise: None,
            receipt: None,
        }
    }

    #[test]
    fn nobody_who_timed_out_is_told_that_they_contributed() {
        for word in [
            EndedWord::MissedCheckin,
            EndedWord::FailedToStart,
            EndedWord::TimedOut,
            EndedWord::Stalled,
        ] {
            let failure = over(&ended(Some(word), None));
            assert!(failure.text().contains("lost"), "{failure}");
            assert!(failure.text().contains(word.as_str()), "{failure}");
            assert_eq!(failure.exit(), Exit::Bad, "trying again cannot help");
        }
    }

    #[test]
    fn an_invalid_contribution_is_told_the_check_that_failed() {
        let failure = over(&ended(
            Some(EndedWord::Invalid),
            Some("the update is not proven"),
        ));
        assert_eq!(failure.exit(), Exit::Bad);
        assert_eq!(
            failure.text(),
            "the contribution was refused: the update is not proven [invalid]"
        );
    }

    #[test]
    fn who_is_expelled_is_told_so_with_the_reason() {
        let failure = over(&ended(Some(EndedWord::Expelled), Some("it floods")));
        assert_eq!(failure.exit(), Exit::Bad);
        assert_eq!(
            failure.text(),
            "the ceremony's operator ended the stay: it floods [expelled]"
        );
        assert!(failure.to_string().contains("pardon"), "{failure}");
    }

    #[test]
    fn the_coordinators_fault_uses_no_identity_up() {
        let failure = over(&ended(Some(EndedWord::CoordinatorFault), None));
        assert!(failure.to_string().contains("not used up"));
        assert_eq!(failure.exit(), Exit::Io, "trying again can help");
    }
}
