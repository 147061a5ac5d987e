//! Check-ins in line: their deadlines, the grace, and what a promise is worth.

use std::time::Duration;

use tauline_queue_core::{Command, Outcome, Phase, Rules, Ticket};

use crate::world::{IN_GRACE, MS, World, crowd, ended, secs};

#[test]
fn the_first_three_check_in_every_five_seconds() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .join("c")
        .join("d")
        .join("e");
    assert_eq!(
        [world.left("b"), world.left("c"), world.left("d")],
        [secs(5); 3]
    );
    // Number four: half of three turns of a minute ahead and the current one, within the budget.
    assert_eq!(world.left("e"), secs(30));
}

#[test]
fn the_check_in_interval_is_half_the_wait_and_at_most_an_hour() {
    let mut world = World::with(Rules {
        checkin_relaxed: secs(24 * 3600),
        ..Rules::default()
    });
    world.join("first");
    let crowd = crowd(200);
    for &id in &crowd {
        world.join(id);
    }
    assert_eq!(world.left(crowd[9]), secs(10 * 60 / 2));
    assert_eq!(world.left(crowd[119]), secs(3600));
    assert_eq!(world.left(crowd[199]), secs(3600));
}

#[test]
fn all_in_line_check_in_within_the_budget_and_no_promise_is_longer_than_it_needs() {
    let rules = Rules::default();
    for (in_line, longest) in [
        (100, 30),
        (10_000, 30),
        (30_000, 30),
        (60_000, 60),
        (1_000_000, 1000),
        (100_000_000, 3600),
    ] {
        assert_eq!(rules.longest_interval(in_line), secs(longest), "{in_line}");
    }
    let mut world = World::with(Rules {
        checkin_rate: 2,
        expected_turn: secs(3600),
        ..rules
    });
    let crowd = crowd(200);
    for &id in &crowd {
        world.join(id);
    }
    assert_eq!(world.left(crowd[50]), secs(30), "49 in line");
    assert_eq!(world.left(crowd[199]), secs(99), "198 in line");
}

/// Turns of a fifth of a second, where a minute was expected: nobody was promised minutes
/// (`docs/spec/known-faults.md#long-promise`).
#[test]
fn a_wrong_first_estimate_makes_no_promise_that_holds_everybody_up() {
    let mut world = World::new();
    let crowd = crowd(20);
    for &id in &crowd {
        world.join(id);
    }
    for &id in &crowd[..8] {
        world.check_in(id).contribute(id);
        world.wait(Duration::from_millis(200));
    }
    let absent = crowd[8];
    assert!(world.left(absent) <= secs(30), "{:?}", world.left(absent));
}

#[test]
fn a_check_in_moves_the_deadline() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .wait(secs(4))
        .check_in("b");
    assert_eq!(world.left("b"), secs(5));
    world.wait(secs(9)).check_in("b");
    assert_eq!(world.phase("b"), Some(Phase::Waiting));
}

#[test]
fn a_check_in_in_the_grace_is_in_time_and_one_after_it_is_not() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .wait(secs(5) + IN_GRACE)
        .check_in("b");
    world.wait(secs(5) + IN_GRACE + MS);
    let missed = ended(Outcome::MissedCheckIn);
    assert_eq!(world.refused(Command::CheckIn { id: "b" }), missed);
}

#[test]
fn a_late_command_is_too_late_even_before_the_timer() {
    let mut world = World::new();
    world.join("a").start("a").join("b");
    world.wait(secs(9)).sleep(secs(1));
    let step = world.step(Command::CheckIn { id: "b" });
    assert_eq!(step.result, Err(ended(Outcome::MissedCheckIn)));
    assert_eq!(step.entries.len(), 1, "a refusal may have entries");
}

#[test]
fn checking_in_early_or_twice_is_harmless() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .check_in("b")
        .check_in("b")
        .check_in("b");
    assert_eq!((world.position("b"), world.left("b")), (Some(1), secs(5)));
}

#[test]
fn a_promised_deadline_is_never_taken_back() {
    let mut world = World::new();
    world.join("a").join("b").join("c").join("d").join("e");
    let promised = world.left("e");
    assert_eq!(promised, secs(30));
    for id in ["a", "b", "c", "d"] {
        world.must(Command::Leave { id });
    }
    // Head at once, although it was told to come back in half a minute.
    assert_eq!((world.position("e"), world.left("e")), (Some(1), promised));
    world.wait(promised).check_in("e");
    assert_eq!(world.phase("e"), Some(Phase::Ready));
}

#[test]
fn the_deadlines_of_a_tie_end_in_ticket_order() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .join("c")
        .wait(secs(9))
        .sleep(secs(1));
    let step = world.step(Command::Tick);
    let tickets: Vec<_> = step
        .entries
        .iter()
        .map(|entry| entry.event.ticket())
        .collect();
    assert_eq!(tickets, [Some(Ticket::new(2)), Some(Ticket::new(3))]);
}

#[test]
fn the_next_deadline_is_when_the_first_stay_ends() {
    let mut world = World::new();
    assert_eq!(world.queue.next_deadline(), None);
    world.join("a").start("a").join("b");
    let due = world.queue.next_deadline().unwrap();
    assert_eq!(due.since(world.now), secs(10));
    world.wait(secs(9));
    assert_eq!(
        world
            .queue
            .step(due.saturating_sub(MS), Command::Tick)
            .entries,
        []
    );
    assert_eq!(world.queue.step(due, Command::Tick).entries.len(), 1);
}
