//! Absences, pauses and modes.

use std::time::Duration;

use tauline_queue_core::Mode;

use super::{Case, Fold};
use crate::finding::shown;
use crate::kind::Kind;

impl Fold {
    /// How long the coordinator can have been away (`docs/spec/queue.md#absence`,
    /// `docs/spec/queue.md#gap`, `docs/spec/queue.md#pause`).
    ///
    /// A pause lasts exactly since the halt, and a restart's absence since the last record, or since the
    /// process before was there as the notice of the start says: that is all that the next process knows
    /// (`docs/spec/queue.md#there-until`). A process that was suspended counts from its last step, which
    /// may have written nothing.
    pub(super) fn judge_resumed(&self, case: &mut Case<'_>, pause: Duration, restarted: bool) {
        let since = self.state.halted_since();
        let is_exact = since.is_some() || restarted;
        let seen = match self.there_until.filter(|_| self.restarted && restarted) {
            Some(there) => there.max(self.state.log_time()),
            None => self.state.log_time(),
        };
        let most = case.at().since(since.unwrap_or(seen));
        let gap = case.rules.longest_gap();
        if pause > most {
            let text = format!(
                "All deadlines were moved by {}; by the log the coordinator was away for {} at most.",
                shown(pause),
                shown(most)
            );
            case.violation(Kind::AbsenceTooLong, None, text);
        } else if is_exact && pause < most {
            let text = format!(
                "The coordinator was away for {}, and moved the deadlines by {} only.",
                shown(most),
                shown(pause)
            );
            case.violation(Kind::AbsenceTooShort, None, text);
        } else if !is_exact && pause <= gap {
            let text = format!(
                "All deadlines were moved by {}, which is no absence: up to {} the grace covers it.",
                shown(pause),
                shown(gap)
            );
            case.violation(Kind::AbsenceTooShort, None, text);
        }
        if restarted && self.is_public && !self.restarted {
            let text = "All deadlines were moved as after a restart, and no notice tells of one.";
            case.violation(Kind::RestartNotAnnounced, None, text.into());
        }
    }

    /// The rule: `docs/spec/queue.md#pause`. That the mode changes is the fold's.
    pub(super) fn judge_mode(&self, case: &mut Case<'_>, mode: Mode) {
        let Some(since) = self.state.halted_since() else {
            return;
        };
        if mode != Mode::Halted && !self.state.is_empty() && since != case.at() {
            let text = format!(
                "The ceremony went on after a pause of {} with people in the queue, and their deadlines \
                 were not moved.",
                shown(case.at().since(since))
            );
            case.violation(Kind::PauseNotMadeGood, None, text);
        }
    }
}
