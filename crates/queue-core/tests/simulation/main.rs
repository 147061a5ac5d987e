//! The queue in a hostile world, a million events at a time.
//!
//! `TAULINE_SIM_EVENTS` sets another number of events, `TAULINE_SIM_SEED` another first seed.

#![allow(clippy::unwrap_used)]

mod life;
mod mutations;
mod reference;

use life::{Tally, Watch};

/// Entries in the log of one life: short enough to replay it often.
const EVENTS_OF_A_LIFE: u64 = 5_000;

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
        tally += life::live(seed, EVENTS_OF_A_LIFE, Watch::Everything, None);
    }
    println!("{tally:#?}");
    if events >= 1_000_000 {
        // The world is as hostile as it says.
        assert!(tally.restarts > 100 && tally.lost_commits > 100 && tally.clock_fell > 1000);
        assert!(tally.pauses > 1000 && tally.lost_polls > 1000 && tally.passes > 1000);
        assert!(tally.longest_line >= 60);
        for (what, kinds) in [
            (&tally.by_event, 10),
            (&tally.by_outcome, 9),
            (&tally.by_refusal, 11),
        ] {
            assert_eq!(what.len(), kinds, "{what:?}");
            assert!(what.values().all(|&count| count > 50), "{what:?}");
        }
    }
}
