//! The check-ins that go on during a turn.

use super::news::News;
use super::state::Participant;
use crate::check_ins::{self, CheckIns};

impl Participant<'_> {
    /// Takes in the last answer to the check-ins of the turn. False when the turn is over, or goes on at
    /// another coordinator: then another check-in leads there.
    pub(super) fn hear_check_ins(&mut self) -> bool {
        if self.check_ins_have_to_move() {
            return false;
        }
        let news = self
            .check_ins
            .borrow_mut()
            .as_mut()
            .and_then(CheckIns::news);
        let Some(status) = news else {
            return true;
        };
        self.listener.tell(News::Meanwhile(&status));
        let goes_on = check_ins::in_turn(&status);
        self.standing = Some(status);
        goes_on
    }

    /// Prepares the check-ins of the turn, unless there are some already.
    pub(super) fn prepare_check_ins(&self) {
        let mut check_ins = self.check_ins.borrow_mut();
        if check_ins.as_ref().is_none_or(CheckIns::are_over) {
            *check_ins = Some(self.settings.check_ins.prepare(&self.client));
        }
    }

    fn check_ins_have_to_move(&self) -> bool {
        let check_ins = self.check_ins.borrow();
        check_ins.as_ref().is_some_and(CheckIns::have_to_move)
    }

    /// Continues the check-ins of the turn in a new session.
    pub(super) fn renew_check_ins(&self) {
        let mut check_ins = self.check_ins.borrow_mut();
        let go_on = |check_ins: &CheckIns| !check_ins.are_over() || check_ins.have_to_move();
        if check_ins.as_ref().is_some_and(go_on) {
            let renewed = self.settings.check_ins.prepare(&self.client);
            renewed.begin();
            *check_ins = Some(renewed);
        }
    }

    /// Vanishes as a killed process does: the request in flight is closed.
    pub(crate) fn vanish(&self) {
        self.check_ins.take();
    }

    /// Vanishes as a machine that loses its network does: nothing is closed, and nothing is sent
    /// any more.
    pub(crate) fn fall_silent(&self) {
        if let Some(check_ins) = self.check_ins.borrow().as_ref() {
            check_ins.fall_silent();
        }
    }
}
