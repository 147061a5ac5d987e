//! Both APIs at once, by the same people or by others, in any order: the line is one.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use tauline_protocol::journal::Record;
use tauline_protocol::status::QueueWord;
use tauline_queue_core::{Event, Outcome, Phase, Queue};
use tauline_server::testing::coordinator::Tried;

use crate::support::{Ceremony, id, secs, update};

const INTERVAL: Duration = secs(32);

/// What somebody does.
#[derive(Debug, Clone)]
enum Act {
    /// By the sequencer's API.
    Poll,
    /// The same, and the answer is waited for.
    HeldPoll,
    /// The same, and the connection breaks.
    BrokenPoll,
    Join,
    CheckIn,
    HeldCheckIn,
    Start,
    Abort,
    Leave,
    /// Hands in something good on the state it has, if it has one.
    Complete,
    /// Hands in what builds on nothing.
    CompleteBadly,
}

#[derive(Debug, Clone)]
enum Step {
    Does(usize, Act),
    Pass(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let act = prop_oneof![
        8 => Just(Act::Poll),
        3 => Just(Act::HeldPoll),
        1 => Just(Act::BrokenPoll),
        3 => Just(Act::Join),
        4 => Just(Act::CheckIn),
        1 => Just(Act::HeldCheckIn),
        3 => Just(Act::Start),
        1 => Just(Act::Abort),
        1 => Just(Act::Leave),
        6 => Just(Act::Complete),
        1 => Just(Act::CompleteBadly),
    ];
    prop_oneof![
        20 => (0..6usize, act).prop_map(|(who, act)| Step::Does(who, act)),
        6 => (0..40u64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

/// Somebody may be two: every client of a person is the same person.
const PEOPLE: [&str; 6] = ["anna", "bert", "cleo", "dora", "emil", "fred"];

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut ceremony = Ceremony::new();
    let mut bases = BTreeMap::new();
    for step in steps {
        match step {
            Step::Pass(time) => ceremony.pass(secs(time)).await,
            Step::Restart => ceremony = ceremony.restart().await,
            Step::Does(who, act) => {
                let name = PEOPLE[who];
                let base = perform(&ceremony, name, act, &bases).await;
                if let Some(base) = base {
                    let turn = ceremony.coordinator.status().turn;
                    let turn = turn.ok_or_else(|| TestCaseError::fail("a base without a turn"))?;
                    prop_assert_eq!(turn.phase, QueueWord::Contributing);
                    let status = ceremony.coordinator.status();
                    prop_assert_eq!(base.contributions(), status.contributions);
                    bases.insert(name, base);
                }
            }
        }
    }
    check_log(&ceremony)
}

type Bases = BTreeMap<&'static str, std::sync::Arc<tauline_server::testing::base::CurrentBase>>;

/// Does it, and gives the state if one was handed out.
async fn perform(
    ceremony: &Ceremony,
    name: &'static str,
    act: Act,
    bases: &Bases,
) -> Option<std::sync::Arc<tauline_server::testing::base::CurrentBase>> {
    let coordinator = ceremony.coordinator.clone();
    let who = id(name);
    let base = |polled| match polled {
        Tried::Base(base) => Some(base),
        Tried::Wait => None,
    };
    match act {
        Act::Poll => {
            let polled = coordinator
                .try_contribute(who, INTERVAL, Duration::ZERO)
                .await;
            return polled.ok().and_then(base);
        }
        Act::HeldPoll => {
            let held =
                tokio::spawn(
                    async move { coordinator.try_contribute(who, INTERVAL, secs(20)).await },
                );
            tokio::task::yield_now().await;
            ceremony.pass(secs(21)).await;
            let polled = held.await.unwrap();
            let mine = polled.ok().and_then(base);
            // It may have come and gone within these seconds.
            let lasts = ceremony.coordinator.status().turn;
            return mine.filter(|_| lasts.is_some());
        }
        Act::BrokenPoll => {
            let held =
                tokio::spawn(
                    async move { coordinator.try_contribute(who, INTERVAL, secs(20)).await },
                );
            tokio::task::yield_now().await;
            held.abort();
            let _ = held.await;
        }
        Act::Join => drop(coordinator.join(who).await),
        Act::CheckIn => drop(coordinator.check_in(who).await),
        Act::HeldCheckIn => {
            let held = tokio::spawn(async move { coordinator.check_in_held(who, secs(5)).await });
            tokio::task::yield_now().await;
            ceremony.pass(secs(6)).await;
            held.await.unwrap().unwrap();
        }
        Act::Start => {
            let started = coordinator.start(who, Default::default()).await;
            return started.ok();
        }
        Act::Abort => drop(coordinator.abort(who, None).await),
        Act::Leave => drop(coordinator.leave(who).await),
        Act::Complete => {
            if let Some(base) = bases.get(name) {
                let _ = ceremony.complete(name, update(base, name)).await;
            }
        }
        Act::CompleteBadly => {
            let base = bases.values().next();
            if let Some(base) = base {
                let mut document = update(base, name);
                document.sub_contributions.pop();
                let _ = ceremony.complete(name, document).await;
            }
        }
    }
    None
}

/// The log is one that the rules can write: a replay refuses what is out of turn. Beyond that,
/// turns are in ticket order but for who was passed, which the log says and happens once, and nobody
/// has two.
fn check_log(ceremony: &Ceremony) -> Result<(), TestCaseError> {
    let records = ceremony.store.log(0, u32::MAX).unwrap();
    let entries: Vec<_> = records
        .iter()
        .filter_map(|record| Record::from_bytes(&record.bytes).unwrap().entry)
        .collect();
    let began = ceremony.store.ceremony().started_at;
    let queue = Queue::replay(ceremony.rules, began, entries.iter().cloned())
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    let status = ceremony.coordinator.status();
    let state = queue.state();
    prop_assert_eq!(state.waiting(), status.queue_length);
    prop_assert_eq!(state.contributions(), status.contributions);
    prop_assert_eq!(
        state.turn().map(|turn| (turn.ticket.value(), turn.phase)),
        status.turn.map(|turn| (turn.ticket, word(turn.phase)))
    );
    let (mut last, mut passed_over) = (None, HashSet::new());
    let mut joined = HashSet::new();
    let mut faults = HashSet::new();
    for entry in &entries {
        match &entry.event {
            Event::Called { ticket, passed, .. } => {
                let in_order = last.is_none_or(|last| *ticket > last);
                prop_assert!(in_order || passed_over.contains(ticket), "{ticket}");
                last = last.max(Some(*ticket));
                for ticket in passed {
                    prop_assert!(passed_over.insert(*ticket), "{ticket} is passed twice");
                }
            }
            Event::Joined { id, ticket, .. } => {
                prop_assert!(joined.insert(id.clone()) || faults.contains(id), "{ticket}");
            }
            Event::Ended {
                outcome: Outcome::CoordinatorFault,
                ..
            } => {
                faults.extend(joined.iter().cloned());
            }
            _ => {}
        }
    }
    Ok(())
}

fn word(word: QueueWord) -> Phase {
    match word {
        QueueWord::ReadyToContribute => Phase::Ready,
        QueueWord::Contributing => Phase::Contributing,
        _ => Phase::Verifying,
    }
}

#[test]
fn any_mixture_of_both_doors_keeps_the_queues_invariants() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases: 12,
        ..Config::with_source_file(file!())
    };
    proptest!(config, |(steps in proptest::collection::vec(step(), 1..80))| {
        runtime.block_on(run(steps))?;
    });
}
