//! Giving the ceremony away.

use tauline_queue_core::Phase;

use super::Fold;
use crate::finding::{Place, Violation};
use crate::kind::Kind;

impl Fold {
    /// What is wrong with giving the ceremony away now: the queue has to be halted, and no contribution
    /// may be without its verdict (`docs/spec/public-log.md#handover`).
    pub(crate) fn judge_handover(&self, place: Place) -> Option<Violation> {
        let turn = self.state.turn();
        let verifying = turn
            .filter(|turn| turn.phase == Phase::Verifying)
            .map(|turn| turn.ticket);
        let text = match verifying {
            _ if !self.is_halted() => {
                "The coordinator gave the ceremony away without having halted it: deadlines ran on, and \
                 nobody was there for them."
                    .to_owned()
            }
            Some(ticket) => format!(
                "The coordinator gave the ceremony away while ticket {ticket}'s contribution was being \
                 verified: nobody answers for the verdict."
            ),
            None => return None,
        };
        Some(Violation::at(
            place,
            Kind::HandedOverWhileRunning,
            verifying,
            text,
        ))
    }
}
