//! Who vanishes while it contributes.

use tauline_queue_core::{Command, Outcome, Phase};

use crate::world::{IN_GRACE, MS, World, secs};

#[test]
fn whoever_says_at_the_start_that_it_checks_in_has_gone_when_it_does_not() {
    let mut world = World::new();
    world.join("a").start_checking_in("a");
    assert_eq!(world.left("a"), secs(30));
    world.wait(secs(20)).check_in("a");
    assert_eq!(world.left("a"), secs(30));
    world.wait(secs(35));
    assert_eq!(world.ended("a"), Some(Outcome::Stalled));
}

#[test]
fn a_closed_connection_ends_the_turn_sooner_unless_something_comes_back() {
    let mut world = World::new();
    world.join("a").start_checking_in("a");
    world.disconnect("a");
    assert_eq!(world.left("a"), secs(15));
    world.wait(secs(14)).check_in("a");
    assert_eq!(world.left("a"), secs(30));
    world.wait(secs(20)).disconnect("a");
    assert_eq!(world.left("a"), secs(10), "never later than before");
    world.wait(secs(15));
    assert_eq!(world.ended("a"), Some(Outcome::Stalled));
}

#[test]
fn whoever_gives_no_sign_while_it_computes_may_close_its_connection() {
    let mut world = World::new();
    world.join("a").start("a").disconnect("a");
    assert_eq!(world.left("a"), secs(180));
}

#[test]
fn a_restart_gives_whoever_checks_in_all_of_its_time() {
    let mut world = World::new();
    world.join("a").start_checking_in("a");
    for _ in 0..10 {
        world.wait(secs(5)).check_in("a");
    }
    // The last entry of the log is the start, 50 s ago.
    world.restart().sleep(secs(3)).must(Command::Tick);
    assert_eq!(world.left("a"), secs(30));
}

#[test]
fn an_upload_that_arrives_is_a_check_in_of_whoever_checks_in() {
    let mut world = World::new();
    world.join("a").start_checking_in("a");
    world.wait(secs(25)).upload("a");
    assert_eq!(world.left("a"), secs(30));
    let mut silent = World::new();
    silent.join("a").start("a").wait(secs(25)).upload("a");
    assert_eq!(silent.left("a"), secs(155));
}

#[test]
fn who_checks_in_while_contributing_and_stops_has_stalled() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .wait(secs(20))
        .check_in("a")
        .wait(secs(30) + IN_GRACE);
    assert_eq!(world.phase("a"), Some(Phase::Contributing));
    world.wait(MS);
    assert_eq!(world.ended("a"), Some(Outcome::Stalled));
}

#[test]
fn who_never_checks_in_while_contributing_cannot_stall() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .wait(secs(60))
        .join("a")
        .wait(secs(120))
        .submit("a");
    assert_eq!(world.phase("a"), Some(Phase::Verifying));
}

#[test]
fn checking_in_while_contributing_does_not_move_the_contribution_deadline() {
    let mut world = World::new();
    world.join("a").start("a");
    for _ in 0..18 {
        world.wait(secs(10)).check_in("a");
    }
    world.wait(secs(5));
    assert_eq!(world.ended("a"), Some(Outcome::TimedOut));
}
