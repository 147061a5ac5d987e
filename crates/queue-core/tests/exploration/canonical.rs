//! What two states must have in common to be one.

use std::hash::{DefaultHasher, Hash, Hasher};

use tauline_queue_core::Phase;

use crate::world::{Person, World};

/// A state without its past and without its place in time: 128 bits of its digest.
pub(crate) type Canonical = u128;

impl World {
    /// Times count from now; tickets are the order of the line, and identities are forgotten: the
    /// rules do not look at them. Left out is what no rule looks at while three are in line at
    /// most: estimates, and when somebody joined or was called.
    pub(crate) fn canonical(&self) -> Canonical {
        let mut words = Vec::with_capacity(48);
        let now = self.now;
        let from_now = |at: u64| at.wrapping_sub(now) as i64;
        let maybe = |at: Option<u64>| at.map_or(i64::MAX, from_now);
        let state = self.queue.state();
        words.extend([
            state.mode() as i64,
            state.mode_after_pause().map_or(-1, |mode| mode as i64),
            maybe(state.halted_since().map(|at| at.as_millis())),
            maybe(self.halted_at.filter(|_| state.halted_since().is_some())),
            from_now(self.lived_until),
            i64::from(self.restarted),
            self.queue.contribution_limit().as_millis() as i64,
        ]);
        if !state.is_empty() {
            words.push(from_now(self.durable_until()));
        }
        let turn = state.turn();
        words.push(turn.map_or(-1, |turn| turn.phase as i64));
        if let Some(turn) = turn {
            words.extend([
                from_now(turn.since.as_millis()),
                from_now(turn.deadline.as_millis()),
                maybe(turn.contribute_by.map(|by| by.as_millis())),
            ]);
            let contributes = turn.phase == Phase::Contributing;
            words.push(i64::from(contributes && self.checks_in));
            words.push(i64::from(contributes && self.said_so));
            words.extend(self.words_of(&self.people[usize::from(*turn.id)]));
        }
        for (_, id) in state.line() {
            let stay = state.stay(id).unwrap();
            words.push(from_now(stay.deadline.as_millis()));
            words.extend(self.words_of(&self.people[usize::from(*id)]));
        }
        let mut others: Vec<_> = (self.people.iter())
            .filter(|person| person.ticket.is_none())
            .map(Person::standing)
            .collect();
        others.sort_unstable();
        for (barred, contributed) in others {
            words.push(i64::from(barred) * 2 + i64::from(contributed) - 100);
        }
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, &words).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(1) << 64 | half(2)
    }

    fn words_of(&self, person: &Person) -> [i64; 6] {
        let from_now = |at: u64| at.wrapping_sub(self.now) as i64;
        let told = person.told.unwrap();
        let in_line = told.since == 0;
        // Whoever asked long ago is not there, however long ago it was.
        let there = person.heard.filter(|at| at + 1000 > self.now && in_line);
        [
            from_now(told.by),
            if in_line { 0 } else { from_now(told.since) },
            there.map_or(i64::MAX, from_now),
            i64::from(person.passed),
            i64::from(person.tried),
            if in_line {
                from_now(person.lasting_by)
            } else {
                0
            },
        ]
    }
}
