//! The log and what a replay makes of it.

use tauline_queue_core::{
    Command, Entry, Event, Misfit, Mode, Outcome, Queue, ReplayError, Rules, Ticket, Verdict,
};

use crate::world::{Id, MS, World, secs};

/// A log with every kind of event in it.
fn eventful() -> World<Id> {
    let mut world = World::new();
    world
        .join("a")
        .join("b")
        .join("c")
        .join("d")
        .wait(secs(3))
        .check_in("b")
        .start("a");
    world
        .wait(secs(3))
        .check_in("a")
        .check_in("b")
        .check_in("c")
        .check_in("d")
        .submit("a");
    world
        .wait(secs(1))
        .judge(Verdict::Valid)
        .set_mode(Mode::Halted);
    world
        .wait(secs(50))
        .set_mode(Mode::Open)
        .check_in("b")
        .wait(secs(30));
    world.pardon("b").join("b").join("e").start("b");
    world.set_mode(Mode::Draining).wait(secs(500));
    world
}

#[test]
fn replaying_the_log_gives_the_live_state() {
    let world = eventful();
    let rules = Rules::default();
    let replayed = Queue::replay(rules, world.began, world.log.clone()).unwrap();
    assert!(replayed.state() == world.queue.state());
}

#[test]
fn every_beginning_of_a_log_is_a_log() {
    let world = eventful();
    for length in 0..=world.log.len() {
        let log = world.log[..length].to_vec();
        let mut queue = Queue::replay(Rules::default(), world.began, log).unwrap();
        let log_time = queue.state().log_time();
        let step = queue.step(log_time.saturating_add(secs(1000)), Command::Tick);
        assert!(
            step.entries.iter().all(|entry| !matches!(
                entry.event,
                Event::Ended {
                    outcome: Outcome::MissedCheckIn,
                    ..
                }
            )),
            "cut after {length} entries the log costs somebody a place"
        );
    }
}

#[test]
fn changed_settings_do_not_change_a_replay() {
    let world = eventful();
    let rules = Rules {
        checkin_max: secs(7),
        checkin_min: secs(1),
        checkin_grace: secs(0),
        start_limit: secs(1),
        contribution_limit: secs(1),
        stall_limit: secs(1),
        verification_limit: secs(1),
        expected_turn: secs(1),
        lasting_step: secs(0),
        checkin_rate: 1,
        checkin_relaxed: secs(1),
        contribution_min: Some(secs(1)),
        disconnect_limit: secs(1),
        passes: 0,
        tick: secs(9),
    };
    let replayed = Queue::replay(rules, world.began, world.log.clone()).unwrap();
    assert!(replayed.state() == world.queue.state());
}

#[test]
fn a_log_with_an_entry_missing_twice_or_out_of_order_is_refused() {
    let world = eventful();
    let replay = |log: Vec<_>| Queue::replay(Rules::default(), world.began, log);
    let begins = world
        .log
        .iter()
        .position(|entry| matches!(&entry.event, Event::Joined { id, .. } if *id == "b"));
    let mut log = world.log.clone();
    log.remove(begins.unwrap());
    let misfit = Misfit::WrongTicket {
        ticket: Ticket::new(3),
        next: Ticket::new(2),
    };
    assert_eq!(
        replay(log).unwrap_err(),
        ReplayError::Entry { index: 2, misfit }
    );

    let mut log = world.log.clone();
    log.insert(0, log[0].clone());
    let misfit = Misfit::WrongTicket {
        ticket: Ticket::new(1),
        next: Ticket::new(2),
    };
    assert_eq!(
        replay(log).unwrap_err(),
        ReplayError::Entry { index: 1, misfit }
    );

    let mut log = world.log.clone();
    let at = log[0].at.saturating_sub(MS);
    log[3].at = at;
    let misfit = Misfit::TimeFalls {
        at,
        log_time: world.log[2].at,
    };
    assert_eq!(
        replay(log).unwrap_err(),
        ReplayError::Entry { index: 3, misfit }
    );
}

#[test]
fn the_log_survives_being_written_and_read() {
    let world = eventful();
    let bytes = rmp_serde::to_vec_named(&world.log).unwrap();
    let log: Vec<Entry<String>> = rmp_serde::from_slice(&bytes).unwrap();
    let queue = Queue::replay(Rules::default(), world.began, log).unwrap();
    assert_eq!(queue.state().log_time(), world.queue.state().log_time());
    assert_eq!(queue.state().contributions(), 1);
    assert_eq!(
        queue.state().used_up(&"c".to_owned()),
        world.queue.state().used_up(&"c")
    );
}
