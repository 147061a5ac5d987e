//! The turn: its start, its deadlines and its end.

use tauline_queue_core::{Outcome, Phase, Ticket, Timestamp};

use super::{Case, Fold};
use crate::finding::shown;
use crate::kind::Kind;

impl Fold {
    /// The rules: `docs/spec/queue.md#contribution`, `docs/spec/queue.md#recent-turns`,
    /// `docs/spec/queue.md#stall`.
    pub(super) fn judge_started(
        &self,
        case: &mut Case<'_>,
        ticket: Ticket,
        contribute_by: Timestamp,
        stall_by: Option<Timestamp>,
    ) {
        self.judge_running(case, ticket);
        self.judge_turn_in_time(case, ticket, Phase::Ready);
        let at = case.at();
        let limit = case.rules.limit_after(self.state.longest_usual_work());
        let expected = at.saturating_add(limit);
        let given = shown(contribute_by.since(at));
        let due = shown(limit);
        let text = format!(
            "Ticket {ticket} started and had {given} to contribute; by the rules it had {due}."
        );
        match contribute_by.cmp(&expected) {
            std::cmp::Ordering::Less => case.violation(Kind::ContributionTooShort, ticket, text),
            std::cmp::Ordering::Greater => case.violation(Kind::ContributionTooLong, ticket, text),
            std::cmp::Ordering::Equal => {}
        }
        let stall_limit = case.rules.stall_limit;
        if let Some(by) = stall_by.filter(|&by| by != at.saturating_add(stall_limit)) {
            let text = format!(
                "Ticket {ticket} started and was to check in after {}; by the rules, after {}.",
                shown(by.since(at)),
                shown(stall_limit)
            );
            case.violation(Kind::WrongStallTime, ticket, text);
        }
    }

    /// The rule: `docs/spec/queue.md#upload-extends`.
    pub(super) fn judge_extended(
        &self,
        case: &mut Case<'_>,
        ticket: Ticket,
        contribute_by: Timestamp,
    ) {
        self.judge_running(case, ticket);
        self.judge_turn_in_time(case, ticket, Phase::Contributing);
        let Some(turn) = self.state.turn().filter(|turn| turn.ticket == ticket) else {
            return;
        };
        let at = case.at();
        let latest = turn.since.saturating_add(case.rules.contribution_limit);
        let most = at.saturating_add(case.rules.stall_limit).min(latest);
        if contribute_by > most {
            let text = format!(
                "Ticket {ticket} was sending its contribution and was given {} more; by the rules it had \
                 {}.",
                shown(contribute_by.since(at)),
                shown(most.since(at))
            );
            case.violation(Kind::ExtendedTooFar, ticket, text);
        }
        if let Some(by) = turn.contribute_by.filter(|&by| contribute_by < by) {
            let text = format!(
                "Ticket {ticket} was sending its contribution, and its deadline came forward by {}.",
                shown(by.since(contribute_by))
            );
            case.violation(Kind::PromiseTakenBack, ticket, text);
        }
    }

    /// The rules: `docs/spec/queue.md#verification`, `docs/spec/queue.md#last-byte`.
    pub(super) fn judge_submitted(
        &self,
        case: &mut Case<'_>,
        ticket: Ticket,
        verify_by: Timestamp,
    ) {
        self.judge_turn_in_time(case, ticket, Phase::Contributing);
        let at = case.at();
        let limit = case.rules.verification_limit;
        if verify_by != at.saturating_add(limit) {
            let text = format!(
                "Ticket {ticket} handed in, and the coordinator gave itself {} to verify; by the rules \
                 it has {}.",
                shown(verify_by.since(at)),
                shown(limit)
            );
            case.violation(Kind::WrongVerificationTime, ticket, text);
        }
    }

    /// Nothing starts during a halt (`docs/spec/queue.md#modes`).
    fn judge_running(&self, case: &mut Case<'_>, ticket: Ticket) {
        if self.is_halted() {
            let text = format!(
                "Ticket {ticket} went on with its turn while the ceremony was halted and nobody else \
                 could."
            );
            case.violation(Kind::StartedWhileHalted, ticket, text);
        }
    }

    /// The rules: `docs/spec/queue.md#outcomes`, `docs/spec/queue.md#grace`,
    /// `docs/spec/queue.md#gap`.
    pub(super) fn judge_ended(&self, case: &mut Case<'_>, ticket: Ticket, outcome: Outcome) {
        match outcome {
            Outcome::MissedCheckIn => {
                let Some((by, _)) = self.state.waiting_until(ticket) else {
                    return;
                };
                let latest = self.state.lasting_by(ticket).unwrap_or(by).max(by);
                self.judge_expired(case, ticket, by, latest);
            }
            Outcome::FailedToStart | Outcome::TimedOut | Outcome::Stalled => {
                let Some(turn) = self.state.turn().filter(|turn| turn.ticket == ticket) else {
                    return;
                };
                let by = turn.contribute_by.unwrap_or(turn.deadline);
                let earliest = match outcome {
                    Outcome::Stalled => turn.since.saturating_add(self.shortest_stall),
                    _ => by,
                };
                self.judge_expired(case, ticket, earliest, by);
            }
            Outcome::Contributed | Outcome::Invalid | Outcome::CoordinatorFault => {
                self.judge_verdict(case, ticket, outcome);
            }
            Outcome::Aborted | Outcome::Left | Outcome::Expelled => {
                self.judge_in_time(case, ticket);
                self.judge_turn_in_time(case, ticket, Phase::Ready);
                self.judge_turn_in_time(case, ticket, Phase::Contributing);
            }
        }
    }

    /// An end by a deadline that was `earliest` at the earliest and `latest` at the latest.
    fn judge_expired(
        &self,
        case: &mut Case<'_>,
        ticket: Ticket,
        earliest: Timestamp,
        latest: Timestamp,
    ) {
        let at = case.at();
        let grace = case.rules.checkin_grace;
        if self.is_halted() {
            let text = format!(
                "Ticket {ticket}'s stay ended by a deadline while the ceremony was halted and no \
                 deadline ran."
            );
            case.violation(Kind::EndedWhileHalted, ticket, text);
        } else if at < earliest.saturating_add(grace) {
            let text = format!(
                "Ticket {ticket}'s stay ended by a deadline {} before that could have passed, the grace \
                 of {} included.",
                shown(earliest.saturating_add(grace).since(at)),
                shown(grace)
            );
            case.violation(Kind::EndedTooEarly, ticket, text);
        } else if at >= self.latest_end(latest, true) {
            self.absent(case, ticket, latest);
        }
    }

    fn judge_verdict(&self, case: &mut Case<'_>, ticket: Ticket, outcome: Outcome) {
        let turn = self.state.turn();
        let Some(turn) =
            turn.filter(|turn| turn.ticket == ticket && turn.phase == Phase::Verifying)
        else {
            return;
        };
        let by = turn.deadline;
        if self.is_halted() || case.at() < by {
            return;
        }
        if outcome != Outcome::CoordinatorFault {
            let text = format!(
                "The verdict on ticket {ticket}'s contribution came {} after the coordinator's time for \
                 it was over: its turn should have ended as the coordinator's fault.",
                shown(case.at().since(by))
            );
            case.violation(Kind::LateVerdict, ticket, text);
        } else if case.at() >= self.latest_end(by, false) {
            self.absent(case, ticket, by);
        }
    }

    fn absent(&self, case: &mut Case<'_>, ticket: Ticket, by: Timestamp) {
        let text = format!(
            "Ticket {ticket}'s stay ended {} after its deadline. A coordinator that was there would have \
             ended it earlier, and one that was away has to add its absence to every deadline first: the \
             stay paid for it.",
            shown(case.at().since(by))
        );
        case.violation(Kind::AbsenceNotMadeGood, ticket, text);
    }
}
