//! Logs that no queue can have written: each is refused at the entry that does not fit.

use tauline_queue_core::{
    Entry, Event, Misfit, Mode, Outcome, Queue, ReplayError, Rules, Ticket, Verdict,
};

use crate::world::{Id, World};

/// Why this event cannot follow the log of this world.
fn refused(world: &World<Id>, event: Event<Id>) -> Misfit {
    let mut log = world.log.clone();
    log.push(Entry {
        at: world.now,
        event,
    });
    match Queue::replay(Rules::default(), world.began, log) {
        Err(ReplayError::Entry { misfit, index }) => {
            assert_eq!(index, world.log.len() as u64, "{misfit}");
            misfit
        }
        other => panic!("{other:?}"),
    }
}

/// The beginning of the next stay.
fn joined(world: &World<Id>, id: Id) -> Event<Id> {
    Event::Joined {
        ticket: world.queue.state().next_ticket(),
        id,
        check_in_by: world.now,
        lasting_by: world.now,
    }
}

fn called(world: &World<Id>, ticket: u64, passed: &[u64]) -> Event<Id> {
    Event::Called {
        ticket: Ticket::new(ticket),
        start_by: world.now,
        passed: passed.iter().map(|&one| Ticket::new(one)).collect(),
    }
}

#[test]
fn entries_that_no_rule_could_emit_are_refused() {
    let mut world = World::new();
    world.join("a").start("a").join("b").join("c");
    let ticket = Ticket::new(2);
    let by = world.now;
    let refused = |event| refused(&world, event);
    assert_eq!(refused(joined(&world, "b")), Misfit::AlreadyQueued);
    assert_eq!(
        refused(Event::Called {
            ticket,
            start_by: by,
            passed: Vec::new(),
        }),
        Misfit::OutOfTurn { ticket }
    );
    for outcome in [
        Outcome::Contributed,
        Outcome::TimedOut,
        Outcome::Aborted,
        Outcome::Invalid,
    ] {
        assert_eq!(
            refused(Event::Ended { ticket, outcome }),
            Misfit::WrongPhase { ticket }
        );
    }
    let gone = Ticket::new(9);
    assert_eq!(
        refused(Event::Ended {
            ticket: gone,
            outcome: Outcome::Left
        }),
        Misfit::WrongPhase { ticket: gone }
    );
    assert_eq!(
        refused(Event::Started {
            ticket: Ticket::new(1),
            contribute_by: by,
            stall_by: None,
        }),
        Misfit::WrongPhase {
            ticket: Ticket::new(1)
        }
    );
    assert_eq!(
        refused(Event::Submitted {
            ticket,
            verify_by: by
        }),
        Misfit::WrongPhase { ticket }
    );
    assert_eq!(
        refused(Event::CheckedIn {
            ticket: gone,
            check_in_by: by,
            lasting_by: None
        }),
        Misfit::WrongPhase { ticket: gone }
    );
    assert_eq!(
        refused(Event::ModeSet { mode: Mode::Open }),
        Misfit::WrongMode
    );
    assert_eq!(
        refused(Event::Pardoned { id: "a" }),
        Misfit::NothingToPardon
    );
}

#[test]
fn nobody_joins_a_queue_that_is_not_open() {
    let mut world = World::new();
    world.join("a").set_mode(Mode::Draining);
    assert_eq!(refused(&world, joined(&world, "b")), Misfit::WrongMode);
    world.set_mode(Mode::Halted);
    assert_eq!(refused(&world, joined(&world, "b")), Misfit::WrongMode);
}

#[test]
fn nobody_joins_who_was_used_up() {
    let mut world = World::new();
    world.join("a").abort("a");
    assert_eq!(refused(&world, joined(&world, "a")), Misfit::UsedUp);
}

#[test]
fn a_pardon_is_for_somebody_used_up_who_has_not_contributed() {
    let pardon = |world: &World<Id>| refused(world, Event::Pardoned { id: "a" });
    let mut world = World::new();
    assert_eq!(pardon(&world), Misfit::NothingToPardon, "never joined");
    world.join("a");
    assert_eq!(pardon(&world), Misfit::NothingToPardon, "has a turn");
    world
        .start("a")
        .submit("a")
        .judge(Verdict::CoordinatorFault);
    assert_eq!(pardon(&world), Misfit::NothingToPardon, "not used up");
    world.join("a").abort("a").pardon("a");
    assert_eq!(pardon(&world), Misfit::NothingToPardon, "pardoned before");
    world.join("a").contribute("a");
    assert_eq!(pardon(&world), Misfit::NothingToPardon, "has contributed");
}

#[test]
fn a_turn_goes_to_one_of_the_first_three_and_names_those_ahead() {
    let mut world = World::new();
    world.join("a").join("b").join("c").join("d").join("e");
    let out_of_turn = |ticket| Misfit::OutOfTurn {
        ticket: Ticket::new(ticket),
    };
    assert_eq!(
        refused(&world, called(&world, 2, &[])),
        out_of_turn(2),
        "the turn is taken"
    );
    world.leave("a");
    for (ticket, passed) in [
        (3, &[][..]),
        (3, &[3]),
        (3, &[2, 3]),
        (4, &[3, 2]),
        (4, &[2]),
        (5, &[2, 3, 4]),
        (2, &[3]),
        (1, &[]),
        (9, &[2, 3]),
    ] {
        let event = called(&world, ticket, passed);
        assert_eq!(
            refused(&world, event),
            out_of_turn(ticket),
            "past {passed:?}"
        );
    }
    world.set_mode(Mode::Halted);
    assert_eq!(refused(&world, called(&world, 2, &[])), Misfit::WrongMode);
}

#[test]
fn each_event_of_a_turn_needs_its_phase() {
    let ticket = Ticket::FIRST;
    let mut world = World::new();
    let wrong = |world: &World<Id>, events: &[&str]| {
        let by = world.now;
        for &event in events {
            let event = match event {
                "Started" => Event::Started {
                    ticket,
                    contribute_by: by,
                    stall_by: None,
                },
                "Extended" => Event::Extended {
                    ticket,
                    contribute_by: by,
                },
                "Submitted" => Event::Submitted {
                    ticket,
                    verify_by: by,
                },
                _ => Event::CheckedIn {
                    ticket,
                    check_in_by: by,
                    lasting_by: None,
                },
            };
            assert_eq!(refused(world, event), Misfit::WrongPhase { ticket });
        }
    };
    world.join("a").join("b");
    wrong(&world, &["Extended", "Submitted", "CheckedIn"]);
    world.start("a");
    wrong(&world, &["Started"]);
    let of_another = Event::Extended {
        ticket: Ticket::new(2),
        contribute_by: world.now,
    };
    let misfit = Misfit::WrongPhase {
        ticket: Ticket::new(2),
    };
    assert_eq!(refused(&world, of_another), misfit);
    world.submit("a");
    wrong(&world, &["Started", "Extended", "Submitted", "CheckedIn"]);
}

#[test]
fn each_outcome_ends_only_the_phases_that_it_can() {
    use Outcome::*;
    let all = [
        Contributed,
        MissedCheckIn,
        FailedToStart,
        TimedOut,
        Stalled,
        Invalid,
        Aborted,
        Left,
        CoordinatorFault,
    ];
    let mut world = World::new();
    world.join("a").join("b");
    let fits = |world: &World<Id>, ticket: u64, outcomes: &[Outcome]| {
        for outcome in all {
            let mut log = world.log.clone();
            let ticket = Ticket::new(ticket);
            log.push(Entry {
                at: world.now,
                event: Event::Ended { ticket, outcome },
            });
            let replayed = Queue::replay(Rules::default(), world.began, log);
            assert_eq!(replayed.is_ok(), outcomes.contains(&outcome), "{outcome:?}");
        }
    };
    fits(&world, 2, &[MissedCheckIn, Left]);
    fits(&world, 1, &[FailedToStart, Aborted, Left]);
    world.start("a");
    fits(&world, 1, &[TimedOut, Stalled, Aborted, Left]);
    world.submit("a");
    fits(&world, 1, &[Contributed, Invalid, CoordinatorFault]);
}
