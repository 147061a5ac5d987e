//! The fold: what each event changes, and which events cannot follow.

use core::hash::Hash;
use core::time::Duration;

use super::{CurrentTurn, Halt, Person, State};
use crate::line::Waiter;
use crate::{Entry, Event, Misfit, Mode, NEAR_HEAD, Outcome, Past, Phase, Ticket, Timestamp};

impl<Id: Clone + Eq + Hash> State<Id> {
    /// Takes the next entry of a log into account that somebody else wrote.
    ///
    /// The fold alone: it refuses what no queue can have written, and does not ask whether the
    /// deadlines are those of any settings. Volatile entries may be missing, so the check-in deadlines
    /// of this state are the earliest that there can have been, and
    /// [`lasting_by`](State::lasting_by) has the latest.
    ///
    /// # Errors
    ///
    /// Why the entry cannot follow what came before. The state is then as it was.
    pub fn follow(&mut self, entry: &Entry<Id>) -> Result<(), Misfit> {
        self.apply(entry)
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
            Event::Called {
                ticket,
                start_by,
                passed,
            } => self.call(at, *ticket, *start_by, passed)?,
            Event::Started {
                ticket,
                contribute_by,
                stall_by,
            } => {
                self.advance(
                    at,
                    *ticket,
                    Phase::Ready,
                    Phase::Contributing,
                    *contribute_by,
                )?;
                if let Some(turn) = &mut self.turn {
                    turn.stalled_by = *stall_by;
                    turn.stall_limit = stall_by.map(|by| by.since(at));
                }
            }
            Event::Extended {
                ticket,
                contribute_by,
            } => self.extend(*ticket, *contribute_by)?,
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
            passed: 0,
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

    /// The rule: `docs/spec/queue.md#one-turn`.
    fn call(
        &mut self,
        at: Timestamp,
        ticket: Ticket,
        start_by: Timestamp,
        passed: &[Ticket],
    ) -> Result<(), Misfit> {
        if self.mode == Mode::Halted {
            return Err(Misfit::WrongMode);
        }
        let mut ahead = (0..).map_while(|n| self.line.nth(n)).map(|(one, _)| one);
        let named = passed.iter().all(|&one| ahead.next() == Some(one));
        let fits = named && ahead.next() == Some(ticket) && (passed.len() as u64) < NEAR_HEAD;
        if self.turn.is_some() || !fits {
            return Err(Misfit::OutOfTurn { ticket });
        }
        for &one in passed {
            self.line.pass(one);
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
            passed: waiter.passed,
            by: start_by,
            stalled_by: None,
            stall_limit: None,
            work: Duration::ZERO,
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
                if to == Phase::Verifying {
                    turn.work = at.since(turn.since);
                }
                turn.phase = to;
                turn.since = at;
                turn.by = by;
                turn.stalled_by = None;
                Ok(())
            }
            _ => Err(Misfit::WrongPhase { ticket }),
        }
    }

    fn extend(&mut self, ticket: Ticket, contribute_by: Timestamp) -> Result<(), Misfit> {
        match &mut self.turn {
            Some(turn) if turn.ticket == ticket && turn.phase == Phase::Contributing => {
                turn.by = contribute_by;
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
                if outcome == Outcome::Contributed {
                    self.estimate.record_work(turn.work);
                }
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
            // A restart has forgotten volatile check-ins. A participant that said it would check in
            // while it contributes has the full time for the next one.
            turn.stalled_by = match turn
                .stall_limit
                .filter(|_| turn.phase == Phase::Contributing)
            {
                Some(stall) if restarted => Some(at.saturating_add(stall)),
                _ => turn.stalled_by.map(|by| by.saturating_add(missed)),
            };
            turn.since = turn.since.saturating_add(missed);
            turn.called_at = turn.called_at.saturating_add(pause).min(at);
        }
        if let Some(halt) = &mut self.halt {
            halt.since = at;
        }
    }
}
