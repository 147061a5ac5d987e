//! Joining, leaving and the order of the line.

use tauline_queue_core::{Command, Outcome, Phase, Refusal, Ticket};

use crate::world::{Id, World, secs, used_up};

// `docs/spec/queue.md#empty-queue`.
#[test]
fn joining_an_empty_queue_calls_at_once() {
    let mut world = World::new();
    world.join("a");
    assert_eq!(
        (world.phase("a"), world.position("a")),
        (Some(Phase::Ready), Some(0))
    );
}

#[test]
fn joining_puts_at_the_tail() {
    let mut world = World::new();
    world.join("a").join("b").join("c");
    assert_eq!(
        [world.position("b"), world.position("c")],
        [Some(1), Some(2)]
    );
    let line: Vec<Id> = world.queue.state().line().map(|(_, id)| *id).collect();
    assert_eq!(line, ["b", "c"]);
}

#[test]
fn joining_twice_keeps_the_place_and_counts_as_a_check_in() {
    let mut world = World::new();
    world.join("a").join("b").join("c").wait(secs(3)).join("b");
    assert_eq!(world.position("b"), Some(1));
    assert_eq!(world.left("b"), secs(5));
    world.leave("a").join("b");
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn joining_while_somebody_absent_is_head_does_not_overtake() {
    let mut world = World::new();
    world.join("a").join("b").leave("a").join("c");
    assert_eq!(
        [world.phase("b"), world.phase("c")],
        [Some(Phase::Waiting); 2]
    );
    assert_eq!(world.queue.state().turn(), None);
}

#[test]
fn only_the_head_is_called() {
    let mut world = World::new();
    world.join("a").join("b").join("c").leave("a").check_in("c");
    assert_eq!(world.phase("c"), Some(Phase::Waiting));
    world.check_in("b");
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn leaving_moves_those_behind_up() {
    let mut world = World::new();
    world.join("a").join("b").join("c").leave("b");
    assert_eq!(world.position("c"), Some(1));
    assert_eq!(world.ended("b"), Some(Outcome::Left));
}

#[test]
fn an_identity_contributes_once() {
    let mut world = World::new();
    world.join("a").contribute("a");
    let used_up = used_up(Outcome::Contributed);
    assert_eq!(world.refused(Command::Join { id: "a" }), used_up);
    assert_eq!(
        world.refused(Command::Pardon { id: "a" }),
        Refusal::ContributionIsFinal
    );
}

#[test]
fn who_left_may_not_rejoin_without_a_pardon() {
    let mut world = World::new();
    world.join("a").join("b").leave("b");
    assert_eq!(
        world.refused(Command::Join { id: "b" }),
        used_up(Outcome::Left)
    );
    world.pardon("b").join("c").join("b");
    assert_eq!(
        (world.position("c"), world.position("b")),
        (Some(1), Some(2))
    );
    assert_eq!(
        world.queue.state().stay(&"b").unwrap().ticket,
        Ticket::new(4)
    );
}

#[test]
fn a_pardon_is_for_one_stay() {
    let mut world = World::new();
    world.join("a").abort("a").pardon("a");
    assert_eq!(
        world.refused(Command::Pardon { id: "a" }),
        Refusal::NothingToPardon
    );
    world.join("a").abort("a");
    assert_eq!(
        world.refused(Command::Join { id: "a" }),
        used_up(Outcome::Aborted)
    );
}
