//! Crashes, and what the next process starts from.

use super::*;

impl Life {
    /// The coordinator dies between two steps; the next starts from its log, which a store may have
    /// kept with or without volatile entries.
    pub(super) fn crash(&mut self) {
        self.tally.restarts += 1;
        self.assert_replay_equals_live();
        let with_volatile = self.rng.gen_bool(0.3);
        if !with_volatile {
            self.log.retain(|entry| !entry.event.is_volatile());
        }
        self.reference.restart(with_volatile);
        self.reference.log_ends(self.log_time());
        self.restart();
    }

    /// The coordinator dies after a step and before its entries are committed: nobody has heard of
    /// the result, and it never happened.
    pub(super) fn crash_before_commit(&mut self) {
        self.tally.lost_commits += 1;
        self.pass_time();
        let command = self.someone_does_something();
        let _ = self.queue.step(self.now(), command);
        self.reference.restart(true);
        self.reference.log_ends(self.log_time());
        self.restart();
    }

    pub(super) fn restart(&mut self) {
        let rules = *self.queue.rules();
        self.queue = Queue::replay(rules, self.began, self.log.iter().cloned())
            .unwrap_or_else(|error| panic!("{}: {error}", self.place()));
        self.tried.clear();
        self.heard.clear();
        // Away since the last step of a live coordinator, through any number of crashes.
        self.crashed_at.get_or_insert(self.lived_until);
        if self.rng.gen_bool(0.9) {
            self.clock += self.rng.gen_range(0..120_000);
        }
    }
}
