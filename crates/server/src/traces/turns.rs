//! Turns as spans, as the ceremony's log tells of them: the whole, and each phase within.

use tauline_protocol::status::{EndedWord, QueueWord};
use tauline_queue_core::{Event, Outcome, Phase, State, Ticket};

use super::spans::{Spell, Traces};

/// Follows the log, entry by entry.
pub(crate) struct TurnSpans {
    traces: Traces,
    turn: Option<Turn>,
}

/// A turn that runs. What is part of another ends before it.
struct Turn {
    phase: Spell,
    whole: Spell,
    ticket: Ticket,
}

impl TurnSpans {
    /// From where the log ends now. Of a turn that runs, what is left is told.
    pub(crate) fn of<Id: Clone + Eq + std::hash::Hash>(traces: Traces, state: &State<Id>) -> Self {
        let mut spans = Self { traces, turn: None };
        if let Some(turn) = state.turn() {
            spans.begins(turn.ticket, turn.phase);
            if let Some(turn) = &mut spans.turn {
                turn.whole.note("tauline.resumed", true);
            }
        }
        spans
    }

    /// Takes the next entry of the log, which is durable.
    pub(crate) fn follow<Id>(&mut self, event: &Event<Id>) {
        match event {
            Event::Called { ticket, .. } => self.begins(*ticket, Phase::Ready),
            Event::Started { .. } => self.enters(Phase::Contributing),
            Event::Submitted { .. } => self.enters(Phase::Verifying),
            Event::Ended { ticket, outcome } => self.ended(*ticket, *outcome),
            Event::Resumed { pause, .. } => {
                if let Some(turn) = &mut self.turn {
                    let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                    (turn.whole).happened("deadlines moved", "tauline.pause_ms", millis);
                }
            }
            _ => {}
        }
    }

    /// A commit begins, of entries about these stays.
    pub(crate) fn commit(&self, mut stays: impl Iterator<Item = u64>, writes: usize) -> Spell {
        let turn = self.turn.as_ref().map(|turn| turn.ticket);
        let mut spell = match turn {
            Some(ticket) if stays.any(|stay| stay == ticket.value()) => {
                self.traces.in_turn(ticket, "commit")
            }
            _ => self.traces.alone("commit"),
        };
        spell.note("tauline.writes", i64::try_from(writes).unwrap_or(i64::MAX));
        spell
    }

    fn begins(&mut self, ticket: Ticket, phase: Phase) {
        if !self.traces.are_collected() {
            return;
        }
        let mut whole = self.traces.alone("turn");
        whole.note("tauline.ticket", number(ticket));
        let context = whole.context();
        self.traces.set_turn(context.map(|turn| (ticket, turn)));
        let phase = self.traces.in_turn(ticket, word(phase));
        self.turn = Some(Turn {
            phase,
            whole,
            ticket,
        });
    }

    fn enters(&mut self, phase: Phase) {
        if let Some(turn) = &mut self.turn {
            turn.phase = self.traces.in_turn(turn.ticket, word(phase));
        }
    }

    fn ended(&mut self, ticket: Ticket, outcome: Outcome) {
        let Some(mut turn) = self.turn.take_if(|turn| turn.ticket == ticket) else {
            return;
        };
        self.traces.set_turn(None);
        turn.whole
            .note("tauline.outcome", EndedWord::from(outcome).as_str());
        if outcome == Outcome::CoordinatorFault {
            turn.whole.failed("there was no verdict");
        }
    }
}

fn word(phase: Phase) -> &'static str {
    QueueWord::from(phase).as_str()
}

fn number(ticket: Ticket) -> i64 {
    i64::try_from(ticket.value()).unwrap_or(i64::MAX)
}
