//! The accounts that the world keeps by itself: who was told what, and how long the coordinator was away.

use super::*;

impl Life {
    /// Adds to everybody's account the time in which the coordinator was really away.
    pub(super) fn account_for_absence(&mut self, time: u64, before: Mode, was_empty: bool) {
        let tick = ms(self.queue.rules().tick);
        let mode = self.queue.state().mode();
        let crashed_at = self.crashed_at.take();
        let outage = if before == Mode::Halted {
            let since = self.halted_at.unwrap_or(time);
            if mode == Mode::Halted && crashed_at.is_none() {
                return;
            }
            self.halted_at = (mode == Mode::Halted).then_some(time);
            Some(time.saturating_sub(since))
        } else if let Some(at) = crashed_at {
            Some(time.saturating_sub(at))
        } else if !was_empty && time - self.lived_until > 5 * tick / 2 {
            Some(time - self.lived_until)
        } else {
            None
        };
        if let Some(outage) = outage {
            self.told.values_mut().for_each(|told| *told += outage);
            if crashed_at.is_none() && before != Mode::Halted {
                self.heard.values_mut().for_each(|heard| *heard += outage);
            }
        }
    }

    pub(super) fn take_note(&mut self, entry: &Entry<Id>, time: u64, command: &Command<Id>) {
        let place = self.place();
        assert_eq!(
            entry.at.as_millis(),
            time,
            "{place}: log time never falls nor runs ahead"
        );
        self.tally.events += 1;
        *self.tally.by_event.entry(word(&entry.event)).or_default() += 1;
        match &entry.event {
            Event::Called { ticket, passed, .. } => {
                let (Command::Join { id }
                | Command::CheckIn { id }
                | Command::TryContribute { id, .. }) = command
                else {
                    panic!("{place}: {ticket} was called without having checked in");
                };
                let caller = self.queue.state().stay(id).map(|stay| stay.ticket);
                assert_eq!(caller, Some(*ticket), "{place}: {id} asked");
                self.note_passes(*ticket, passed, time);
                self.told.remove(id);
                self.heard.remove(id);
                self.rhythm.remove(id);
                let tried = self.tried.remove(&ticket.value());
                let stay = self.queue.state().stay(id);
                if let Some(stay) = stay.filter(|stay| stay.phase == Phase::Ready) {
                    let held = stay.deadline.as_millis() - time;
                    assert!(
                        !tried || held >= ms(self.try_interval),
                        "{place}: {id} only tries, and the turn is held for {held} ms"
                    );
                }
            }
            Event::Ended { ticket, outcome } => {
                *self.tally.by_outcome.entry(word(outcome)).or_default() += 1;
                let id = self.id_of(*ticket);
                self.heard.remove(&id);
                if *outcome != Outcome::CoordinatorFault {
                    self.barred.insert(id);
                }
                assert!(
                    self.rhythm.remove(&id).is_none() || *outcome != Outcome::MissedCheckIn,
                    "{place}: {id} kept its rhythm and lost its place"
                );
                if let Some(told) = self.told.remove(&id)
                    && *outcome == Outcome::MissedCheckIn
                {
                    let grace = ms(self.queue.rules().checkin_grace);
                    assert!(time >= told + grace, "{place}: {id} had time until {told}");
                }
            }
            Event::Joined { id, .. } => assert!(
                !self.barred.contains(id),
                "{place}: {id} is used up and joins"
            ),
            Event::Pardoned { id } => {
                assert!(self.barred.remove(id), "{place}: {id} needs no pardon")
            }
            Event::ModeSet { mode: Mode::Halted } => self.halted_at = Some(time),
            _ => {}
        }
    }

    /// A contribution that is being verified ends by a verdict alone, and nobody is expelled but whom
    /// the operator names.
    pub(super) fn assert_ended_rightly(
        &self,
        entry: &Entry<Id>,
        command: &Command<Id>,
        verifying: Option<Ticket>,
    ) {
        let place = self.place();
        let Event::Ended { ticket, outcome } = entry.event else {
            return;
        };
        let judged = matches!(
            outcome,
            Outcome::Contributed | Outcome::Invalid | Outcome::CoordinatorFault
        );
        assert_eq!(
            judged,
            verifying == Some(ticket),
            "{place}: {ticket} ended as {outcome:?}"
        );
        // A deadline that passed before the operator's word comes first, and has its own outcome.
        assert!(
            outcome != Outcome::Expelled || *command == Command::Expel { ticket },
            "{place}: {ticket} ended as {outcome:?} by {command:?}"
        );
    }

    /// All who are ahead in line are named; none is among them who is there or expected soon, or was
    /// passed as often as may be.
    pub(super) fn note_passes(&mut self, called: Ticket, passed: &[Ticket], time: u64) {
        let place = self.place();
        let rules = *self.queue.rules();
        let ahead: Vec<Ticket> = (self.queue.state().line())
            .map(|(ticket, _)| ticket)
            .take_while(|ticket| *ticket < called)
            .collect();
        assert_eq!(ahead, passed, "{place}: {called} was called past them");
        assert!(passed.len() < 3, "{place}: {called} was not near the head");
        for ticket in passed {
            self.tally.passes += 1;
            let count = self.passed.entry(ticket.value()).or_default();
            *count += 1;
            assert!(
                *count <= rules.passes,
                "{place}: {ticket} passed {count} times"
            );
            let id = self.queue.state().id_of(*ticket).unwrap();
            let stay = self.queue.state().stay(id).unwrap();
            assert_eq!(stay.passed, *count, "{place}: {ticket}");
            let left = stay.deadline.as_millis().saturating_sub(time);
            assert!(
                left > ms(rules.checkin_min),
                "{place}: {ticket} is expected in {left} ms"
            );
            let there_until = self
                .heard
                .get(id)
                .map(|heard| heard + ms(rules.checkin_min / 5));
            assert!(
                there_until <= Some(time),
                "{place}: {ticket} was there, and was passed"
            );
        }
    }

    /// What a turn's deadline must be after these commands, whatever the rules are.
    pub(super) fn assert_turn_is_timed(
        &self,
        command: &Command<Id>,
        result: Result<(), Refusal>,
        time: u64,
    ) {
        let place = self.place();
        let rules = self.queue.rules();
        let (Command::Start { id, .. } | Command::Upload { id } | Command::Disconnect { id }) =
            command
        else {
            return;
        };
        let state = self.queue.state();
        let turn = state.turn().filter(|turn| {
            (turn.id, turn.phase) == (id, Phase::Contributing) && state.mode() != Mode::Halted
        });
        let Some(turn) = turn.filter(|_| result.is_ok()) else {
            return;
        };
        let left = turn.deadline.as_millis().saturating_sub(time);
        let checks_in = turn.overdue == Outcome::Stalled;
        match command {
            Command::Start {
                checks_in: true, ..
            } => assert!(
                left <= ms(rules.stall_limit).max(ms(rules.disconnect_limit)),
                "{place}: {id} checks in, and has {left} ms"
            ),
            Command::Disconnect { .. } if checks_in => assert!(
                left <= ms(rules.disconnect_limit),
                "{place}: {id} is gone, and has {left} ms"
            ),
            Command::Upload { .. } => {
                let end = turn.since.as_millis() + ms(rules.contribution_limit);
                let least = (ms(rules.stall_limit) / 2).min(end.saturating_sub(time));
                assert!(left >= least, "{place}: {id} uploads, and has {left} ms");
            }
            _ => {}
        }
    }

    /// A participant reads in the answer until when it has time.
    pub(super) fn note_promise(
        &mut self,
        command: &Command<Id>,
        result: Result<(), Refusal>,
        time: u64,
        contributing_by: Option<Timestamp>,
    ) {
        let (Command::Join { id } | Command::CheckIn { id } | Command::TryContribute { id, .. }) =
            command
        else {
            return;
        };
        if let Command::TryContribute { .. } = command
            && result.is_ok()
            && self.queue.state().mode() != Mode::Halted
            && let Some(stay) = self.queue.state().stay(id)
        {
            let place = self.place();
            let left = stay.deadline.as_millis().saturating_sub(time);
            match stay.phase {
                Phase::Waiting => {
                    let interval = ms(self.try_interval);
                    assert!(
                        left >= interval,
                        "{place}: {id} is to try again in {left} ms"
                    );
                    self.tried.insert(stay.ticket.value());
                }
                Phase::Contributing => assert!(
                    contributing_by.is_none_or(|by| stay.deadline == by),
                    "{place}: trying moved the clock of {id}"
                ),
                Phase::Ready => panic!("{place}: {id} tried and did not start"),
                Phase::Verifying => {}
            }
        }
        if result.is_ok()
            && let Some(stay) = self.queue.state().stay(id)
            && stay.phase == Phase::Waiting
        {
            let deadline = stay.deadline.as_millis();
            if stay.position <= 3 && self.queue.state().mode() != Mode::Halted {
                self.heard.insert(*id, time);
            }
            if self.has_rhythm(*id)
                && matches!(command, Command::TryContribute { .. })
                && !self.rhythm.contains_key(id)
            {
                let next = self.next_by_rhythm();
                self.rhythm.insert(*id, (next, false));
            }
            let told = self.told.insert(*id, deadline).unwrap_or_default();
            assert!(
                deadline >= told,
                "{}: {id} was told {told}, now {deadline}",
                self.place()
            );
        }
    }

    pub(super) fn id_of(&self, ticket: Ticket) -> Id {
        let joined = self.log.iter().rev().find_map(|entry| match &entry.event {
            Event::Joined {
                ticket: joined, id, ..
            } if *joined == ticket => Some(*id),
            _ => None,
        });
        // Who joined in this very step can only have been called by it.
        joined.unwrap_or_else(|| panic!("{}: {ticket} ended and never began", self.place()))
    }
}
