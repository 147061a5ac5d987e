//! What people should know of although a coordinator may do it: passes, pardons, pauses and the like.

use tauline_protocol::public_log::Commitment;
use tauline_queue_core::{Event, Mode, Outcome, State, Ticket, Timestamp};

use crate::finding::{Remark, Topic, listed, shown};

/// What a remark, or a contribution's record, needs of the state before an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    /// Whose stay the event is about.
    pub(crate) owner: Option<Commitment>,
    mode: Mode,
    is_empty: bool,
    waiting: u64,
    halted_since: Option<Timestamp>,
    /// The stay that is pardoned.
    pardoned: Option<Ticket>,
}

impl Before {
    pub(crate) fn of(state: &State<Commitment>, event: &Event<Commitment>) -> Self {
        let pardoned = match event {
            Event::Pardoned { id } => state.past(id).map(|past| past.ticket),
            _ => None,
        };
        Self {
            owner: event.ticket().and_then(|it| state.id_of(it)).copied(),
            mode: state.mode(),
            is_empty: state.is_empty(),
            waiting: state.waiting(),
            halted_since: state.halted_since(),
            pardoned,
        }
    }
}

/// What there is to say of an event that could follow.
pub(crate) fn remark(
    event: &Event<Commitment>,
    at: Timestamp,
    because: Option<&str>,
    before: &Before,
) -> Option<(Topic, Option<Ticket>, String)> {
    let (topic, text) = match event {
        Event::Called { ticket, passed, .. } if !passed.is_empty() => {
            let passed = listed(passed.iter().map(Ticket::to_string));
            let text = format!("Ticket {ticket} was called, past ticket {passed}.");
            (Topic::Pass, text)
        }
        Event::Pardoned { .. } => {
            let ticket = before.pardoned;
            let whose = ticket.map_or("somebody".to_owned(), |it| format!("ticket {it}'s owner"));
            let text = format!("The operator let {whose} join again.");
            return Some((Topic::Pardon, ticket, text));
        }
        Event::ModeSet { mode } => mode_set(*mode, at, before),
        Event::Resumed { pause, restarted } if before.halted_since.is_none() => {
            let why = match restarted {
                true => "was restarted",
                false => "stood still",
            };
            let text = format!(
                "The coordinator {why}: all deadlines were moved by {}.",
                shown(*pause)
            );
            (Topic::Absence, text)
        }
        Event::Ended {
            ticket,
            outcome: Outcome::CoordinatorFault,
        } => {
            let text = format!(
                "Ticket {ticket}'s turn ended by the coordinator's fault; its owner may join again."
            );
            (Topic::CoordinatorFault, text)
        }
        Event::Ended {
            ticket,
            outcome: Outcome::Expelled,
        } => {
            let why = because.unwrap_or("no reason was given");
            let text = format!("The operator expelled ticket {ticket}: {why}");
            (Topic::Expulsion, text)
        }
        _ => return None,
    };
    Some((topic, event.ticket(), text))
}

fn mode_set(mode: Mode, at: Timestamp, before: &Before) -> (Topic, String) {
    let in_line = before.waiting;
    match (before.mode, mode) {
        (Mode::Draining, Mode::Halted) if before.is_empty => {
            let text = "The queue is drained, and the ceremony halted.";
            (Topic::Drain, text.to_owned())
        }
        (_, Mode::Halted) => {
            let text = format!("The operator halted the ceremony, with {in_line} in line.");
            (Topic::Pause, text)
        }
        (Mode::Halted, _) => {
            let length = at.since(before.halted_since.unwrap_or(at));
            let how = match mode {
                Mode::Draining => ", and nobody may join",
                _ => "",
            };
            // Absences within a halt were remarked by themselves, and begin it anew.
            let text = match length.is_zero() {
                true => format!("The ceremony goes on after a halt{how}."),
                false => format!(
                    "The ceremony goes on after a halt of {}{how}.",
                    shown(length)
                ),
            };
            (Topic::Pause, text)
        }
        (_, Mode::Draining) => {
            let text = format!("The operator lets nobody join any more; {in_line} are in line.");
            (Topic::Drain, text)
        }
        (_, Mode::Open) => {
            let text = "The operator lets people join again.";
            (Topic::Drain, text.to_owned())
        }
    }
}

/// A remark on something that proves nothing.
pub(crate) fn unproven(text: String) -> Remark {
    Remark {
        topic: Topic::Unproven,
        entry: None,
        ticket: None,
        at: None,
        text,
    }
}
