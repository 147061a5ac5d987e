//! What holds after every step, and after every replay.

use super::*;

impl Life {
    pub(super) fn assert_invariants(&mut self, time: u64) {
        let place = self.place();
        let state = self.queue.state();
        let rules = self.queue.rules();
        let grace = ms(rules.checkin_grace);
        let runs = state.mode() != Mode::Halted;
        self.tally.longest_line = self.tally.longest_line.max(state.waiting());

        // At most one turn, which has left the line, and whose timer runs.
        if let Some(turn) = state.turn() {
            assert_ne!(turn.phase, Phase::Waiting, "{place}");
            let stay = state.stay(turn.id).unwrap();
            assert_eq!(
                (stay.ticket, stay.phase, stay.position),
                (turn.ticket, turn.phase, 0)
            );
            let allowed = if turn.phase == Phase::Verifying {
                0
            } else {
                grace
            };
            let due = turn.deadline.as_millis() + allowed;
            assert!(
                !runs || due > time,
                "{place}: {:?} outlives its deadline",
                turn.phase
            );
            assert!(
                turn.called_at <= turn.since && turn.since.as_millis() <= time,
                "{place}"
            );
            let ahead = state.line().take_while(|(ticket, _)| *ticket < turn.ticket);
            assert!(ahead.count() < 3, "{place}: {} has the turn", turn.ticket);
        }
        // The line is in ticket order; each has one place, one deadline ahead, and its number.
        let longest = ms(rules.longest_interval(self.tally.longest_line))
            .max(ms(rules.checkin_min))
            .max(2 * ms(self.try_interval));
        let furthest = longest + ms(rules.lasting_step).max(longest / 2);
        let mut last = None;
        let mut position = 0;
        for (ticket, id) in state.line() {
            assert!(last < Some(ticket), "{place}: the line is out of order");
            last = Some(ticket);
            position += 1;
            let stay = state
                .stay(id)
                .unwrap_or_else(|| panic!("{place}: {id} has no stay"));
            assert_eq!(
                (stay.ticket, stay.position),
                (ticket, position),
                "{place}: place of {id}"
            );
            assert_eq!(state.position(id), Some(position), "{place}: place of {id}");
            assert_eq!(state.id_of(ticket), Some(id), "{place}");
            assert_eq!(
                state.used_up(id),
                None,
                "{place}: {id} is in line and used up"
            );
            let deadline = stay.deadline.as_millis();
            if runs {
                assert!(
                    deadline + grace > time,
                    "{place}: {id} outlives its deadline"
                );
                // So an absent head is waited for no longer than this.
                assert!(
                    deadline <= time + furthest,
                    "{place}: {id} has until {deadline}"
                );
                let told = self.told.get(id).copied().unwrap_or_default();
                assert!(
                    deadline >= told,
                    "{place}: {id} was told {told}, has until {deadline}"
                );
            }
        }
        assert_eq!(position, state.waiting(), "{place}");
        // Draining ends.
        assert!(
            state.mode() != Mode::Draining || !state.is_empty(),
            "{place}: drained, not halted"
        );
        // The timer is set as long as anything can come due.
        assert_eq!(
            self.queue.next_deadline().is_some(),
            runs && !state.is_empty(),
            "{place}"
        );
    }

    pub(super) fn assert_replay_equals_live(&self) {
        let place = self.place();
        let rules = *self.queue.rules();
        let live = self.queue.state();
        let replayed = Queue::replay(rules, self.began, self.log.iter().cloned())
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(
            replayed.state() == live,
            "{place}: replay differs from live"
        );

        let durable = self
            .log
            .iter()
            .filter(|entry| !entry.event.is_volatile())
            .cloned();
        let durable = Queue::replay(rules, self.began, durable)
            .unwrap_or_else(|error| panic!("{place}: without volatile entries: {error}"));
        let durable = durable.state();
        assert!(
            durable.line().eq(live.line()),
            "{place}: another line without volatile entries"
        );
        let turn = |queue: &Queue<Id>| {
            queue
                .state()
                .turn()
                .map(|turn| (turn.ticket, *turn.id, turn.phase, turn.since))
        };
        assert_eq!(
            durable
                .turn()
                .map(|turn| (turn.ticket, *turn.id, turn.phase, turn.since)),
            turn(&self.queue),
            "{place}"
        );
        assert_eq!(durable.mode(), live.mode(), "{place}");
        assert_eq!(durable.contributions(), live.contributions(), "{place}");
        assert_eq!(
            durable.last_contributed(),
            live.last_contributed(),
            "{place}"
        );
        assert_eq!(durable.next_ticket(), live.next_ticket(), "{place}");
        assert_eq!(durable.mean_turn(), live.mean_turn(), "{place}");
        for id in 0..=self.newest {
            assert_eq!(durable.past(&id), live.past(&id), "{place}: {id}");
        }
    }
}
