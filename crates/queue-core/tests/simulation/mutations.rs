//! Rules broken on purpose: the simulation must notice every one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tauline_queue_core::Fault;

use crate::life::{self, Tally, Watch};

/// Lives in which a fault must show itself at least once.
const LIVES: u64 = 60;
/// Entries in the log of each.
const EVENTS_OF_A_LIFE: u64 = 2_000;

/// What the first life that shows the fault says of it, or what was seen while nothing showed.
fn look_for(fault: Option<Fault>, watch: Watch) -> Result<Tally, String> {
    let mut tally = Tally::default();
    for seed in 1..=LIVES {
        let life = AssertUnwindSafe(|| life::live(seed, EVENTS_OF_A_LIFE, watch, fault));
        tally += catch_unwind(life).map_err(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or_default();
            format!("seed {seed}: {text}")
        })?;
    }
    Ok(tally)
}

fn not_caught(faults: &[Fault], watch: Watch) -> Vec<Fault> {
    let mut missed = Vec::new();
    for &fault in faults {
        match look_for(Some(fault), watch) {
            Err(text) => println!("{fault:?}: {text}"),
            Ok(_) => missed.push(fault),
        }
    }
    missed
}

#[test]
fn every_deliberate_fault_is_caught() {
    assert_eq!(not_caught(&Fault::ALL, Watch::Everything), []);
}

/// Without the second set of rules to compare with, a fault that takes somebody's place, turn or
/// time, or holds the queue up, is still seen.
#[test]
fn faults_that_cost_somebody_something_break_an_invariant_or_a_promise() {
    let costly = [
        Fault::CallsAbsentHead,
        Fault::CallsWhoeverAsks,
        Fault::DeadlineHasWrongSign,
        Fault::GraceForgotten,
        Fault::CheckInShortens,
        Fault::StartRestartsClock,
        Fault::ReadyHasNoTimer,
        Fault::VerifyingHasNoTimer,
        Fault::FailedMayRejoin,
        Fault::RestartCounts,
        Fault::CoordinatorStallCounts,
        Fault::PauseCounts,
        Fault::PromisesAreNotLogged,
        Fault::DrainingAdmits,
        Fault::DrainNeverHalts,
        Fault::JoinsTwice,
        Fault::TimeFalls,
        Fault::PollJumpsTheLine,
        Fault::PollRestartsClock,
        Fault::PollerIsNotWaitedFor,
        Fault::PassesAgain,
        Fault::PassesWhoIsExpected,
        Fault::PassesWhoIsThere,
        Fault::PassesFromAnywhere,
        Fault::BudgetIsIgnored,
        Fault::StartDoesNotArm,
        Fault::DisconnectIsIgnored,
    ];
    assert_eq!(not_caught(&costly, Watch::NoReference), []);
}

#[test]
fn nothing_is_caught_where_there_is_no_fault() {
    for watch in [Watch::Everything, Watch::NoReference] {
        let tally = look_for(None, watch).unwrap();
        assert!(tally.events >= LIVES * EVENTS_OF_A_LIFE);
        // All that a fault could show itself in has happened.
        assert!(tally.steps > 0 && tally.restarts > 20 && tally.lost_commits > 20);
        assert!(tally.clock_fell > 100 && tally.longest_line >= 10);
        assert!(tally.pauses > 100 && tally.lost_polls > 100 && tally.passes > 100);
        assert_eq!((tally.by_event.len(), tally.by_outcome.len()), (10, 9));
        assert_eq!(tally.by_refusal.len(), 11);
    }
}
