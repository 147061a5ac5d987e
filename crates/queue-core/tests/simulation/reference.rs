//! The rules a second time, as plainly as they can be written: one list, looked through from end to
//! end, no events, no tree. Slow and obvious. It shares nothing with the crate but its words.

use std::collections::BTreeMap;
use std::time::Duration;

use tauline_queue_core::{
    Command, Entry, Event, Mode, Outcome, Phase, Refusal, Rules, Ticket, Timestamp, Verdict,
};

pub(crate) type Id = u32;

/// A stay that is not over. Times in milliseconds.
#[derive(Clone, Debug)]
struct Place {
    ticket: u64,
    id: Id,
    phase: Phase,
    by: u64,
    stalled_by: Option<u64>,
    /// What the durable log says the deadline is, and up to where it covers later ones.
    logged_by: u64,
    lasting_by: u64,
    called_at: u64,
    since: u64,
    /// How many turns have passed it.
    passed: u32,
    /// How long it may be silent while it contributes, if it said that it would not be.
    stall: Option<u64>,
    /// How long its contribution took.
    work: u64,
}

impl Place {
    fn deadline(&self) -> u64 {
        self.stalled_by.unwrap_or(u64::MAX).min(self.by)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Reference {
    rules: Rules,
    mode: Mode,
    halted_since: u64,
    /// In ticket order; one of them at most has the turn.
    places: Vec<Place>,
    past: BTreeMap<Id, (Outcome, bool)>,
    turns: Vec<u64>,
    next: u64,
    seen: u64,
    log_time: u64,
    restarted: bool,
    /// Tickets of those in line who try, with their intervals.
    retry_intervals: BTreeMap<u64, u64>,
    /// Tickets among the first three, and when they were last heard of.
    heard: BTreeMap<u64, u64>,
    /// How long accepted contributions took.
    works: Vec<u64>,
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

impl Reference {
    pub(crate) fn new(rules: Rules, at: u64) -> Self {
        Self {
            rules,
            mode: Mode::Open,
            halted_since: 0,
            places: Vec::new(),
            past: BTreeMap::new(),
            turns: Vec::new(),
            next: 1,
            seen: at,
            log_time: at,
            restarted: false,
            retry_intervals: BTreeMap::new(),
            heard: BTreeMap::new(),
            works: Vec::new(),
        }
    }

    /// The process died and another took over, from a log with or without volatile entries.
    pub(crate) fn restart(&mut self, with_volatile: bool) {
        self.restarted = true;
        self.retry_intervals.clear();
        self.heard.clear();
        self.seen = self.log_time;
        if !with_volatile {
            for place in &mut self.places {
                match place.phase {
                    Phase::Waiting => place.by = place.logged_by,
                    // Only a start is logged.
                    Phase::Contributing => {
                        place.stalled_by = place.stall.map(|stall| place.since + stall);
                    }
                    _ => place.stalled_by = None,
                }
            }
        }
    }

    /// Volatile entries were lost with the last process: the log may be shorter than the time.
    pub(crate) fn log_ends(&mut self, at: u64) {
        self.log_time = at;
        self.seen = at;
    }

    fn grace(&self, place: &Place) -> u64 {
        if place.phase == Phase::Verifying {
            0
        } else {
            ms(self.rules.checkin_grace)
        }
    }

    fn due(&self, place: &Place) -> u64 {
        place.deadline() + self.grace(place)
    }

    fn mean(&self) -> u64 {
        let recent = &self.turns[self.turns.len().saturating_sub(32)..];
        match recent.len() as u64 {
            0 => ms(self.rules.expected_turn),
            count => recent.iter().sum::<u64>() / count,
        }
    }

    /// The interval for somebody with this many waiting ahead.
    fn interval(&self, ahead: u64, now: u64) -> u64 {
        if ahead < 3 {
            return ms(self.rules.checkin_min);
        }
        let rest = match self.turn() {
            Some(turn) => self
                .mean()
                .saturating_sub(now - self.places[turn].called_at),
            None => 0,
        };
        let wait = ahead * self.mean() + rest;
        let in_line = self.waiting_ahead(self.places.len());
        let longest = (in_line * 1000 / u64::from(self.rules.checkin_rate))
            .max(ms(self.rules.checkin_relaxed))
            .min(ms(self.rules.checkin_max));
        (wait / 2).min(longest).max(ms(self.rules.checkin_min))
    }

    fn margin(&self, interval: u64) -> u64 {
        (interval / 2).max(ms(self.rules.lasting_step))
    }

    fn turn(&self) -> Option<usize> {
        self.places
            .iter()
            .position(|place| place.phase != Phase::Waiting)
    }

    fn waiting_ahead(&self, index: usize) -> u64 {
        self.places[..index]
            .iter()
            .filter(|place| place.phase == Phase::Waiting)
            .count() as u64
    }

    fn end(&mut self, index: usize, now: u64, outcome: Outcome) -> Event<Id> {
        let place = self.places.remove(index);
        self.retry_intervals.remove(&place.ticket);
        self.heard.remove(&place.ticket);
        if place.phase != Phase::Waiting {
            self.turns.push(now - place.called_at);
        }
        if outcome == Outcome::Contributed {
            self.works.push(place.work);
        }
        self.past.insert(place.id, (outcome, false));
        Event::Ended {
            ticket: Ticket::new(place.ticket),
            outcome,
        }
    }

    /// Somebody in line asks whether the turn is its: whether it may be called.
    fn asks(&mut self, index: usize, now: u64) -> bool {
        let there_for = ms(self.rules.checkin_min / 5);
        let free = self.turn().is_none();
        let all_ahead_may_be_passed = self.places[..index].iter().all(|place| {
            let heard = self.heard.get(&place.ticket);
            place.passed < self.rules.passes
                && place.by > now + ms(self.rules.checkin_min)
                && heard.is_none_or(|heard| now >= heard + there_for)
        });
        let is_called = free && index < 3 && all_ahead_may_be_passed;
        if !is_called && self.waiting_ahead(index) < 3 {
            self.heard.insert(self.places[index].ticket, now);
        }
        is_called
    }

    fn call(&mut self, index: usize, now: u64) -> Event<Id> {
        let mut passed = Vec::new();
        for place in &mut self.places[..index] {
            place.passed += 1;
            passed.push(Ticket::new(place.ticket));
        }
        let place = &mut self.places[index];
        place.phase = Phase::Ready;
        let retry = self.retry_intervals.remove(&place.ticket).unwrap_or(0);
        self.heard.remove(&place.ticket);
        place.by = now + retry.max(ms(self.rules.start_limit));
        place.called_at = now;
        place.since = now;
        Event::Called {
            ticket: Ticket::new(place.ticket),
            start_by: place.by.into(),
            passed,
        }
    }

    fn resume(&mut self, now: u64, pause: u64) -> Event<Id> {
        for place in &mut self.places {
            if place.phase == Phase::Waiting {
                if self.restarted {
                    place.by = place.by.max(place.lasting_by);
                }
                place.lasting_by = place.lasting_by.max(place.by) + pause;
                // The log now says so for those who checked in without a record, too.
                if self.restarted {
                    place.logged_by = place.by;
                }
                place.by += pause;
                place.logged_by += pause;
            } else {
                let missed = pause.min(now - place.since);
                place.by += missed;
                place.stalled_by = place.stalled_by.map(|by| by + missed);
                if self.restarted && place.phase == Phase::Contributing && place.stall.is_some() {
                    place.stalled_by = place.stall.map(|stall| now + stall);
                }
                place.since += missed;
                place.called_at = (place.called_at + pause).min(now);
            }
        }
        self.halted_since = now;
        Event::Resumed {
            pause: Duration::from_millis(pause),
            restarted: self.restarted,
        }
    }

    fn halt_if_drained(&mut self, now: u64) -> Option<Event<Id>> {
        if self.mode != Mode::Draining || !self.places.is_empty() {
            return None;
        }
        self.mode = Mode::Halted;
        self.halted_since = now;
        Some(Event::ModeSet { mode: Mode::Halted })
    }

    /// What a step must answer.
    pub(crate) fn step(
        &mut self,
        now: Timestamp,
        command: &Command<Id>,
    ) -> (Vec<Entry<Id>>, Result<(), Refusal>) {
        let now = now.as_millis().max(self.seen);
        let mut events = Vec::new();
        let runs = self.mode != Mode::Halted;
        let late = runs && now - self.seen > 5 * ms(self.rules.tick) / 2;
        if !self.places.is_empty() && (self.restarted || late) {
            for heard in self.heard.values_mut() {
                *heard += now - self.seen;
            }
            let away_since = if runs { self.seen } else { self.halted_since };
            events.push(self.resume(now, now - away_since));
        }
        self.restarted = false;
        if runs {
            while let Some(index) = (0..self.places.len())
                .filter(|&index| self.due(&self.places[index]) <= now)
                .min_by_key(|&index| {
                    let place = &self.places[index];
                    let in_line = place.phase == Phase::Waiting;
                    (self.due(place), in_line, place.ticket)
                })
            {
                let place = &self.places[index];
                let outcome = match place.phase {
                    Phase::Waiting => Outcome::MissedCheckIn,
                    Phase::Ready => Outcome::FailedToStart,
                    Phase::Contributing if place.deadline() < place.by => Outcome::Stalled,
                    Phase::Contributing => Outcome::TimedOut,
                    Phase::Verifying => Outcome::CoordinatorFault,
                };
                events.push(self.end(index, now, outcome));
            }
        }
        events.extend(self.halt_if_drained(now));
        let result = self.decide(now, command, &mut events);
        events.extend(self.halt_if_drained(now));
        self.seen = now;
        if !events.is_empty() {
            self.log_time = now;
        }
        let at = now.into();
        (
            events
                .into_iter()
                .map(|event| Entry { at, event })
                .collect(),
            result,
        )
    }

    fn decide(
        &mut self,
        now: u64,
        command: &Command<Id>,
        events: &mut Vec<Event<Id>>,
    ) -> Result<(), Refusal> {
        let id = match command {
            Command::Tick => return Ok(()),
            Command::SetMode(mode) => {
                self.set_mode(now, *mode, events);
                return Ok(());
            }
            Command::Judge { ticket, verdict } => {
                return self.judge(now, *ticket, *verdict, events);
            }
            Command::Pardon { id } => {
                return match self.past.get_mut(id) {
                    Some((outcome, pardoned @ false)) if *outcome != Outcome::CoordinatorFault => {
                        if *outcome == Outcome::Contributed {
                            return Err(Refusal::ContributionIsFinal);
                        }
                        *pardoned = true;
                        events.push(Event::Pardoned { id: *id });
                        Ok(())
                    }
                    _ => Err(Refusal::NothingToPardon),
                };
            }
            Command::Expel { ticket } => return self.expel(now, ticket.value(), events),
            Command::Join { id }
            | Command::CheckIn { id }
            | Command::TryContribute { id, .. }
            | Command::Start { id, .. }
            | Command::Disconnect { id }
            | Command::Upload { id }
            | Command::Submit { id }
            | Command::Abort { id }
            | Command::Leave { id } => *id,
        };
        let joins = matches!(
            command,
            Command::Join { .. } | Command::TryContribute { .. }
        );
        let interval = match command {
            Command::TryContribute { interval, .. } => Some(ms(*interval)),
            _ => None,
        };
        let Some(index) = self.places.iter().position(|place| place.id == id) else {
            return match self.past.get(&id) {
                Some(&(outcome, false)) if joins && outcome != Outcome::CoordinatorFault => {
                    Err(Refusal::UsedUp { outcome })
                }
                Some(&(outcome, false)) if !joins => Err(Refusal::Ended { outcome }),
                _ if !joins => Err(Refusal::NotQueued),
                _ => self.join(now, id, interval, events),
            };
        };
        let ticket = Ticket::new(self.places[index].ticket);
        let position = self.waiting_ahead(index) + 1;
        match (command, self.places[index].phase) {
            (Command::Join { .. }, Phase::Contributing)
                if self.places[index].stalled_by.is_none() => {}
            (Command::Join { .. } | Command::CheckIn { .. }, _) => {
                self.check_in(now, index, 0, events);
            }
            (Command::TryContribute { .. }, phase) => {
                if let (Mode::Halted, Phase::Waiting, Some(interval)) = (self.mode, phase, interval)
                {
                    self.retry_intervals.insert(ticket.value(), interval);
                    self.check_in(now, index, interval, events);
                }
                if self.mode == Mode::Halted {
                    return Ok(());
                }
                if phase == Phase::Waiting && self.asks(index, now) {
                    events.push(self.call(index, now));
                } else if let (Phase::Waiting, Some(interval)) = (phase, interval) {
                    self.retry_intervals.insert(ticket.value(), interval);
                    self.check_in(now, index, interval, events);
                }
                if self.places[index].phase == Phase::Ready {
                    events.push(self.start(index, now, false));
                }
            }
            (Command::Disconnect { .. }, Phase::Contributing) if self.mode != Mode::Halted => {
                let by = now + ms(self.rules.disconnect_limit);
                let place = &mut self.places[index];
                if place.stalled_by.is_some_and(|stalled_by| by < stalled_by) {
                    place.stalled_by = Some(by);
                    let check_in_by = by.into();
                    events.push(Event::CheckedIn {
                        ticket,
                        check_in_by,
                        lasting_by: None,
                    });
                }
            }
            (Command::Upload { .. }, Phase::Contributing) if self.mode != Mode::Halted => {
                self.upload(now, index, events);
            }
            (Command::Disconnect { .. } | Command::Upload { .. }, _) => {}
            (_, Phase::Verifying) => return Err(Refusal::AlreadySubmitted),
            (Command::Leave { .. }, _) => events.push(self.end(index, now, Outcome::Left)),
            (_, Phase::Waiting) => return Err(Refusal::NotYourTurn { position }),
            (Command::Abort { .. }, _) => events.push(self.end(index, now, Outcome::Aborted)),
            (Command::Start { checks_in, .. }, Phase::Ready) => {
                if self.mode == Mode::Halted {
                    return Err(Refusal::Halted);
                }
                events.push(self.start(index, now, *checks_in));
            }
            (Command::Start { checks_in, .. }, _) => {
                if *checks_in {
                    self.check_in(now, index, 0, events);
                }
            }
            (_, Phase::Ready) => return Err(Refusal::NotStarted),
            (_, Phase::Contributing) => {
                let place = &mut self.places[index];
                place.phase = Phase::Verifying;
                place.work = now - place.since;
                place.since = now;
                place.by = now + ms(self.rules.verification_limit);
                place.stalled_by = None;
                events.push(Event::Submitted {
                    ticket,
                    verify_by: place.by.into(),
                });
            }
        }
        Ok(())
    }

    /// The time for a contribution: twice what 95 % of the last hundred took, where that is asked.
    fn limit(&self) -> u64 {
        let most = ms(self.rules.contribution_limit);
        let mut recent = self.works[self.works.len().saturating_sub(100)..].to_vec();
        let Some(least) = self.rules.contribution_min else {
            return most;
        };
        if recent.len() < 5 {
            return most;
        }
        recent.sort();
        // The least that is not exceeded by more than 5 in 100.
        let usual = recent.iter().copied().find(|&one| {
            let above = recent.iter().filter(|&&other| other > one).count();
            100 * above <= 5 * recent.len()
        });
        (2 * usual.unwrap()).max(ms(least)).min(most)
    }

    fn upload(&mut self, now: u64, index: usize, events: &mut Vec<Event<Id>>) {
        if self.places[index].stalled_by.is_some() {
            self.check_in(now, index, 0, events);
        }
        let stall = ms(self.rules.stall_limit);
        let place = &mut self.places[index];
        let most = place.since + ms(self.rules.contribution_limit);
        let by = most.min(now + stall);
        if place.by < by && (by == most || place.by <= now + stall / 2) {
            place.by = by;
            events.push(Event::Extended {
                ticket: Ticket::new(place.ticket),
                contribute_by: by.into(),
            });
        }
    }

    fn start(&mut self, index: usize, now: u64, checks_in: bool) -> Event<Id> {
        let limit = self.limit();
        let stall = checks_in.then(|| ms(self.rules.stall_limit));
        let place = &mut self.places[index];
        place.phase = Phase::Contributing;
        place.since = now;
        place.by = now + limit;
        place.stall = stall;
        place.stalled_by = stall.map(|stall| now + stall);
        Event::Started {
            ticket: Ticket::new(place.ticket),
            contribute_by: place.by.into(),
            stall_by: place.stalled_by.map(Into::into),
        }
    }

    /// `retry` is the interval of somebody who joins by trying.
    fn join(
        &mut self,
        now: u64,
        id: Id,
        retry: Option<u64>,
        events: &mut Vec<Event<Id>>,
    ) -> Result<(), Refusal> {
        match self.mode {
            Mode::Open => {}
            Mode::Draining => return Err(Refusal::Draining),
            Mode::Halted => return Err(Refusal::Halted),
        }
        let interval = self.interval(self.waiting_ahead(self.places.len()), now);
        let behind = self.waiting_ahead(self.places.len()) >= 3;
        let interval = interval.max(retry.unwrap_or(0) * if behind { 2 } else { 1 });
        let by = now + interval;
        let lasting_by = by + self.margin(interval);
        self.places.push(Place {
            ticket: self.next,
            id,
            phase: Phase::Waiting,
            by,
            stalled_by: None,
            logged_by: by,
            lasting_by,
            called_at: 0,
            since: now,
            passed: 0,
            stall: None,
            work: 0,
        });
        events.push(Event::Joined {
            ticket: Ticket::new(self.next),
            id,
            check_in_by: by.into(),
            lasting_by: lasting_by.into(),
        });
        if let Some(retry) = retry {
            self.retry_intervals.insert(self.next, retry);
        }
        self.next += 1;
        let index = self.places.len() - 1;
        if self.asks(index, now) {
            events.push(self.call(index, now));
            if retry.is_some() {
                events.push(self.start(index, now, false));
            }
        }
        Ok(())
    }

    fn check_in(&mut self, now: u64, index: usize, at_least: u64, events: &mut Vec<Event<Id>>) {
        let halted = self.mode == Mode::Halted;
        // Deadlines stand still.
        let now = if halted { self.halted_since } else { now };
        let ticket = Ticket::new(self.places[index].ticket);
        let phase = self.places[index].phase;
        match phase {
            Phase::Waiting if !halted && self.asks(index, now) => {
                events.push(self.call(index, now))
            }
            Phase::Waiting => {
                let ahead = self.waiting_ahead(index);
                let at_least = at_least * if ahead < 3 { 1 } else { 2 };
                let interval = self.interval(ahead, now).max(at_least);
                let lasting_by = now + interval + self.margin(interval);
                let place = &mut self.places[index];
                if now + interval <= place.by {
                    return;
                }
                place.by = now + interval;
                let logged = place.by > place.lasting_by;
                if logged {
                    place.logged_by = place.by;
                    place.lasting_by = lasting_by;
                }
                events.push(Event::CheckedIn {
                    ticket,
                    check_in_by: place.by.into(),
                    lasting_by: logged.then(|| lasting_by.into()),
                });
            }
            Phase::Contributing => {
                let by = now + ms(self.rules.stall_limit);
                if self.places[index].stalled_by.replace(by) != Some(by) {
                    let check_in_by = by.into();
                    events.push(Event::CheckedIn {
                        ticket,
                        check_in_by,
                        lasting_by: None,
                    });
                }
            }
            Phase::Ready | Phase::Verifying => {}
        }
    }

    fn judge(
        &mut self,
        now: u64,
        ticket: Ticket,
        verdict: Verdict,
        events: &mut Vec<Event<Id>>,
    ) -> Result<(), Refusal> {
        let verified = self
            .places
            .iter()
            .position(|place| place.ticket == ticket.value() && place.phase == Phase::Verifying);
        let index = verified.ok_or(Refusal::StaleVerdict { ticket })?;
        let outcome = match verdict {
            Verdict::Valid => Outcome::Contributed,
            Verdict::Invalid => Outcome::Invalid,
            Verdict::CoordinatorFault => Outcome::CoordinatorFault,
        };
        events.push(self.end(index, now, outcome));
        Ok(())
    }

    fn expel(&mut self, now: u64, ticket: u64, events: &mut Vec<Event<Id>>) -> Result<(), Refusal> {
        let known = (1..self.next).contains(&ticket);
        let found = self.places.iter().position(|place| place.ticket == ticket);
        let ticket = Ticket::new(ticket);
        match found {
            _ if !known => Err(Refusal::UnknownTicket { ticket }),
            None => Err(Refusal::StayOver { ticket }),
            Some(index) if self.places[index].phase == Phase::Verifying => {
                Err(Refusal::AlreadySubmitted)
            }
            Some(index) => {
                events.push(self.end(index, now, Outcome::Expelled));
                Ok(())
            }
        }
    }

    fn set_mode(&mut self, now: u64, mode: Mode, events: &mut Vec<Event<Id>>) {
        if mode == self.mode {
            return;
        }
        if self.mode == Mode::Halted && !self.places.is_empty() && now > self.halted_since {
            events.push(self.resume(now, now - self.halted_since));
        }
        if mode == Mode::Halted {
            self.halted_since = now;
        }
        self.mode = mode;
        events.push(Event::ModeSet { mode });
    }
}
