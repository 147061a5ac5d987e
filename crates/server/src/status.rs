//! Statuses, as the API words them, from the queue's state.

use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::status::{
    CeremonyStatus, EndedWord, LogHead, MovedTo, Planned, QueueStatus, QueueWord, RecentTurn,
    SignInMethod, SubCeremony, TurnStatus,
};
use tauline_queue_core::{Mode, Outcome, Past, Phase, Queue, State, Ticket, Timestamp};
use tauline_store::Chain;
use tauline_store::check::{GivenTo, Plan};
use tauline_store::turns::PastTurn;
use tauline_transcript::Sizes;

use crate::recent::Recent;

/// What anyone may know about the ceremony, as of one commit.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    at: Timestamp,
    mode: Mode,
    waiting: u64,
    contributions: u64,
    turn: Option<PublishedTurn>,
    mean_turn: Duration,
    contribution_limit: Duration,
    /// How far the limit is extended while an upload arrives, where it follows recent turns.
    contribution_max: Option<Duration>,
    /// Estimated wait of a newcomer at `at`.
    wait: Duration,
    /// The same once the current turn has lasted as long as the mean.
    min_wait: Duration,
    chain: Chain,
    announced: Announced,
    recent: Arc<Recent>,
}

/// What the operator has announced.
#[derive(Debug, Clone, Default)]
pub(crate) struct Announced {
    pub(crate) planned: Option<Planned>,
    /// Where the ceremony went, if it was handed over.
    pub(crate) moved_to: Option<MovedTo>,
}

impl Announced {
    /// What the log says is planned, and to whom it was given.
    pub(crate) fn new(plan: Plan, given_to: Option<&GivenTo>) -> Self {
        let planned = Planned {
            opens: plan.opens.map(Timestamp::as_secs),
            drains: plan.drains.map(Timestamp::as_secs),
        };
        Self {
            planned: (planned != Planned::default()).then_some(planned),
            moved_to: given_to.map(|given| MovedTo {
                key: given.key,
                coordinator_address: given.key.address().unwrap_or_default(),
                url: given.url.clone(),
            }),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct PublishedTurn {
    ticket: Ticket,
    phase: Phase,
    called_at: Timestamp,
}

impl Published {
    pub(crate) fn new(
        queue: &Queue<Identity>,
        chain: Chain,
        announced: Announced,
        recent: Arc<Recent>,
        at: Timestamp,
    ) -> Self {
        let (state, rules) = (queue.state(), queue.rules());
        Self {
            at,
            mode: state.mode(),
            waiting: state.waiting(),
            contributions: state.contributions(),
            turn: state.turn().map(|turn| PublishedTurn {
                ticket: turn.ticket,
                phase: turn.phase,
                called_at: turn.called_at,
            }),
            mean_turn: state.mean_turn(),
            contribution_limit: queue.contribution_limit(),
            contribution_max: rules.contribution_min.map(|_| rules.contribution_limit),
            wait: state.wait_of_newcomer(at),
            min_wait: state.wait_of_newcomer(Timestamp::MAX),
            chain,
            announced,
            recent,
        }
    }

    /// How many contributions there are.
    pub(crate) fn contributions(&self) -> u64 {
        self.contributions
    }

    /// The latest turns.
    pub(crate) fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Where the ceremony went, if it was handed over.
    pub(crate) fn moved_to(&self) -> Option<&MovedTo> {
        self.announced.moved_to.as_ref()
    }

    /// Whether the ceremony is halted with people in line.
    pub(crate) fn paused(&self) -> bool {
        self.mode == Mode::Halted && (self.waiting > 0 || self.turn.is_some())
    }

    /// The status, at a time not before that of the commit.
    pub(crate) fn status(
        &self,
        now: Timestamp,
        sizes: &Sizes,
        sign_in: &[SignInMethod],
        address: &str,
    ) -> CeremonyStatus {
        // Only the rest of the current turn shrinks while nothing happens.
        let wait = self
            .wait
            .saturating_sub(now.since(self.at))
            .max(self.min_wait);
        CeremonyStatus {
            mode: self.mode.into(),
            queue_length: self.waiting,
            contributions: self.contributions,
            turn: self.turn.map(|turn| TurnStatus {
                ticket: turn.ticket.value(),
                phase: turn.phase.into(),
                age_in_ms: millis(now.since(turn.called_at)),
            }),
            mean_turn_in_ms: millis(self.mean_turn),
            contribution_limit_in_ms: millis(self.contribution_limit),
            contribution_limit_max_in_ms: self.contribution_max.map(millis),
            expected_wait_in_ms: millis(wait),
            expected_start_time: now.saturating_add(wait).as_secs(),
            sub_ceremonies: sizes
                .iter()
                .map(|size| SubCeremony {
                    num_g1_powers: u32::try_from(size.g1).unwrap_or(u32::MAX),
                    num_g2_powers: u32::try_from(size.g2).unwrap_or(u32::MAX),
                })
                .collect(),
            sign_in: sign_in.to_vec(),
            coordinator_address: address.to_owned(),
            log: LogHead {
                records: self.chain.records(),
                hash: format!("0x{}", hex::encode(self.chain.hash())),
                cosigned: None,
                at: None,
            },
            planned: self.announced.planned,
            moved_to: self.announced.moved_to.clone(),
            time: now.as_secs(),
            recent: None,
            name: None,
        }
    }
}

/// A participant's status, without what only the store knows: a receipt, or a note on the end.
pub(crate) fn queue_status(state: &State<Identity>, id: &Identity, now: Timestamp) -> QueueStatus {
    let mut status = QueueStatus {
        id: id.clone(),
        ticket: None,
        queue_status: QueueWord::NotQueued,
        queue_position: None,
        passed: 0,
        other_clients: 0,
        mode: state.mode().into(),
        expected_start_time: None,
        expected_start_in_ms: None,
        next_checkin_time: None,
        next_checkin_in_ms: None,
        contribute_in_ms: None,
        signed_ticket: None,
        promise: None,
        ended: None,
        ended_because: None,
        receipt: None,
    };
    if let Some(stay) = state.stay(id) {
        status.ticket = Some(stay.ticket.value());
        status.queue_status = stay.phase.into();
        status.queue_position = Some(stay.position);
        status.passed = stay.passed;
        if matches!(stay.phase, Phase::Waiting | Phase::Ready) {
            let wait = state.wait_of(id, now).unwrap_or_default();
            status.expected_start_time = Some(now.saturating_add(wait).as_secs());
            status.expected_start_in_ms = Some(millis(wait));
        }
        // While verifying, the deadline is the coordinator's own.
        if stay.phase != Phase::Verifying {
            // While halted no deadline runs: it moves with the time.
            let stood_still = state.halted_since().map(|since| now.since(since));
            let by = stay
                .deadline
                .saturating_add(stood_still.unwrap_or_default());
            let turn = state.turn().filter(|turn| turn.ticket == stay.ticket);
            status.contribute_in_ms = turn.and_then(|turn| turn.contribute_by).map(|by| {
                let by = by.saturating_add(stood_still.unwrap_or_default());
                millis(by.since(now))
            });
            status.next_checkin_time = Some(by.as_secs());
            status.next_checkin_in_ms = Some(millis(by.since(now)));
        }
    } else if let Some(past) = state.past(id) {
        status.ticket = Some(past.ticket.value());
        status.queue_status = word_of_past(past);
        status.ended = Some(EndedWord::from(past.outcome));
    }
    status
}

/// A turn that is over. The identity is that of whoever contributed: nobody else is named.
pub(crate) fn turn_in_words(turn: &PastTurn, contributor: Option<Identity>) -> RecentTurn {
    RecentTurn {
        ticket: turn.ticket.value(),
        ended: turn.outcome.into(),
        ended_at: turn.ended_at.as_secs(),
        turn_in_ms: millis(turn.length),
        number: turn.number,
        identity: contributor,
    }
}

/// Where somebody stands whose last stay is over.
fn word_of_past(past: Past) -> QueueWord {
    match past.outcome {
        Outcome::Contributed => QueueWord::Contributed,
        Outcome::CoordinatorFault => QueueWord::NotQueued,
        _ if past.pardoned => QueueWord::NotQueued,
        _ => QueueWord::Expired,
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
