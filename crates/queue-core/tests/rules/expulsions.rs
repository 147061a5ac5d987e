//! The operator ends a stay: `docs/spec/queue.md#expulsion`.

use tauline_queue_core::{Command, Mode, Outcome, Phase, Queue, Refusal, Rules, Ticket, Verdict};

use crate::world::{IN_GRACE, World, ended, secs, used_up};

const EXPELLED: Outcome = Outcome::Expelled;

fn expel(ticket: u64) -> Command<&'static str> {
    let ticket = Ticket::new(ticket);
    Command::Expel { ticket }
}

#[test]
fn who_is_expelled_loses_the_place_and_is_used_up() {
    let mut world = World::new();
    world.join("a").join("b").join("c").expel(2);
    assert_eq!(world.phase("b"), None);
    assert_eq!(world.position("c"), Some(1));
    assert_eq!(world.refused(Command::CheckIn { id: "b" }), ended(EXPELLED));
    assert_eq!(world.refused(Command::Join { id: "b" }), used_up(EXPELLED));
}

#[test]
fn a_turn_that_is_expelled_is_free_for_the_next() {
    for starts in [false, true] {
        let mut world = World::new();
        world.join("a").join("b");
        if starts {
            world.start("a");
        }
        world.expel(1).check_in("b");
        assert_eq!(world.phase("b"), Some(Phase::Ready));
        assert_eq!(
            world.refused(Command::Submit { id: "a" }),
            ended(EXPELLED),
            "what it computed is of no use"
        );
    }
}

// `docs/spec/queue.md#expulsion-verifying`.
#[test]
fn what_is_being_verified_gets_its_verdict() {
    let mut world = World::new();
    world.join("a").start("a").submit("a");
    assert_eq!(world.refused(expel(1)), Refusal::AlreadySubmitted);
    world.set_mode(Mode::Halted);
    assert_eq!(world.refused(expel(1)), Refusal::AlreadySubmitted);
    world.judge(Verdict::Valid);
    assert_eq!(world.ended("a"), Some(Outcome::Contributed));
}

#[test]
fn a_stay_that_is_over_or_never_was_cannot_be_expelled() {
    let mut world = World::new();
    world.join("a").join("b").leave("a");
    let over = |ticket| Refusal::StayOver {
        ticket: Ticket::new(ticket),
    };
    let unknown = |ticket| Refusal::UnknownTicket {
        ticket: Ticket::new(ticket),
    };
    assert_eq!(world.refused(expel(1)), over(1));
    for never in [0, 3, u64::MAX] {
        assert_eq!(world.refused(expel(never)), unknown(never));
    }
    world.expel(2);
    assert_eq!(world.refused(expel(2)), over(2), "once is enough");
    assert_eq!(world.ended("a"), Some(Outcome::Left), "the true reason");
}

#[test]
fn a_deadline_that_has_passed_comes_before_an_expulsion() {
    let mut world = World::new();
    world.join("a").wait(secs(15).saturating_add(IN_GRACE));
    world.sleep(secs(1));
    let ticket = Ticket::new(1);
    assert_eq!(world.refused(expel(1)), Refusal::StayOver { ticket });
    assert_eq!(world.ended("a"), Some(Outcome::FailedToStart));
}

#[test]
fn an_expulsion_can_be_pardoned() {
    let mut world = World::new();
    world.join("a").join("b").join("c").expel(2);
    world.pardon("b").join("b");
    assert_eq!(world.position("b"), Some(2), "at the tail");
}

#[test]
fn expelling_is_possible_in_every_mode() {
    for mode in [Mode::Open, Mode::Draining, Mode::Halted] {
        let mut world = World::new();
        world.join("a").start("a").join("b").join("c");
        world.must(Command::SetMode(mode)).expel(2).expel(1);
        assert_eq!(
            [world.ended("a"), world.ended("b")],
            [Some(EXPELLED); 2],
            "{mode:?}"
        );
        assert_eq!(world.queue.state().mode(), mode, "c is in line");
    }
}

#[test]
fn a_draining_queue_whose_last_is_expelled_halts() {
    let mut world = World::new();
    world.join("a").set_mode(Mode::Draining).expel(1);
    assert_eq!(world.queue.state().mode(), Mode::Halted);
}

#[test]
fn an_expulsion_is_in_the_log() {
    let mut world = World::new();
    world.join("a").join("b").expel(2).expel(1);
    world.restart();
    assert_eq!([world.ended("a"), world.ended("b")], [Some(EXPELLED); 2]);
    let replayed = Queue::replay(Rules::default(), world.began, world.log.clone()).unwrap();
    assert!(replayed.state().is_empty());
}
