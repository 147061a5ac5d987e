//! Absences of the coordinator, and clocks that jump.

use std::time::Duration;

use tauline_queue_core::{Command, Event, Mode, Phase, Timestamp};

use crate::world::{MS, World, secs};

#[test]
fn a_restart_costs_nobody_a_place() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .wait(secs(2))
        .check_in("b")
        .wait(secs(2));
    world.restart().sleep(secs(86_400)).check_in("b");
    assert_eq!(world.phase("a"), Some(Phase::Contributing));
    // Away since the last entry that was kept, four seconds before the process died.
    assert_eq!(world.left("a"), secs(180));
}

#[test]
fn an_unrecorded_promise_survives_a_restart() {
    let mut world = World::new();
    world.join("a").start("a").join("b");
    for _ in 0..10 {
        world.wait(secs(4)).check_in("b");
    }
    let volatile = world
        .log
        .iter()
        .filter(|entry| entry.event.is_volatile())
        .count();
    assert_eq!(volatile, 10);
    world.restart().sleep(secs(9)).check_in("b");
    assert_eq!(world.position("b"), Some(1));
}

#[test]
fn records_of_check_ins_are_few() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .join("c")
        .join("d")
        .join("e");
    let before = world.log.len();
    for _ in 0..900 {
        for id in ["b", "c", "d", "e"] {
            world.check_in(id);
        }
        world.wait(Duration::from_millis(200));
    }
    let recorded = world.log[before..]
        .iter()
        .filter(|entry| !entry.event.is_volatile())
        .count();
    // Three minutes: three records each near the head, and fewer behind.
    assert!((4..=12).contains(&recorded), "{recorded} records");
}

#[test]
fn a_stall_of_the_coordinator_costs_nobody_a_place() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .sleep(secs(10 + 30) + MS);
    let step = world.step(Command::Tick);
    let pause = secs(40) + MS;
    assert_eq!(step.entries.len(), 1);
    assert_eq!(
        step.entries[0].event,
        Event::Resumed {
            pause,
            restarted: false
        }
    );
    assert_eq!((world.left("a"), world.left("b")), (secs(180), secs(5)));
}

#[test]
fn a_pause_of_any_length_costs_nobody_anything() {
    for pause in [3, 8, 12, 20, 38, 60, 3600] {
        let mut world = World::new();
        world.join("a").start_checking_in("a");
        world.join("b").join("c").wait(secs(4));
        let before = ["a", "b", "c"].map(|id| world.left(id));
        world.sleep(secs(pause)).must(Command::Tick);
        assert_eq!(
            ["a", "b", "c"].map(|id| world.left(id)),
            before,
            "{pause} s"
        );
        // A participant called before the pause has all of its time to start after it.
        let mut world = World::new();
        world.join("a").sleep(secs(pause)).must(Command::Tick);
        assert_eq!(world.left("a"), secs(15), "{pause} s");
    }
}

#[test]
fn a_clock_that_falls_does_not_take_time_back() {
    let mut world = World::new();
    world.join("a").start("a").wait(secs(100));
    let step = world.queue.step(world.began, Command::Submit { id: "a" });
    assert_eq!(step.entries[0].at, world.now);
}

#[test]
fn a_clock_that_leaps_ahead_costs_nobody_a_place() {
    let mut world = World::new();
    world.join("a").start("a").join("b");
    world.sleep(secs(10 * 365 * 86_400)).must(Command::Tick);
    assert_eq!((world.left("a"), world.left("b")), (secs(180), secs(5)));
}

#[test]
fn at_the_end_of_time_nothing_panics_and_every_stay_ends() {
    let mut world = World::new();
    world.join("a").join("b").join("c").set_mode(Mode::Draining);
    world.now = Timestamp::MAX;
    for id in ["a", "b", "c"] {
        let _ = world.step(Command::CheckIn { id });
    }
    assert!(world.queue.state().is_empty());
    assert_eq!(world.queue.next_deadline(), None);
}
