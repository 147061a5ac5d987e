//! How long a turn lasts, and so how long a wait will be.

use tauline_queue_core::{Mode, Verdict};

use crate::world::{World, secs};

#[test]
fn the_estimate_is_turns_ahead_and_what_is_left_of_the_current_turn() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .wait(secs(20))
        .submit("a")
        .judge(Verdict::Valid);
    assert_eq!(world.queue.state().mean_turn(), secs(20));
    world
        .join("b")
        .join("c")
        .join("d")
        .wait(secs(8))
        .check_in("c")
        .check_in("d");
    let wait = |id| world.queue.state().wait_of(&id, world.now).unwrap();
    assert_eq!(
        [wait("b"), wait("c"), wait("d")],
        [secs(0), secs(12), secs(32)]
    );
    assert_eq!(world.queue.state().wait_of(&"nobody", world.now), None);
}

#[test]
fn failed_turns_count_in_the_estimate() {
    let mut world = World::new();
    world
        .join("a")
        .wait(secs(20))
        .join("b")
        .wait(secs(10))
        .abort("b");
    assert_eq!(world.queue.state().mean_turn(), secs(15));
}

#[test]
fn a_pause_does_not_lengthen_the_mean_turn() {
    let mut world = World::new();
    world
        .join("a")
        .wait(secs(10))
        .set_mode(Mode::Halted)
        .wait(secs(5000));
    world.set_mode(Mode::Open).abort("a");
    assert_eq!(world.queue.state().mean_turn(), secs(10));
}
