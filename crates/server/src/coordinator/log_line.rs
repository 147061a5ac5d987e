//! One line on standard error for each event of the ceremony's log: the same fields in text and in
//! JSON. What is measured of the log is measured with it.

use std::collections::HashMap;

use tauline_protocol::Identity;
use tauline_protocol::status::{EndedWord, ModeWord};
use tauline_queue_core::{Entry, Event, State, Ticket, Timestamp};
use tracing::info;

use crate::measures::Turns;
use crate::traces::TurnSpans;

/// Whose each stay is. A stay's last line names its owner, whom the queue's state has forgotten by
/// then.
pub(super) struct Owners(HashMap<Ticket, Identity>);

impl Owners {
    /// The owners of all stays that last.
    pub(super) fn of(state: &State<Identity>) -> Self {
        let turn = state.turn().map(|turn| (turn.ticket, turn.id));
        let all = turn.into_iter().chain(state.line());
        Self(all.map(|(ticket, id)| (ticket, id.clone())).collect())
    }

    /// Whose stay an event is about, or whom else it names. Learns and forgets stays by it.
    fn follow(&mut self, event: &Event<Identity>) -> Option<Identity> {
        match event {
            Event::Joined { ticket, id, .. } => {
                self.0.insert(*ticket, id.clone());
                Some(id.clone())
            }
            Event::Pardoned { id } => Some(id.clone()),
            Event::Ended { ticket, .. } => self.0.remove(ticket),
            _ => event.ticket().and_then(|it| self.0.get(&it).cloned()),
        }
    }
}

/// One line. It is written once its event is durable.
pub(super) struct LogLine {
    at: Timestamp,
    /// What happened, without whom it is about.
    fact: Event<()>,
    event: &'static str,
    ticket: Option<u64>,
    identity: Option<Identity>,
    outcome: Option<EndedWord>,
    mode: Option<ModeWord>,
    away_ms: Option<u64>,
    /// Tickets that were ahead in line and whose owners were absent.
    passed: Option<String>,
    note: Option<String>,
}

impl LogLine {
    /// The line for an entry that is about to become durable.
    pub(super) fn new(entry: &Entry<Identity>, note: Option<&str>, owners: &mut Owners) -> Self {
        let event = &entry.event;
        let mut line = Self {
            at: entry.at,
            fact: event.clone().map_id(drop),
            event: word(event),
            ticket: event.ticket().map(Ticket::value),
            identity: owners.follow(event),
            outcome: None,
            mode: None,
            away_ms: None,
            passed: None,
            note: note.map(str::to_owned),
        };
        match event {
            Event::Ended { outcome, .. } => line.outcome = Some((*outcome).into()),
            Event::ModeSet { mode } => line.mode = Some((*mode).into()),
            Event::Resumed { pause, .. } => {
                line.away_ms = Some(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            }
            Event::Called { passed, .. } if !passed.is_empty() => {
                let passed = passed.iter().map(|ticket| ticket.value().to_string());
                line.passed = Some(passed.collect::<Vec<_>>().join(","));
            }
            _ => {}
        }
        line
    }

    /// The stay that it is about.
    pub(super) fn ticket(&self) -> Option<u64> {
        self.ticket
    }

    /// Writes, measures and traces it, once the event is durable
    /// (`docs/spec/known-faults.md#logged-too-early`).
    pub(super) fn write(self, turns: &mut Turns, spans: &mut TurnSpans) {
        turns.follow(self.at, &self.fact);
        spans.follow(&self.fact);
        info!(
            event = %self.event,
            ticket = self.ticket,
            outcome = self.outcome.map(|it| display(it.as_str())),
            mode = self.mode.map(|it| display(it.as_str())),
            away_ms = self.away_ms,
            identity = self.identity.map(display),
            passed = self.passed.map(display),
            note = self.note,
            "log"
        );
    }
}

/// The name of an event.
fn word(event: &Event<Identity>) -> &'static str {
    match event {
        Event::Joined { .. } => "joined",
        Event::CheckedIn { .. } => "checkedIn",
        Event::Called { .. } => "called",
        Event::Started { .. } => "started",
        Event::Extended { .. } => "extended",
        Event::Submitted { .. } => "submitted",
        Event::Ended { .. } => "ended",
        Event::ModeSet { .. } => "modeSet",
        Event::Pardoned { .. } => "pardoned",
        Event::Resumed {
            restarted: true, ..
        } => "restarted",
        Event::Resumed { .. } => "resumed",
    }
}
