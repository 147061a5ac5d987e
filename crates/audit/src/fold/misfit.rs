//! Events that no queue can have written: what they mean, in words.

use tauline_protocol::public_log::Commitment;
use tauline_queue_core::{Event, Misfit, Mode, NEAR_HEAD, Outcome, Phase};

use super::Fold;
use crate::finding::{Place, Violation, shown};
use crate::kind::Kind;

impl Fold {
    /// Why an event could not follow. The state is the one before it.
    pub(super) fn explain(
        &self,
        place: Place,
        event: &Event<Commitment>,
        misfit: Misfit,
    ) -> Violation {
        let (kind, text) = match misfit {
            Misfit::TimeFalls { at, log_time } => {
                let fall = shown(log_time.since(at));
                (
                    Kind::TimeFalls,
                    format!("This entry is dated {fall} before the one ahead of it."),
                )
            }
            Misfit::WrongTicket { ticket, next } => (
                Kind::TicketOutOfOrder,
                format!("Somebody joined as ticket {ticket}; the next ticket is {next}."),
            ),
            Misfit::AlreadyQueued => (
                Kind::JoinedTwice,
                "Somebody joined who is in the queue already, and so has two places.".to_owned(),
            ),
            Misfit::UsedUp => (
                Kind::JoinedThoughUsedUp,
                "Somebody joined again who had had a turn or lost it, and was not pardoned."
                    .to_owned(),
            ),
            Misfit::NothingToPardon => self.pardon(event),
            Misfit::WrongMode => self.wrong_mode(event),
            Misfit::OutOfTurn { .. } => self.out_of_turn(event),
            Misfit::WrongPhase { .. } => self.wrong_phase(event),
            misfit => (
                Kind::WrongPhase,
                format!("This cannot happen here: {misfit}."),
            ),
        };
        Violation::at(place, kind, event.ticket(), text)
    }

    fn pardon(&self, event: &Event<Commitment>) -> (Kind, String) {
        let used_up = match event {
            Event::Pardoned { id } => self.state.used_up(id),
            _ => None,
        };
        match used_up {
            Some(Outcome::Contributed) => (
                Kind::PardonOfContribution,
                "Somebody was pardoned who has contributed, which is final: it could contribute twice."
                    .to_owned(),
            ),
            _ => (
                Kind::PardonWithoutCause,
                "Somebody was pardoned who is not used up.".to_owned(),
            ),
        }
    }

    fn wrong_mode(&self, event: &Event<Commitment>) -> (Kind, String) {
        let mode = match self.state.mode() {
            Mode::Open => "open",
            Mode::Draining => "draining",
            Mode::Halted => "halted",
        };
        match event {
            Event::Joined { ticket, .. } => (
                Kind::JoinedWhileClosed,
                format!(
                    "Ticket {ticket} joined while the ceremony was {mode} and nobody may join."
                ),
            ),
            Event::Called { ticket, .. } => (
                Kind::CalledWhileHalted,
                format!(
                    "Ticket {ticket} was called while the ceremony was halted and no turn begins."
                ),
            ),
            _ => (
                Kind::ModeUnchanged,
                format!("The ceremony was set to {mode}, which it was already."),
            ),
        }
    }

    fn out_of_turn(&self, event: &Event<Commitment>) -> (Kind, String) {
        let Event::Called { ticket, passed, .. } = event else {
            return self.wrong_phase(event);
        };
        if let Some(turn) = self.state.turn() {
            let text = format!(
                "Ticket {ticket} was called while ticket {} had the turn, which nothing had ended.",
                turn.ticket
            );
            return (Kind::TwoTurns, text);
        }
        match self.state.ahead_of(*ticket) {
            None => (
                Kind::WrongPhase,
                format!("Ticket {ticket} was called and is not in line."),
            ),
            Some(ahead) if passed.len() as u64 == ahead && ahead >= NEAR_HEAD => (
                Kind::CalledFromBehind,
                format!(
                    "The turn went to ticket {ticket}, number {} in line, past {ahead} others; it can go \
                     to the first {NEAR_HEAD} only.",
                    ahead + 1
                ),
            ),
            Some(ahead) => (
                Kind::CalledOutOfOrder,
                format!(
                    "The turn went to ticket {ticket}, which had {ahead} ahead of it in line; the log \
                     does not name them as passed."
                ),
            ),
        }
    }

    fn wrong_phase(&self, event: &Event<Commitment>) -> (Kind, String) {
        let Some(ticket) = event.ticket() else {
            return (Kind::WrongPhase, "This cannot happen here.".to_owned());
        };
        let turn = self.state.turn().filter(|turn| turn.ticket == ticket);
        if let Event::Ended {
            outcome: Outcome::Contributed,
            ..
        } = event
        {
            let text = format!(
                "A contribution of ticket {ticket} was accepted, and the log does not say that it \
                 arrived."
            );
            return (Kind::AcceptedUnsubmitted, text);
        }
        let what = match event {
            Event::CheckedIn { .. } => "checked in",
            Event::Started { .. } => "started",
            Event::Extended { .. } => "was given more time to send",
            Event::Submitted { .. } => "handed in",
            Event::Ended { outcome, .. } => ended(*outcome),
            Event::Called { .. } => "was called",
            _ => "went on",
        };
        let where_it_was = match turn.map(|turn| turn.phase) {
            Some(Phase::Waiting) => "it was in line",
            Some(Phase::Ready) => "it had been called and had not started",
            Some(Phase::Contributing) => "it was contributing",
            Some(Phase::Verifying) => "its contribution was being verified",
            None if self.state.id_of(ticket).is_some() => "it was in line",
            None => "it was not in the queue",
        };
        (
            Kind::WrongPhase,
            format!("Ticket {ticket} {what}, but {where_it_was}."),
        )
    }
}

fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Contributed => "contributed",
        Outcome::MissedCheckIn => "missed a check-in",
        Outcome::FailedToStart => "failed to start",
        Outcome::TimedOut => "ran out of time",
        Outcome::Stalled => "stalled",
        Outcome::Invalid => "was refused as invalid",
        Outcome::Aborted => "gave the turn up",
        Outcome::Left => "left",
        Outcome::Expelled => "was expelled",
        Outcome::CoordinatorFault => "ended by the coordinator's fault",
    }
}
