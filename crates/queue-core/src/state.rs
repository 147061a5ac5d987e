//! What the log amounts to. Events change it in `state/apply.rs` and nowhere else; `state/view.rs`
//! reads it, and `state/questions.rs` answers what a coordinator asks.

mod apply;
mod questions;
mod view;

use core::hash::Hash;
use core::time::Duration;

use hashbrown::HashMap;

use crate::estimate::Estimate;
use crate::line::Line;
use crate::{Mode, Outcome, Past, Phase, Rules, Ticket, Timestamp};

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
    /// Only looked up and counted: where an identity lies in the map decides nothing. Hashed,
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
    /// How many turns went to somebody behind it.
    passed: u32,
    /// The deadline of the phase.
    by: Timestamp,
    /// Contributing only: when the next check-in is due, if there was one, or it said that there
    /// would be.
    stalled_by: Option<Timestamp>,
    /// How long it may go without a check-in, if it said at the start that it would check in.
    stall_limit: Option<Duration>,
    /// Verifying only: how long the contribution took, from the start to the last byte.
    work: Duration,
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

impl<Id: Clone + Eq + Hash> State<Id> {
    /// The state of an empty, open queue whose log begins at `at`: where a reader of a log begins, who
    /// then [follows](State::follow) it. A coordinator has a [`Queue`](crate::Queue).
    ///
    /// Of the rules only [`expected_turn`](Rules::expected_turn) counts here.
    #[must_use]
    pub fn new(rules: &Rules, at: Timestamp) -> Self {
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

    /// Goes on with the settings of another process, as a replay with them would: until a turn is over,
    /// each is taken to last as long as they say.
    pub fn use_rules(&mut self, rules: &Rules) {
        self.estimate.expect(rules.expected_turn);
    }
}
