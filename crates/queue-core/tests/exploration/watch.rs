//! What must hold on every step and in every state, by what people were told and what the
//! specification says.

use tauline_queue_core::{Command, Entry, Event, Mode, Outcome, Phase, Ticket, Timestamp, Verdict};

use crate::actions::TRY_EVERY;
use crate::beginnings::SECOND;
use crate::world::{Id, PEOPLE, Told, World};

/// How long somebody counts as there who has asked (`docs/spec/queue.md#presence`).
const THERE: u64 = SECOND;

/// What was before a step.
struct Before {
    mode: Mode,
    was_empty: bool,
    turn: Option<(Ticket, Phase, Timestamp)>,
    contribute_by: Option<Timestamp>,
    log_time: Timestamp,
    limit: u64,
    restarted: bool,
    /// Those in line, in order, with their deadlines.
    line: Vec<(Ticket, Id, u64)>,
}

/// Who sends a command, if a participant does.
fn sender(command: &Command<Id>) -> Option<Id> {
    match command {
        Command::Join { id }
        | Command::CheckIn { id }
        | Command::TryContribute { id, .. }
        | Command::Start { id, .. }
        | Command::Disconnect { id }
        | Command::Upload { id }
        | Command::Submit { id }
        | Command::Abort { id }
        | Command::Leave { id } => Some(*id),
        _ => None,
    }
}

/// A bit for each kind of event and each outcome.
fn kind(event: &Event<Id>) -> u32 {
    match event {
        Event::Joined { .. } => 1,
        Event::CheckedIn { .. } => 1 << 1,
        Event::Called { .. } => 1 << 2,
        Event::Started { .. } => 1 << 3,
        Event::Extended { .. } => 1 << 4,
        Event::Submitted { .. } => 1 << 5,
        Event::ModeSet { .. } => 1 << 6,
        Event::Pardoned { .. } => 1 << 7,
        Event::Resumed { .. } => 1 << 8,
        Event::Ended { outcome, .. } => 1 << (9 + *outcome as u32),
    }
}

/// Whether a command asks for a free turn.
fn asks(command: &Command<Id>) -> bool {
    matches!(
        command,
        Command::Join { .. } | Command::CheckIn { .. } | Command::TryContribute { .. }
    )
}

impl World {
    /// One step of the queue, watched. Says whether it can have changed anything.
    pub(crate) fn step(&mut self, clock: u64, command: &Command<Id>) -> bool {
        let before = self.before();
        // Time stands still while the clock is behind (`docs/spec/queue.md#log-time`).
        let lived_until = match before.restarted {
            true => before.log_time.as_millis(),
            false => self.lived_until,
        };
        let time = clock.max(lived_until);
        let allowed = self.is_allowed(&before, command, time);
        let step = self
            .queue
            .step(Timestamp::from_millis(clock), command.clone());
        assert_eq!(step.result.is_ok(), allowed, "the answer to {command:?}");
        self.account_for_absence(time, before.mode, before.was_empty);
        let called = self.should_be_called(&before, command, time);
        for entry in &step.entries {
            assert_eq!(entry.at.as_millis(), time, "log time never falls");
            self.happened |= kind(&entry.event);
            self.take_note(&before, command, entry, time);
        }
        self.keep(&step);
        self.lived_until = time;
        if let (Some(id), Ok(())) = (sender(command), step.result) {
            self.note_answer(id, command, time);
            if let Some(called) = called {
                let is_called = self.phase_of(id) != Some(Phase::Waiting);
                assert_eq!(called, is_called, "whether the free turn goes to {id}");
            }
        }
        self.assert_contribution_limit_stands(&before, command, &step.entries);
        self.assert_state(time);
        !step.entries.is_empty() || step.result.is_ok()
    }

    fn before(&self) -> Before {
        let state = self.queue.state();
        let deadline = |id| state.stay(id).unwrap().deadline.as_millis();
        Before {
            mode: state.mode(),
            was_empty: state.is_empty(),
            turn: state
                .turn()
                .map(|turn| (turn.ticket, turn.phase, turn.deadline)),
            contribute_by: state.turn().and_then(|turn| turn.contribute_by),
            log_time: state.log_time(),
            limit: self.queue.contribution_limit().as_millis() as u64,
            restarted: self.restarted,
            line: (state.line())
                .map(|(ticket, id)| (ticket, *id, deadline(id)))
                .collect(),
        }
    }

    /// Whether a command must be carried out (`docs/spec/queue.md#phases`).
    /// A command comes too late at the very moment at which a deadline has passed.
    fn is_allowed(&self, before: &Before, command: &Command<Id>, time: u64) -> bool {
        let runs = before.mode != Mode::Halted && !before.restarted;
        let is_late = |phase, by| runs && *command != Command::Tick && self.due(phase, by) <= time;
        let late = |ticket: u64| match before.turn {
            Some((turn, phase, by)) if turn.value() == ticket => is_late(phase, by),
            _ => (before.line.iter()).any(|(one, _, by)| {
                one.value() == ticket && is_late(Phase::Waiting, Timestamp::from_millis(*by))
            }),
        };
        let phase = |ticket: Option<u64>| match before.turn {
            _ if ticket.is_some_and(late) => None,
            Some((turn, phase, _)) if Some(turn.value()) == ticket => Some(phase),
            _ => ticket.map(|_| Phase::Waiting),
        };
        let person = |id: &Id| &self.people[usize::from(*id)];
        let phase_of = |id: &Id| phase(person(id).ticket);
        let used_up = |id: &Id| person(id).barred || person(id).ticket.is_some_and(late);
        let (waiting, ready) = (Some(Phase::Waiting), Some(Phase::Ready));
        let (contributing, verifying) = (Some(Phase::Contributing), Some(Phase::Verifying));
        match command {
            Command::Join { id } | Command::TryContribute { id, .. } => {
                let free = !used_up(id) && before.mode == Mode::Open;
                phase_of(id).is_some() || free
            }
            Command::CheckIn { id } | Command::Disconnect { id } | Command::Upload { id } => {
                phase_of(id).is_some()
            }
            Command::Start { id, .. } => {
                let may_begin = phase_of(id) == ready && before.mode != Mode::Halted;
                may_begin || phase_of(id) == contributing
            }
            Command::Submit { id } => phase_of(id) == contributing,
            Command::Abort { id } => [ready, contributing].contains(&phase_of(id)),
            Command::Leave { id } => [waiting, ready, contributing].contains(&phase_of(id)),
            Command::Judge { ticket, .. } => {
                let is_turn = before.turn.is_some_and(|turn| turn.0 == *ticket);
                is_turn && phase(Some(ticket.value())) == verifying
            }
            Command::SetMode(_) | Command::Tick => true,
            Command::Pardon { id } => person(id).barred && !person(id).contributed,
            Command::Expel { ticket } => {
                let ticket = Some(ticket.value());
                let lasts = self.people.iter().any(|person| person.ticket == ticket);
                lasts && phase(ticket) != verifying
            }
        }
    }

    /// Whether somebody in line who asks must get the turn: `None` if that is not the question.
    /// A free turn goes to the first who is there, past those who are not
    /// (`docs/spec/queue.md#passing`).
    fn should_be_called(&self, before: &Before, command: &Command<Id>, time: u64) -> Option<bool> {
        // After an absence deadlines have moved: what is asked then is asked again later.
        if !asks(command) || before.restarted || time > self.lived_until {
            return None;
        }
        let id = sender(command)?;
        let place = before.line.iter().position(|(_, one, _)| *one == id);
        let joins = self.people[usize::from(id)].ticket.is_none();
        if place.is_none() && !joins {
            return None;
        }
        let ahead = &before.line[..place.unwrap_or(before.line.len())];
        let free = before.turn.is_none() && before.mode != Mode::Halted;
        Some(free && ahead.iter().all(|one| self.may_be_passed(*one, time)))
    }

    fn may_be_passed(&self, (_, id, by): (Ticket, Id, u64), time: u64) -> bool {
        let rules = self.queue.rules();
        let person = &self.people[usize::from(id)];
        let is_there = person.heard.is_some_and(|at| time < at + THERE);
        let is_expected = by <= time + rules.checkin_min.as_millis() as u64;
        person.passed < rules.passes && !is_there && !is_expected
    }

    fn take_note(&mut self, before: &Before, command: &Command<Id>, entry: &Entry<Id>, time: u64) {
        let rules = *self.queue.rules();
        let ms = |duration: std::time::Duration| duration.as_millis() as u64;
        match &entry.event {
            Event::Joined {
                ticket,
                id,
                lasting_by,
                ..
            } => {
                let (Command::Join { id: asked } | Command::TryContribute { id: asked, .. }) =
                    command
                else {
                    panic!("{id} joined by {command:?}");
                };
                assert_eq!(asked, id);
                assert_eq!(before.mode, Mode::Open, "nobody joins but while it is open");
                let person = &mut self.people[usize::from(*id)];
                assert_eq!(person.ticket, None, "{id} is twice in line");
                assert!(!person.barred, "{id} is used up and joins");
                person.ticket = Some(ticket.value());
                person.lasting_by = lasting_by.as_millis();
                person.passed = 0;
            }
            Event::CheckedIn {
                ticket, lasting_by, ..
            } => {
                let phase = self
                    .queue
                    .state()
                    .turn()
                    .map(|turn| (turn.ticket, turn.phase));
                if phase == Some((*ticket, Phase::Contributing)) {
                    self.checks_in = true;
                } else if let Some(by) = lasting_by {
                    self.person_of(*ticket).lasting_by = by.as_millis();
                }
            }
            Event::Called {
                ticket,
                start_by,
                passed,
            } => {
                self.note_call(before, command, *ticket, passed, time);
                let interval = match std::mem::take(&mut self.person_of(*ticket).tried) {
                    true => ms(TRY_EVERY),
                    false => 0,
                };
                let held_for = start_by.as_millis() - time;
                assert!(
                    held_for >= interval.max(ms(rules.start_limit)),
                    "the turn of {ticket} is held for {held_for} ms"
                );
            }
            Event::Started {
                ticket,
                contribute_by,
                stall_by,
            } => {
                assert_ne!(
                    before.mode,
                    Mode::Halted,
                    "nothing starts while it is halted"
                );
                assert!(matches!(
                    command,
                    Command::Start { .. } | Command::TryContribute { .. }
                ));
                let has = contribute_by.as_millis() - time;
                assert_eq!(has, before.limit, "the time of {ticket} to contribute");
                let says_so = matches!(
                    command,
                    Command::Start {
                        checks_in: true,
                        ..
                    }
                );
                assert_eq!(stall_by.is_some(), says_so, "the stall timer of {ticket}");
                self.said_so = says_so;
                self.checks_in = says_so;
            }
            Event::Extended { .. } => assert!(matches!(command, Command::Upload { .. })),
            Event::Submitted { verify_by, .. } => {
                assert!(matches!(command, Command::Submit { .. }));
                let has = verify_by.as_millis() - time;
                assert!(has >= ms(rules.verification_limit), "{has} ms to verify");
            }
            Event::Ended { ticket, outcome } => {
                self.note_end(before, command, *ticket, *outcome, time);
            }
            Event::ModeSet { mode } => {
                let by_itself = *mode == Mode::Halted && self.queue.state().is_empty();
                assert!(by_itself || *command == Command::SetMode(*mode));
                if *mode == Mode::Halted {
                    self.halted_at = Some(time);
                }
            }
            Event::Pardoned { id } => {
                assert_eq!(*command, Command::Pardon { id: *id });
                let person = &mut self.people[usize::from(*id)];
                assert!(person.barred && !person.contributed, "{id} needs no pardon");
                person.barred = false;
            }
            Event::Resumed { pause, .. } => {
                for person in &mut self.people {
                    person.lasting_by += ms(*pause);
                }
            }
        }
    }

    /// First in, first out, but for those who may be passed (`docs/spec/queue.md#order`).
    fn note_call(
        &mut self,
        before: &Before,
        command: &Command<Id>,
        called: Ticket,
        passed: &[Ticket],
        time: u64,
    ) {
        let caller = sender(command).filter(|_| asks(command));
        let caller = caller.map(|id| self.people[usize::from(id)].ticket);
        assert_eq!(
            caller,
            Some(Some(called.value())),
            "who did not ask is called"
        );
        assert_ne!(
            before.mode,
            Mode::Halted,
            "nobody is called while it is halted"
        );
        let state = self.queue.state();
        let ahead: Vec<Ticket> = (state.line())
            .map(|(ticket, _)| ticket)
            .take_while(|ticket| *ticket < called)
            .collect();
        assert_eq!(ahead, passed, "{called} was called past them");
        for ticket in passed {
            let id = *state.id_of(*ticket).unwrap();
            let by = state.stay(&id).unwrap().deadline.as_millis();
            assert!(
                self.may_be_passed((*ticket, id, by), time),
                "{ticket} was passed: it was there, or expected, or passed before"
            );
        }
        for ticket in passed {
            self.person_of(*ticket).passed += 1;
        }
        self.person_of(called).heard = None;
    }

    /// A stay ends by whoever may end it, and by no deadline before its time.
    fn note_end(
        &mut self,
        before: &Before,
        command: &Command<Id>,
        ticket: Ticket,
        outcome: Outcome,
        time: u64,
    ) {
        let person = self.person_of(ticket).clone();
        let owner = sender(command).map(|id| self.people[usize::from(id)].ticket);
        let own = owner == Some(Some(ticket.value()));
        let turn = before.turn.filter(|turn| turn.0 == ticket);
        let phase = turn.map_or(Phase::Waiting, |turn| turn.1);
        let grace = self.queue.rules().checkin_grace.as_millis() as u64;
        let judged = |verdict| *command == Command::Judge { ticket, verdict };
        let fits = match outcome {
            Outcome::MissedCheckIn => phase == Phase::Waiting,
            Outcome::FailedToStart => phase == Phase::Ready,
            Outcome::TimedOut | Outcome::Stalled => phase == Phase::Contributing,
            Outcome::Contributed => phase == Phase::Verifying && judged(Verdict::Valid),
            Outcome::Invalid => phase == Phase::Verifying && judged(Verdict::Invalid),
            Outcome::CoordinatorFault => phase == Phase::Verifying,
            Outcome::Aborted => own && matches!(command, Command::Abort { .. }),
            Outcome::Left => own && matches!(command, Command::Leave { .. }),
            Outcome::Expelled => *command == Command::Expel { ticket },
        };
        assert!(
            fits,
            "{ticket}, {phase:?}, ended as {outcome:?} by {command:?}"
        );
        if outcome == Outcome::Stalled {
            assert!(self.checks_in, "{ticket} never checked in, and stalled");
        }
        let allowed = match outcome {
            Outcome::MissedCheckIn
            | Outcome::FailedToStart
            | Outcome::TimedOut
            | Outcome::Stalled => Some(grace),
            Outcome::CoordinatorFault if !judged(Verdict::CoordinatorFault) => Some(0),
            // Somebody ended it: no deadline.
            _ => None,
        };
        let ended_itself = matches!(
            outcome,
            Outcome::Aborted | Outcome::Left | Outcome::Expelled
        );
        assert!(
            !ended_itself || phase != Phase::Verifying,
            "{ticket} gets no verdict, but ends as {outcome:?}"
        );
        if let Some(allowed) = allowed {
            assert_ne!(
                before.mode,
                Mode::Halted,
                "{ticket} ended by a deadline in a halt"
            );
            let told = person.told.unwrap().by;
            assert!(
                time >= told + allowed,
                "{ticket} ended as {outcome:?}, {} ms before its time",
                told + allowed - time
            );
        }
        let person = self.person_of(ticket);
        *person = crate::world::Person {
            barred: outcome != Outcome::CoordinatorFault,
            contributed: outcome == Outcome::Contributed,
            ..Default::default()
        };
    }

    /// The participant reads in the answer until when it has time, and how far it has come.
    fn note_answer(&mut self, id: Id, command: &Command<Id>, time: u64) {
        let state = self.queue.state();
        let halted_at = self.halted_at.filter(|_| state.mode() == Mode::Halted);
        let person = &mut self.people[usize::from(id)];
        let Some(stay) = state.stay(&id) else {
            return;
        };
        let by = stay.deadline.as_millis();
        let told = person.told.filter(|_| stay.phase == Phase::Waiting);
        let told = told.map_or(0, |told| told.by);
        assert!(by >= told, "{id} was told {told}, and now {by}");
        let turn = state.turn().filter(|turn| turn.ticket == stay.ticket);
        let since = turn.map_or(0, |turn| turn.since.as_millis());
        person.told = Some(Told { by, since });
        if stay.phase == Phase::Waiting && asks(command) {
            let tries = matches!(command, Command::TryContribute { .. });
            person.tried |= tries;
            if halted_at.is_none() {
                person.heard = Some(time);
            }
            let least = match tries {
                true => TRY_EVERY,
                false => self.queue.rules().checkin_min,
            };
            let has = by.saturating_sub(halted_at.unwrap_or(time));
            assert!(
                has >= least.as_millis() as u64,
                "{id} has {has} ms until the next check-in"
            );
        }
        let contributes = stay.phase == Phase::Contributing && halted_at.is_none();
        let left = by.saturating_sub(time);
        let rules = self.queue.rules();
        match command {
            Command::Disconnect { .. } if contributes && self.checks_in => assert!(
                left <= rules.disconnect_limit.as_millis() as u64,
                "{id} is gone, and has {left} ms"
            ),
            Command::Start {
                checks_in: true, ..
            } if contributes => assert!(
                left <= rules.stall_limit.as_millis() as u64,
                "{id} checks in, and has {left} ms"
            ),
            Command::TryContribute { .. } => {
                let waits_for_nothing = stay.phase == Phase::Ready && halted_at.is_none();
                assert!(
                    !waits_for_nothing,
                    "{id} tried in its turn and did not start"
                );
            }
            Command::Upload { .. } if contributes => {
                let turn = turn.unwrap();
                let latest = turn.since.saturating_add(rules.contribution_limit);
                let least = rules.stall_limit.as_millis() as u64 / 2;
                let least = least.min(latest.as_millis().saturating_sub(time));
                assert!(left >= least, "{id} uploads, and has {left} ms");
            }
            _ => {}
        }
    }

    /// Nothing but an absence and bytes of the upload moves the time by which a contribution must
    /// be there (`docs/spec/queue.md#start`).
    fn assert_contribution_limit_stands(
        &self,
        before: &Before,
        command: &Command<Id>,
        entries: &[Entry<Id>],
    ) {
        let turn = self.queue.state().turn();
        let now = turn.and_then(|turn| Some((turn.ticket, turn.contribute_by?)));
        let then = before
            .turn
            .and_then(|turn| Some((turn.0, before.contribute_by?)));
        let resumed = (entries.iter()).any(|entry| matches!(entry.event, Event::Resumed { .. }));
        let (Some(now), Some(then)) = (now, then) else {
            return;
        };
        if now.0 == then.0 && !resumed && !matches!(command, Command::Upload { .. }) {
            assert_eq!(now.1, then.1, "{command:?} moved the time to contribute");
        }
    }

    /// What holds in every state.
    fn assert_state(&self, time: u64) {
        let state = self.queue.state();
        let rules = self.queue.rules();
        let ms = |duration: std::time::Duration| duration.as_millis() as u64;
        let runs = state.mode() != Mode::Halted;
        let in_turn = state.turn().map(|turn| turn.ticket.value());
        let mut last = None;
        let mut place = 0;
        for (ticket, id) in state.line() {
            assert!(last < Some(ticket), "the line is out of order");
            assert_ne!(in_turn, Some(ticket.value()), "it waits and has the turn");
            last = Some(ticket);
            place += 1;
            let stay = state.stay(id).unwrap();
            assert_eq!((stay.ticket, stay.position), (ticket, place));
            assert_eq!(self.people[usize::from(*id)].ticket, Some(ticket.value()));
        }
        assert_eq!(place, state.waiting());
        if let Some(turn) = state.turn() {
            let stay = state.stay(turn.id).unwrap();
            assert_eq!(
                (stay.ticket, stay.phase, stay.position),
                (turn.ticket, turn.phase, 0)
            );
            assert_ne!(turn.phase, Phase::Waiting);
        }
        // The longest that any deadline can be away, so that the queue is never stuck.
        let furthest = 2 * (ms(TRY_EVERY) + ms(rules.lasting_step)) + ms(rules.contribution_limit);
        for id in 0..PEOPLE {
            let person = &self.people[usize::from(id)];
            let stay = state.stay(&id);
            assert_eq!(stay.map(|stay| stay.ticket.value()), person.ticket, "{id}");
            assert_eq!(
                state.used_up(&id).is_some(),
                person.barred,
                "{id} is used up"
            );
            let Some(stay) = stay else { continue };
            assert!(!person.barred, "{id} is in the queue and used up");
            assert_eq!(stay.passed, person.passed, "how often {id} was passed");
            let by = stay.deadline.as_millis();
            let told = person.told.unwrap().by;
            let in_line = stay.phase == Phase::Waiting;
            assert!(
                by >= told || !in_line && self.checks_in,
                "{id} was told {told}, and has {by}"
            );
            if runs {
                let due = self.due(stay.phase, stay.deadline);
                assert!(due > time, "{id} outlives its deadline");
                assert!(by <= time + furthest, "{id} has until {by}");
            }
        }
        let empty = state.is_empty();
        assert!(
            state.mode() != Mode::Draining || !empty,
            "drained, and not halted"
        );
        assert_eq!(
            self.queue.next_deadline().is_some(),
            runs && !empty,
            "the timer"
        );
        if runs && !empty {
            let wake = self.queue.wake_at().unwrap().as_millis();
            assert!(
                wake > time && wake <= time + ms(rules.tick),
                "woken at {wake}"
            );
        }
    }
}
