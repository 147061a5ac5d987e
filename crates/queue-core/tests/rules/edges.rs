//! Where a bound is hit exactly, and what a state answers who is asked for little.

use tauline_queue_core::{Command, Event, Phase, Ticket, Timestamp, Verdict};

use crate::world::{MS, World, secs};

#[test]
fn tickets_and_times_are_written_as_numbers_and_as_seconds() {
    assert_eq!(Ticket::new(1042).to_string(), "1042");
    let at = Timestamp::from_millis(1_790_000_001_999);
    assert_eq!(at.as_secs(), 1_790_000_001);
    assert!(!at.to_string().is_empty());
    assert_eq!(at.saturating_sub(secs(1)).as_millis(), 1_790_000_000_999);
    assert_eq!(Timestamp::EPOCH.saturating_sub(MS), Timestamp::EPOCH);
    assert_eq!(
        at.checked_add(secs(2)).map(Timestamp::as_millis),
        Some(1_790_000_003_999)
    );
    assert_eq!(Timestamp::MAX.checked_add(MS), None);
    assert_eq!(
        Timestamp::MAX.saturating_sub(MS).checked_add(MS),
        Some(Timestamp::MAX)
    );
}

#[test]
fn a_gap_of_just_two_and_a_half_ticks_is_no_absence() {
    let mut world = World::new();
    world.join("a").join("b");
    let gap = world.queue.rules().tick * 5 / 2;
    let step = world.sleep(gap).step(Command::Tick);
    assert!(step.entries.is_empty(), "{:?}", step.entries);
    let step = world.sleep(gap + MS).step(Command::Tick);
    assert!(
        matches!(step.entries[0].event, Event::Resumed { .. }),
        "{:?}",
        step.entries
    );
}

#[test]
fn a_cut_connection_changes_nothing_where_the_deadline_is_no_later_anyway() {
    let mut world = World::new();
    world.join("a").start_checking_in("a").wait(secs(15));
    let step = world.step(Command::Disconnect { id: "a" });
    assert!(step.entries.is_empty(), "{:?}", step.entries);
}

#[test]
fn a_restart_gives_whoever_checks_in_while_contributing_the_whole_time_for_the_next_one() {
    let mut world = World::new();
    world.join("a").start_checking_in("a").wait(secs(20));
    assert_eq!(world.left("a"), secs(10));
    world.restart().must(Command::Tick);
    assert_eq!(world.left("a"), secs(30));
    // A stop of the process forgets nothing, so nothing is given for it but the time itself.
    world.wait(secs(20)).sleep(secs(100)).must(Command::Tick);
    assert_eq!(world.left("a"), secs(10));

    // Also where the log goes on after the start, so that little of the time since then is missing.
    let mut world = World::new();
    world
        .join("a")
        .start_checking_in("a")
        .wait(secs(20))
        .join("b");
    world.restart().must(Command::Tick);
    assert_eq!(world.left("a"), secs(30));
}

#[test]
fn whoever_asked_a_second_ago_is_there_no_more() {
    // "b" is ahead of "c", is not expected soon, and asked a second ago, or a millisecond less.
    for (since, passed) in [(secs(1), true), (secs(1) - MS, false)] {
        let mut world = World::new();
        let interval = secs(60);
        world
            .join("a")
            .must(Command::TryContribute { id: "b", interval })
            .join("c")
            .sleep(since)
            .leave("a")
            .check_in("c");
        assert_eq!(world.phase("c") == Some(Phase::Ready), passed, "{since:?}");
    }
}

#[test]
fn whoever_asked_as_the_fourth_did_not_ask_for_the_turn() {
    let mut world = World::new();
    let interval = secs(60);
    world.join("a");
    for id in ["b", "c", "d"] {
        world.must(Command::TryContribute { id, interval });
    }
    world
        .sleep(secs(1))
        .must(Command::TryContribute { id: "e", interval })
        .leave("b")
        .leave("c")
        .join("f")
        .leave("a")
        .check_in("f");
    assert_eq!(world.phase("f"), Some(Phase::Ready), "d and e are passed");
}

#[test]
fn that_others_ask_makes_nobody_forget_who_is_there() {
    let mut world = World::new();
    let interval = secs(60);
    world
        .join("a")
        .must(Command::TryContribute { id: "b", interval })
        .must(Command::TryContribute { id: "c", interval })
        .join("d")
        .check_in("d")
        .leave("a")
        .check_in("d");
    assert_eq!(world.phase("d"), Some(Phase::Waiting), "b and c are there");
}

#[test]
fn a_state_tells_whose_turn_it_is_and_who_is_first_in_line() {
    let mut world = World::new();
    world.join("a").join("b").join("c");
    let (one, two, three) = (Ticket::new(1), Ticket::new(2), Ticket::new(3));
    let state = world.queue.state();
    assert_eq!(state.head(), Some((two, &"b")));
    assert_eq!(state.id_of(one), Some(&"a"));
    assert_eq!(state.id_of(two), Some(&"b"));
    assert_eq!(state.id_of(three), Some(&"c"));
    assert_eq!(state.id_of(Ticket::new(4)), None);
    assert_eq!(
        [&"a", &"b", &"c"].map(|id| state.position(id)),
        [Some(0), Some(1), Some(2)]
    );
    assert_eq!(state.turn().unwrap().contribute_by, None, "not started");
    world.start("a");
    let by = world.now.saturating_add(secs(180));
    let turn = world.queue.state().turn();
    assert_eq!(turn.unwrap().contribute_by, Some(by));
    world.submit("a");
    let turn = world.queue.state().turn();
    assert_eq!(turn.unwrap().contribute_by, None, "the last byte is there");
    world.judge(Verdict::Valid);
    assert_eq!(world.queue.state().id_of(one), None);
}
