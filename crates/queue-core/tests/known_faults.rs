//! `known-faults.md`, queue and turns: a test for every line that concerns the rules.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tauline_queue_core::{
    Command, Mode, Outcome, Phase, Queue, Refusal, Rules, Step, Ticket, Timestamp, Verdict,
};

type Id = u32;

struct World {
    queue: Queue<Id>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_790_000_000_000);
        Self {
            queue: Queue::new(Rules::default(), now).unwrap(),
            now,
        }
    }

    fn step(&mut self, command: Command<Id>) -> Step<Id> {
        self.queue.step(self.now, command)
    }

    fn must(&mut self, command: Command<Id>) -> &mut Self {
        let step = self.step(command.clone());
        assert_eq!(step.result, Ok(()), "{command:?}");
        self
    }

    /// Time passes; the coordinator's timer works; these check in every four seconds.
    fn wait(&mut self, secs: u64, present: &[Id]) -> &mut Self {
        for second in 0..secs {
            self.now = self.now.saturating_add(Duration::from_secs(1));
            self.must(Command::Tick);
            for &id in present {
                if second % 4 == 0 {
                    self.must(Command::CheckIn { id });
                }
            }
        }
        self
    }

    fn contributing(id: Id) -> Self {
        let mut world = Self::new();
        world.must(Command::Join { id }).must(Command::Start {
            id,
            checks_in: false,
        });
        world
    }

    fn phase(&self, id: Id) -> Option<Phase> {
        self.queue.state().stay(&id).map(|stay| stay.phase)
    }

    fn ended(&self, id: Id) -> Option<Outcome> {
        self.queue.state().past(&id).map(|past| past.outcome)
    }
}

#[test]
fn a_cancelled_upload_does_not_wedge_the_ceremony() {
    let mut world = World::contributing(1);
    world.must(Command::Join { id: 2 });
    world.wait(190, &[2]);
    assert_eq!(world.ended(1), Some(Outcome::TimedOut));
    assert_eq!(world.phase(2), Some(Phase::Ready));
}

#[test]
fn a_panic_in_verification_does_not_wedge_the_ceremony() {
    let mut world = World::contributing(1);
    world
        .must(Command::Join { id: 2 })
        .must(Command::Submit { id: 1 });
    // No verdict ever comes.
    world.wait(304, &[2]);
    assert_eq!(world.ended(1), Some(Outcome::CoordinatorFault));
    assert_eq!(world.queue.state().used_up(&1), None);
    assert_eq!(world.phase(2), Some(Phase::Ready));
}

#[test]
fn every_state_has_a_timer() {
    let due = |world: &World| world.queue.next_deadline().is_some();
    let mut world = World::new();
    assert!(due(world.must(Command::Join { id: 1 })), "ready");
    assert!(
        due(world.must(Command::Start {
            id: 1,
            checks_in: false
        })),
        "contributing"
    );
    assert!(due(world.must(Command::Submit { id: 1 })), "verifying");
    let ticket = Ticket::FIRST;
    world.must(Command::Join { id: 2 });
    world.must(Command::Judge {
        ticket,
        verdict: Verdict::Valid,
    });
    assert!(due(&world), "waiting, with the turn free");
}

#[test]
fn an_old_timer_does_not_end_a_later_turn() {
    let mut world = World::contributing(1);
    world
        .must(Command::Abort { id: 1 })
        .must(Command::Pardon { id: 1 });
    world
        .wait(150, &[])
        .must(Command::Join { id: 1 })
        .must(Command::Start {
            id: 1,
            checks_in: false,
        });
    // The first turn's clock would have run out in here.
    world.wait(100, &[]);
    assert_eq!(world.phase(1), Some(Phase::Contributing));
}

#[test]
fn a_late_verdict_does_not_end_a_later_turn() {
    let mut world = World::contributing(1);
    world.must(Command::Submit { id: 1 }).wait(300, &[]);
    assert_eq!(world.ended(1), Some(Outcome::CoordinatorFault));
    let id = 1;
    world
        .must(Command::Join { id })
        .must(Command::Start {
            id,
            checks_in: false,
        })
        .must(Command::Submit { id });
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

#[test]
fn one_missed_ping_costs_nothing() {
    let mut world = World::contributing(1);
    world
        .must(Command::Join { id: 2 })
        .wait(9, &[])
        .must(Command::CheckIn { id: 2 });
    assert_eq!(world.phase(2), Some(Phase::Waiting));
}

#[test]
fn identities_are_not_used_up_when_the_base_is_handed_out() {
    let mut world = World::contributing(1);
    assert_eq!(world.queue.state().used_up(&1), None);
    let ticket = Ticket::FIRST;
    world.must(Command::Submit { id: 1 });
    world.must(Command::Judge {
        ticket,
        verdict: Verdict::CoordinatorFault,
    });
    assert_eq!(world.queue.state().used_up(&1), None);
}

#[test]
fn pardons_are_in_the_log() {
    let mut world = World::contributing(1);
    world.must(Command::Abort { id: 1 });
    let step = world.step(Command::Pardon { id: 1 });
    assert_eq!(step.entries.len(), 1);
    assert!(!step.entries[0].event.is_volatile());
}

#[test]
fn people_who_timed_out_are_told_so_and_not_that_they_contributed() {
    let mut world = World::contributing(1);
    world.wait(185, &[]);
    let id = 1;
    let outcome = Outcome::TimedOut;
    assert_eq!(
        world.step(Command::Join { id }).result,
        Err(Refusal::UsedUp { outcome })
    );
    let ended = Err(Refusal::Ended { outcome });
    for command in [
        Command::CheckIn { id },
        Command::Start {
            id,
            checks_in: false,
        },
        Command::Submit { id },
    ] {
        assert_eq!(world.step(command).result, ended);
    }
    // Whatever the mode.
    world.must(Command::SetMode(Mode::Halted));
    assert_eq!(
        world.step(Command::Join { id }).result,
        Err(Refusal::UsedUp { outcome })
    );
}

#[test]
fn a_lost_response_loses_neither_slot_nor_place() {
    let id = 1;
    let mut world = World::new();
    world.must(Command::Join { id }).must(Command::Join { id });
    world
        .must(Command::Start {
            id,
            checks_in: false,
        })
        .must(Command::Start {
            id,
            checks_in: false,
        })
        .must(Command::Join { id });
    assert_eq!(world.phase(1), Some(Phase::Contributing));
    assert_eq!(world.queue.state().stay(&1).unwrap().ticket, Ticket::FIRST);
}

#[test]
fn the_coordinator_does_not_time_out_its_own_validation() {
    let mut world = World::contributing(1);
    world
        .wait(184, &[])
        .must(Command::Submit { id: 1 })
        .wait(299, &[]);
    assert_eq!(world.phase(1), Some(Phase::Verifying));
    world.must(Command::Judge {
        ticket: Ticket::FIRST,
        verdict: Verdict::Valid,
    });
    assert_eq!(world.ended(1), Some(Outcome::Contributed));
}

#[test]
fn an_absent_head_advances_the_queue() {
    let mut world = World::contributing(1);
    world
        .must(Command::Join { id: 2 })
        .must(Command::Join { id: 3 });
    world.must(Command::Abort { id: 1 }).wait(14, &[3]);
    assert_eq!(world.ended(2), Some(Outcome::MissedCheckIn));
    assert_eq!(world.phase(3), Some(Phase::Ready));
}

#[test]
fn heartbeats_without_work_do_not_hold_the_slot() {
    let mut world = World::contributing(1);
    world.wait(184, &[1]).wait(1, &[]);
    assert_eq!(world.ended(1), Some(Outcome::TimedOut));
    // Nor do they before the start.
    world
        .must(Command::Join { id: 2 })
        .wait(19, &[2])
        .wait(1, &[]);
    assert_eq!(world.ended(2), Some(Outcome::FailedToStart));
}

#[test]
fn first_in_first_out_whoever_asks_more() {
    let mut world = World::contributing(1);
    for id in 2..6 {
        world.must(Command::Join { id });
    }
    for next in 1..6 {
        // All of them ask, the last in line first and most often.
        for id in (next + 1..6).rev().chain((next + 1..6).rev()) {
            world.must(Command::CheckIn { id });
        }
        let turn = world.queue.state().turn().unwrap();
        assert_eq!(
            (*turn.id, turn.ticket),
            (next, Ticket::new(u64::from(next)))
        );
        if turn.phase == Phase::Ready {
            world.must(Command::Start {
                id: next,
                checks_in: false,
            });
        }
        world.must(Command::Abort { id: next });
        for id in (next + 1..6).rev() {
            world.must(Command::CheckIn { id });
        }
    }
}

#[test]
fn the_estimate_is_shown_before_joining() {
    let mut world = World::contributing(1);
    for id in 2..4002 {
        world.must(Command::Join { id });
    }
    // 4,000 turns of a minute ahead, and the current one.
    let wait = world.queue.state().wait_of_newcomer(world.now);
    assert_eq!(wait, Duration::from_secs(4001 * 60));
}

#[test]
fn deadlines_lie_ahead() {
    let mut world = World::contributing(1);
    for id in 2..100 {
        world.must(Command::Join { id });
        assert!(world.queue.state().stay(&id).unwrap().deadline > world.now);
    }
    assert!(world.queue.state().turn().unwrap().deadline > world.now);
}

#[test]
fn only_abandoned_slots_are_freed() {
    let mut world = World::contributing(1);
    world
        .must(Command::Join { id: 2 })
        .must(Command::Join { id: 3 });
    world.wait(100, &[1, 2]);
    assert_eq!(
        [world.phase(1), world.phase(2)],
        [Some(Phase::Contributing), Some(Phase::Waiting)]
    );
    assert_eq!(world.ended(3), Some(Outcome::MissedCheckIn));
}

#[test]
fn the_estimate_counts_those_in_line_and_not_those_gone() {
    let mut world = World::contributing(1);
    for id in 2..12 {
        world.must(Command::Join { id });
    }
    for id in 2..10 {
        world.must(Command::Leave { id });
    }
    let wait = |id| world.queue.state().wait_of(&id, world.now).unwrap();
    assert_eq!(wait(11), Duration::from_secs(2 * 60));
}
