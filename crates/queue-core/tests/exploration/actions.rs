//! What can happen next.

use std::time::Duration;

use tauline_queue_core::{Command, Mode, Phase, Ticket, Verdict};

use crate::beginnings::SECOND;
use crate::world::{Id, PEOPLE, World};

/// After what time those try again who try.
pub(crate) const TRY_EVERY: Duration = Duration::from_secs(8);

/// A long time for a coordinator to be away: longer than every deadline.
const LONG: u64 = 60 * SECOND;

/// One step of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A command, at once.
    Do(Command<Id>),
    /// A command, by a clock that was set back by a second.
    ByAnOldClock(Command<Id>),
    /// Until those who asked last no longer count as there. The coordinator lives, here and in the
    /// next four.
    Soon,
    /// Until somebody in line is expected, so that it is not passed any more.
    UntilExpected,
    /// Until just before the next deadline, grace included.
    UntilDeadline,
    /// Until the next deadline has passed.
    PastDeadline,
    /// The same, and the command comes at that moment, before a tick.
    TooLate(Command<Id>),
    /// The coordinator does nothing for two seconds: too short for an absence.
    Late,
    /// It does nothing for long.
    Pause,
    /// It dies, and another goes on from the durable log after this many milliseconds.
    Crash(u64),
}

/// Everything that can happen in this state. People who stand in the same place in the same way are
/// one as good as the other: one of them acts.
pub(crate) fn possible(world: &World) -> Vec<Action> {
    let mut actions = Vec::with_capacity(64);
    let state = world.queue.state();
    let mut absent = Vec::new();
    for id in 0..PEOPLE {
        let person = &world.people[usize::from(id)];
        if person.ticket.is_none() {
            let kind = person.standing();
            if absent.contains(&kind) {
                continue;
            }
            absent.push(kind);
        }
        actions.extend(commands_of(id).map(Action::Do));
        if !world.restarted {
            actions.push(Action::ByAnOldClock(Command::Join { id }));
            actions.push(Action::ByAnOldClock(Command::CheckIn { id }));
        }
        if let Some(ticket) = person.ticket {
            let ticket = Ticket::new(ticket);
            actions.push(Action::Do(Command::Expel { ticket }));
        }
    }
    if let Some((id, phase)) = world.next_due() {
        actions.extend(too_late(world, id, phase).into_iter().map(Action::TooLate));
    }
    let turn = state.turn().map(|turn| turn.ticket);
    let next = state.next_ticket();
    let other = [next.value().saturating_sub(1), next.value()].map(Ticket::new);
    for ticket in turn.into_iter().chain(other) {
        for verdict in [Verdict::Valid, Verdict::Invalid, Verdict::CoordinatorFault] {
            actions.push(Action::Do(Command::Judge { ticket, verdict }));
        }
    }
    let ticket = next;
    actions.push(Action::Do(Command::Expel { ticket }));
    for mode in [Mode::Open, Mode::Draining, Mode::Halted] {
        actions.push(Action::Do(Command::SetMode(mode)));
    }
    actions.push(Action::Do(Command::Tick));
    actions.extend([
        Action::Soon,
        Action::UntilExpected,
        Action::UntilDeadline,
        Action::PastDeadline,
        Action::Late,
        Action::Pause,
        Action::Crash(0),
        Action::Crash(LONG),
    ]);
    actions
}

fn commands_of(id: Id) -> impl Iterator<Item = Command<Id>> {
    let interval = TRY_EVERY;
    let start = |checks_in| Command::Start { id, checks_in };
    [
        Command::Join { id },
        Command::CheckIn { id },
        Command::TryContribute { id, interval },
        start(false),
        start(true),
        Command::Disconnect { id },
        Command::Upload { id },
        Command::Submit { id },
        Command::Abort { id },
        Command::Leave { id },
        Command::Pardon { id },
    ]
    .into_iter()
}

/// What somebody may try whose time has just passed, or the coordinator whose time has.
fn too_late(world: &World, id: Id, phase: Phase) -> Vec<Command<Id>> {
    let interval = TRY_EVERY;
    match phase {
        Phase::Waiting => vec![
            Command::CheckIn { id },
            Command::TryContribute { id, interval },
            Command::Leave { id },
        ],
        Phase::Ready => vec![Command::Start {
            id,
            checks_in: false,
        }],
        Phase::Contributing => vec![Command::CheckIn { id }, Command::Submit { id }],
        Phase::Verifying => {
            let ticket = world.queue.state().turn().map(|turn| turn.ticket);
            let verdict = Verdict::Valid;
            ticket
                .map(|ticket| Command::Judge { ticket, verdict })
                .into_iter()
                .collect()
        }
    }
}

impl World {
    /// Does what happens. Says whether it can have changed anything.
    pub(crate) fn take(&mut self, action: &Action) -> bool {
        let now = self.now;
        match action {
            Action::Do(command) => return self.step(now, command),
            Action::ByAnOldClock(command) => return self.step(now - SECOND, command),
            Action::Soon => self.live_until(now + SECOND),
            Action::UntilExpected => match self.next_expected() {
                Some(at) => self.live_until(at),
                None => return false,
            },
            Action::UntilDeadline | Action::PastDeadline => match self.queue.next_deadline() {
                Some(due) => {
                    let short = u64::from(*action == Action::UntilDeadline);
                    self.live_until(due.as_millis() - short);
                }
                None => return false,
            },
            Action::TooLate(command) => {
                let due = self.queue.next_deadline().unwrap().as_millis();
                self.live_until(due - 1);
                self.now = due;
                self.step(due, command);
            }
            Action::Late | Action::Pause => {
                let length = match action {
                    Action::Late => 2 * SECOND,
                    _ => LONG,
                };
                self.now += length;
                self.step(self.now, &Command::Tick);
            }
            Action::Crash(_) if self.restarted => return false,
            Action::Crash(outage) => self.crash(*outage),
        }
        true
    }

    /// Whose time is over next, and in which phase that is.
    fn next_due(&self) -> Option<(Id, Phase)> {
        let due = self.queue.next_deadline()?.as_millis();
        (0..PEOPLE).find_map(|id| {
            let stay = self.queue.state().stay(&id)?;
            let own = self.due(stay.phase, stay.deadline);
            (own == due).then_some((id, stay.phase))
        })
    }

    /// When the next in line comes so near to its deadline that it is expected.
    fn next_expected(&self) -> Option<u64> {
        let state = self.queue.state();
        let least = self.queue.rules().checkin_min;
        state
            .line()
            .filter_map(|(_, id)| state.stay(id))
            .map(|stay| stay.deadline.saturating_sub(least).as_millis())
            .filter(|&at| at > self.now)
            .min()
    }

    /// Time passes, and the coordinator's timer works.
    fn live_until(&mut self, until: u64) {
        let until = until.max(self.now);
        while let Some(at) = self.queue.wake_at().filter(|at| at.as_millis() < until) {
            self.now = self.now.max(at.as_millis());
            self.step(self.now, &Command::Tick);
        }
        self.now = until;
        self.step(self.now, &Command::Tick);
    }
}
