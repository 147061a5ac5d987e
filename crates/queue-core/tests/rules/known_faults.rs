//! Known faults of queues: a test for every one that concerns the rules.

use std::time::Duration;

use tauline_queue_core::{Command, Mode, Outcome, Phase, Refusal, Ticket, Verdict};

use crate::world::{World, secs, start};

type Id = u32;

fn contributing(id: Id) -> World<Id> {
    let mut world = World::new();
    world.join(id).start(id);
    world
}

// `docs/spec/known-faults.md#cancelled-upload`.
#[test]
fn a_cancelled_upload_does_not_wedge_the_ceremony() {
    let mut world = contributing(1);
    world.join(2);
    world.wait_with(190, &[2]);
    assert_eq!(world.ended(1), Some(Outcome::TimedOut));
    assert_eq!(world.phase(2), Some(Phase::Ready));
}

// `docs/spec/known-faults.md#verification-panic`.
#[test]
fn a_panic_in_verification_does_not_wedge_the_ceremony() {
    let mut world = contributing(1);
    world.join(2).submit(1);
    // No verdict ever comes.
    world.wait_with(304, &[2]);
    assert_eq!(world.ended(1), Some(Outcome::CoordinatorFault));
    assert_eq!(world.queue.state().used_up(&1), None);
    assert_eq!(world.phase(2), Some(Phase::Ready));
}

#[test]
fn every_state_has_a_timer() {
    let due = |world: &World<Id>| world.queue.next_deadline().is_some();
    let mut world = World::new();
    assert!(due(world.join(1)), "ready");
    assert!(due(world.start(1)), "contributing");
    assert!(due(world.submit(1)), "verifying");
    let ticket = Ticket::FIRST;
    world.join(2);
    world.must(Command::Judge {
        ticket,
        verdict: Verdict::Valid,
    });
    assert!(due(&world), "waiting, with the turn free");
}

// `docs/spec/known-faults.md#old-timer`.
#[test]
fn an_old_timer_does_not_end_a_later_turn() {
    let mut world = contributing(1);
    world.abort(1).pardon(1);
    world.wait(secs(150)).join(1).start(1);
    // The first turn's clock would have run out in here.
    world.wait(secs(100));
    assert_eq!(world.phase(1), Some(Phase::Contributing));
}

#[test]
fn a_late_verdict_does_not_end_a_later_turn() {
    let mut world = contributing(1);
    world.submit(1).wait(secs(300));
    assert_eq!(world.ended(1), Some(Outcome::CoordinatorFault));
    let id = 1;
    world.join(id).start(id).submit(id);
    let late = Command::Judge {
        ticket: Ticket::FIRST,
        verdict: Verdict::Invalid,
    };
    let refusal = Refusal::StaleVerdict {
        ticket: Ticket::FIRST,
    };
    assert_eq!(world.step(late).result, Err(refusal));
    assert_eq!(world.phase(1), Some(Phase::Verifying));
}

// `docs/spec/known-faults.md#missed-ping`.
#[test]
fn one_missed_ping_costs_nothing() {
    let mut world = contributing(1);
    world.join(2).wait(secs(9)).check_in(2);
    assert_eq!(world.phase(2), Some(Phase::Waiting));
}

// `docs/spec/known-faults.md#used-up-too-early`.
#[test]
fn identities_are_not_used_up_when_the_base_is_handed_out() {
    let mut world = contributing(1);
    assert_eq!(world.queue.state().used_up(&1), None);
    let ticket = Ticket::FIRST;
    world.submit(1);
    world.must(Command::Judge {
        ticket,
        verdict: Verdict::CoordinatorFault,
    });
    assert_eq!(world.queue.state().used_up(&1), None);
}

// `docs/spec/queue.md#pardon-public`, `docs/spec/known-faults.md#hand-written-pardons`.
#[test]
fn pardons_are_in_the_log() {
    let mut world = contributing(1);
    world.abort(1);
    let step = world.step(Command::Pardon { id: 1 });
    assert_eq!(step.entries.len(), 1);
    assert!(!step.entries[0].event.is_volatile());
}

// `docs/spec/known-faults.md#wrong-reason`.
#[test]
fn people_who_timed_out_are_told_so_and_not_that_they_contributed() {
    let mut world = contributing(1);
    world.wait(secs(185));
    let id = 1;
    let outcome = Outcome::TimedOut;
    assert_eq!(
        world.step(Command::Join { id }).result,
        Err(Refusal::UsedUp { outcome })
    );
    let ended = Err(Refusal::Ended { outcome });
    for command in [Command::CheckIn { id }, start(id), Command::Submit { id }] {
        assert_eq!(world.step(command).result, ended);
    }
    // Whatever the mode.
    world.set_mode(Mode::Halted);
    assert_eq!(
        world.step(Command::Join { id }).result,
        Err(Refusal::UsedUp { outcome })
    );
}

// `docs/spec/known-faults.md#lost-response`.
#[test]
fn a_lost_response_loses_neither_slot_nor_place() {
    let id = 1;
    let mut world = World::new();
    world.join(id).join(id);
    world.start(id).start(id).join(id);
    assert_eq!(world.phase(1), Some(Phase::Contributing));
    assert_eq!(world.queue.state().stay(&1).unwrap().ticket, Ticket::FIRST);
}

// `docs/spec/known-faults.md#validation-timed-out`.
#[test]
fn the_coordinator_does_not_time_out_its_own_validation() {
    let mut world = contributing(1);
    world.wait(secs(184)).submit(1).wait(secs(299));
    assert_eq!(world.phase(1), Some(Phase::Verifying));
    world.must(Command::Judge {
        ticket: Ticket::FIRST,
        verdict: Verdict::Valid,
    });
    assert_eq!(world.ended(1), Some(Outcome::Contributed));
}

// `docs/spec/known-faults.md#absent-head`.
#[test]
fn an_absent_head_advances_the_queue() {
    let mut world = contributing(1);
    world.join(2).join(3);
    world.abort(1).wait_with(14, &[3]);
    assert_eq!(world.ended(2), Some(Outcome::MissedCheckIn));
    assert_eq!(world.phase(3), Some(Phase::Ready));
}

// `docs/spec/known-faults.md#heartbeats`.
#[test]
fn heartbeats_without_work_do_not_hold_the_slot() {
    let mut world = contributing(1);
    world.wait_with(184, &[1]).wait(secs(1));
    assert_eq!(world.ended(1), Some(Outcome::TimedOut));
    // Nor do they before the start.
    world.join(2).wait_with(19, &[2]).wait(secs(1));
    assert_eq!(world.ended(2), Some(Outcome::FailedToStart));
}

// `docs/spec/known-faults.md#random-choice`.
#[test]
fn first_in_first_out_whoever_asks_more() {
    let mut world = contributing(1);
    for id in 2..6 {
        world.join(id);
    }
    for next in 1..6 {
        // All of them ask, the last in line first and most often.
        for id in (next + 1..6).rev().chain((next + 1..6).rev()) {
            world.check_in(id);
        }
        let turn = world.queue.state().turn().unwrap();
        assert_eq!(
            (*turn.id, turn.ticket),
            (next, Ticket::new(u64::from(next)))
        );
        if turn.phase == Phase::Ready {
            world.start(next);
        }
        world.abort(next);
        for id in (next + 1..6).rev() {
            world.check_in(id);
        }
    }
}

// `docs/spec/known-faults.md#estimate-hidden`.
#[test]
fn the_estimate_is_shown_before_joining() {
    let mut world = contributing(1);
    for id in 2..4002 {
        world.join(id);
    }
    // 4,000 turns of a minute ahead, and the current one.
    let wait = world.queue.state().wait_of_newcomer(world.now);
    assert_eq!(wait, Duration::from_secs(4001 * 60));
}

// `docs/spec/known-faults.md#wrong-sign`.
#[test]
fn deadlines_lie_ahead() {
    let mut world = contributing(1);
    for id in 2..100 {
        world.join(id);
        assert!(world.queue.state().stay(&id).unwrap().deadline > world.now);
    }
    assert!(world.queue.state().turn().unwrap().deadline > world.now);
}

// `docs/spec/known-faults.md#inverted-test`.
#[test]
fn only_abandoned_slots_are_freed() {
    let mut world = contributing(1);
    world.join(2).join(3);
    world.wait_with(100, &[1, 2]);
    assert_eq!(
        [world.phase(1), world.phase(2)],
        [Some(Phase::Contributing), Some(Phase::Waiting)]
    );
    assert_eq!(world.ended(3), Some(Outcome::MissedCheckIn));
}

// `docs/spec/known-faults.md#wrong-table`.
#[test]
fn the_estimate_counts_those_in_line_and_not_those_gone() {
    let mut world = contributing(1);
    for id in 2..12 {
        world.join(id);
    }
    for id in 2..10 {
        world.leave(id);
    }
    let wait = |id| world.queue.state().wait_of(&id, world.now).unwrap();
    assert_eq!(wait(11), Duration::from_secs(2 * 60));
}
