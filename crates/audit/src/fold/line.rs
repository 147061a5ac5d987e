//! Joining and checking in: deadlines in line.

use std::time::Duration;

use tauline_queue_core::{Phase, Rules, Ticket, Timestamp};

use super::{Case, Fold};
use crate::finding::shown;
use crate::kind::Kind;

/// A check-in deadline, and what the rules say that it is at least.
struct Promise {
    ticket: Ticket,
    /// From when the deadline is counted.
    from: Timestamp,
    interval: Duration,
    check_in_by: Timestamp,
    lasting_by: Option<Timestamp>,
}

impl Fold {
    pub(super) fn judge_joined(
        &self,
        case: &mut Case<'_>,
        ticket: Ticket,
        check_in_by: Timestamp,
        lasting_by: Timestamp,
    ) {
        let in_line = self.state.waiting();
        let promise = Promise {
            ticket,
            from: case.at(),
            interval: self.interval(case.rules, in_line + 1, case.at()),
            check_in_by,
            lasting_by: Some(lasting_by),
        };
        judge_promise(case, &promise);
    }

    pub(super) fn judge_checked_in(
        &self,
        case: &mut Case<'_>,
        ticket: Ticket,
        check_in_by: Timestamp,
        lasting_by: Option<Timestamp>,
    ) {
        let Some((by, _)) = self.state.waiting_until(ticket) else {
            // In the turn: the stall timer, which no record of the log moves.
            return;
        };
        self.judge_in_time(case, ticket);
        // A check-in during a halt gives the full time from the moment that the halt ends.
        let from = self.state.halted_since().unwrap_or(case.at());
        let position = self.state.ahead_of(ticket).unwrap_or_default() + 1;
        let promise = Promise {
            ticket,
            from,
            interval: self.interval(case.rules, position, from),
            check_in_by,
            lasting_by,
        };
        judge_promise(case, &promise);
        if check_in_by < by {
            let text = format!(
                "Ticket {ticket} checked in, and its deadline came forward by {}: it had been promised \
                 more time.",
                shown(by.since(check_in_by))
            );
            case.violation(Kind::PromiseTakenBack, ticket, text);
        }
    }

    /// The time that the rules give until the next check-in.
    fn interval(&self, rules: &Rules, position: u64, from: Timestamp) -> Duration {
        let wait = self.state.estimated_wait(position - 1, from);
        rules.checkin_interval(position, self.state.waiting(), wait)
    }

    /// Whether a stay in line can still be there (`docs/spec/queue.md#phases`).
    pub(super) fn judge_in_time(&self, case: &mut Case<'_>, ticket: Ticket) {
        let Some(lasting_by) = self.state.lasting_by(ticket) else {
            return;
        };
        let ends = lasting_by.saturating_add(case.rules.checkin_grace);
        if !self.is_halted() && case.at() >= ends {
            let late = shown(case.at().since(lasting_by));
            let text = format!(
                "Ticket {ticket} was kept in line: its last check-in deadline had passed {late} before, \
                 grace included, and anybody else's stay would have ended."
            );
            case.violation(Kind::LateButKept, ticket, text);
        }
    }

    /// Whether a stay of the turn can still be in this phase, which is over at `by`.
    pub(super) fn judge_turn_in_time(&self, case: &mut Case<'_>, ticket: Ticket, phase: Phase) {
        let turn = self.state.turn();
        let Some(turn) = turn.filter(|turn| turn.ticket == ticket && turn.phase == phase) else {
            return;
        };
        // The stall timer may have been moved by what is not in the log.
        let by = turn.contribute_by.unwrap_or(turn.deadline);
        let ends = by.saturating_add(case.rules.checkin_grace);
        if !self.is_halted() && case.at() >= ends {
            let late = shown(case.at().since(by));
            let text = format!(
                "Ticket {ticket} went on with its turn {late} after its deadline, grace included: \
                 anybody else's turn would have ended."
            );
            case.violation(Kind::LateButKept, ticket, text);
        }
    }
}

/// The rules: `docs/spec/queue.md#check-in`, `docs/spec/queue.md#lasting`.
fn judge_promise(case: &mut Case<'_>, promise: &Promise) {
    let Promise {
        ticket,
        from,
        interval,
        check_in_by,
        ..
    } = *promise;
    if check_in_by < from.saturating_add(interval) {
        let text = format!(
            "Ticket {ticket} was to check in again after {}; by the rules it had {}.",
            shown(check_in_by.since(from)),
            shown(interval)
        );
        case.violation(Kind::CheckInTooShort, ticket, text);
    }
    let margin = case.rules.lasting_margin(interval);
    if let Some(lasting_by) = promise.lasting_by
        && lasting_by < check_in_by.saturating_add(margin)
    {
        let text = format!(
            "The record of ticket {ticket}'s deadline covers {} beyond it; by the rules it covers {}, so \
             that a restart takes nothing from it.",
            shown(lasting_by.since(check_in_by)),
            shown(margin)
        );
        case.violation(Kind::PromiseNotCovered, ticket, text);
    }
}
