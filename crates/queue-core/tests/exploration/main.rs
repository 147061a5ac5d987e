//! Everything that can happen to a small queue, up to a depth: three people, every order of commands,
//! deadlines that pass, pauses of the coordinator, a clock that is set back, and crashes that lose
//! what is volatile. Where the simulation goes far in a crowd, this leaves nothing out nearby.
//!
//! It is a search in breadth over states. Two states are one if no rule and no watcher can tell
//! them apart: times count from now, tickets by their order, people by where they stand
//! (`canonical.rs`). In every state and on every step all is asserted that `watch.rs` knows. It
//! knows what people were told and what the specification says, and nothing of how the rules are
//! written. What fails is shown with the shortest way there.
//!
//! `TAULINE_EXPLORE_DEPTH` sets how many steps are taken from each beginning.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]

mod actions;
mod beginnings;
mod canonical;
mod search;
mod watch;
mod world;

use beginnings::Setting;
use search::explore;

/// Explores so many steps from each beginning, unless another number is asked for, and says what was
/// seen.
fn report(setting: Setting, steps: usize) {
    let depth = match std::env::var("TAULINE_EXPLORE_DEPTH") {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("TAULINE_EXPLORE_DEPTH is not a number: {text}")),
        Err(_) => steps,
    };
    let seen = explore(setting, depth);
    println!(
        "{setting:?}: {} states, {} steps, depth {depth}; new states by depth: {:?}; \
         {} merged states looked at again",
        seen.states, seen.steps, seen.by_depth, seen.looked_at_again
    );
    // The search goes where it should.
    if depth >= steps {
        assert!(seen.looked_at_again > 20, "merged states are looked at");
        assert_eq!(seen.happened.count_ones(), setting.kinds());
    }
}

#[test]
fn every_way_through_a_small_queue_keeps_every_promise() {
    report(Setting::Usual, 4);
}

#[test]
fn every_way_through_a_small_queue_in_strict_order_keeps_every_promise() {
    report(Setting::StrictOrder, 3);
}

#[test]
fn every_way_through_a_small_queue_whose_limit_follows_recent_turns_keeps_every_promise() {
    report(Setting::RecentTurns, 3);
}
