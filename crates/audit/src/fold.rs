//! The queue as the log has it, and what the rules say of each event. The judgements are in `fold/`, a
//! file a topic.
//!
//! # What an honest log can show
//!
//! A live queue also has check-ins that are not in the log, because its records cover them
//! (`docs/spec/queue.md#lasting`). So the two folds differ, and only in deadlines. Let `by` be a
//! deadline of the fold of the log, and `BY` the same of the live queue.
//!
//! * **In line**, check-ins only ever move `BY` forward, and one beyond `lasting` is recorded. An
//!   absence moves all three alike, and a restart raises `by` and `BY` to `lasting`. So always
//!   `by ≤ BY ≤ lasting`. A stay that ends at `t` because it missed its check-in shows
//!   `t ≥ BY + grace ≥ by + grace`. A queue that lives looks at the time at least once in every gap,
//!   and whatever comes later is an absence, which moves `BY` first. So
//!   `t < BY + grace + gap ≤ lasting + grace + gap`. For the same reason nothing else can happen to the
//!   stay from `lasting + grace` on.
//! * **In the turn**, all deadlines are recorded but that of the stall timer: `by = BY`, and an end by
//!   one of them lies in `by + grace ≤ t < by + grace + gap`; without grace for the coordinator's own.
//!   The stall deadline begins with the start, or with a check-in later on, and lies a stall limit
//!   after it; a closed connection brings it forward to the disconnect limit after that moment. Both
//!   moments are after the start. So a stay that stalls shows
//!   `t ≥ start + min(stall limit, disconnect limit) + grace`, where absences move the start, and since
//!   it would have timed out otherwise, `t < by + grace + gap`.
//! * **Everything else** follows from records: the line, the turn and its lengths, so intervals and
//!   limits as well. A deadline is checked to the millisecond where only the rules decide it; where a
//!   client's own rhythm may make it longer (`docs/spec/queue.md#polling`), it is a lower bound.
//! * **A restart with other settings** begins with the deadlines of the old ones. So upper bounds take
//!   the longest grace and gap that there have been, and the stall timer's lower bound the shortest
//!   limits since the turn began.
//!
//! Not in the log is who was there when a turn became free. That somebody was passed or missed a
//! check-in although it asked in time is shown by the promises that it holds: see
//! [`claims`](crate::claims).

mod absence;
mod call;
mod handover;
mod line;
mod misfit;
mod turn;

use std::time::Duration;

use tauline_protocol::public_log::Commitment;
use tauline_queue_core::{Entry, Event, Mode, Rules, State, Ticket, Timestamp};

use crate::finding::{Findings, Place, Violation};
use crate::kind::Kind;

/// Settings below a millisecond are not in the log. An upper bound that adds a few of them is this much
/// too low at most.
const ROUNDING: Duration = Duration::from_millis(5);

/// The fold, and what it needs to judge.
#[derive(Debug, Clone)]
pub(crate) struct Fold {
    state: State<Commitment>,
    /// The settings, once they were told.
    rules: Option<Rules>,
    /// The longest grace and gap of all settings so far.
    longest_grace: Duration,
    longest_gap: Duration,
    /// The shortest stall or disconnect limit since the turn began.
    shortest_stall: Duration,
    /// A process has started, and nothing has happened to the queue since.
    restarted: bool,
    /// Until when the process before was there, as the notice of the start says.
    there_until: Option<Timestamp>,
    /// Whether notices tell of restarts: the log is public by now.
    is_public: bool,
    /// The queue is drained: it must halt next.
    must_halt: bool,
}

/// An event of the queue that is judged, and what is found wrong with it.
struct Case<'a> {
    place: Place,
    rules: &'a Rules,
    found: Vec<Violation>,
}

impl Case<'_> {
    fn at(&self) -> Timestamp {
        self.place.at
    }

    fn violation(&mut self, kind: Kind, ticket: impl Into<Option<Ticket>>, text: String) {
        self.found
            .push(Violation::at(self.place, kind, ticket, text));
    }
}

impl Fold {
    pub(crate) fn new() -> Self {
        Self {
            state: State::new(&Rules::default(), Timestamp::EPOCH),
            rules: None,
            longest_grace: Duration::ZERO,
            longest_gap: Duration::ZERO,
            shortest_stall: Duration::MAX,
            restarted: false,
            there_until: None,
            is_public: false,
            must_halt: false,
        }
    }

    pub(crate) fn state(&self) -> &State<Commitment> {
        &self.state
    }

    pub(crate) fn rules(&self) -> Option<&Rules> {
        self.rules.as_ref()
    }

    /// From here on the log is public, and notices tell of each start.
    pub(crate) fn open(&mut self) {
        self.is_public = true;
    }

    /// A process has started, with these rules; none if they are not usable. The one before was there until
    /// then, if that is said.
    pub(crate) fn start(&mut self, rules: Option<Rules>, there_until: Option<Timestamp>) {
        self.restarted = true;
        self.there_until = there_until;
        self.rules = rules;
        if let Some(rules) = rules {
            self.state.use_rules(&rules);
            self.longest_grace = self.longest_grace.max(rules.checkin_grace);
            let gap = rules.longest_gap().saturating_add(ROUNDING);
            self.longest_gap = self.longest_gap.max(gap);
            self.shortest_stall = self.shortest_stall.min(shortest_stall(&rules));
        }
    }

    /// Judges an event, and takes it into account. Whether it could follow.
    pub(crate) fn take(
        &mut self,
        place: Place,
        entry: &Entry<Commitment>,
        findings: &mut Findings,
    ) -> bool {
        for violation in self.owed(place, &entry.event) {
            findings.violation(violation);
        }
        let found = match self.rules {
            Some(rules) => self.judge(place, &rules, &entry.event),
            None => Vec::new(),
        };
        let turn = self.state.turn().map(|turn| turn.ticket);
        if let Err(misfit) = self.state.follow(entry) {
            findings.violation(self.explain(place, &entry.event, misfit));
            return false;
        }
        found
            .into_iter()
            .for_each(|violation| findings.violation(violation));
        let begun = self.state.turn().map(|turn| turn.ticket);
        if begun.is_some() && begun != turn {
            self.shortest_stall = self.rules.as_ref().map_or(Duration::MAX, shortest_stall);
        }
        self.restarted = false;
        self.must_halt = self.state.mode() == Mode::Draining && self.state.is_empty();
        true
    }

    /// What had to happen before anything else, and did not.
    fn owed(&self, place: Place, event: &Event<Commitment>) -> Vec<Violation> {
        let mut found = Vec::new();
        let halts = matches!(event, Event::ModeSet { mode: Mode::Halted });
        if self.must_halt && !halts {
            found.push(Violation::at(
                place,
                Kind::DrainedGoesOn,
                event.ticket(),
                "The queue was drained and empty, so the ceremony had to halt, and it went on."
                    .into(),
            ));
        }
        let resumes = matches!(
            event,
            Event::Resumed {
                restarted: true,
                ..
            }
        );
        if self.restarted && self.is_public && !resumes && !self.state.is_empty() {
            found.push(Violation::at(
                place,
                Kind::RestartNotMadeGood,
                event.ticket(),
                "The coordinator was restarted with people in the queue, and did not first move their \
                 deadlines by the time that it was away: somebody may have paid for its absence."
                    .into(),
            ));
        }
        found
    }

    /// What is wrong with an event by the rules, before it has happened.
    fn judge(&self, place: Place, rules: &Rules, event: &Event<Commitment>) -> Vec<Violation> {
        let mut case = Case {
            place,
            rules,
            found: Vec::new(),
        };
        match *event {
            Event::Joined {
                ticket,
                check_in_by,
                lasting_by,
                ..
            } => self.judge_joined(&mut case, ticket, check_in_by, lasting_by),
            Event::CheckedIn {
                ticket,
                check_in_by,
                lasting_by,
            } => self.judge_checked_in(&mut case, ticket, check_in_by, lasting_by),
            Event::Called {
                ticket,
                start_by,
                ref passed,
            } => self.judge_called(&mut case, ticket, start_by, passed),
            Event::Started {
                ticket,
                contribute_by,
                stall_by,
            } => self.judge_started(&mut case, ticket, contribute_by, stall_by),
            Event::Extended {
                ticket,
                contribute_by,
            } => self.judge_extended(&mut case, ticket, contribute_by),
            Event::Submitted { ticket, verify_by } => {
                self.judge_submitted(&mut case, ticket, verify_by);
            }
            Event::Ended { ticket, outcome } => self.judge_ended(&mut case, ticket, outcome),
            Event::ModeSet { mode } => self.judge_mode(&mut case, mode),
            Event::Pardoned { .. } => {}
            Event::Resumed { pause, restarted } => self.judge_resumed(&mut case, pause, restarted),
        }
        case.found
    }

    /// Who is in line past the last moment at which a living coordinator would have ended the stay,
    /// and when its last deadline was.
    pub(crate) fn kept(&self) -> Vec<(Ticket, Timestamp)> {
        if self.is_halted() || self.rules.is_none() {
            return Vec::new();
        }
        let latest = |(ticket, _)| Some((ticket, self.state.lasting_by(ticket)?));
        let line = self.state.line().filter_map(latest);
        line.filter(|&(_, by)| self.state.log_time() >= self.latest_end(by, true))
            .collect()
    }

    fn is_halted(&self) -> bool {
        self.state.mode() == Mode::Halted
    }

    /// By when a living coordinator has ended a stay with this deadline, grace included or not.
    fn latest_end(&self, by: Timestamp, has_grace: bool) -> Timestamp {
        let by = match has_grace {
            true => by.saturating_add(self.longest_grace),
            false => by,
        };
        by.saturating_add(self.longest_gap)
    }
}

fn shortest_stall(rules: &Rules) -> Duration {
    rules.stall_limit.min(rules.disconnect_limit)
}
