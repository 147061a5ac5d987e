//! Who is called, and who is passed.

use tauline_queue_core::{Ticket, Timestamp};

use super::{Case, Fold};
use crate::finding::shown;
use crate::kind::Kind;

impl Fold {
    /// The rules: `docs/spec/queue.md#passing`, `docs/spec/queue.md#passes`,
    /// `docs/spec/queue.md#start`. Order and mode are the fold's.
    pub(super) fn judge_called(
        &self,
        case: &mut Case<'_>,
        ticket: Ticket,
        start_by: Timestamp,
        passed: &[Ticket],
    ) {
        self.judge_in_time(case, ticket);
        if start_by < case.at().saturating_add(case.rules.start_limit) {
            let text = format!(
                "Ticket {ticket} was called and had {} to start; by the rules it had {}.",
                shown(start_by.since(case.at())),
                shown(case.rules.start_limit)
            );
            case.violation(Kind::StartTooShort, ticket, text);
        }
        for &one in passed {
            self.judge_passed(case, one, ticket);
        }
    }

    fn judge_passed(&self, case: &mut Case<'_>, one: Ticket, called: Ticket) {
        let Some((_, times)) = self.state.waiting_until(one) else {
            return;
        };
        let most = case.rules.passes;
        if times >= most {
            let text = match most {
                0 => format!(
                    "The turn went to ticket {called}, past ticket {one}: by these rules nobody is \
                     passed."
                ),
                _ => format!(
                    "The turn went to ticket {called}, past ticket {one}, which had been passed {times} \
                     times before; {most} is the most."
                ),
            };
            case.violation(Kind::PassedTooOften, one, text);
        }
        let due = case.at().saturating_add(case.rules.checkin_min);
        if let Some(latest) = self.state.lasting_by(one).filter(|&latest| latest <= due) {
            let text = format!(
                "The turn went to ticket {called}, past ticket {one}, which was to check in within {}: \
                 it had to be waited for.",
                shown(latest.since(case.at()))
            );
            case.violation(Kind::PassedThoughExpected, one, text);
        }
    }
}
