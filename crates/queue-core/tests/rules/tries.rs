//! Clients with one call that joins, checks in and starts.

use tauline_queue_core::{Command, Outcome, Phase, Rules, Verdict};

use crate::world::{TRY_EVERY, World, secs, used_up};

#[test]
fn a_try_joins_checks_in_and_starts_whichever_is_due() {
    let mut world = World::new();
    world.try_contribute("ada").try_contribute("bob");
    assert_eq!(world.phase("ada"), Some(Phase::Contributing));
    assert_eq!(world.position("bob"), Some(1));
    world
        .wait(secs(30))
        .try_contribute("bob")
        .wait(secs(30))
        .try_contribute("bob");
    assert_eq!(world.phase("bob"), Some(Phase::Waiting));
    world
        .submit("ada")
        .judge(Verdict::Valid)
        .try_contribute("bob");
    assert_eq!(world.phase("bob"), Some(Phase::Contributing));
}

#[test]
fn whoever_tries_has_the_interval_and_the_grace_to_try_again() {
    let mut world = World::new();
    world.join("ada").start("ada").try_contribute("bob");
    let grace = world.queue.rules().checkin_grace;
    world
        .wait(TRY_EVERY + grace - secs(1))
        .try_contribute("bob");
    assert_eq!(world.left("bob"), TRY_EVERY);
    world.wait(TRY_EVERY + grace);
    assert_eq!(world.phase("bob"), None);
    assert_eq!(
        world.queue.state().used_up(&"bob"),
        Some(Outcome::MissedCheckIn)
    );
}

#[test]
fn behind_the_first_three_one_try_may_be_lost() {
    let mut world = World::new();
    for id in ["1", "2", "3"] {
        world.join(id);
    }
    world.try_contribute("third").try_contribute("fourth");
    assert_eq!(
        (world.left("third"), world.left("fourth")),
        (TRY_EVERY, 2 * TRY_EVERY)
    );
    world.try_contribute("fourth");
    assert_eq!(world.left("fourth"), 2 * TRY_EVERY);
}

#[test]
fn a_try_never_shortens_what_was_promised() {
    let mut world = World::with(Rules {
        checkin_relaxed: secs(3600),
        ..Rules::default()
    });
    for id in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"] {
        world.join(id);
    }
    world.join("bob");
    let left = world.left("bob");
    assert!(left > TRY_EVERY, "{left:?}");
    world.try_contribute("bob");
    assert_eq!(world.left("bob"), left);
}

#[test]
fn trying_on_while_contributing_restarts_no_clock_and_starts_no_stall_timer() {
    let mut world = World::new();
    world.try_contribute("ada");
    let limit = world.queue.rules().contribution_limit;
    world.wait(secs(100)).try_contribute("ada");
    assert_eq!(world.left("ada"), limit - secs(100));
    assert_eq!(
        world.queue.state().turn().map(|turn| turn.overdue),
        Some(Outcome::TimedOut)
    );
}

#[test]
fn a_try_starts_a_turn_that_was_called_before() {
    let mut world = World::new();
    world.join("ada");
    assert_eq!(world.phase("ada"), Some(Phase::Ready));
    world.try_contribute("ada");
    assert_eq!(world.phase("ada"), Some(Phase::Contributing));
}

#[test]
fn a_turn_called_by_a_check_in_is_held_until_the_next_try() {
    let mut world = World::new();
    world.join("ada").start("ada").try_contribute("bob");
    world.submit("ada").judge(Verdict::Valid);
    // A page that watches the queue for Bob, while his client sleeps.
    world.check_in("bob");
    assert_eq!(world.phase("bob"), Some(Phase::Ready));
    assert_eq!(world.left("bob"), TRY_EVERY);
    world.wait(secs(30)).try_contribute("bob");
    assert_eq!(world.phase("bob"), Some(Phase::Contributing));
}

#[test]
fn a_try_by_one_who_is_not_next_gets_no_turn() {
    let mut world = World::new();
    world.join("ada").join("bob").try_contribute("cleo");
    world.leave("ada").try_contribute("cleo");
    assert_eq!(world.phase("cleo"), Some(Phase::Waiting));
    assert_eq!(world.queue.state().turn(), None);
}

#[test]
fn a_try_by_one_who_was_used_up_is_refused() {
    let mut world = World::new();
    world.try_contribute("ada").abort("ada");
    let interval = TRY_EVERY;
    assert_eq!(
        world.refused(Command::TryContribute {
            id: "ada",
            interval
        }),
        used_up(Outcome::Aborted)
    );
}
