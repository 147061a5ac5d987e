//! What a coordinator asks before it acts.

use tauline_queue_core::{MaySubmit, Mode, NotPaused, Outcome, Refusal, Rules, Ticket, Verdict};

use crate::world::{World, ended, secs};

#[test]
fn a_contribution_is_wanted_from_whoever_has_started() {
    let mut world = World::new();
    let may = |world: &World<_>| world.queue.state().may_submit(&"b");
    assert_eq!(may(&world), Err(Refusal::NotQueued));
    world.join("a").join("b");
    assert_eq!(may(&world), Err(Refusal::NotYourTurn { position: 1 }));
    world.leave("a").check_in("b");
    assert_eq!(may(&world), Err(Refusal::NotStarted));
    let ticket = Ticket::new(2);
    world.start("b");
    assert_eq!(may(&world), Ok(MaySubmit::Yes(ticket)));
    world.submit("b");
    assert_eq!(may(&world), Ok(MaySubmit::Verifying(ticket)));
    world.judge(Verdict::Valid);
    assert_eq!(may(&world), Ok(MaySubmit::Accepted(ticket)));
}

#[test]
fn a_contribution_is_not_wanted_from_whoever_failed_or_was_pardoned() {
    let mut world = World::new();
    let may = |world: &World<_>| world.queue.state().may_submit(&"a");
    world
        .join("a")
        .start("a")
        .submit("a")
        .judge(Verdict::Invalid);
    assert_eq!(may(&world), Err(ended(Outcome::Invalid)));
    world.pardon("a");
    assert_eq!(may(&world), Err(Refusal::NotQueued));
}

#[test]
fn presence_counts_in_line_and_while_contributing_for_whoever_checks_in_then() {
    let counts = |world: &World<_>, starts_stall_timer| {
        world
            .queue
            .state()
            .presence_counts(&"b", starts_stall_timer)
    };
    let mut world = World::new();
    assert!(!counts(&world, true), "not in the queue");
    world.join("a").join("b");
    assert!(counts(&world, false), "in line");
    world.leave("a").check_in("b");
    assert!(!counts(&world, true), "called");
    world.start("b");
    assert!(!counts(&world, false) && counts(&world, true), "silent");
    world.check_in("b");
    assert!(counts(&world, false), "checks in");
    world.submit("b");
    assert!(!counts(&world, true), "verifying");
}

#[test]
fn the_first_three_in_line_are_near_the_head() {
    let mut world = World::new();
    for id in ["turn", "1", "2", "3", "4"] {
        world.join(id);
    }
    let near =
        ["turn", "1", "2", "3", "4", "nobody"].map(|id| world.queue.state().is_near_head(&id));
    assert_eq!(near, [false, true, true, true, false, false]);
}

#[test]
fn a_pause_goes_back_to_the_mode_before_it() {
    let mut world = World::new();
    let after = |world: &World<_>| world.queue.state().mode_after_pause();
    assert_eq!(after(&world), Err(NotPaused::Running));
    world.set_mode(Mode::Halted);
    assert_eq!(after(&world), Ok(Mode::Open));
    world
        .set_mode(Mode::Open)
        .join("a")
        .set_mode(Mode::Draining);
    assert_eq!(after(&world), Err(NotPaused::Running));
    world.set_mode(Mode::Halted);
    assert_eq!(after(&world), Ok(Mode::Draining));
    world.set_mode(Mode::Draining).leave("a");
    assert_eq!(after(&world), Err(NotPaused::Drained));
}

#[test]
fn a_turn_ends_at_its_deadline_and_the_grace_but_for_verification() {
    let mut world = World::new();
    let left = |world: &World<_>| {
        let ends = world.queue.turn_ends_at();
        ends.map(|ends| ends.since(world.now))
    };
    assert_eq!(left(&world), None);
    world.join("a");
    assert_eq!(left(&world), Some(secs(20)));
    world.start("a");
    assert_eq!(left(&world), Some(secs(185)));
    assert_eq!(Rules::default().longest_contribution(), secs(185));
    world.submit("a");
    assert_eq!(left(&world), Some(secs(300)));
}
