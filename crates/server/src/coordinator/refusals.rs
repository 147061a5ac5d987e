//! Refusals in words: the code that a client sees, and a sentence for its user.

use tauline_protocol::error::Code;
use tauline_protocol::status::EndedWord;
use tauline_queue_core::{Outcome, Refusal, Ticket};

use crate::refused::Refused;

/// A refusal by the queue's rules. `because` is the log's note on the end of the last stay.
pub(super) fn in_words(refusal: Refusal, because: Option<&str>) -> Refused {
    let (code, error) = match refusal {
        Refusal::NotQueued => {
            (Code::NotQueued, "you are not in the queue: join it first".to_owned())
        }
        Refusal::Ended { outcome: Outcome::Contributed } => return contributed_already(),
        Refusal::Ended { outcome: Outcome::CoordinatorFault } => (
            Code::NotQueued,
            "your turn ended by a fault of the coordinator, which does not count: join again"
                .to_owned(),
        ),
        Refusal::Ended { outcome } => {
            let over = |how| format!("your stay in the queue is over: {how}");
            return Refused::new(Code::StayEnded, over(how_it_ended(outcome, because)))
                .plainly(over(how_it_ended_plainly(outcome.into(), because)));
        }
        Refusal::UsedUp { outcome: Outcome::Contributed } => return contributed_already(),
        Refusal::UsedUp { outcome } => {
            let used_up = |how| {
                format!("you may not join again: {how}. Only the ceremony's operator can pardon that")
            };
            return Refused::new(Code::UsedUp, used_up(how_it_ended(outcome, because)))
                .plainly(used_up(how_it_ended_plainly(outcome.into(), because)));
        }
        Refusal::NotYourTurn { position } => (
            Code::NotYourTurn,
            format!("it is not your turn: you are number {position}; check in until it is"),
        ),
        Refusal::NotStarted => (
            Code::NotStarted,
            "it is your turn, but you have not started: call contribution/start first".to_owned(),
        ),
        Refusal::AlreadySubmitted => (
            Code::AlreadyVerifying,
            "your contribution has arrived and is being verified: check in to learn the verdict"
                .to_owned(),
        ),
        Refusal::Draining => (
            Code::Draining,
            "the ceremony takes no new entries: it serves those in line, then halts".to_owned(),
        ),
        Refusal::Halted => (
            Code::Halted,
            "the ceremony is halted by its operator: places are kept and no deadline runs; try again later"
                .to_owned(),
        ),
        Refusal::StaleVerdict { ticket } => {
            (Code::Internal, format!("ticket {ticket} is not being verified"))
        }
        Refusal::NothingToPardon => (
            Code::InvalidParameter,
            "there is nothing to pardon: this identity is not used up".to_owned(),
        ),
        Refusal::ContributionIsFinal => (
            Code::AlreadyContributed,
            "this identity has contributed, which is final".to_owned(),
        ),
        Refusal::UnknownTicket { ticket } => (
            Code::InvalidParameter,
            format!("nobody has ticket {ticket} yet: `tauline admin queue` shows who is in line"),
        ),
        Refusal::StayOver { ticket } => (
            Code::InvalidParameter,
            format!("the stay with ticket {ticket} is over already: there is nobody to expel"),
        ),
    };
    Refused::new(code, error)
}

/// The refusal of a contribution by somebody of whom another was accepted
/// (`docs/spec/http-api.md#earlier-one-counted`).
pub(super) fn earlier_one_counted() -> Refused {
    Refused::new(
        Code::EarlierOneCounted,
        "an earlier contribution of yours was accepted, and this is another: it does not count, and its secret is not in the ceremony. Send the earlier one again to get its receipt again",
    )
}

fn contributed_already() -> Refused {
    Refused::new(
        Code::AlreadyContributed,
        "you have contributed already, and nobody contributes twice: check in to get your receipt again",
    )
    .plainly(
        "you have contributed already, and nobody contributes twice: there is nothing left to do. Your contribution \
         is in /info/current_state, and the same contribution sent again gets the same receipt",
    )
}

/// To somebody who was expelled; the reason follows.
const EXPELLED: &str = "the ceremony's operator ended your stay";

/// How a stay ended, in words to its owner.
fn how_it_ended(outcome: Outcome, because: Option<&str>) -> String {
    let what = match outcome {
        Outcome::Contributed => "you contributed",
        Outcome::MissedCheckIn => "you missed a check-in",
        Outcome::FailedToStart => "your turn came and you did not start in time",
        Outcome::TimedOut => "your contribution did not arrive in time",
        Outcome::Stalled => "you stopped checking in while contributing",
        Outcome::Invalid => "your contribution did not pass the checks",
        Outcome::Aborted => "you gave up your turn",
        Outcome::Left => "you left the queue",
        Outcome::Expelled => EXPELLED,
        Outcome::CoordinatorFault => "the coordinator failed",
    };
    with_reason(what, because)
}

/// The same in words for people whose client is not ours.
pub(crate) fn how_it_ended_plainly(ended: EndedWord, because: Option<&str>) -> String {
    let what = match ended {
        EndedWord::Contributed => "you contributed",
        EndedWord::MissedCheckin => "nothing was heard of your client in time",
        EndedWord::FailedToStart => "your turn came, and your client did not take it in time",
        EndedWord::TimedOut => "your contribution did not arrive in time",
        EndedWord::Stalled => "nothing was heard of your client any more while it contributed",
        EndedWord::Invalid => "your contribution did not pass the checks",
        EndedWord::Aborted => "you gave up your turn",
        EndedWord::Left => "you left the queue",
        EndedWord::Expelled => EXPELLED,
        EndedWord::CoordinatorFault => "the coordinator failed",
    };
    with_reason(what, because)
}

fn with_reason(what: &str, because: Option<&str>) -> String {
    match because {
        Some(because) => format!("{what} ({because})"),
        None => what.to_owned(),
    }
}

/// The refusal when verification did not come to a verdict.
pub(super) fn coordinator_fault(ticket: Ticket) -> Refused {
    Refused::new(
        Code::CoordinatorFault,
        format!(
            "the coordinator could not finish verifying your contribution (ticket {ticket}): that is its fault and does not count; join again"
        ),
    )
    .plainly(format!(
        "the coordinator could not finish verifying your contribution (ticket {ticket}): that is its fault and does not count; start your client again"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a text names calls or words of our own interface, which other clients' users do not
    /// know.
    fn is_foreign(text: &str) -> bool {
        [
            "check in",
            "check-in",
            "checking in",
            "join again:",
            "contribution/",
        ]
        .iter()
        .any(|word| text.replace("you may not join again", "").contains(word))
    }

    #[test]
    fn people_with_other_clients_are_told_nothing_of_our_calls() {
        for outcome in Outcome::ALL {
            for because in [None, Some("why")] {
                for refusal in [Refusal::Ended { outcome }, Refusal::UsedUp { outcome }] {
                    let refused = in_words(refusal, because);
                    let said = match refused.code {
                        // The next try joins again by itself.
                        Code::NotQueued => continue,
                        _ => refused.plainly.unwrap(),
                    };
                    assert!(!is_foreign(&said), "{outcome:?}: {said}");
                }
            }
        }
        let fault = coordinator_fault(Ticket::new(7)).plainly.unwrap();
        assert!(
            !is_foreign(&fault) && fault.ends_with("start your client again"),
            "{fault}"
        );
    }

    #[test]
    fn our_own_clients_are_told_of_our_calls() {
        for (outcome, word) in [
            (Outcome::Contributed, "check in to get your receipt again"),
            (Outcome::MissedCheckIn, "check-in"),
            (Outcome::FailedToStart, "did not start"),
            (Outcome::Stalled, "checking in"),
        ] {
            let refused = in_words(Refusal::UsedUp { outcome }, None);
            assert!(refused.error.contains(word), "{}", refused.error);
        }
    }
}
