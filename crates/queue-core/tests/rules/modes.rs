//! Draining and pauses.

use tauline_queue_core::{Command, Mode, NotPaused, Phase, Refusal, Verdict};

use crate::world::{World, secs, start};

#[test]
fn draining_refuses_newcomers_and_serves_those_in_line() {
    let mut world = World::new();
    world.join("a").join("b").set_mode(Mode::Draining);
    assert_eq!(world.refused(Command::Join { id: "c" }), Refusal::Draining);
    world.contribute("a").check_in("b").start("b").submit("b");
    assert_eq!(
        world.queue.state().mode(),
        Mode::Draining,
        "the last is not processed yet"
    );
    world.judge(Verdict::Valid);
    assert_eq!(world.queue.state().mode(), Mode::Halted);
    assert_eq!(
        world.queue.state().mode_after_pause(),
        Err(NotPaused::Drained)
    );
    assert_eq!(world.refused(Command::Join { id: "c" }), Refusal::Halted);
}

#[test]
fn ticks_alone_empty_a_draining_queue() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .join("c")
        .set_mode(Mode::Draining);
    world.wait(secs(600));
    assert!(world.queue.state().is_empty());
    assert_eq!(world.queue.state().mode(), Mode::Halted);
}

#[test]
fn draining_can_be_taken_back() {
    let mut world = World::new();
    world
        .join("a")
        .set_mode(Mode::Draining)
        .set_mode(Mode::Open);
    world.join("b");
    assert_eq!(world.position("b"), Some(1));
}

#[test]
fn a_pause_stops_every_deadline() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .wait(secs(3))
        .set_mode(Mode::Halted);
    assert_eq!(world.queue.next_deadline(), None);
    world.wait(secs(100_000)).check_in("b").set_mode(Mode::Open);
    // Whoever showed itself meanwhile has all of its time again.
    assert_eq!((world.left("a"), world.left("b")), (secs(177), secs(5)));
}

#[test]
fn a_contribution_is_taken_and_judged_during_a_pause() {
    let mut world = World::new();
    world.join("a").start("a").join("b").set_mode(Mode::Halted);
    world
        .wait(secs(1000))
        .submit("a")
        .wait(secs(10))
        .set_mode(Mode::Open);
    assert_eq!(
        world.left("a"),
        secs(300),
        "only the rest of the pause is made good"
    );
    world
        .judge(Verdict::Valid)
        .set_mode(Mode::Halted)
        .check_in("b");
    assert_eq!(
        world.phase("b"),
        Some(Phase::Waiting),
        "nobody is called in a pause"
    );
}

#[test]
fn nothing_starts_during_a_pause() {
    let mut world = World::new();
    world.join("a").set_mode(Mode::Halted);
    assert_eq!(world.refused(start("a")), Refusal::Halted);
    assert_eq!(world.refused(Command::Join { id: "b" }), Refusal::Halted);
    world.set_mode(Mode::Open).start("a");
}

#[test]
fn whoever_shows_itself_in_a_pause_has_all_of_its_time_after_it() {
    let interval = secs(60);
    let tries = || Command::TryContribute { id: "b", interval };
    let mut world = World::new();
    world.join("a").must(tries()).join("c").wait(secs(4));
    world.set_mode(Mode::Halted).wait(secs(50));
    world.must(tries()).check_in("c").wait(secs(10));
    world.set_mode(Mode::Open);
    assert_eq!([world.left("b"), world.left("c")], [interval, secs(5)]);
}
