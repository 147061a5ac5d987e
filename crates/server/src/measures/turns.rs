//! Turns, as the ceremony's log tells of them: how long they and their phases last, how stays end, and
//! how long nobody contributes.

use std::hash::Hash;
use std::time::Duration;

use metrics::{Counter, Histogram};
use tauline_protocol::status::{EndedWord, QueueWord};
use tauline_queue_core::{Event, Mode, Outcome, Phase, State, Ticket, Timestamp};

use super::list;
use super::recorder::Recorder;

/// Where it is recorded.
#[derive(Clone)]
pub(crate) struct TurnHandles {
    joined: Counter,
    passed: Counter,
    absences: Counter,
    ended: Vec<(Outcome, Counter)>,
    ready: Histogram,
    contributing: Histogram,
    verifying: Histogram,
    contributed: Histogram,
    lost: Histogram,
    idle: Histogram,
}

impl TurnHandles {
    pub(super) fn new(recorder: &Recorder) -> Self {
        let ended = |outcome| {
            let word = EndedWord::from(outcome).as_str();
            let counter = recorder.counter(&list::ENDED, &[("outcome", word)]);
            (outcome, counter)
        };
        let phase = |phase| {
            let word = QueueWord::from(phase).as_str();
            recorder.histogram(&list::TURN_PHASE, &[("phase", word)])
        };
        let turn = |end| recorder.histogram(&list::TURN_TIME, &[("end", end)]);
        Self {
            joined: recorder.counter(&list::JOINED, &[]),
            passed: recorder.counter(&list::PASSED, &[]),
            absences: recorder.counter(&list::ABSENCES, &[]),
            ended: Outcome::ALL.into_iter().map(ended).collect(),
            ready: phase(Phase::Ready),
            contributing: phase(Phase::Contributing),
            verifying: phase(Phase::Verifying),
            contributed: turn("contributed"),
            lost: turn("lost"),
            idle: recorder.histogram(&list::IDLE_TIME, &[]),
        }
    }

    /// Notes how long a phase of a turn lasted.
    fn left(&self, phase: Phase, after: Duration) {
        let histogram = match phase {
            Phase::Waiting | Phase::Ready => &self.ready,
            Phase::Contributing => &self.contributing,
            Phase::Verifying => &self.verifying,
        };
        histogram.record(after.as_secs_f64());
    }

    fn ended(&self, outcome: Outcome) {
        let mut ended = self.ended.iter();
        if let Some((_, counter)) = ended.find(|(one, _)| *one == outcome) {
            counter.increment(1);
        }
    }
}

/// Follows the log, entry by entry.
pub(crate) struct Turns {
    handles: TurnHandles,
    /// How many are in line.
    waiting: u64,
    turn: Option<Running>,
    is_halted: bool,
    /// Since when nobody contributes, although somebody is there.
    idle_since: Option<Timestamp>,
}

/// A turn that runs.
struct Running {
    ticket: Ticket,
    called_at: Timestamp,
    phase: Phase,
    since: Timestamp,
}

impl Turns {
    /// From where the log ends now.
    pub(crate) fn of<Id: Clone + Eq + Hash>(handles: TurnHandles, state: &State<Id>) -> Self {
        let turn = state.turn().map(|turn| Running {
            ticket: turn.ticket,
            called_at: turn.called_at,
            phase: turn.phase,
            since: turn.since,
        });
        let mut turns = Self {
            handles,
            waiting: state.waiting(),
            turn,
            is_halted: state.mode() == Mode::Halted,
            idle_since: None,
        };
        turns.note_idleness(state.log_time());
        turns
    }

    /// Takes the next entry of the log, which is durable.
    pub(crate) fn follow<Id>(&mut self, at: Timestamp, event: &Event<Id>) {
        match event {
            Event::Joined { .. } => {
                self.handles.joined.increment(1);
                self.waiting += 1;
            }
            Event::Called { ticket, passed, .. } => {
                self.handles.passed.increment(passed.len() as u64);
                self.waiting = self.waiting.saturating_sub(1);
                self.turn = Some(Running {
                    ticket: *ticket,
                    called_at: at,
                    phase: Phase::Ready,
                    since: at,
                });
            }
            Event::Started { .. } => self.enters(Phase::Contributing, at),
            Event::Submitted { .. } => self.enters(Phase::Verifying, at),
            Event::Ended { ticket, outcome } => self.ended(*ticket, *outcome, at),
            Event::ModeSet { mode } => self.is_halted = *mode == Mode::Halted,
            Event::Resumed { pause, restarted } => self.was_away(*pause, *restarted),
            Event::CheckedIn { .. } | Event::Extended { .. } | Event::Pardoned { .. } => {}
        }
        self.note_idleness(at);
    }

    fn enters(&mut self, phase: Phase, at: Timestamp) {
        if let Some(turn) = &mut self.turn {
            self.handles.left(turn.phase, at.since(turn.since));
            turn.phase = phase;
            turn.since = at;
        }
    }

    fn ended(&mut self, ticket: Ticket, outcome: Outcome, at: Timestamp) {
        self.handles.ended(outcome);
        let Some(turn) = self.turn.take_if(|turn| turn.ticket == ticket) else {
            self.waiting = self.waiting.saturating_sub(1);
            return;
        };
        self.handles.left(turn.phase, at.since(turn.since));
        let whole = match outcome {
            Outcome::Contributed => &self.handles.contributed,
            _ => &self.handles.lost,
        };
        whole.record(at.since(turn.called_at).as_secs_f64());
    }

    /// Nobody's time, and nobody's fault. The end of a pause is told in the same way.
    fn was_away(&mut self, pause: Duration, restarted: bool) {
        if !restarted && !self.is_halted {
            self.handles.absences.increment(1);
        }
        if let Some(turn) = &mut self.turn {
            turn.called_at = turn.called_at.saturating_add(pause);
            turn.since = turn.since.saturating_add(pause);
        }
        let idle_since = self.idle_since;
        self.idle_since = idle_since.map(|since| since.saturating_add(pause));
    }

    /// Idle is a ceremony while somebody is there who could contribute, and nobody has started. What a
    /// pause interrupts does not count.
    fn note_idleness(&mut self, at: Timestamp) {
        let phase = self.turn.as_ref().map(|turn| turn.phase);
        let has_started = phase.is_some_and(|phase| phase != Phase::Ready);
        let is_somebody_there = self.waiting > 0 || phase.is_some();
        let is_idle = is_somebody_there && !has_started && !self.is_halted;
        match (is_idle, self.idle_since) {
            (true, None) => self.idle_since = Some(at),
            (false, Some(since)) => {
                self.idle_since = None;
                if has_started {
                    self.handles.idle.record(at.since(since).as_secs_f64());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1000 * seconds)
    }

    fn joined(ticket: u64) -> Event<()> {
        Event::Joined {
            ticket: Ticket::new(ticket),
            id: (),
            check_in_by: at(0),
            lasting_by: at(0),
        }
    }

    fn called(ticket: u64, passed: &[u64]) -> Event<()> {
        Event::Called {
            ticket: Ticket::new(ticket),
            start_by: at(0),
            passed: passed.iter().map(|ticket| Ticket::new(*ticket)).collect(),
        }
    }

    fn started(ticket: u64) -> Event<()> {
        Event::Started {
            ticket: Ticket::new(ticket),
            contribute_by: at(0),
            stall_by: None,
        }
    }

    fn submitted(ticket: u64) -> Event<()> {
        Event::Submitted {
            ticket: Ticket::new(ticket),
            verify_by: at(0),
        }
    }

    fn ended(ticket: u64, outcome: Outcome) -> Event<()> {
        Event::Ended {
            ticket: Ticket::new(ticket),
            outcome,
        }
    }

    fn resumed(seconds: u64, restarted: bool) -> Event<()> {
        Event::Resumed {
            pause: Duration::from_secs(seconds),
            restarted,
        }
    }

    #[track_caller]
    fn expect(log: &[(u64, Event<()>)], lines: &[&str]) {
        let recorder = Recorder::new().unwrap();
        let mut turns = Turns {
            handles: TurnHandles::new(&recorder),
            waiting: 0,
            turn: None,
            is_halted: false,
            idle_since: None,
        };
        for (seconds, event) in log {
            turns.follow(at(*seconds), event);
        }
        let page = recorder.page();
        for line in lines {
            assert!(page.lines().any(|it| it == *line), "{line}: {page}");
        }
    }

    #[test]
    fn the_phases_of_a_turn_are_timed() {
        expect(
            &[
                (0, joined(1)),
                (0, called(1, &[])),
                (2, started(1)),
                (32, submitted(1)),
                (33, ended(1, Outcome::Contributed)),
            ],
            &[
                "tauline_joined_total 1",
                "tauline_ended_total{outcome=\"contributed\"} 1",
                "tauline_ended_total{outcome=\"missedCheckin\"} 0",
                "tauline_turn_phase_seconds_sum{phase=\"readyToContribute\"} 2",
                "tauline_turn_phase_seconds_sum{phase=\"contributing\"} 30",
                "tauline_turn_phase_seconds_bucket{phase=\"contributing\",le=\"20\"} 0",
                "tauline_turn_phase_seconds_bucket{phase=\"contributing\",le=\"30\"} 1",
                "tauline_turn_phase_seconds_sum{phase=\"verifying\"} 1",
                "tauline_turn_seconds_sum{end=\"contributed\"} 33",
                "tauline_turn_seconds_count{end=\"lost\"} 0",
                "tauline_idle_seconds_sum 2",
                "tauline_idle_seconds_count 1",
            ],
        );
    }

    #[test]
    fn it_is_idle_from_an_end_or_an_arrival_to_the_next_start() {
        expect(
            &[
                (0, joined(1)),
                (0, called(1, &[])),
                (0, started(1)),
                (10, joined(2)),
                (11, joined(3)),
                (20, ended(1, Outcome::TimedOut)),
                // The second is absent: the third is called, and does not start either.
                (24, called(3, &[2])),
                (39, ended(3, Outcome::FailedToStart)),
                (40, called(2, &[])),
                (41, started(2)),
                (50, ended(2, Outcome::Aborted)),
                // Nobody is there.
                (500, joined(4)),
                (500, called(4, &[])),
                (503, started(4)),
            ],
            &[
                "tauline_passed_total 1",
                "tauline_turn_seconds_count{end=\"lost\"} 3",
                "tauline_turn_seconds_sum{end=\"lost\"} 45",
                "tauline_idle_seconds_count 3",
                "tauline_idle_seconds_sum 24",
            ],
        );
    }

    #[test]
    fn pauses_and_absences_are_not_idle() {
        let set = |mode| Event::ModeSet { mode };
        expect(
            &[
                (0, joined(1)),
                (3, set(Mode::Halted)),
                (103, resumed(100, false)),
                (103, set(Mode::Open)),
                (105, resumed(2, false)),
                (1105, resumed(1000, true)),
                (1106, called(1, &[])),
                (1108, started(1)),
                (1118, resumed(4, false)),
                (1120, submitted(1)),
            ],
            &[
                "tauline_absences_total 2",
                "tauline_idle_seconds_count 1",
                "tauline_idle_seconds_sum 3",
                "tauline_turn_phase_seconds_sum{phase=\"contributing\"} 8",
            ],
        );
    }

    #[test]
    fn who_gives_up_a_place_in_line_ends_no_turn() {
        expect(
            &[
                (0, joined(1)),
                (0, called(1, &[])),
                (0, joined(2)),
                (5, ended(2, Outcome::Left)),
                (6, ended(1, Outcome::FailedToStart)),
                // Had the second been forgotten, this would count as idle.
                (90, joined(3)),
                (91, called(3, &[])),
                (92, started(3)),
            ],
            &[
                "tauline_turn_seconds_sum{end=\"lost\"} 6",
                "tauline_idle_seconds_sum 2",
            ],
        );
    }
}
