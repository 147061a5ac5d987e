//! The check-ins that go on during a turn.

use super::news::News;
use super::state::Participant;
use crate::pulse::{self, Beats};

impl Participant<'_> {
    /// Takes in what the check-ins of the turn have heard. Whether the turn lasts, as far as is
    /// known.
    pub(super) fn hear_beats(&mut self) -> bool {
        let news = self.beats.borrow_mut().as_mut().and_then(Beats::news);
        let Some(status) = news else {
            return true;
        };
        self.listener.tell(News::Meanwhile(&status));
        let goes_on = pulse::in_turn(&status);
        self.standing = Some(status);
        goes_on
    }

    /// Prepares the check-ins of the turn, unless they go on already.
    pub(super) fn prepare_beats(&self) {
        let mut beats = self.beats.borrow_mut();
        if beats.as_ref().is_none_or(Beats::are_over) {
            *beats = Some(self.settings.pulse.prepare(&self.client));
        }
    }

    /// Goes on with the check-ins of the turn in the session of now.
    pub(super) fn renew_beats(&self) {
        let mut beats = self.beats.borrow_mut();
        if beats.as_ref().is_some_and(|beats| !beats.are_over()) {
            let renewed = self.settings.pulse.prepare(&self.client);
            renewed.begin();
            *beats = Some(renewed);
        }
    }

    /// Vanishes as a killed process does: the request in flight is closed.
    pub(crate) fn vanish(&self) {
        self.beats.take();
    }

    /// Vanishes as a machine without a network does: nothing is closed, and nothing comes any more.
    pub(crate) fn fall_silent(&self) {
        if let Some(beats) = self.beats.borrow().as_ref() {
            beats.fall_silent();
        }
    }
}
