//! Who is not there when the turn comes.

use tauline_queue_core::{Command, Entry, Event, Phase, Rules, Ticket};

use crate::world::{Id, World, secs};

/// "a" has the turn, "b" has tried and is away for a minute, "c" checks in.
fn with_absent_head(rules: Rules) -> World<Id> {
    let mut world = World::with(rules);
    let interval = secs(60);
    world
        .join("a")
        .must(Command::TryContribute { id: "b", interval });
    world.join("c").join("d").join("e").wait(secs(2));
    world.leave("a");
    world
}

// `docs/spec/known-faults.md#strict-line`.
#[test]
fn a_free_turn_passes_who_is_absent_once_and_the_passed_is_next() {
    let mut world = with_absent_head(Rules::default());
    let deadline = world.left("b");
    let step = world.step(Command::CheckIn { id: "c" });
    let passed = vec![Ticket::new(2)];
    assert!(
        matches!(&step.entries[..], [Entry { event: Event::Called { passed: named, .. }, .. }] if *named == passed),
        "{:?}",
        step.entries
    );
    let stay = world.queue.state().stay(&"b").unwrap();
    assert_eq!(
        (stay.position, stay.passed, world.left("b")),
        (1, 1, deadline)
    );
    world.contribute("c").check_in("d");
    assert_eq!(world.phase("d"), Some(Phase::Waiting), "b is next");
    world.check_in("b");
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn without_passes_the_order_is_strict() {
    let mut world = with_absent_head(Rules {
        passes: 0,
        ..Rules::default()
    });
    world.check_in("c");
    assert_eq!(world.phase("c"), Some(Phase::Waiting));
    world.check_in("b");
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn whoever_is_expected_within_the_shortest_interval_is_not_passed() {
    let mut world = with_absent_head(Rules::default());
    world.wait(world.left("b").saturating_sub(secs(5)));
    world.join("f");
    assert_eq!(world.phase("f"), Some(Phase::Waiting));
    // It comes in its grace, and has the turn.
    world.wait(secs(9)).check_in("b");
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn whoever_asked_a_moment_ago_is_not_passed() {
    let mut world = World::new();
    let interval = secs(60);
    world
        .join("a")
        .must(Command::TryContribute { id: "b", interval });
    world.join("c").leave("a").check_in("c");
    assert_eq!(world.phase("c"), Some(Phase::Waiting));
    let wake = world.queue.wake_at().unwrap();
    assert_eq!(wake.since(world.now), secs(1));
    world.wait(secs(1)).check_in("c");
    assert_eq!(world.phase("c"), Some(Phase::Ready));
}

#[test]
fn a_free_turn_goes_to_nobody_behind_the_first_three() {
    let mut world = World::new();
    let interval = secs(60);
    world.join("a");
    for id in ["b", "c", "d", "e"] {
        world.must(Command::TryContribute { id, interval });
    }
    world.wait(secs(2)).leave("a");
    world.check_in("e");
    assert_eq!(world.phase("e"), Some(Phase::Waiting));
    assert!(!world.queue.would_be_called(world.now, Ticket::new(5)));
    assert!(world.queue.would_be_called(world.now, Ticket::new(4)));
    world.check_in("d");
    assert_eq!(world.phase("d"), Some(Phase::Ready));
    assert_eq!(
        (world.position("b"), world.position("c")),
        (Some(1), Some(2))
    );
    world.restart().contribute("d");
    let passed = |id| world.queue.state().stay(&id).unwrap().passed;
    assert_eq!((passed("b"), passed("c"), passed("e")), (1, 1, 0));
}
