//! The turn, from the call to its end.

use tauline_queue_core::{Command, Outcome, Phase, Refusal, Rules, Ticket, Verdict};

use crate::world::{IN_GRACE, MS, World, crowd, ended, secs, start, used_up};

#[test]
fn late_start_fails() {
    let mut world = World::new();
    world.join("a").wait(secs(15) + IN_GRACE);
    assert_eq!(world.phase("a"), Some(Phase::Ready));
    world.wait(MS);
    assert_eq!(world.ended("a"), Some(Outcome::FailedToStart));
    let refusal = world.refused(start("a"));
    assert_eq!(refusal, ended(Outcome::FailedToStart));
}

#[test]
fn checking_in_when_called_does_not_move_the_start_deadline() {
    let mut world = World::new();
    world.join("a").wait(secs(14)).check_in("a").wait(secs(6));
    assert_eq!(world.ended("a"), Some(Outcome::FailedToStart));
}

#[test]
fn late_contribution_times_out() {
    let mut world = World::new();
    world.join("a").start("a").wait(secs(180) + IN_GRACE);
    assert_eq!(world.phase("a"), Some(Phase::Contributing));
    world.wait(MS);
    assert_eq!(world.ended("a"), Some(Outcome::TimedOut));
}

#[test]
fn starting_again_does_not_restart_the_clock() {
    let mut world = World::new();
    world.join("a").start("a").wait(secs(100));
    let step = world.step(start("a"));
    assert_eq!((step.result, step.entries.len()), (Ok(()), 0));
    assert_eq!(world.left("a"), secs(80));
}

#[test]
fn start_submit_and_abort_need_the_turn() {
    let mut world = World::new();
    world.join("a").join("b").join("c");
    let second = Refusal::NotYourTurn { position: 2 };
    assert_eq!(world.refused(start("c")), second);
    assert_eq!(world.refused(Command::Submit { id: "c" }), second);
    assert_eq!(world.refused(Command::Abort { id: "c" }), second);
    assert_eq!(world.refused(start("nobody")), Refusal::NotQueued);
    assert_eq!(
        world.refused(Command::Submit { id: "a" }),
        Refusal::NotStarted
    );
    assert_eq!(
        world.phase("a"),
        Some(Phase::Ready),
        "nothing of it disturbs the turn"
    );
}

#[test]
fn a_submitted_contribution_can_be_neither_replaced_nor_withdrawn() {
    let mut world = World::new();
    world.join("a").start("a").submit("a");
    let id = "a";
    for command in [
        Command::Submit { id },
        Command::Start {
            id,
            checks_in: false,
        },
        Command::Abort { id },
        Command::Leave { id },
    ] {
        assert_eq!(world.refused(command), Refusal::AlreadySubmitted);
    }
}

#[test]
fn abort_frees_the_turn_at_once() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .abort("a")
        .check_in("b");
    assert_eq!(world.ended("a"), Some(Outcome::Aborted));
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn an_invalid_contribution_uses_the_identity_up() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .submit("a")
        .judge(Verdict::Invalid);
    assert_eq!(
        world.refused(Command::Join { id: "a" }),
        used_up(Outcome::Invalid)
    );
    assert_eq!(world.queue.state().contributions(), 0);
}

#[test]
fn a_fault_of_the_coordinators_does_not_use_the_identity_up() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .submit("a")
        .judge(Verdict::CoordinatorFault);
    assert_eq!(world.queue.state().used_up(&"a"), None);
    assert_eq!(
        world.refused(Command::Pardon { id: "a" }),
        Refusal::NothingToPardon
    );
    world.join("a").contribute("a");
    assert_eq!(world.queue.state().last_contributed(), Some(Ticket::new(2)));
}

#[test]
fn the_head_of_the_ceremony_is_the_last_contributed() {
    let mut world = World::new();
    world
        .join("a")
        .join("b")
        .join("c")
        .contribute("a")
        .check_in("b");
    world
        .start("b")
        .submit("b")
        .judge(Verdict::Invalid)
        .check_in("c")
        .contribute("c");
    assert_eq!(world.queue.state().last_contributed(), Some(Ticket::new(3)));
    assert_eq!(world.queue.state().contributions(), 2);
}

#[test]
fn the_contribution_limit_follows_recent_contributions_within_bounds() {
    let rules = Rules {
        contribution_min: Some(secs(60)),
        ..Rules::default()
    };
    for (work, limit) in [(10, 60), (40, 80), (100, 180)] {
        let mut world = World::with(rules);
        for id in crowd(5) {
            assert_eq!(world.queue.contribution_limit(), secs(180));
            world.join(id).start(id).wait(secs(work));
            world.submit(id).judge(Verdict::Valid);
        }
        assert_eq!(world.queue.contribution_limit(), secs(limit));
        world.join("a").start("a");
        assert_eq!(world.left("a"), secs(limit));
        // Failed turns are no measure of what is needed, and a running turn keeps what it was told.
        world.submit("a").judge(Verdict::Invalid);
        assert_eq!(world.queue.contribution_limit(), secs(limit));
    }
}

#[test]
fn an_upload_in_progress_is_waited_for_up_to_the_longest_limit() {
    let mut world = World::with(Rules {
        contribution_min: Some(secs(60)),
        ..Rules::default()
    });
    for id in crowd(5) {
        world.join(id).start(id).wait(secs(20));
        world.submit(id).judge(Verdict::Valid);
    }
    world.join("a").start("a");
    let mut records = 0;
    for second in 1..=180 {
        world.wait(secs(1));
        let step = world.step(Command::Upload { id: "a" });
        records += step.entries.len();
        assert_eq!(step.result, Ok(()), "after {second} s");
        assert!(world.left("a") + secs(second) <= secs(180));
    }
    assert!(records <= 10, "{records} records");
    world.wait(secs(5));
    assert_eq!(world.ended("a"), Some(Outcome::TimedOut));
}
