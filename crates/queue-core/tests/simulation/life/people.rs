//! What people do, fitting or not.

use super::*;

impl Life {
    pub(super) fn someone_does_something(&mut self) -> Command<Id> {
        let state = self.queue.state();
        let turn = state.turn().map(|turn| (*turn.id, turn.ticket, turn.phase));
        let waiting = state.waiting();
        let mode = state.mode();
        match self.rng.gen_range(0..1000) {
            0..3 => return Command::SetMode(Mode::Draining),
            3..6 => return Command::SetMode(Mode::Halted),
            6..9 => return Command::SetMode(Mode::Open),
            9..14 => return Command::Pardon { id: self.anybody() },
            14..20 => {
                let ticket = Ticket::new(self.rng.gen_range(0..state.next_ticket().value() + 2));
                return Command::Judge {
                    ticket,
                    verdict: Verdict::Valid,
                };
            }
            20..26 => return self.expel(),
            26..40 => return Command::Tick,
            40..80 => return self.rubbish(),
            _ => {}
        }
        // A queue that is not open does not stay so for ever.
        if mode != Mode::Open && self.rng.gen_bool(0.02) {
            return Command::SetMode(Mode::Open);
        }
        if let Some((id, ticket, phase)) = turn
            && self.rng.gen_bool(0.35)
            && !self.has_vanished(id)
        {
            return match (phase, self.rng.gen_range(0..20)) {
                (Phase::Ready | Phase::Contributing, 12..16) if self.only_tries(id) => {
                    self.try_contribute(id)
                }
                (Phase::Verifying, 0..12) => {
                    let verdict = match self.rng.gen_range(0..8) {
                        0 => Verdict::CoordinatorFault,
                        1 | 2 => Verdict::Invalid,
                        _ => Verdict::Valid,
                    };
                    Command::Judge { ticket, verdict }
                }
                (Phase::Ready, 0..12) => self.start(id),
                (Phase::Contributing, 0..10) if id.is_multiple_of(5) && self.rng.gen_bool(0.95) => {
                    Command::Upload { id }
                }
                (Phase::Contributing, 0..3) => Command::Submit { id },
                (Phase::Contributing, 3..5) => Command::Upload { id },
                (Phase::Contributing, 5..6) => Command::Disconnect { id },
                (Phase::Contributing, 6..8) => self.start(id),
                (_, 18) => Command::Abort { id },
                (_, 19) => Command::Leave { id },
                _ => Command::CheckIn { id },
            };
        }
        // A large crowd comes faster than it goes.
        let eager = if self.crowd > 10 { 0.6 } else { 0.3 };
        if waiting < self.crowd && self.rng.gen_bool(eager) {
            let id = if self.rng.gen_bool(0.8) {
                self.newest += 1;
                self.newest
            } else {
                self.anybody()
            };
            return match self.only_tries(id) {
                true => self.try_contribute(id),
                false => Command::Join { id },
            };
        }
        // Somebody in line checks in; near the head more often, as there the interval is short.
        let reach = if self.rng.gen_bool(0.5) {
            3
        } else {
            usize::MAX
        };
        let line: Vec<Id> = self
            .queue
            .state()
            .line()
            .take(reach)
            .map(|(_, id)| *id)
            .collect();
        match line.choose(&mut self.rng) {
            Some(&id) if self.has_vanished(id) => Command::Tick,
            Some(&id) if self.rng.gen_bool(0.005) => Command::Leave { id },
            Some(&id) if self.has_rhythm(id) => Command::Tick,
            Some(&id) if self.rng.gen_bool(0.05) => Command::Join { id },
            Some(&id) if self.only_tries(id) && self.rng.gen_bool(0.9) => self.try_contribute(id),
            Some(&id) => Command::CheckIn { id },
            None => Command::Tick,
        }
    }

    /// The operator expels somebody in line or in the turn, or names a ticket that is over or never was.
    fn expel(&mut self) -> Command<Id> {
        let state = self.queue.state();
        let live = state.turn().map(|turn| turn.ticket);
        let live: Vec<Ticket> = live
            .into_iter()
            .chain(state.line().map(|(ticket, _)| ticket))
            .collect();
        let any = Ticket::new(self.rng.gen_range(0..state.next_ticket().value() + 2));
        let ticket = match self.rng.gen_range(0..4) {
            0 => any,
            1 => live.first().copied().unwrap_or(any),
            _ => live.choose(&mut self.rng).copied().unwrap_or(any),
        };
        Command::Expel { ticket }
    }

    /// A participant's command at random, fitting or not.
    pub(super) fn rubbish(&mut self) -> Command<Id> {
        let id = match self.queue.state().turn() {
            Some(turn) if self.rng.gen_bool(0.3) => *turn.id,
            _ => self.anybody(),
        };
        match self.rng.gen_range(0..8) {
            5 => self.try_contribute(id),
            6 => Command::Disconnect { id },
            7 => Command::Upload { id },
            0 => Command::Join { id },
            1 => Command::CheckIn { id },
            2 => self.start(id),
            3 => Command::Submit { id },
            _ => Command::Abort { id },
        }
    }

    /// Somebody seen before, rather lately, or one that never was.
    pub(super) fn anybody(&mut self) -> Id {
        let back = self.rng.gen_range(0..100.min(self.newest + 2));
        (self.newest + 1).saturating_sub(back)
    }

    /// One in nine joins and is never heard of again.
    pub(super) fn has_vanished(&self, id: Id) -> bool {
        id % 9 == 4
    }

    /// One in three has a program that has only the one call; most of what it does is that.
    pub(super) fn only_tries(&self, id: Id) -> bool {
        id % 3 == 1
    }

    /// Some of those try by a rhythm and do nothing else while they wait.
    pub(super) fn has_rhythm(&self, id: Id) -> bool {
        id % 6 == 1 && !self.has_vanished(id)
    }

    pub(super) fn try_contribute(&self, id: Id) -> Command<Id> {
        let interval = self.try_interval;
        Command::TryContribute { id, interval }
    }

    /// Every other participant says that it will check in.
    pub(super) fn start(&self, id: Id) -> Command<Id> {
        let checks_in = id.is_multiple_of(2);
        Command::Start { id, checks_in }
    }

    /// When somebody with a rhythm tries again: so that two tries, of which one may be lost, come
    /// within the time that was said.
    pub(super) fn next_by_rhythm(&mut self) -> u64 {
        let most = ms(self.try_interval) / 2;
        self.clock + self.rng.gen_range(most / 2..=most)
    }
}
