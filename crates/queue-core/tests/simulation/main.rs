//! The queue in a hostile world, a million events at a time.
//!
//! `TAULINE_SIM_EVENTS` sets another number of events, `TAULINE_SIM_SEED` another first seed,
//! `TAULINE_SIM_LIVES` another number of the short lives that `.ci/faults` breaks rules in.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]

mod life;
mod reference;

use life::{Tally, Watch};

/// Entries in the log of one life: short enough to replay it often.
const EVENTS_OF_A_LIFE: u64 = 5_000;

/// Short lives: a rule that `.ci/faults` breaks must be seen to be broken in one of them.
const LIVES: u64 = 60;
/// Entries in the log of each.
const EVENTS_OF_A_SHORT_LIFE: u64 = 2_000;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}

#[test]
fn a_million_events_break_no_rule_and_no_promise() {
    let events = setting("TAULINE_SIM_EVENTS", 1_000_000);
    let first = setting("TAULINE_SIM_SEED", 1);
    let mut tally = Tally::default();
    for seed in first.. {
        if tally.events >= events {
            break;
        }
        tally += life::live(seed, EVENTS_OF_A_LIFE, Watch::Everything);
    }
    println!("{tally:#?}");
    if events >= 1_000_000 {
        // The world is as hostile as it says.
        assert!(tally.restarts > 100 && tally.lost_commits > 100 && tally.clock_fell > 1000);
        assert!(tally.pauses > 1000 && tally.lost_tries > 1000 && tally.passes > 1000);
        assert!(tally.longest_line >= 60);
        for (what, kinds) in [
            (&tally.by_event, 10),
            (&tally.by_outcome, 10),
            (&tally.by_refusal, 13),
        ] {
            assert_eq!(what.len(), kinds, "{what:?}");
            assert!(what.values().all(|&count| count > 50), "{what:?}");
        }
    }
}

/// Lives in which everything happens that a broken rule could show itself in.
fn short_lives(watch: Watch) {
    let lives = setting("TAULINE_SIM_LIVES", LIVES);
    let mut tally = Tally::default();
    for seed in 1..=lives {
        tally += life::live(seed, EVENTS_OF_A_SHORT_LIFE, watch);
    }
    if lives >= LIVES {
        assert!(tally.events >= LIVES * EVENTS_OF_A_SHORT_LIFE);
        assert!(tally.steps > 0 && tally.restarts > 20 && tally.lost_commits > 20);
        assert!(tally.clock_fell > 100 && tally.longest_line >= 10);
        assert!(tally.pauses > 100 && tally.lost_tries > 100 && tally.passes > 100);
        assert_eq!((tally.by_event.len(), tally.by_outcome.len()), (10, 10));
        assert_eq!(tally.by_refusal.len(), 13);
    }
}

/// `.ci/faults` runs this with each rule broken: it must fail.
#[test]
fn short_lives_with_everything_watched_show_no_fault() {
    short_lives(Watch::Everything);
}

/// Without the second set of rules to compare with: `.ci/faults` runs this with each rule broken
/// whose fault takes somebody's place, turn or time, or holds the queue up, and it must fail.
#[test]
fn short_lives_watched_by_invariants_and_promises_alone_show_no_fault() {
    short_lives(Watch::NoReference);
}
