//! The turn: its start, the contribution that arrives, the verdict, and how it is given up.

use alloc::vec::Vec;
use core::hash::Hash;
use core::time::Duration;

use super::Queue;
use crate::{
    Entry, Event, MaySubmit, Mode, Outcome, Phase, Refusal, Stay, Ticket, Timestamp, Verdict,
};

impl<Id: Clone + Eq + Hash> Queue<Id> {
    pub(super) fn start(
        &mut self,
        now: Timestamp,
        id: &Id,
        checks_in: bool,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        let stay = self.state.stay_or_refusal(id)?;
        match stay.phase {
            Phase::Waiting => {
                return Err(Refusal::NotYourTurn {
                    position: stay.position,
                });
            }
            Phase::Ready => {}
            // A broken download can be fetched again; the clock is not restarted. A participant that
            // says it checks in has checked in by saying so.
            Phase::Contributing => {
                if checks_in {
                    self.check_in(now, stay, log);
                }
                return Ok(());
            }
            Phase::Verifying => return Err(Refusal::AlreadySubmitted),
        }
        if self.state.mode() == Mode::Halted {
            return Err(Refusal::Halted);
        }
        self.begin_contribution(now, stay.ticket, checks_in, log);
        Ok(())
    }

    pub(super) fn begin_contribution(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        checks_in: bool,
        log: &mut Vec<Entry<Id>>,
    ) {
        let contribute_by = now.saturating_add(self.contribution_limit());
        let stall_by = checks_in.then(|| now.saturating_add(self.rules.stall_limit));
        self.emit(
            now,
            Event::Started {
                ticket,
                contribute_by,
                stall_by,
            },
            log,
        );
    }

    /// How long a turn that starts now may last, from its start to the last byte: the
    /// [`contribution_limit`](crate::Rules::contribution_limit), or if
    /// [`contribution_min`](crate::Rules::contribution_min) is given, what recent contributions needed.
    #[must_use]
    pub fn contribution_limit(&self) -> Duration {
        self.rules.limit_after(self.state.longest_usual_work())
    }

    /// Extends the deadline of a contribution that is arriving: to a stall limit from now, and at
    /// most to the contribution limit. To keep the log short, nothing is recorded while more than
    /// half a stall limit is left. The bytes are also a check-in, if the participant checks in
    /// (`docs/spec/queue.md#upload-extends`).
    pub(super) fn upload(&mut self, now: Timestamp, stay: &Stay, log: &mut Vec<Entry<Id>>) {
        if self.state.mode() == Mode::Halted {
            return;
        }
        if stay.phase == Phase::Contributing && self.state.stalled_by().is_some() {
            self.check_in(now, *stay, log);
        }
        let Some((since, by)) = self.state.contribute_by() else {
            return;
        };
        let latest = since.saturating_add(self.rules.contribution_limit);
        let contribute_by = now.saturating_add(self.rules.stall_limit).min(latest);
        let soon = now.saturating_add(self.rules.stall_limit / 2);
        if stay.phase == Phase::Contributing
            && by < contribute_by
            && (by <= soon || contribute_by == latest)
        {
            self.emit(
                now,
                Event::Extended {
                    ticket: stay.ticket,
                    contribute_by,
                },
                log,
            );
        }
    }

    pub(super) fn submit(
        &mut self,
        now: Timestamp,
        id: &Id,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        let ticket = match self.state.may_submit(id)? {
            MaySubmit::Yes(ticket) => ticket,
            MaySubmit::Verifying(_) => return Err(Refusal::AlreadySubmitted),
            MaySubmit::Accepted(_) => {
                let outcome = Outcome::Contributed;
                return Err(Refusal::Ended { outcome });
            }
        };
        let submitted = Event::Submitted {
            ticket,
            verify_by: now.saturating_add(self.rules.verification_limit),
        };
        self.emit(now, submitted, log);
        Ok(())
    }

    /// The rule: `docs/spec/queue.md#late-verdict`.
    pub(super) fn judge(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        verdict: Verdict,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        let is_verified = self
            .state
            .turn()
            .is_some_and(|turn| turn.phase == Phase::Verifying && turn.ticket == ticket);
        if !is_verified {
            return Err(Refusal::StaleVerdict { ticket });
        }
        let outcome = match verdict {
            Verdict::Valid => Outcome::Contributed,
            Verdict::Invalid => Outcome::Invalid,
            Verdict::CoordinatorFault => Outcome::CoordinatorFault,
        };
        self.emit(now, Event::Ended { ticket, outcome }, log);
        Ok(())
    }

    pub(super) fn abort(
        &mut self,
        now: Timestamp,
        id: &Id,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        let stay = self.state.stay_or_refusal(id)?;
        match stay.phase {
            Phase::Waiting => Err(Refusal::NotYourTurn {
                position: stay.position,
            }),
            _ => self.give_up(now, stay, Outcome::Aborted, log),
        }
    }

    /// The rule: `docs/spec/queue.md#left`.
    pub(super) fn leave(
        &mut self,
        now: Timestamp,
        id: &Id,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        let stay = self.state.stay_or_refusal(id)?;
        self.give_up(now, stay, Outcome::Left, log)
    }

    /// Ends a stay by its owner's wish: possible until the contribution is there.
    fn give_up(
        &mut self,
        now: Timestamp,
        stay: Stay,
        outcome: Outcome,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        if stay.phase == Phase::Verifying {
            return Err(Refusal::AlreadySubmitted);
        }
        let ticket = stay.ticket;
        self.emit(now, Event::Ended { ticket, outcome }, log);
        Ok(())
    }
}
