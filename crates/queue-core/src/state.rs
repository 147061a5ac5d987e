//! What the log amounts to: the fold, and read-only views of it.

use core::hash::Hash;
use core::time::Duration;

use hashbrown::HashMap;

use crate::estimate::Estimate;
use crate::line::{Line, Waiter};
use crate::{Entry, Event, Misfit, Mode, Outcome, Phase, Rules, Ticket, Timestamp};

/// The state of a queue, which follows from its log and nothing else.
///
/// Every view takes at most O(log n) with n in line, but for [`State::line`], which walks along it.
/// Two states are equal if no later event could tell them apart.
#[derive(Clone, Debug)]
pub struct State<Id> {
    mode: Mode,
    /// While halted: the mode before, and since when no deadline runs.
    halt: Option<Halt>,
    log_time: Timestamp,
    next_ticket: Ticket,
    contributions: u64,
    last_contributed: Option<Ticket>,
    /// Only looked up, never walked: where an identity lies in the map decides nothing. Hashed,
    /// because of a million strings a sorted map looks at dozens to find one, each a cache miss.
    people: HashMap<Id, Person>,
    turn: Option<CurrentTurn<Id>>,
    line: Line<Id>,
    estimate: Estimate,
}

impl<Id: Eq + Hash> PartialEq for State<Id> {
    fn eq(&self, other: &Self) -> bool {
        self.mode == other.mode
            && self.halt == other.halt
            && self.log_time == other.log_time
            && self.next_ticket == other.next_ticket
            && self.contributions == other.contributions
            && self.last_contributed == other.last_contributed
            && self.turn == other.turn
            && self.estimate == other.estimate
            && self.line == other.line
            && self.people == other.people
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Halt {
    before: Mode,
    since: Timestamp,
}

/// All that is known of an identity: it is here while it is in the queue and for ever after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Person {
    live: Option<Ticket>,
    past: Option<Past>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct CurrentTurn<Id> {
    ticket: Ticket,
    id: Id,
    phase: Phase,
    joined_at: Timestamp,
    called_at: Timestamp,
    since: Timestamp,
    /// The deadline of the phase.
    by: Timestamp,
    /// Contributing only: when the next check-in is due, if there was one.
    stalled_by: Option<Timestamp>,
}

impl<Id> CurrentTurn<Id> {
    fn deadline(&self) -> Timestamp {
        self.stalled_by
            .map_or(self.by, |stalled_by| stalled_by.min(self.by))
    }

    /// How the stay ends if the deadline passes.
    fn overdue(&self) -> Outcome {
        match self.phase {
            Phase::Waiting => Outcome::MissedCheckIn,
            Phase::Ready => Outcome::FailedToStart,
            Phase::Contributing if self.deadline() < self.by => Outcome::Stalled,
            Phase::Contributing => Outcome::TimedOut,
            Phase::Verifying => Outcome::CoordinatorFault,
        }
    }
}

/// The turn: the one stay that has left the line and is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn<'a, Id> {
    /// The stay.
    pub ticket: Ticket,
    /// Whose it is.
    pub id: &'a Id,
    /// Ready, contributing or verifying.
    pub phase: Phase,
    /// When it was called. Absences of the coordinator since then have moved it.
    pub called_at: Timestamp,
    /// When the phase began. Absences of the coordinator since then have moved it.
    pub since: Timestamp,
    /// When the phase must be over, grace not included.
    pub deadline: Timestamp,
    /// How the stay ends if it is not.
    pub overdue: Outcome,
}

/// A stay that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Its ticket.
    pub ticket: Ticket,
    /// How far it has come.
    pub phase: Phase,
    /// 0: has the turn; 1: is the head of the line; and so on.
    pub position: u64,
    /// What it must do by when: check in, start, or submit, by its phase. While verifying the
    /// deadline is the coordinator's. Grace is not included.
    pub deadline: Timestamp,
    /// When it began.
    pub joined_at: Timestamp,
}

/// A stay that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its ticket.
    pub ticket: Ticket,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the operator has pardoned it.
    pub pardoned: bool,
}

impl Past {
    fn uses_up(self) -> bool {
        self.outcome.uses_up() && !self.pardoned
    }
}

impl<Id: Clone + Eq + Hash> State<Id> {
    pub(crate) fn new(rules: &Rules, at: Timestamp) -> Self {
        Self {
            mode: Mode::Open,
            halt: None,
            log_time: at,
            next_ticket: Ticket::FIRST,
            contributions: 0,
            last_contributed: None,
            people: HashMap::new(),
            turn: None,
            line: Line::new(),
            estimate: Estimate::new(rules.expected_turn),
        }
    }

    /// The mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// While halted: the mode that came before.
    #[must_use]
    pub fn mode_before_halt(&self) -> Option<Mode> {
        self.halt.map(|halt| halt.before)
    }

    /// While halted: since when deadlines stand still.
    #[must_use]
    pub fn halted_since(&self) -> Option<Timestamp> {
        self.halt.map(|halt| halt.since)
    }

    /// The time of the last entry of the log, or the time the log began.
    #[must_use]
    pub fn log_time(&self) -> Timestamp {
        self.log_time
    }

    /// How many are in line. Whoever has the turn is not.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.line.len()
    }

    /// How many contributions were accepted.
    #[must_use]
    pub fn contributions(&self) -> u64 {
        self.contributions
    }

    /// The stay whose contribution is the head of the ceremony.
    #[must_use]
    pub fn last_contributed(&self) -> Option<Ticket> {
        self.last_contributed
    }

    /// The ticket of the next to join.
    #[must_use]
    pub fn next_ticket(&self) -> Ticket {
        self.next_ticket
    }

    /// The head of the line: whom the turn comes to next.
    #[must_use]
    pub fn head(&self) -> Option<(Ticket, &Id)> {
        self.line
            .head()
            .map(|(ticket, waiter)| (ticket, &waiter.id))
    }

    /// Everybody in line, in order.
    pub fn line(&self) -> impl Iterator<Item = (Ticket, &Id)> {
        self.line
            .iter()
            .map(|(ticket, waiter)| (ticket, &waiter.id))
    }

    /// The current turn, if there is one.
    #[must_use]
    pub fn turn(&self) -> Option<Turn<'_, Id>> {
        self.turn.as_ref().map(|turn| Turn {
            ticket: turn.ticket,
            id: &turn.id,
            phase: turn.phase,
            called_at: turn.called_at,
            since: turn.since,
            deadline: turn.deadline(),
            overdue: turn.overdue(),
        })
    }

    /// The stay of this identity that is not over, if it has one.
    #[must_use]
    pub fn stay(&self, id: &Id) -> Option<Stay> {
        self.stay_with(self.people.get(id)?.live?)
    }

    /// The stay with this ticket, if it is not over.
    fn stay_with(&self, ticket: Ticket) -> Option<Stay> {
        if let Some(turn) = &self.turn
            && turn.ticket == ticket
        {
            return Some(Stay {
                ticket,
                phase: turn.phase,
                position: 0,
                deadline: turn.deadline(),
                joined_at: turn.joined_at,
            });
        }
        Some(Stay {
            ticket,
            phase: Phase::Waiting,
            joined_at: self.line.waiter(ticket)?.joined_at,
            position: self.line.rank(ticket)? + 1,
            deadline: self.line.deadline(ticket)?,
        })
    }

    /// The place of this identity: 0 if it has the turn, 1 if it is the head of the line, and so on;
    /// `None` if it is not in the queue. Less work than [`State::stay`].
    #[must_use]
    pub fn position(&self, id: &Id) -> Option<u64> {
        let ticket = self.people.get(id)?.live?;
        match &self.turn {
            Some(turn) if turn.ticket == ticket => Some(0),
            _ => self.line.rank(ticket).map(|ahead| ahead + 1),
        }
    }

    /// The last stay of this identity that is over, if it had one.
    #[must_use]
    pub fn past(&self, id: &Id) -> Option<Past> {
        self.people.get(id)?.past
    }

    /// The outcome that used this identity up, if it is used up.
    #[must_use]
    pub fn used_up(&self, id: &Id) -> Option<Outcome> {
        self.past(id)
            .filter(|past| past.uses_up())
            .map(|past| past.outcome)
    }

    /// Whose stay this is, if it is not over.
    #[must_use]
    pub fn id_of(&self, ticket: Ticket) -> Option<&Id> {
        match &self.turn {
            Some(turn) if turn.ticket == ticket => Some(&turn.id),
            _ => self.line.waiter(ticket).map(|waiter| &waiter.id),
        }
    }

    /// Mean length of the recent whole turns, failed ones included; what the rules expect before
    /// there was one.
    #[must_use]
    pub fn mean_turn(&self) -> Duration {
        self.estimate.mean()
    }

    /// How long somebody waits who has the current turn and `turns_ahead` whole turns before them
    /// (`http-queue-api.md`, deadlines).
    #[must_use]
    pub fn estimated_wait(&self, turns_ahead: u64, now: Timestamp) -> Duration {
        let age = self.turn.as_ref().map(|turn| now.since(turn.called_at));
        self.estimate.wait(turns_ahead, age)
    }

    /// How long this identity can expect to wait from now; zero if it has the turn.
    #[must_use]
    pub fn wait_of(&self, id: &Id, now: Timestamp) -> Option<Duration> {
        let stay = self.stay(id)?;
        Some(match stay.position.checked_sub(1) {
            Some(turns_ahead) => self.estimated_wait(turns_ahead, now),
            None => Duration::ZERO,
        })
    }

    /// How long somebody who joined now could expect to wait.
    #[must_use]
    pub fn wait_of_newcomer(&self, now: Timestamp) -> Duration {
        self.estimated_wait(self.waiting(), now)
    }

    /// Whether nobody is in line or has the turn.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.line.is_empty() && self.turn.is_none()
    }

    /// The earliest check-in deadline in line.
    pub(crate) fn earliest_check_in(&self) -> Option<Timestamp> {
        self.line.earliest_deadline()
    }

    /// The first ticket in line that has the earliest check-in deadline.
    pub(crate) fn next_to_miss(&self) -> Option<Ticket> {
        self.line.earliest().map(|(_, ticket)| ticket)
    }

    /// Contributing only: when the next check-in is due, if there was one.
    pub(crate) fn stalled_by(&self) -> Option<Timestamp> {
        self.turn.as_ref()?.stalled_by
    }

    /// Up to when the durable log covers the check-in deadline of somebody in line.
    pub(crate) fn lasting_by(&self, ticket: Ticket) -> Option<Timestamp> {
        self.line.waiter(ticket).map(|waiter| waiter.lasting_by)
    }

    /// Takes an entry into account, or says why it cannot follow what came before and changes
    /// nothing. Nothing else writes the state.
    pub(crate) fn apply(&mut self, entry: &Entry<Id>) -> Result<(), Misfit> {
        let at = entry.at;
        if at < self.log_time {
            return Err(Misfit::TimeFalls {
                at,
                log_time: self.log_time,
            });
        }
        match &entry.event {
            Event::Joined {
                ticket,
                id,
                check_in_by,
                lasting_by,
            } => {
                self.join(at, *ticket, id, *check_in_by, *lasting_by)?;
            }
            Event::CheckedIn {
                ticket,
                check_in_by,
                lasting_by,
            } => {
                self.check_in(*ticket, *check_in_by, *lasting_by)?;
            }
            Event::Called { ticket, start_by } => self.call(at, *ticket, *start_by)?,
            Event::Started {
                ticket,
                contribute_by,
            } => {
                self.advance(
                    at,
                    *ticket,
                    Phase::Ready,
                    Phase::Contributing,
                    *contribute_by,
                )?;
            }
            Event::Submitted { ticket, verify_by } => {
                self.advance(
                    at,
                    *ticket,
                    Phase::Contributing,
                    Phase::Verifying,
                    *verify_by,
                )?;
            }
            Event::Ended { ticket, outcome } => self.end(at, *ticket, *outcome)?,
            Event::ModeSet { mode } => self.set_mode(at, *mode)?,
            Event::Pardoned { id } => self.pardon(id)?,
            Event::Resumed { pause, restarted } => self.resume(at, *pause, *restarted),
        }
        self.log_time = at;
        Ok(())
    }

    fn join(
        &mut self,
        at: Timestamp,
        ticket: Ticket,
        id: &Id,
        check_in_by: Timestamp,
        lasting_by: Timestamp,
    ) -> Result<(), Misfit> {
        if self.mode != Mode::Open {
            return Err(Misfit::WrongMode);
        }
        if ticket != self.next_ticket {
            return Err(Misfit::WrongTicket {
                ticket,
                next: self.next_ticket,
            });
        }
        let person = self.people.entry(id.clone()).or_default();
        if person.live.is_some() {
            return Err(Misfit::AlreadyQueued);
        }
        if person.past.is_some_and(Past::uses_up) {
            return Err(Misfit::UsedUp);
        }
        person.live = Some(ticket);
        self.next_ticket = ticket.next();
        let waiter = Waiter {
            id: id.clone(),
            joined_at: at,
            lasting_by,
        };
        self.line.push(ticket, waiter, check_in_by);
        Ok(())
    }

    fn check_in(
        &mut self,
        ticket: Ticket,
        check_in_by: Timestamp,
        lasting_by: Option<Timestamp>,
    ) -> Result<(), Misfit> {
        match &mut self.turn {
            Some(turn) if turn.ticket == ticket && turn.phase == Phase::Contributing => {
                turn.stalled_by = Some(check_in_by);
            }
            _ if self.line.waiter(ticket).is_some() => {
                self.line.set_deadline(ticket, check_in_by, lasting_by);
            }
            _ => return Err(Misfit::WrongPhase { ticket }),
        }
        Ok(())
    }

    fn call(&mut self, at: Timestamp, ticket: Ticket, start_by: Timestamp) -> Result<(), Misfit> {
        if self.mode == Mode::Halted {
            return Err(Misfit::WrongMode);
        }
        let head = self.line.head().map(|(head, _)| head);
        if self.turn.is_some() || head != Some(ticket) {
            return Err(Misfit::OutOfTurn { ticket });
        }
        let waiter = self
            .line
            .remove(ticket)
            .ok_or(Misfit::OutOfTurn { ticket })?;
        self.turn = Some(CurrentTurn {
            ticket,
            id: waiter.id,
            phase: Phase::Ready,
            joined_at: waiter.joined_at,
            called_at: at,
            since: at,
            by: start_by,
            stalled_by: None,
        });
        Ok(())
    }

    fn advance(
        &mut self,
        at: Timestamp,
        ticket: Ticket,
        from: Phase,
        to: Phase,
        by: Timestamp,
    ) -> Result<(), Misfit> {
        match &mut self.turn {
            Some(turn) if turn.ticket == ticket && turn.phase == from => {
                turn.phase = to;
                turn.since = at;
                turn.by = by;
                turn.stalled_by = None;
                Ok(())
            }
            _ => Err(Misfit::WrongPhase { ticket }),
        }
    }

    fn end(&mut self, at: Timestamp, ticket: Ticket, outcome: Outcome) -> Result<(), Misfit> {
        let id = match self
            .turn
            .take_if(|turn| turn.ticket == ticket && outcome.fits(turn.phase))
        {
            Some(turn) => {
                self.estimate.record(at.since(turn.called_at));
                turn.id
            }
            None if outcome.fits(Phase::Waiting) => {
                self.line
                    .remove(ticket)
                    .ok_or(Misfit::WrongPhase { ticket })?
                    .id
            }
            None => return Err(Misfit::WrongPhase { ticket }),
        };
        if outcome == Outcome::Contributed {
            self.contributions += 1;
            self.last_contributed = Some(ticket);
        }
        if let Some(person) = self.people.get_mut(&id) {
            *person = Person {
                live: None,
                past: Some(Past {
                    ticket,
                    outcome,
                    pardoned: false,
                }),
            };
        }
        Ok(())
    }

    fn set_mode(&mut self, at: Timestamp, mode: Mode) -> Result<(), Misfit> {
        if mode == self.mode {
            return Err(Misfit::WrongMode);
        }
        self.halt = (mode == Mode::Halted).then_some(Halt {
            before: self.mode,
            since: at,
        });
        self.mode = mode;
        Ok(())
    }

    fn pardon(&mut self, id: &Id) -> Result<(), Misfit> {
        let past = self
            .people
            .get_mut(id)
            .and_then(|person| person.past.as_mut());
        match past {
            Some(past) if past.uses_up() && past.outcome != Outcome::Contributed => {
                past.pardoned = true;
                Ok(())
            }
            _ => Err(Misfit::NothingToPardon),
        }
    }

    fn resume(&mut self, at: Timestamp, pause: Duration, restarted: bool) {
        self.line.move_deadlines(|waiter, by| {
            let by = if restarted {
                by.max(waiter.lasting_by)
            } else {
                by
            };
            waiter.lasting_by = waiter.lasting_by.max(by).saturating_add(pause);
            by.saturating_add(pause)
        });
        if let Some(turn) = &mut self.turn {
            // A phase that began during the absence (a contribution handed in while halted) has
            // missed only the rest of it.
            let missed = pause.min(at.since(turn.since));
            turn.by = turn.by.saturating_add(missed);
            turn.stalled_by = turn.stalled_by.map(|by| by.saturating_add(missed));
            turn.since = turn.since.saturating_add(missed);
            turn.called_at = turn.called_at.saturating_add(pause).min(at);
        }
        if let Some(halt) = &mut self.halt {
            halt.since = at;
        }
    }
}
